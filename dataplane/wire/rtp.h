#pragma once

// RTP data packets (RFC 3550 5.1).
//
//    0                   1                   2                   3
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |                           timestamp                           |
//   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//   |           synchronization source (SSRC) identifier            |
//   +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
//   |  CC times CSRC, then (X) profile, length in words, extension  |
//   +---------------------------------------------------------------+

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/wire/demux.h"

namespace isthmus::wire {

struct RtpHeader {
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;

  static RtpHeader read(const std::uint8_t* packet) {
    const std::uint32_t first = load_be32(packet);
    return {static_cast<std::uint8_t>((first >> 16U) & 0x7fU), (first & 0x800000U) != 0,
            static_cast<std::uint16_t>(first), load_be32(packet + 4), load_be32(packet + 8)};
  }
};

/// Bytes before the payload with CSRCs and extension; 0 when they do not fit into `size`. Valid for SRTP as well.
inline std::size_t rtp_header_bytes(const std::uint8_t* packet, std::size_t size) {
  if (size < kMinRtpBytes || (packet[0] >> 6U) != 2) return 0;
  std::size_t bytes = kMinRtpBytes + 4U * (packet[0] & 0x0fU);
  if ((packet[0] & 0x10U) != 0) {
    if (bytes + 4 > size) return 0;
    bytes += 4U + 4U * load_be16(packet + bytes + 2);
  }
  return bytes <= size ? bytes : 0;
}

/// Of a clear packet. Padding says its own length in the last byte (RFC 3550 5.1, P); it must fit behind the header.
inline bool rtp_payload_bytes(const std::uint8_t* packet, std::size_t size, std::size_t header_bytes,
                              std::size_t& payload) {
  std::size_t padding = 0;
  if ((packet[0] & 0x20U) != 0) {
    padding = packet[size - 1];
    if (padding == 0 || padding > size - header_bytes) return false;
  }
  payload = size - header_bytes - padding;
  return true;
}

}  // namespace isthmus::wire
