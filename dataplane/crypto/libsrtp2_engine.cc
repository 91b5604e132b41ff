// The reference engine: one library session a context, one packet at a time. The library makes a stream of its template
// only after a packet of a new SSRC has authenticated, so that strangers cost no memory.

#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/crypto/key_derivation.h"
#include "dataplane/crypto/replay_window.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {
namespace {

using contract::SrtpSuite;

constexpr std::size_t kRtpHeaderBytes = 12;
constexpr std::size_t kRtcpHeaderBytes = 8;
constexpr std::size_t kMaxPacketBytes = 2048;  ///< what a trial keeps a copy of; frames are shorter

/// What is known of the SSRCs of a context beside what the library keeps.
struct SrtpIndexState {
  struct Ssrc {
    std::uint32_t ssrc = 0;
    std::uint32_t rollover_counter = 0;
    std::uint32_t rtcp_index = 0;
    std::uint16_t sequence = 0;  ///< highest one authenticated or sent
    std::uint16_t in_use = 0;
    std::uint64_t packets = 0;  ///< against the key's lifetime
  };
  std::uint32_t count = 0;
  Ssrc ssrcs[kMaxSsrcs]{};
};

bool set_policy(SrtpSuite suite, srtp_policy_t& policy) {
  switch (suite) {
    case SrtpSuite::kAesCm128HmacSha1_80:
      srtp_crypto_policy_set_rtp_default(&policy.rtp);
      srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
      return true;
    case SrtpSuite::kAesCm128HmacSha1_32:  // RFC 4568 6.2: the 32-bit tag is for RTP alone
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
      srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
      return true;
    case SrtpSuite::kAesCm192HmacSha1_80:
      srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&policy.rtp);
      srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&policy.rtcp);
      return true;
    case SrtpSuite::kAesCm256HmacSha1_80:
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp);
      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp);
      return true;
    case SrtpSuite::kAeadAes128Gcm:
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
      return true;
    case SrtpSuite::kAeadAes256Gcm:
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
      return true;
  }
  return false;
}

SrtpResult to_result(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_ok: return SrtpResult::kOk;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old: return SrtpResult::kReplayed;
    case srtp_err_status_key_expired: return SrtpResult::kKeyExpired;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err: return SrtpResult::kMalformed;
    default: return SrtpResult::kAuthFailed;
  }
}

class Context final : public SrtpContext {
 public:
  explicit Context(const contract::SrtpKey& key)
      : mki_(key.mki), lifetime_packets_(key.lifetime_packets), state_(std::make_unique<SrtpIndexState>()) {
    rtp_trailer_bytes_ = key.mki.size();
    rtcp_trailer_bytes_ = key.mki.size() + sizeof(std::uint32_t);
  }
  ~Context() override {
    if (session_ != nullptr) srtp_dealloc(session_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  bool start(const contract::SrtpKey& key, Direction direction) {
    direction_ = direction;
    suite_ = key.suite;
    srtp_policy_t policy{};
    if (!set_policy(suite_, policy)) return false;
    rtp_tag_bytes_ = static_cast<std::size_t>(policy.rtp.auth_tag_len);
    rtcp_tag_bytes_ = static_cast<std::size_t>(policy.rtcp.auth_tag_len);
    rtp_trailer_bytes_ += rtp_tag_bytes_;
    rtcp_trailer_bytes_ += rtcp_tag_bytes_;
    key_and_salt_ = SecretBytes(key.master_key.size() + key.master_salt.size());
    auto* to = key_and_salt_.mutable_view().data();
    std::memcpy(to, key.master_key.view().data(), key.master_key.size());
    std::memcpy(to + key.master_key.size(), key.master_salt.view().data(), key.master_salt.size());
    return with_policy(direction == Direction::kReceive ? ssrc_any_inbound : ssrc_any_outbound, 0,
                       [this](const srtp_policy_t& full) { return srtp_create(&session_, &full); });
  }

  void protect(SrtpJob& job) {
    SrtpIndexState::Ssrc* known = nullptr;
    if (!admit(job, job.rtcp ? rtcp_trailer_bytes_ : rtp_trailer_bytes_, known)) return;
    const std::uint16_t sequence = job.rtcp ? std::uint16_t{0} : load_be16(job.packet + 2);
    int length = job.length;
    const auto status = job.rtcp ? srtp_protect_rtcp_mki(session_, job.packet, &length, use_mki(), 0)
                                 : srtp_protect_mki(session_, job.packet, &length, use_mki(), 0);
    finish(job, status, length, known, sequence);
  }

  void unprotect(SrtpJob& job) {
    SrtpIndexState::Ssrc* known = nullptr;
    if (!admit(job, 0, known)) return;
    const std::uint16_t sequence = job.rtcp ? std::uint16_t{0} : load_be16(job.packet + 2);
    int length = job.length;
    const bool on_trial = !job.rtcp && known != nullptr && job.length <= kMaxPacketBytes &&
                          std::find(on_trial_.begin(), on_trial_.end(), known->ssrc) != on_trial_.end();
    const auto status = job.rtcp   ? unprotect_rtcp(job, length)
                        : on_trial ? unprotect_by_trial(job, length, *known)
                                   : unprotect_rtp(job, length);
    finish(job, status, length, known, sequence);
  }

  KeyUse use() const override {
    std::uint64_t left = lifetime_packets_ - std::min(lifetime_packets_, packets_);
    for (std::uint32_t i = 0; i < state_->count; ++i) {
      const SrtpIndexState::Ssrc& ssrc = state_->ssrcs[i];
      left = std::min(left, kMaxRtpIndex - ((std::uint64_t{ssrc.rollover_counter} << 16U) | ssrc.sequence));
      left = std::min<std::uint64_t>(left, kMaxRtcpIndex - std::min<std::uint64_t>(kMaxRtcpIndex, ssrc.rtcp_index));
    }
    return {lifetime_packets_, left};
  }

  /// Sent SSRCs keep their roll-over counter; received ones try it first, then zero (see unprotect_by_trial).
  void carry_over(const Context& old) {
    for (std::uint32_t i = 0; i < old.state_->count && state_->count < kMaxSsrcs; ++i) {
      const auto& from = old.state_->ssrcs[i];
      if (from.rollover_counter == 0 || find(from.ssrc) != nullptr) continue;
      if (!add_stream(from.ssrc, from.rollover_counter)) continue;
      auto& to = state_->ssrcs[state_->count++];
      to = from;
      to.packets = 0;
      to.rtcp_index = 0;
      if (direction_ == Direction::kReceive) on_trial_.push_back(from.ssrc);
    }
  }

 private:
  unsigned use_mki() const { return mki_.empty() ? 0 : 1; }

  SrtpIndexState::Ssrc* find(std::uint32_t ssrc) const {
    const auto end = state_->ssrcs + state_->count;
    const auto found = std::find_if(state_->ssrcs, end, [ssrc](const auto& entry) { return entry.ssrc == ssrc; });
    return found == end ? nullptr : found;
  }

  /// Length, room and SSRC bound, before the library sees the packet.
  bool admit(SrtpJob& job, std::size_t trailer_bytes, SrtpIndexState::Ssrc*& known) const {
    if (job.length < (job.rtcp ? kRtcpHeaderBytes : kRtpHeaderBytes)) {
      job.result = SrtpResult::kMalformed;
      return false;
    }
    if (job.tailroom < trailer_bytes) {
      job.result = SrtpResult::kNoRoom;
      return false;
    }
    known = find(load_be32(job.packet + (job.rtcp ? 4 : 8)));
    if (known == nullptr && state_->count == kMaxSsrcs) {
      job.result = SrtpResult::kSsrcTableFull;
      return false;
    }
    if (!job.rtcp && packets_ >= lifetime_packets_) {
      job.result = SrtpResult::kKeyExpired;
      return false;
    }
    return true;
  }

  void finish(SrtpJob& job, srtp_err_status_t status, int length, SrtpIndexState::Ssrc* known, std::uint16_t sequence) {
    job.result = to_result(status);
    if (job.result != SrtpResult::kOk) return;
    job.length = static_cast<std::uint16_t>(length);
    if (known == nullptr) {
      known = &state_->ssrcs[state_->count++];
      *known = {.ssrc = load_be32(job.packet + (job.rtcp ? 4 : 8))};
    }
    if (job.rtcp) {
      ++known->rtcp_index;
      return;
    }
    note_sequence(*known, sequence);
    ++known->packets;
    ++packets_;
  }

  /// RFC 3711 3.3.1: the roll-over counter follows the highest sequence number seen.
  static void note_sequence(SrtpIndexState::Ssrc& entry, std::uint16_t sequence) {
    if (entry.in_use == 0) {
      entry.in_use = 1;
      entry.sequence = sequence;
    } else if (static_cast<std::int16_t>(static_cast<std::uint16_t>(sequence - entry.sequence)) > 0) {
      if (sequence < entry.sequence) ++entry.rollover_counter;
      entry.sequence = sequence;
    }
  }

  /// The library looks for the MKI of an SRTCP packet where the tag of an SRTP packet would begin, so it misses it
  /// where the two tags differ in length (suite _32). There the MKI is checked and taken out before the library sees
  /// the packet.
  srtp_err_status_t unprotect_rtcp(SrtpJob& job, int& length) {
    if (mki_.empty() || rtcp_tag_bytes_ == rtp_tag_bytes_) {
      return srtp_unprotect_rtcp_mki(session_, job.packet, &length, use_mki());
    }
    if (job.length < kRtcpHeaderBytes + rtcp_trailer_bytes_) return srtp_err_status_auth_fail;
    std::uint8_t* const tag = job.packet + job.length - rtcp_tag_bytes_;
    std::uint8_t* const mki = tag - mki_.size();
    if (std::memcmp(mki, mki_.data(), mki_.size()) != 0) return srtp_err_status_bad_mki;
    std::memmove(mki, tag, rtcp_tag_bytes_);
    length = static_cast<int>(job.length - mki_.size());
    return srtp_unprotect_rtcp_mki(session_, job.packet, &length, 0);
  }

  template <typename Use>
  bool with_policy(srtp_ssrc_type_t type, std::uint32_t ssrc, Use use) {
    srtp_policy_t policy{};
    set_policy(suite_, policy);
    srtp_master_key_t master{key_and_salt_.mutable_view().data(), mki_.data(), static_cast<unsigned>(mki_.size())};
    std::array<srtp_master_key_t*, 1> masters{&master};
    policy.ssrc = {type, ssrc};
    if (mki_.empty()) {
      policy.key = master.key;
    } else {
      policy.keys = masters.data();
      policy.num_master_keys = masters.size();
    }
    policy.window_size = kReplayWindow;
    policy.allow_repeat_tx = 0;
    return use(policy) == srtp_err_status_ok;
  }

  bool add_stream(std::uint32_t ssrc, std::uint32_t rollover_counter) {
    return with_policy(ssrc_specific, ssrc, [&](const srtp_policy_t& policy) {
      const auto status = srtp_add_stream(session_, &policy);
      return status == srtp_err_status_ok ? srtp_set_stream_roc(session_, ssrc, rollover_counter) : status;
    });
  }

  srtp_err_status_t unprotect_rtp(SrtpJob& job, int& length) {
    return srtp_unprotect_mki(session_, job.packet, &length, use_mki());
  }

  /// After a re-key the counter goes on (RFC 3711 3.3.1), but some peers start again at zero. The first packet that
  /// authenticates decides; one that does not leaves the question open.
  srtp_err_status_t unprotect_by_trial(SrtpJob& job, int& length, SrtpIndexState::Ssrc& entry) {
    std::array<std::uint8_t, kMaxPacketBytes> copy;
    std::memcpy(copy.data(), job.packet, job.length);
    auto status = unprotect_rtp(job, length);
    if (status == srtp_err_status_auth_fail) {
      std::memcpy(job.packet, copy.data(), job.length);
      length = job.length;
      srtp_set_stream_roc(session_, entry.ssrc, 0);
      status = unprotect_rtp(job, length);
      if (status != srtp_err_status_ok) {
        srtp_set_stream_roc(session_, entry.ssrc, entry.rollover_counter);
      } else {
        entry.rollover_counter = 0;
        entry.in_use = 0;
      }
    }
    if (status == srtp_err_status_ok) std::erase(on_trial_, entry.ssrc);
    return status;
  }

  std::vector<std::uint8_t> mki_;
  std::uint64_t lifetime_packets_;
  std::uint64_t packets_ = 0;
  std::unique_ptr<SrtpIndexState> state_;
  std::size_t rtp_tag_bytes_ = 0;
  std::size_t rtcp_tag_bytes_ = 0;
  std::size_t rtp_trailer_bytes_ = 0;  // tag and MKI

  std::size_t rtcp_trailer_bytes_ = 0;
  srtp_t session_ = nullptr;
  Direction direction_ = Direction::kReceive;
  SrtpSuite suite_ = SrtpSuite::kAesCm128HmacSha1_80;
  SecretBytes key_and_salt_;
  std::vector<std::uint32_t> on_trial_;  ///< received SSRCs whose counter after a re-key is not known yet
};

class Libsrtp2Engine final : public SrtpEngine {
 public:
  Libsrtp2Engine() {
    static const bool started = srtp_init() == srtp_err_status_ok;
    usable_ = started;
  }

  std::string_view name() const override { return "libsrtp2"; }

  bool supports(SrtpSuite suite) const override {
    contract::SrtpKey probe;
    probe.suite = suite;
    probe.master_key = SecretBytes(contract::master_key_bytes(suite));
    probe.master_salt = SecretBytes(contract::master_salt_bytes(suite));
    return usable_ && Context(probe).start(probe, Direction::kSend);
  }

  Result<std::unique_ptr<SrtpContext>> make_context(const contract::SrtpKey& key,
                                                    const SrtpContextOptions& options) override {
    if (auto checked = check_key(key); !checked) return forward_error(checked);
    auto context = std::make_unique<Context>(key);
    if (!usable_ || !context->start(key, options.direction)) {
      return fail(ErrorKind::kInvalidArgument, "libsrtp2 does not take " + std::string(contract::to_string(key.suite)),
                  "suite");
    }
    return context;
  }

  void protect(std::span<SrtpJob> jobs) override {
    for (SrtpJob& job : jobs) static_cast<Context*>(job.context)->protect(job);
  }

  void unprotect(std::span<SrtpJob> jobs) override {
    for (SrtpJob& job : jobs) static_cast<Context*>(job.context)->unprotect(job);
  }

  void carry_over(SrtpContext& fresh, const SrtpContext& old) override {
    static_cast<Context&>(fresh).carry_over(static_cast<const Context&>(old));
  }

 private:
  bool usable_ = false;
};

}  // namespace

std::unique_ptr<SrtpEngine> make_libsrtp2_engine() { return std::make_unique<Libsrtp2Engine>(); }

}  // namespace isthmus::crypto
