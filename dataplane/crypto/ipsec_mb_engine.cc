// The fast engine. A burst is looked at packet by packet (lengths, index, window), then ciphered and hashed as a whole,
// then looked at again (tags, window). Packets of an SSRC that is not known yet, whose roll-over counter is open after
// a re-key, or that are far from the ones before go one by one afterwards: their index depends on the packet before.

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "dataplane/base/bytes.h"
#include "dataplane/crypto/ipsec_mb_bursts.h"
#include "dataplane/crypto/ipsec_mb_context.h"
#include "dataplane/crypto/key_derivation.h"
#include "dataplane/crypto/packet_layout.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {
namespace {

constexpr std::size_t kMaxPacketBytes = 2048;  ///< what a trial keeps a copy of; frames are shorter

/// Constant time, of the bytes that a cut tag has; without a call, since it stands between two bursts.
bool same_tag(const std::uint8_t* left, const std::uint8_t* right, std::size_t bytes) {
  std::array<std::uint8_t, kGcmTagBytes> a{};
  std::array<std::uint8_t, kGcmTagBytes> b{};
  copy_tag(a.data(), left, bytes);
  copy_tag(b.data(), right, bytes);
  std::array<std::uint64_t, 2> ours;
  std::array<std::uint64_t, 2> theirs;
  std::memcpy(ours.data(), a.data(), sizeof ours);
  std::memcpy(theirs.data(), b.data(), sizeof theirs);
  std::uint64_t difference = (ours[0] ^ theirs[0]) | (ours[1] ^ theirs[1]);
  asm volatile("" : "+r"(difference));  // no early way out
  return difference == 0;
}

/// Jobs that go one by one behind the burst, and whose they are: what comes behind one of these waits as well.
struct Waiting {
  std::array<SrtpJob*, kMaxWork> jobs;
  std::array<const IndexSlot*, kMaxWork> slots;
  std::size_t count = 0;

  void add(SrtpJob& job, const IndexSlot* slot) {
    jobs[count] = &job;
    slots[count++] = slot;
  }
  bool has(const IndexSlot* slot) const {
    return std::find(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(count), slot) !=
           slots.begin() + static_cast<std::ptrdiff_t>(count);
  }
};

std::size_t tag_bytes(const IpsecMbContext& context, bool rtcp) {
  if (context.gcm) return kGcmTagBytes;
  return rtcp ? kRtcpTagBytes : context.rtp_tag_bytes;
}

std::size_t trailer_bytes(const IpsecMbContext& context, bool rtcp) {
  return tag_bytes(context, rtcp) + context.mki_bytes + (rtcp ? kIndexWordBytes : 0);
}

/// Whether another packet of the same burst could change what this one's sequence number means.
bool far_off(const IndexSlot& slot, std::uint64_t index) {
  constexpr std::uint64_t kNear = 0x1000;
  return index + kNear - slot.rtp.highest() > 2 * kNear;
}

void set_iv(Work& work) {
  work.context->gcm ? gcm_iv(work.half->salt.data(), work.ssrc, work.index, work.iv.data())
                    : counter_iv(work.half->salt.data(), work.ssrc, work.index, work.iv.data());
}

/// RFC 7714 9.2: an SRTCP packet's index word is authenticated behind its header.
void set_rtcp_aad(Work& work) {
  std::memcpy(work.rtcp_aad.data(), work.job->packet, kRtcpHeaderBytes);
  store_be32(work.rtcp_aad.data() + kRtcpHeaderBytes, kEncryptedFlag | static_cast<std::uint32_t>(work.index));
}

/// Brings near what a job some places ahead needs, and at the first one what those in between need. Contexts come from
/// the pipeline's stages before.
void prefetch(std::span<const SrtpJob> jobs, std::size_t at) {
  constexpr std::size_t kAhead = 8;
  const std::size_t end = std::min(at + kAhead + 1, jobs.size());
  for (std::size_t i = at == 0 ? 0 : at + kAhead; i < end; ++i) {
    const SrtpJob& job = jobs[i];
    const auto& context = static_cast<const IpsecMbContext&>(*job.context);
    __builtin_prefetch(context.current, 1);
    prefetch_keys(job.rtcp ? *context.rtcp : *context.rtp);
  }
}

class IpsecMbEngine final : public SrtpEngine {
 public:
  IpsecMbEngine(std::shared_ptr<IpsecMbShared> shared, ManagerPtr wide, ManagerPtr narrow)
      : shared_(std::move(shared)), bursts_(std::move(wide), std::move(narrow)) {}

  std::string_view name() const override { return "ipsec-mb"; }
  bool supports(contract::SrtpSuite suite) const override {
    return suite >= contract::SrtpSuite::kAesCm128HmacSha1_80 && suite <= contract::SrtpSuite::kAeadAes256Gcm;
  }

  Result<std::unique_ptr<SrtpContext>> make_context(const contract::SrtpKey& key,
                                                    const SrtpContextOptions& options) override;
  void protect(std::span<SrtpJob> jobs) override;
  void unprotect(std::span<SrtpJob> jobs) override;
  void carry_over(SrtpContext& fresh, const SrtpContext& old) override {
    static_cast<IpsecMbContext&>(fresh).carry_over(static_cast<const IpsecMbContext&>(old));
  }
  std::optional<SentSsrc> sent_before(const SrtpContext& context) const override {
    const IndexSlot* slot = static_cast<const IpsecMbContext&>(context).current;
    if (slot == nullptr || slot->rtp.empty()) return std::nullopt;
    return SentSsrc{slot->ssrc, static_cast<std::uint16_t>(slot->rtp.highest()), slot->timestamp};
  }

 private:
  enum class Next : std::uint8_t { kDone, kBurst, kAlone };

  bool begin_send(SrtpJob& job, Work& work);
  void seal(std::span<Work* const> work);
  void seal_gcm(std::span<Work* const> work, std::size_t key_bytes);
  void seal_cm(std::span<Work* const> work, std::size_t key_bytes);
  Next begin_receive(SrtpJob& job, Work& work, const Waiting* waiting);
  void open(std::span<Work* const> work);
  void open_gcm(std::span<Work* const> work, std::size_t key_bytes);
  void open_cm(std::span<Work* const> work, std::size_t key_bytes);
  void open_alone(SrtpJob& job);
  void open_one(Work& work);
  static void accept(Work& work);
  template <typename Use>
  void by_kind(std::size_t count, Use use);

  std::shared_ptr<IpsecMbShared> shared_;
  Bursts bursts_;
  std::array<Work, kMaxWork> work_{};
};

Result<std::unique_ptr<SrtpContext>> IpsecMbEngine::make_context(const contract::SrtpKey& key,
                                                                 const SrtpContextOptions& options) {
  if (auto checked = check_key(key); !checked) return forward_error(checked);
  auto context = std::make_unique<IpsecMbContext>(shared_, key, options);
  context->gcm = contract::master_salt_bytes(key.suite) == 12;
  context->kind = static_cast<std::uint8_t>((context->gcm ? 3 : 0) + (context->key_bytes - 16) / 8);
  context->rtp_tag_bytes = key.suite == contract::SrtpSuite::kAesCm128HmacSha1_32 ? 4 : 10;
  const std::size_t half_bytes = sizeof(KeyHalf) + schedule_bytes(context->key_bytes, context->gcm);
  context->keys = shared_->arena.take(2 * half_bytes);
  if (context->keys.empty()) return fail(ErrorKind::kExhausted, "no memory for keys", "master_key");
  context->rtp = new (context->keys.data()) KeyHalf;
  context->rtcp = new (context->keys.data() + half_bytes) KeyHalf;
  for (KeyHalf* half : {context->rtp, context->rtcp}) {
    const SessionKeys keys = derive_session_keys(key, half == context->rtcp);
    std::copy(keys.salt.begin(), keys.salt.begin() + static_cast<std::ptrdiff_t>(key.master_salt.size()),
              half->salt.begin());
    bursts_.expand(keys.cipher.data(), context->key_bytes, context->gcm, keys.auth.data(), *half);
  }
  return context;
}

/// Calls `use` with the packets of work_ that one call of the library takes, in their order.
template <typename Use>
void IpsecMbEngine::by_kind(std::size_t count, Use use) {
  std::array<Work*, kMaxWork> chosen;
  // From the kind of the first that is left: most bursts have one kind.
  std::uint64_t left = count == kMaxWork ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  while (left != 0) {
    const unsigned kind = work_[static_cast<std::size_t>(std::countr_zero(left))].kind;
    std::size_t of_kind = 0;
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t same = work_[i].kind == kind ? 1 : 0;
      chosen[of_kind] = &work_[i];
      of_kind += same;
      taken |= same << i;
    }
    use(std::span<Work* const>(chosen.data(), of_kind));
    left &= ~taken;
  }
}

// ---- sending ----

/// Index and state: from here on the index counts as used, whatever happens to the packet.
bool IpsecMbEngine::begin_send(SrtpJob& job, Work& work) {
  auto& context = static_cast<IpsecMbContext&>(*job.context);
  const std::size_t header = job.rtcp ? kRtcpHeaderBytes : rtp_header_bytes(job.packet, job.length);
  job.result = SrtpResult::kMalformed;
  if (header == 0 || job.length < header) return false;
  job.result = SrtpResult::kNoRoom;
  if (job.tailroom < trailer_bytes(context, job.rtcp)) return false;
  const std::uint32_t ssrc = load_be32(job.packet + (job.rtcp ? 4 : 8));
  IndexSlot* slot = context.find(ssrc);
  if (slot == nullptr) [[unlikely]] {
    slot = context.add(ssrc);
    job.result = SrtpResult::kSsrcTableFull;
    if (slot == nullptr) return false;
  }
  if (job.rtcp) {
    work.index = slot->rtcp.highest() + 1;
    job.result = SrtpResult::kKeyExpired;
    if (work.index > kMaxRtcpIndex) return false;
    slot->rtcp.use(work.index);
  } else {
    work.index = estimate_index(slot->rtp.highest(), load_be16(job.packet + 2));
    job.result = SrtpResult::kKeyExpired;
    if (context.packets >= context.lifetime || work.index > kMaxRtpIndex) return false;
    job.result = SrtpResult::kReplayed;
    if (!slot->rtp.allows(work.index)) return false;
    if (work.index >= slot->rtp.highest()) slot->timestamp = load_be32(job.packet + 4);
    if (slot->rtp.empty()) [[unlikely]]
      context.shared->store->begin(*slot, work.index);
    slot->rtp.use(work.index);
    ++context.packets;
  }
  work.job = &job;
  work.context = &context;
  work.half = job.rtcp ? context.rtcp : context.rtp;
  work.slot = slot;
  work.kind = context.kind;
  work.ssrc = ssrc;
  work.clear_bytes = static_cast<std::uint16_t>(header);
  work.cipher_bytes = static_cast<std::uint16_t>(job.length - header);
  work.tag_bytes = static_cast<std::uint8_t>(tag_bytes(context, job.rtcp));
  set_iv(work);
  job.result = SrtpResult::kOk;
  return true;
}

void IpsecMbEngine::seal_gcm(std::span<Work* const> work, std::size_t key_bytes) {
  for (Work* one : work) {
    if (one->job->rtcp) set_rtcp_aad(*one);
  }
  bursts_.gcm(work, key_bytes, Direction::kSend);
  for (const Work* one : work) {
    SrtpJob& job = *one->job;
    std::uint8_t* end = job.packet + job.length + kGcmTagBytes;
    if (job.rtcp) {
      store_be32(end, kEncryptedFlag | static_cast<std::uint32_t>(one->index));
      end += kIndexWordBytes;
    }
    for (std::size_t m = 0; m < one->context->mki_bytes; ++m) *end++ = one->context->mki[m];
    job.length = static_cast<std::uint16_t>(end - job.packet);
  }
}

void IpsecMbEngine::seal_cm(std::span<Work* const> work, std::size_t key_bytes) {
  bursts_.cipher(work, key_bytes);
  for (Work* one : work) {
    SrtpJob& job = *one->job;
    // SRTCP's index word stays; SRTP's roll-over counter lies where MKI and tag will be.
    const auto word = job.rtcp ? kEncryptedFlag | static_cast<std::uint32_t>(one->index)
                               : static_cast<std::uint32_t>(one->index >> 16U);
    store_be32(job.packet + job.length, word);
    one->hash_bytes = static_cast<std::uint16_t>(job.length + kIndexWordBytes);
  }
  bursts_.hash(work);
  for (std::size_t i = 0; i < work.size(); ++i) {
    const Work& one = *work[i];
    SrtpJob& job = *one.job;
    std::uint8_t* end = job.packet + job.length + (job.rtcp ? kIndexWordBytes : 0);
    for (std::size_t m = 0; m < one.context->mki_bytes; ++m) *end++ = one.context->mki[m];
    copy_tag(end, bursts_.tag(i), one.tag_bytes);
    job.length = static_cast<std::uint16_t>(end + one.tag_bytes - job.packet);
  }
}

void IpsecMbEngine::seal(std::span<Work* const> work) {
  const IpsecMbContext& first = *work.front()->context;
  first.gcm ? seal_gcm(work, first.key_bytes) : seal_cm(work, first.key_bytes);
}

void IpsecMbEngine::protect(std::span<SrtpJob> jobs) {
  while (!jobs.empty()) {
    const auto burst = jobs.first(std::min(jobs.size(), kMaxWork));
    jobs = jobs.subspan(burst.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < burst.size(); ++i) {
      prefetch(burst, i);
      count += begin_send(burst[i], work_[count]) ? 1 : 0;
    }
    by_kind(count, [this](auto work) { seal(work); });
  }
}

// ---- receiving ----

/// `waiting`: what packets before it wait for; nullptr: they are all through.
IpsecMbEngine::Next IpsecMbEngine::begin_receive(SrtpJob& job, Work& work, const Waiting* waiting) {
  auto& context = static_cast<IpsecMbContext&>(*job.context);
  const std::size_t trailer = trailer_bytes(context, job.rtcp);
  job.result = SrtpResult::kMalformed;
  if (job.length < (job.rtcp ? kRtcpHeaderBytes : kRtpHeaderBytes)) return Next::kDone;
  job.result = SrtpResult::kAuthFailed;
  if (job.length < (job.rtcp ? kRtcpHeaderBytes : kRtpHeaderBytes) + trailer) return Next::kDone;
  const std::size_t body = job.length - trailer;  // header and what is encrypted
  const std::size_t header = job.rtcp ? kRtcpHeaderBytes : rtp_header_bytes(job.packet, body);
  job.result = SrtpResult::kMalformed;
  if (header == 0) return Next::kDone;
  job.result = SrtpResult::kAuthFailed;
  const std::uint8_t* end = job.packet + job.length;
  const std::size_t tag_size = tag_bytes(context, job.rtcp);
  const std::uint8_t* mki = context.gcm ? end - context.mki_bytes : end - tag_size - context.mki_bytes;
  if (context.mki_bytes != 0 && std::memcmp(mki, context.mki.data(), context.mki_bytes) != 0) return Next::kDone;

  const std::uint32_t ssrc = load_be32(job.packet + (job.rtcp ? 4 : 8));
  IndexSlot* slot = context.find(ssrc);
  work.index = 0;
  if (job.rtcp) {
    const std::uint32_t word = load_be32(context.gcm ? mki - kIndexWordBytes : job.packet + body);
    // Agreed keys are for encryption: a packet that says it is clear is not what was agreed (RFC 3711 3.4, E flag).
    if ((word & kEncryptedFlag) == 0) return Next::kDone;
    work.index = word & ~kEncryptedFlag;
  } else {
    if (context.packets >= context.lifetime) {
      job.result = SrtpResult::kKeyExpired;
      return Next::kDone;
    }
    work.index = estimate_index(slot == nullptr ? 0 : slot->rtp.highest(), load_be16(job.packet + 2));
  }
  if (slot == nullptr && context.ssrcs >= kMaxSsrcs) {
    job.result = SrtpResult::kSsrcTableFull;
    return Next::kDone;
  }
  const bool trial = slot != nullptr && !job.rtcp && context.on_trial(*slot);
  const bool alone = slot == nullptr || trial ||
                     (waiting != nullptr && (waiting->has(slot) || (!job.rtcp && far_off(*slot, work.index))));
  if (!alone && !(job.rtcp ? slot->rtcp : slot->rtp).allows(work.index)) {
    job.result = SrtpResult::kReplayed;
    return Next::kDone;
  }
  work.job = &job;
  work.context = &context;
  work.half = job.rtcp ? context.rtcp : context.rtp;
  work.slot = slot;
  work.kind = context.kind;
  work.ssrc = ssrc;
  work.clear_bytes = static_cast<std::uint16_t>(header);
  work.cipher_bytes = static_cast<std::uint16_t>(body - header);
  work.tag_bytes = static_cast<std::uint8_t>(tag_size);
  copy_tag(work.tag.data(), context.gcm ? job.packet + body : end - tag_size, tag_size);
  return alone ? Next::kAlone : Next::kBurst;
}

/// It has authenticated: only now is anything learnt from it.
void IpsecMbEngine::accept(Work& work) {
  SrtpJob& job = *work.job;
  job.result = SrtpResult::kSsrcTableFull;
  if (work.slot == nullptr) work.slot = work.context->find(work.ssrc);
  if (work.slot == nullptr) work.slot = work.context->add(work.ssrc);
  if (work.slot == nullptr) return;
  ReplayWindow& window = job.rtcp ? work.slot->rtcp : work.slot->rtp;
  job.result = SrtpResult::kReplayed;
  if (!window.allows(work.index)) return;  // its twin came in the same burst
  if (!job.rtcp && work.context->packets >= work.context->lifetime) {
    job.result = SrtpResult::kKeyExpired;
    return;
  }
  if (!job.rtcp) {
    if (window.empty()) [[unlikely]]
      work.context->shared->store->begin(*work.slot, work.index);
    ++work.context->packets;
  }
  window.use(work.index);
  job.length = static_cast<std::uint16_t>(work.clear_bytes + work.cipher_bytes);
  job.result = SrtpResult::kOk;
}

void IpsecMbEngine::open_gcm(std::span<Work* const> work, std::size_t key_bytes) {
  for (Work* one : work) {
    set_iv(*one);
    if (one->job->rtcp) set_rtcp_aad(*one);
  }
  bursts_.gcm(work, key_bytes, Direction::kReceive);
  for (std::size_t i = 0; i < work.size(); ++i) {
    if (same_tag(bursts_.tag(i), work[i]->tag.data(), kGcmTagBytes)) accept(*work[i]);
  }
}

void IpsecMbEngine::open_cm(std::span<Work* const> work, std::size_t key_bytes) {
  for (Work* one : work) {
    const std::size_t body = one->clear_bytes + one->cipher_bytes;
    one->hash_bytes = static_cast<std::uint16_t>(body + kIndexWordBytes);
    if (!one->job->rtcp) store_be32(one->job->packet + body, static_cast<std::uint32_t>(one->index >> 16U));
  }
  bursts_.hash(work);
  std::array<Work*, kMaxWork> good;
  std::size_t count = 0;
  for (std::size_t i = 0; i < work.size(); ++i) {
    Work& one = *work[i];
    if (!same_tag(bursts_.tag(i), one.tag.data(), one.tag_bytes)) continue;
    accept(one);
    if (one.job->result != SrtpResult::kOk) continue;
    set_iv(one);
    good[count++] = &one;
  }
  bursts_.cipher({good.data(), count}, key_bytes);
}

void IpsecMbEngine::open(std::span<Work* const> work) {
  const IpsecMbContext& first = *work.front()->context;
  first.gcm ? open_gcm(work, first.key_bytes) : open_cm(work, first.key_bytes);
}

void IpsecMbEngine::open_one(Work& work) {
  Work* one = &work;
  open({&one, 1});
}

/// Once more from the start, now that the packets before it are through. After a re-key the roll-over counter goes on
/// (RFC 3711 3.3.1), but some peers begin again at zero: what authenticates first decides.
void IpsecMbEngine::open_alone(SrtpJob& job) {
  Work& work = work_[0];
  const Next next = begin_receive(job, work, nullptr);
  if (next == Next::kDone) return;
  const bool trial = next == Next::kAlone && work.slot != nullptr;
  if (!trial) {
    open_one(work);
    return;
  }
  std::array<std::uint8_t, kMaxPacketBytes> copy;
  if (job.length > copy.size()) return;
  std::memcpy(copy.data(), job.packet, job.length);
  open_one(work);
  if (job.result == SrtpResult::kAuthFailed) {
    std::memcpy(job.packet, copy.data(), job.length);
    const ReplayWindow carried = work.slot->rtp;
    work.index = load_be16(job.packet + 2);
    work.slot->rtp = {};
    open_one(work);
    if (job.result != SrtpResult::kOk) work.slot->rtp = carried;
  }
  if (job.result == SrtpResult::kOk) work.context->end_trial(*work.slot);
}

void IpsecMbEngine::unprotect(std::span<SrtpJob> jobs) {
  while (!jobs.empty()) {
    const auto burst = jobs.first(std::min(jobs.size(), kMaxWork));
    jobs = jobs.subspan(burst.size());
    Waiting waiting;
    std::size_t count = 0;
    for (std::size_t i = 0; i < burst.size(); ++i) {
      prefetch(burst, i);
      SrtpJob& job = burst[i];
      Work& work = work_[count];
      const Next next = begin_receive(job, work, &waiting);
      if (next == Next::kDone) continue;
      if (next == Next::kAlone) {
        waiting.add(job, work.slot);
      } else {
        ++count;
      }
    }
    by_kind(count, [this](auto work) { open(work); });
    for (std::size_t i = 0; i < waiting.count; ++i) open_alone(*waiting.jobs[i]);
  }
}

}  // namespace

std::shared_ptr<IpsecMbShared> make_ipsec_mb_shared(std::unique_ptr<IndexStore> store) {
  auto shared = std::make_shared<IpsecMbShared>();
  shared->store = std::move(store);
  return shared;
}

std::unique_ptr<SrtpEngine> make_ipsec_mb_engine(std::shared_ptr<IpsecMbShared> shared) {
  ManagerPtr wide = make_wide_manager();
  ManagerPtr narrow = make_narrow_manager();
  if (wide == nullptr || narrow == nullptr) return nullptr;
  return std::make_unique<IpsecMbEngine>(std::move(shared), std::move(wide), std::move(narrow));
}

std::unique_ptr<SrtpEngine> make_ipsec_mb_engine() {
  auto store = IndexStore::open(-1);
  return store ? make_ipsec_mb_engine(make_ipsec_mb_shared(std::move(*store))) : nullptr;
}

}  // namespace isthmus::crypto
