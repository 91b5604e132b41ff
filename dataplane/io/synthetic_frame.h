#pragma once

// Headers around a UDP payload that a kernel socket received, and the reading of those that the pipeline wrote around
// one that a socket shall send. The pipeline so sees the same frames in every io mode.
//
//   | Ethernet 14 | IPv4 20 or IPv6 40 | UDP 8 | payload |

#include <cstdint>
#include <optional>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"

namespace isthmus::io {

inline constexpr std::size_t kEthernetBytes = 14;
inline constexpr std::size_t kUdpBytes = 8;
inline constexpr std::size_t kMaxSyntheticBytes = kEthernetBytes + 40 + kUdpBytes;

/// Bytes of the headers that write_headers() puts in front of a payload of this family.
constexpr std::size_t synthetic_bytes(IpFamily family) {
  return kEthernetBytes + (family == IpFamily::kV4 ? 20U : 40U) + kUdpBytes;
}

/// Writes the headers in front of `payload`, where synthetic_bytes() bytes are writable; both addresses have the same
/// family. The UDP checksum is a placeholder: the kernel has checked the packet.
void write_headers(std::uint8_t* payload, std::size_t payload_bytes, const SocketAddress& from, const SocketAddress& to,
                   std::uint8_t traffic_class = 0);

/// What a socket needs to send the frame.
struct SendView {
  SocketAddress from;
  SocketAddress to;
  std::uint8_t traffic_class = 0;  ///< DSCP and ECN octet
  MutableBytes payload;
};

/// Empty when the frame is no IPv4 (without options) or IPv6 UDP packet with lengths that fit.
std::optional<SendView> read_headers(MutableBytes frame);

}  // namespace isthmus::io
