#pragma once

// A context of the ipsec-mb engine: what its packets need, in the order in which they need it. Private to this folder.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "dataplane/crypto/index_store.h"
#include "dataplane/crypto/secret_arena.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {

/// What all engines of a process have in common. The arena is the control thread's.
struct IpsecMbShared {
  std::unique_ptr<IndexStore> store;
  SecretArena arena;
  bool leave_indices = false;  ///< contexts that go leave theirs to the next process
};

/// Session keys of RTP or of RTCP as the library wants them: this line, then the key schedule (AES round keys, or
/// gcm_key_data). In secret memory.
struct alignas(64) KeyHalf {
  std::array<std::uint8_t, 16> salt{};
  std::array<std::uint32_t, 5> inner{};  ///< SHA-1 state behind key XOR ipad
  std::array<std::uint32_t, 5> outer{};

  const std::uint8_t* schedule() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
  std::uint8_t* schedule() { return reinterpret_cast<std::uint8_t*>(this + 1); }
};
static_assert(sizeof(KeyHalf) == 64);

/// Key lines on their way before they are needed: with a thousand sessions they are seldom near. Salt, HMAC states and
/// the rounds of the shorter keys.
inline void prefetch_keys(const KeyHalf& half) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(&half);
  for (std::size_t line = 0; line < 4; ++line) __builtin_prefetch(at + line * 64);
}

/// Of GCM's 48 powers of the hash key a packet needs one for each of its blocks: the lowest ones, which lie last.
inline void prefetch_powers(const KeyHalf& half, std::size_t cipher_bytes) {
  constexpr std::size_t kPowersEnd = 1008;  // of gcm_key_data
  constexpr std::size_t kPowers = 48;
  const std::uint8_t* end = half.schedule() + kPowersEnd;
  const std::uint8_t* power = end - 16 * std::min(cipher_bytes / 16 + 1, kPowers);
  for (; power < end; power += 64) __builtin_prefetch(power);
}

class alignas(64) IpsecMbContext final : public SrtpContext {
 public:
  IpsecMbContext(std::shared_ptr<IpsecMbShared> owner, const contract::SrtpKey& key, const SrtpContextOptions& options);
  ~IpsecMbContext() override;
  IpsecMbContext(const IpsecMbContext&) = delete;
  IpsecMbContext& operator=(const IpsecMbContext&) = delete;

  /// The line of an SSRC; nullptr: none yet. Its worker.
  IndexSlot* find(std::uint32_t ssrc) {
    if (current != nullptr && current->ssrc == ssrc) [[likely]]
      return current;
    return search(ssrc);
  }
  /// A new SSRC, sent or authenticated. nullptr: kMaxSsrcs are there, or the store is full.
  IndexSlot* add(std::uint32_t ssrc);
  KeyUse use() const override {
    std::uint64_t left = lifetime - std::min(lifetime, packets);
    if (current != nullptr) {
      left = std::min(left, kMaxRtpIndex - current->rtp.highest());
      left = std::min(left, kMaxRtcpIndex - current->rtcp.highest());
    }
    return {lifetime, left};
  }
  /// After a re-key: `old`'s indices without their use.
  void carry_over(const IpsecMbContext& old);
  /// May be under the roll-over counter that `slot` has, or under zero.
  bool on_trial(const IndexSlot& slot) const;
  void end_trial(const IndexSlot& slot);

  IndexSlot* current = nullptr;  ///< seen last
  KeyHalf* rtp = nullptr;
  KeyHalf* rtcp = nullptr;
  std::uint64_t packets = 0;  ///< RTP under this key; of a process before: indices
  std::uint64_t lifetime = 0;
  std::uint8_t key_bytes = 0;
  std::uint8_t rtp_tag_bytes = 0;
  std::uint8_t mki_bytes = 0;
  bool gcm = false;
  std::uint8_t kind = 0;  ///< packets of one kind go to the library together: cipher and key size
  bool trial = false;     ///< at least one SSRC is on trial
  std::uint8_t ssrcs = 0;
  std::array<std::uint8_t, contract::kMaxMkiBytes> mki{};

  std::span<std::uint8_t> keys;  ///< both halves
  std::shared_ptr<IpsecMbShared> shared;
  std::uint64_t fingerprint = 0;
  bool adopted = false;              ///< its first slots are of a process before ...
  std::uint64_t packets_before = 0;  ///< ... which used the key for so many
  std::uint32_t first = 0;           ///< of the chain of slots
  std::uint64_t trials = 0;          ///< by place in the chain
  Direction direction = Direction::kReceive;

 private:
  IndexSlot* search(std::uint32_t ssrc);
  std::size_t place_of(const IndexSlot& slot) const;
};

}  // namespace isthmus::crypto
