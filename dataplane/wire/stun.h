#pragma once

// STUN messages (RFC 8489 5), as far as a packet path has to look before it hands one on.
//
//    0                   1                   2                   3
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |0 0|     STUN Message Type     |         Message Length        |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                         Magic Cookie                          |
//   |                 Transaction ID (96 bits)                      |
//   +---------------------------------------------------------------+

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace isthmus::wire {

inline constexpr std::size_t kStunHeaderBytes = 20;
inline constexpr std::uint32_t kStunMagicCookie = 0x2112A442;
inline constexpr std::size_t kMaxStunAttributes = 64;  ///< a check has about ten

struct StunHeader {
  std::uint16_t type = 0;
  std::uint16_t length = 0;  ///< of the attributes
  std::array<std::uint8_t, 12> transaction{};
};

/// Empty when it is no STUN message that fills `message` exactly, or an attribute passes its end, or there are more
/// than kMaxStunAttributes.
std::optional<StunHeader> parse_stun(Bytes message);

}  // namespace isthmus::wire
