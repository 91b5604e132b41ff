#pragma once

// Both engines on the same packets: they have to agree on every byte and every verdict. Driven by a stream of octets,
// so that a property test and a fuzzer are one and the same. Throws nothing; `disagreement` says what differed.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::test {

class Octets {
 public:
  explicit Octets(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return at_ >= bytes_.size(); }
  std::uint8_t byte() { return empty() ? std::uint8_t{0} : bytes_[at_++]; }
  std::uint16_t word() { return static_cast<std::uint16_t>((byte() << 8U) | byte()); }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

class TwinEngines {
 public:
  /// AES-192 is not among them: the packaged libsrtp2 derives other session keys than RFC 6188 7.4 has, which are ours.
  static constexpr std::array kSuites = {contract::SrtpSuite::kAesCm128HmacSha1_80,
                                         contract::SrtpSuite::kAesCm128HmacSha1_32,
                                         contract::SrtpSuite::kAesCm256HmacSha1_80, contract::SrtpSuite::kAeadAes128Gcm,
                                         contract::SrtpSuite::kAeadAes256Gcm};

  explicit TwinEngines(Octets& input) : input_(input) {
    contract::SrtpKey key;
    key.suite = kSuites[input.byte() % kSuites.size()];
    std::vector<std::uint8_t> bytes(contract::master_key_bytes(key.suite), input.byte());
    key.master_key = SecretBytes(bytes);
    bytes.assign(contract::master_salt_bytes(key.suite), input.byte());
    key.master_salt = SecretBytes(bytes);
    key.mki.assign(input.byte() % (contract::kMaxMkiBytes + 1), 0x5a);
    for (Engine& engine : engines_) {
      engine.out = std::move(*engine.engine->make_context(key, {crypto::Direction::kSend, 0}));
      engine.in = std::move(*engine.engine->make_context(key, {crypto::Direction::kReceive, 0}));
    }
  }

  std::optional<std::string> disagreement;

  /// Works off the input. Each burst is sent, harmed on the way, kept for replay, and received.
  void run() {
    constexpr std::size_t kMaxBursts = 256;
    for (std::size_t i = 0; i < kMaxBursts && !input_.empty() && !disagreement; ++i) burst();
  }
  std::size_t accepted() const { return accepted_; }
  std::size_t refused() const { return refused_; }

 private:
  struct Packet {
    std::vector<std::uint8_t> bytes;
    bool rtcp = false;
  };
  struct Engine {
    std::unique_ptr<crypto::SrtpEngine> engine;
    std::unique_ptr<crypto::SrtpContext> out;
    std::unique_ptr<crypto::SrtpContext> in;
  };
  struct Outcome {
    std::vector<Packet> packets;  // of those that went well
    std::vector<bool> good;
    std::vector<crypto::SrtpResult> results;
  };

  Packet make() {
    Packet packet;
    const std::uint8_t shape = input_.byte();
    packet.rtcp = shape % 8 == 0;
    packet.bytes.assign(packet.rtcp ? 8 : 12, 0);
    packet.bytes[0] = 0x80;
    const std::uint32_t ssrc = 100U + (shape >> 6U);
    if (packet.rtcp) {
      packet.bytes[1] = 200;
      store_be32(packet.bytes.data() + 4, ssrc);
    } else {
      // Mostly forward, sometimes back, now and then far: roll-overs come by themselves.
      const std::uint8_t step = input_.byte();
      sequence_ = static_cast<std::uint16_t>(sequence_ + (step < 200   ? 1 + step % 4
                                                          : step < 230 ? -(step - 199)
                                                                       : 9000));
      store_be16(packet.bytes.data() + 2, sequence_);
      store_be32(packet.bytes.data() + 8, ssrc);
      if ((shape & 0x10U) != 0) {
        packet.bytes[0] |= 2;
        packet.bytes.insert(packet.bytes.end(), 8, 0xcc);
      }
      if ((shape & 0x20U) != 0) {
        packet.bytes[0] |= 0x10U;
        packet.bytes.insert(packet.bytes.end(), {0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0});
      }
    }
    packet.bytes.insert(packet.bytes.end(), input_.byte() * (shape % 16 == 1 ? 5U : 1U), shape);
    return packet;
  }

  void harm(Packet& packet) {
    const std::uint8_t how = input_.byte();
    if (how < 160 || packet.bytes.empty()) return;
    const std::size_t place = input_.word() % packet.bytes.size();
    if (how < 220)
      packet.bytes[place] ^= static_cast<std::uint8_t>(how | 1U);
    else if (how < 240)
      packet.bytes.resize(place);
    else if (packet.rtcp && packet.bytes.size() > 40)
      packet.bytes[packet.bytes.size() - 14] &= 0x7fU;  // E bit, often
    else
      packet.bytes.push_back(how);
  }

  static Outcome pass(Engine& engine, const std::vector<Packet>& packets, bool protect) {
    std::vector<std::vector<std::uint8_t>> buffers;
    std::vector<crypto::SrtpJob> jobs;
    for (const Packet& packet : packets) {
      auto& buffer = buffers.emplace_back(packet.bytes);
      buffer.resize(packet.bytes.size() + crypto::kMaxTrailerBytes);
    }
    for (std::size_t i = 0; i < packets.size(); ++i) {
      crypto::SrtpJob& job = jobs.emplace_back();
      job.context = protect ? engine.out.get() : engine.in.get();
      job.packet = buffers[i].data();
      job.length = static_cast<std::uint16_t>(packets[i].bytes.size());
      job.tailroom = crypto::kMaxTrailerBytes;
      job.rtcp = packets[i].rtcp;
    }
    protect ? engine.engine->protect(jobs) : engine.engine->unprotect(jobs);
    Outcome outcome;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const bool good = jobs[i].result == crypto::SrtpResult::kOk;
      outcome.results.push_back(jobs[i].result);
      outcome.good.push_back(good);
      if (!good) continue;
      buffers[i].resize(jobs[i].length);
      outcome.packets.push_back({std::move(buffers[i]), jobs[i].rtcp});
    }
    return outcome;
  }

  /// Engines may differ in why they refuse, not in whether: the library looks at some things in another order.
  Outcome both(const std::vector<Packet>& packets, bool protect) {
    Outcome first = pass(engines_[0], packets, protect);
    const Outcome second = pass(engines_[1], packets, protect);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      first.good[i] ? ++accepted_ : ++refused_;
      if (first.good[i] == second.good[i]) continue;
      disagreement = std::string(protect ? "protect" : "unprotect") + " of packet " + std::to_string(i) + " of " +
                     std::to_string(packets.size()) + (packets[i].rtcp ? " (RTCP)" : "") + ": " +
                     std::to_string(static_cast<int>(first.results[i])) + " and " +
                     std::to_string(static_cast<int>(second.results[i]));
      return first;
    }
    for (std::size_t i = 0; i < first.packets.size(); ++i) {
      if (first.packets[i].bytes != second.packets[i].bytes) disagreement = "other bytes";
    }
    return first;
  }

  void burst() {
    std::vector<Packet> packets;
    const std::size_t count = 1 + input_.byte() % 40;
    for (std::size_t i = 0; i < count; ++i) packets.push_back(make());
    std::vector<Packet> wire = both(packets, true).packets;
    if (disagreement) return;
    for (Packet& packet : wire) {
      if (kept_.size() < 64) kept_.push_back(packet);
      harm(packet);
    }
    if (!kept_.empty()) wire.push_back(kept_[input_.byte() % kept_.size()]);  // a replay
    both(wire, false);
  }

  Octets& input_;
  std::array<Engine, 2> engines_{
      {{crypto::make_libsrtp2_engine(), nullptr, nullptr}, {crypto::make_ipsec_mb_engine(), nullptr, nullptr}}};
  std::vector<Packet> kept_;
  std::uint16_t sequence_ = 65'000;
  std::size_t accepted_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace isthmus::test
