#pragma once

// The other end of a secured leg in a test.

#include <optional>
#include <vector>

#include "dataplane/crypto/srtp.h"

namespace isthmus::test {

inline contract::SrtpKey make_key(contract::SrtpSuite suite, std::uint8_t fill, std::vector<std::uint8_t> mki = {}) {
  contract::SrtpKey key;
  key.suite = suite;
  std::vector<std::uint8_t> bytes(contract::master_key_bytes(suite), fill);
  key.master_key = SecretBytes(bytes);
  bytes.assign(contract::master_salt_bytes(suite), static_cast<std::uint8_t>(fill + 1));
  key.master_salt = SecretBytes(bytes);
  key.mki = std::move(mki);
  return key;
}

class SrtpPeer {
 public:
  /// `generation` makes another pair of keys. What was open before is forgotten.
  void set_keys(contract::SrtpSuite suite, std::uint8_t generation, const std::vector<std::uint8_t>& mki) {
    send_key_ = make_key(suite, static_cast<std::uint8_t>(16 * generation + static_cast<std::uint8_t>(suite)), mki);
    receive_key_ =
        make_key(suite, static_cast<std::uint8_t>(128 + 16 * generation + static_cast<std::uint8_t>(suite)), mki);
    out_ = *engine_->make_context(send_key_, {crypto::Direction::kSend, 3});
    in_ = *engine_->make_context(receive_key_, {crypto::Direction::kReceive, 0});
  }
  const contract::SrtpKey& send_key() const { return send_key_; }
  const contract::SrtpKey& receive_key() const { return receive_key_; }

  std::vector<std::uint8_t> protect(std::vector<std::uint8_t> packet, bool rtcp = false) {
    const auto done = run(packet, *out_, rtcp, [&](crypto::SrtpJob& job) { engine_->protect({&job, 1}); });
    return done.value_or(std::vector<std::uint8_t>{});
  }
  std::optional<std::vector<std::uint8_t>> unprotect(std::vector<std::uint8_t> packet, bool rtcp = false) {
    return run(packet, *in_, rtcp, [&](crypto::SrtpJob& job) { engine_->unprotect({&job, 1}); });
  }

 private:
  template <typename Use>
  static std::optional<std::vector<std::uint8_t>> run(std::vector<std::uint8_t>& packet, crypto::SrtpContext& context,
                                                      bool rtcp, Use use) {
    crypto::SrtpJob job;
    job.context = &context;
    job.length = static_cast<std::uint16_t>(packet.size());
    packet.resize(packet.size() + 64);
    job.packet = packet.data();
    job.tailroom = 64;
    job.rtcp = rtcp;
    use(job);
    if (job.result != crypto::SrtpResult::kOk) return std::nullopt;
    packet.resize(job.length);
    return packet;
  }

  std::unique_ptr<crypto::SrtpEngine> engine_ = crypto::make_libsrtp2_engine();
  contract::SrtpKey send_key_;
  contract::SrtpKey receive_key_;
  std::unique_ptr<crypto::SrtpContext> out_;
  std::unique_ptr<crypto::SrtpContext> in_;
};

}  // namespace isthmus::test
