#pragma once

// What a UDP payload on a media port is, by its first bytes.
//
//   RFC 7983 7, figure 3                       RFC 5761 4
//                    +----------------+
//        [0..3]   -+--> STUN          |       second byte 192..223 of an RTP-or-RTCP packet: RTCP
//        [16..19] -+--> ZRTP          |       (payload types 64..95 are not used for RTP)
//        [20..63] -+--> DTLS          |
//        [64..79] -+--> TURN channel  |
//        [128..191] --> RTP or RTCP   |
//                    +----------------+

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace isthmus::wire {

enum class PacketClass : std::uint8_t { kRtp, kRtcp, kStun, kDtls, kTurnChannel, kZrtp, kUnknown };

inline constexpr std::size_t kMinRtpBytes = 12;
inline constexpr std::size_t kMinRtcpBytes = 8;  ///< header and SSRC

constexpr bool is_rtcp_type(std::uint8_t second_byte) { return second_byte >= 192 && second_byte <= 223; }

constexpr PacketClass classify_payload(std::uint8_t first, std::uint8_t second) {
  if (first >= 128 && first <= 191) return is_rtcp_type(second) ? PacketClass::kRtcp : PacketClass::kRtp;
  if (first <= 3) return PacketClass::kStun;
  if (first >= 16 && first <= 19) return PacketClass::kZrtp;
  if (first >= 20 && first <= 63) return PacketClass::kDtls;
  if (first >= 64 && first <= 79) return PacketClass::kTurnChannel;
  return PacketClass::kUnknown;
}

constexpr PacketClass classify_payload(Bytes payload) {
  return payload.size() < 2 ? PacketClass::kUnknown : classify_payload(payload[0], payload[1]);
}

}  // namespace isthmus::wire
