#pragma once

// A context of the ipsec-mb engine: what its packets need, in the order in which they need it. Private to this folder.

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

/// Key lines on their way before they are needed: with a thousand sessions they are seldom near.
inline void prefetch_keys(const KeyHalf& half, bool gcm) {
  constexpr std::size_t kLine = 64;
  const auto* at = reinterpret_cast<const std::uint8_t*>(&half);
  // Salt, HMAC states, ten rounds; behind them GCM's powers of the hash key, the lowest ones last.
  for (std::size_t line = 0; line < 4; ++line) __builtin_prefetch(at + line * kLine);
  if (!gcm) return;
  for (std::size_t line = 4; line < 17; ++line) __builtin_prefetch(at + line * kLine);
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
  /// After a re-key: `old`'s indices without their use.
  void carry_over(const IpsecMbContext& old);
  /// May be under the roll-over counter that `slot` has, or under zero.
  bool on_trial(const IndexSlot& slot) const;
  void end_trial(const IndexSlot& slot);

  IndexSlot* current = nullptr;  ///< seen last
  KeyHalf* rtp = nullptr;
  KeyHalf* rtcp = nullptr;
  std::uint64_t packets = 0;  ///< RTP under this key
  std::uint64_t lifetime = 0;
  std::uint8_t key_bytes = 0;
  std::uint8_t rtp_tag_bytes = 0;
  std::uint8_t mki_bytes = 0;
  bool gcm = false;
  bool trial = false;  ///< at least one SSRC is on trial
  std::uint8_t ssrcs = 0;
  std::array<std::uint8_t, contract::kMaxMkiBytes> mki{};

  std::span<std::uint8_t> keys;  ///< both halves
  std::shared_ptr<IpsecMbShared> shared;
  std::uint64_t fingerprint = 0;
  bool adopted = false;      ///< its first slots are of a process before
  std::uint32_t first = 0;   ///< of the chain of slots
  std::uint64_t trials = 0;  ///< by place in the chain
  Direction direction = Direction::kReceive;

 private:
  IndexSlot* search(std::uint32_t ssrc);
  std::size_t place_of(const IndexSlot& slot) const;
};

}  // namespace isthmus::crypto
