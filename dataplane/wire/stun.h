#pragma once

// STUN messages (RFC 8489 5, 14) with the attributes of connectivity checks (RFC 8445 7.1, [MS-ICE2] 2.2): read without
// a copy, written into a buffer of the caller. Integrity and fingerprint are stun_integrity.h.
//
//    0                   1                   2                   3
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |0 0|     STUN Message Type     |         Message Length        |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                         Magic Cookie                          |
//   |                 Transaction ID (96 bits)                      |
//   +---------------------------------------------------------------+
//   |         Attribute Type        |         Value Length          |
//   +-------------------------------+-------------------------------+
//   |           Value, padded to four bytes ...                     |

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"

namespace isthmus::wire {

inline constexpr std::size_t kStunHeaderBytes = 20;
inline constexpr std::uint32_t kStunMagicCookie = 0x2112A442;
inline constexpr std::size_t kMaxStunAttributes = 64;      ///< a check has about ten
inline constexpr std::size_t kMaxStunUsernameBytes = 513;  ///< RFC 8489 14.3: below 513 characters, here with the colon
inline constexpr std::size_t kMaxUnknownStunAttributes = 8;  ///< named in one 420 answer

using StunTransaction = std::array<std::uint8_t, 12>;

/// Message types of the one method that ICE uses (RFC 8489 5, method Binding).
enum class StunType : std::uint16_t {
  kBindingRequest = 0x0001,
  kBindingIndication = 0x0011,
  kBindingSuccess = 0x0101,
  kBindingError = 0x0111,
};

/// IANA "STUN Attributes"; the two last are Microsoft's ([MS-ICE2] 2.2).
enum class StunAttributeType : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kSoftware = 0x8022,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
  kCandidateIdentifier = 0x8054,
  kMsImplementationVersion = 0x8070,
};

struct StunHeader {
  std::uint16_t type = 0;
  std::uint16_t length = 0;  ///< of the attributes
  StunTransaction transaction{};

  bool is(StunType wanted) const { return type == static_cast<std::uint16_t>(wanted); }
};

/// Empty when it is no STUN message that fills `message` exactly, or an attribute passes its end, or there are more
/// than kMaxStunAttributes.
std::optional<StunHeader> parse_stun(Bytes message);

/// What a message of ICE says. Views point into the message. Of an attribute that comes twice the first counts, and
/// what stands behind MESSAGE-INTEGRITY is not read, FINGERPRINT apart (RFC 8489 14, 14.5).
struct StunMessage {
  StunHeader header;
  std::optional<std::string_view> username{};  ///< without the NULs that Microsoft's writers count in ([MS-ICE2])
  std::optional<std::uint32_t> priority{};
  bool use_candidate = false;
  std::optional<std::uint64_t> controlling{};  ///< tie-breaker
  std::optional<std::uint64_t> controlled{};
  std::optional<SocketAddress> mapped{};  ///< XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where that is missing
  std::optional<std::uint16_t> error_code{};
  std::optional<std::uint32_t> implementation_version{};  ///< MS-IMPLEMENTATION-VERSION
  std::size_t integrity_offset = 0;                       ///< where MESSAGE-INTEGRITY begins; 0: there is none
  std::size_t fingerprint_offset = 0;                     ///< where FINGERPRINT begins; 0: there is none
  /// Comprehension-required attributes we do not know (RFC 8489 6.3.1), the first of them.
  std::array<std::uint16_t, kMaxUnknownStunAttributes> unknown{};
  std::size_t unknown_count = 0;
};

/// Empty also when an attribute of ICE has a size that it cannot have, or FINGERPRINT is not the last one.
std::optional<StunMessage> read_stun(Bytes message);

/// Writes one message. When the buffer is too small nothing more is written and `message()` is empty; a caller may
/// look once, at the end.
class StunWriter {
 public:
  StunWriter(MutableBytes buffer, StunType type, const StunTransaction& transaction);

  StunWriter& add(StunAttributeType type, Bytes value);  ///< padded behind, the length is the value's
  StunWriter& add_u32(StunAttributeType type, std::uint32_t value);
  StunWriter& add_u64(StunAttributeType type, std::uint64_t value);
  StunWriter& add_flag(StunAttributeType type);
  StunWriter& add_text(StunAttributeType type, std::string_view text);
  /// Microsoft's text: NULs up to four bytes, and the length counts them ([MS-ICE2]; RFC 3489 knew no padding).
  StunWriter& add_text_padded(StunAttributeType type, std::string_view text);
  StunWriter& add_xor_mapped(const SocketAddress& address);
  /// Blanks fill the reason up to four bytes, so that readers with and without padding outside the length agree.
  StunWriter& add_error(std::uint16_t code, std::string_view reason);

  bool overflowed() const { return overflowed_; }
  void fail() { overflowed_ = true; }  ///< For who cannot finish it: an unsigned message must not go out.
  /// What was written so far, its length field right; empty after an overflow.
  MutableBytes message() const { return overflowed_ ? MutableBytes{} : buffer_.first(used_); }

  /// Room for one attribute of `bytes` value bytes, header written, value zeroed; empty when it does not fit. For
  /// integrity and fingerprint, whose value depends on the length.
  MutableBytes reserve(StunAttributeType type, std::size_t bytes);

 private:
  MutableBytes buffer_;
  std::size_t used_ = 0;
  bool overflowed_ = false;
};

}  // namespace isthmus::wire
