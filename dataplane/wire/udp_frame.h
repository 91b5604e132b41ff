#pragma once

// Ethernet II, IPv4 (RFC 791) or IPv6 (RFC 8200), UDP (RFC 768): the headers of every media packet.
//
//    0            14                    34 / 54            42 / 62
//   +------------+---------------------+------------------+-----------------
//   | Ethernet   | IPv4 20 or IPv6 40  | UDP              | payload
//   +------------+---------------------+------------------+-----------------

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/drop_reason.h"
#include "dataplane/wire/checksum.h"

namespace isthmus::wire {

using MacAddress = std::array<std::uint8_t, 6>;

inline constexpr std::size_t kEthernetBytes = 14;
inline constexpr std::size_t kIpv4Bytes = 20;
inline constexpr std::size_t kIpv6Bytes = 40;
inline constexpr std::size_t kUdpBytes = 8;
inline constexpr std::size_t kHeadersV4 = kEthernetBytes + kIpv4Bytes + kUdpBytes;
inline constexpr std::size_t kHeadersV6 = kEthernetBytes + kIpv6Bytes + kUdpBytes;
inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;         // IEEE 802.1Q 9.6, C-tag
inline constexpr std::uint16_t kEtherTypeServiceVlan = 0x88a8;  // S-tag
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kHopLimit = 64;  // RFC 1700, "IP TTL"

constexpr std::size_t header_bytes(IpFamily family) { return family == IpFamily::kV4 ? kHeadersV4 : kHeadersV6; }

/// A frame whose lengths fit. Addresses and ports are left where they are.
struct UdpFrame {
  std::uint8_t* ip = nullptr;       ///< IP header
  std::uint8_t* udp = nullptr;      ///< UDP header
  std::uint16_t payload_bytes = 0;  ///< behind the UDP header
  bool v6 = false;

  const std::uint8_t* source() const { return ip + (v6 ? 8 : 12); }
  const std::uint8_t* destination() const { return ip + (v6 ? 24 : 16); }
  std::uint16_t source_port() const { return load_be16(udp); }
  std::uint16_t destination_port() const { return load_be16(udp + 2); }
  std::uint8_t* payload() const { return udp + kUdpBytes; }
};

/// The upper six bits of the traffic class (RFC 2474 3); in IPv6 it lies across two octets (RFC 8200 3).
template <bool kV6>
std::uint8_t dscp_of(const std::uint8_t* ip) {
  return static_cast<std::uint8_t>(kV6 ? (load_be16(ip) >> 6U) & 0x3fU : ip[1] >> 2U);
}

/// Why parse_udp() refused the frame.
DropReason why_not_udp(const std::uint8_t* frame, std::size_t size);

// Checksums are not looked at on receipt: NICs check them, and between virtual interfaces the UDP checksum is often not
// finished yet (the sender left it to hardware that is not there).

inline bool parse_udp_v4(std::uint8_t* frame, std::size_t size, UdpFrame& out) {
  std::uint8_t* ip = frame + kEthernetBytes;
  const std::size_t total = load_be16(ip + 2);
  std::uint16_t fragment = 0;
  std::memcpy(&fragment, ip + 6, sizeof fragment);
  std::uint8_t* udp = ip + kIpv4Bytes;
  const std::size_t udp_bytes = load_be16(udp + 4);
  // Version 4 without options; neither "more fragments" nor an offset (wire order: 0x3fff reads 0xff3f).
  const bool good = ip[0] == 0x45 && (fragment & 0xff3fU) == 0 && ip[9] == kProtocolUdp &&
                    total + kEthernetBytes <= size && udp_bytes >= kUdpBytes && udp_bytes + kIpv4Bytes <= total;
  out.ip = ip;
  out.udp = udp;
  out.payload_bytes = static_cast<std::uint16_t>(udp_bytes - kUdpBytes);
  out.v6 = false;
  return good;
}

inline bool parse_udp_v6(std::uint8_t* frame, std::size_t size, UdpFrame& out) {
  if (size < kHeadersV6) return false;
  std::uint8_t* ip = frame + kEthernetBytes;
  const std::size_t total = load_be16(ip + 4);
  std::uint8_t* udp = ip + kIpv6Bytes;
  const std::size_t udp_bytes = load_be16(udp + 4);
  const bool good = (ip[0] >> 4U) == 6 && ip[6] == kProtocolUdp && total + kIpv6Bytes + kEthernetBytes <= size &&
                    udp_bytes >= kUdpBytes && udp_bytes <= total;
  out.ip = ip;
  out.udp = udp;
  out.payload_bytes = static_cast<std::uint16_t>(udp_bytes - kUdpBytes);
  out.v6 = true;
  return good;
}

/// False: why_not_udp() says why. `frame` needs no minimum size.
inline bool parse_udp(std::uint8_t* frame, std::size_t size, UdpFrame& out) {
  if (size < kHeadersV4) return false;
  const std::uint16_t type = load_be16(frame + 12);
  if (type == kEtherTypeIpv4) [[likely]]
    return parse_udp_v4(frame, size, out);
  return type == kEtherTypeIpv6 && parse_udp_v6(frame, size, out);
}

/// Everything in front of a payload that does not change from packet to packet.
struct HeaderTemplate {
  std::array<std::uint8_t, 64> bytes{};  ///< header_bytes are used; lengths and checksums are zero
  std::uint8_t header_bytes = 0;
  std::uint16_t ip_sum = 0;   ///< folded sum of the IPv4 header as it stands (0 for IPv6)
  std::uint32_t udp_sum = 0;  ///< sum of addresses, protocol and ports
};

/// Both addresses have one family. DSCP is 0..63. IPv4 sets "don't fragment" with identification 0 (RFC 6864 4.1).
HeaderTemplate make_template(const SocketAddress& from, const SocketAddress& to, std::uint8_t dscp);

/// Writes the MAC addresses into the first twelve bytes of a template or frame.
inline void store_macs(std::uint8_t* ethernet, const MacAddress& destination, const MacAddress& source) {
  std::memcpy(ethernet, destination.data(), 6);
  std::memcpy(ethernet + 6, source.data(), 6);
}

/// Marks headers that were copied from a template with DSCP 0. What they add to ip_sum (IPv4) is returned; ECN stays
/// "not capable" (RFC 3168 5), since that is between us and each peer.
inline std::uint32_t mark_v4(std::uint8_t* frame, std::uint8_t dscp) {
  frame[kEthernetBytes + 1] = static_cast<std::uint8_t>(dscp << 2U);
  return std::uint32_t{dscp} << 10U;  // memory order: the second octet of its word is the upper one
}

inline void mark_v6(std::uint8_t* frame, std::uint8_t dscp) {
  store_be16(frame + kEthernetBytes, static_cast<std::uint16_t>(0x6000U | (static_cast<unsigned>(dscp) << 6U)));
}

/// Finishes headers that were copied from a template: `frame` points to them, the payload lies behind, `payload_sum` is
/// its sum of words.
inline void finish_v4(std::uint8_t* frame, std::uint16_t payload_bytes, std::uint32_t ip_sum, std::uint32_t udp_sum,
                      std::uint64_t payload_sum) {
  std::uint8_t* ip = frame + kEthernetBytes;
  const std::uint16_t total = __builtin_bswap16(static_cast<std::uint16_t>(payload_bytes + kIpv4Bytes + kUdpBytes));
  const std::uint16_t udp_bytes = __builtin_bswap16(static_cast<std::uint16_t>(payload_bytes + kUdpBytes));
  const auto ip_checksum = static_cast<std::uint16_t>(~fold_sum32(ip_sum + total));
  std::memcpy(ip + 2, &total, sizeof total);
  std::memcpy(ip + 10, &ip_checksum, sizeof ip_checksum);
  // The length counts twice: in the pseudo header and in the header.
  const std::uint16_t udp_check = udp_checksum(payload_sum + udp_sum + 2U * udp_bytes);
  std::memcpy(ip + kIpv4Bytes + 4, &udp_bytes, sizeof udp_bytes);
  std::memcpy(ip + kIpv4Bytes + 6, &udp_check, sizeof udp_check);
}

inline void finish_v6(std::uint8_t* frame, std::uint16_t payload_bytes, std::uint32_t udp_sum,
                      std::uint64_t payload_sum) {
  std::uint8_t* ip = frame + kEthernetBytes;
  const std::uint16_t udp_bytes = __builtin_bswap16(static_cast<std::uint16_t>(payload_bytes + kUdpBytes));
  const std::uint16_t udp_check = udp_checksum(payload_sum + udp_sum + 2U * udp_bytes);
  std::memcpy(ip + 4, &udp_bytes, sizeof udp_bytes);
  std::memcpy(ip + kIpv6Bytes + 4, &udp_bytes, sizeof udp_bytes);
  std::memcpy(ip + kIpv6Bytes + 6, &udp_check, sizeof udp_check);
}

}  // namespace isthmus::wire
