#pragma once

// The library itself: its managers, and bursts of counter mode and HMAC-SHA1. Private to this folder.

#include <intel-ipsec-mb.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/crypto/ipsec_mb_context.h"

namespace isthmus::crypto {

inline constexpr std::size_t kMaxWork = 64;       ///< packets of one burst of the library
inline constexpr std::size_t kWideFrom = 12;      ///< counter mode packets from which on the wide manager is faster
inline constexpr std::size_t kFullTagBytes = 20;  ///< HMAC-SHA1 before it is cut

/// One packet between its first and its last look.
struct Work {
  SrtpJob* job = nullptr;
  IpsecMbContext* context = nullptr;
  KeyHalf* half = nullptr;
  IndexSlot* slot = nullptr;
  std::uint64_t index = 0;
  std::uint32_t ssrc = 0;
  std::uint16_t clear_bytes = 0;   ///< in front of what is encrypted
  std::uint16_t cipher_bytes = 0;  ///< what is encrypted
  std::uint16_t hash_bytes = 0;    ///< from the start, what the tag covers in the packet
  std::uint8_t tag_bytes = 0;
  std::uint8_t kind = 0;
  alignas(16) std::array<std::uint8_t, 16> iv{};
  std::array<std::uint8_t, 16> tag{};       ///< as received
  std::array<std::uint8_t, 12> rtcp_aad{};  ///< GCM: what the tag covers beside the text (RFC 7714 9.2)
};

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using ManagerPtr = std::unique_ptr<IMB_MGR, FreeManager>;

/// nullptr: this processor has no AES instructions, or the library's self-test failed.
ManagerPtr make_wide_manager();
ManagerPtr make_narrow_manager();

class Bursts {
 public:
  /// Managers are not nullptr.
  Bursts(ManagerPtr wide, ManagerPtr narrow);

  /// Counter mode in place; all have the same key size.
  void cipher(std::span<Work* const> work, std::size_t key_bytes);
  /// HMAC-SHA1 over hash_bytes; tag(i) of each afterwards.
  void hash(std::span<Work* const> work);
  const std::uint8_t* tag(std::size_t place) const { return tags_[place].data(); }

  /// GCM in place; all have the same key size. Sending, the tag is written behind the text; receiving, it is tag(i).
  /// One packet right behind the other: the processor then works on several at once.
  void gcm(std::span<Work* const> work, std::size_t key_bytes, Direction direction);

  /// Key schedule of the half's suite behind it. Control thread.
  void expand(const std::uint8_t* cipher_key, std::size_t key_bytes, bool gcm, const std::uint8_t* auth_key,
              KeyHalf& half);

 private:
  ManagerPtr wide_;
  ManagerPtr narrow_;
  std::array<IMB_JOB, kMaxWork> jobs_{};
  alignas(64) std::array<std::array<std::uint8_t, 32>, kMaxWork> tags_{};
};

/// Bytes of a key schedule.
std::size_t schedule_bytes(std::size_t key_bytes, bool gcm);

}  // namespace isthmus::crypto
