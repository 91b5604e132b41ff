#include "dataplane/io/synthetic_frame.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace isthmus::io {
namespace {

constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kVersion4NoOptions = 0x45;

// Locally administered; nothing outside the process ever sees them.
constexpr std::array<std::uint8_t, 6> kOwnMac = {0x02, 0, 0, 0, 0, 0x01};
constexpr std::array<std::uint8_t, 6> kKernelMac = {0x02, 0, 0, 0, 0, 0x02};

// RFC 1071, over the 20 bytes of an IPv4 header whose checksum field is zero.
std::uint16_t ipv4_checksum(const std::uint8_t* header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2) sum += load_be16(header + i);
  sum = (sum & 0xffffU) + (sum >> 16U);
  sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void write_ipv4(std::uint8_t* ip, std::size_t udp_bytes, const IpAddress& from, const IpAddress& to,
                std::uint8_t traffic_class) {
  std::memset(ip, 0, 20);
  ip[0] = kVersion4NoOptions;
  ip[1] = traffic_class;
  store_be16(ip + 2, static_cast<std::uint16_t>(20 + udp_bytes));
  ip[6] = 0x40;  // do not fragment
  ip[8] = 64;
  ip[9] = kProtocolUdp;
  std::memcpy(ip + 12, from.bytes.data(), 4);
  std::memcpy(ip + 16, to.bytes.data(), 4);
  store_be16(ip + 10, ipv4_checksum(ip));
}

void write_ipv6(std::uint8_t* ip, std::size_t udp_bytes, const IpAddress& from, const IpAddress& to,
                std::uint8_t traffic_class) {
  std::memset(ip, 0, 8);
  store_be16(ip, static_cast<std::uint16_t>(0x6000U | (static_cast<unsigned>(traffic_class) << 4U)));
  store_be16(ip + 4, static_cast<std::uint16_t>(udp_bytes));
  ip[6] = kProtocolUdp;
  ip[7] = 64;
  std::memcpy(ip + 8, from.bytes.data(), 16);
  std::memcpy(ip + 24, to.bytes.data(), 16);
}

IpAddress v4_at(const std::uint8_t* bytes) {
  IpAddress address;
  std::memcpy(address.bytes.data(), bytes, 4);
  return address;
}

IpAddress v6_at(const std::uint8_t* bytes) {
  IpAddress address;
  address.family = IpFamily::kV6;
  std::memcpy(address.bytes.data(), bytes, 16);
  return address;
}

// `ip_bytes` is the length of the IP header; the UDP header follows it.
bool read_udp(MutableBytes packet, std::size_t ip_bytes, SendView& view) {
  if (packet.size() < ip_bytes + kUdpBytes) return false;
  std::uint8_t* udp = packet.data() + ip_bytes;
  const std::size_t length = load_be16(udp + 4);
  if (length < kUdpBytes || length > packet.size() - ip_bytes) return false;
  view.from.port = load_be16(udp);
  view.to.port = load_be16(udp + 2);
  view.payload = MutableBytes(udp + kUdpBytes, length - kUdpBytes);
  return true;
}

}  // namespace

void write_headers(std::uint8_t* payload, std::size_t payload_bytes, const SocketAddress& from, const SocketAddress& to,
                   std::uint8_t traffic_class) {
  std::uint8_t* udp = payload - kUdpBytes;
  const std::size_t udp_bytes = payload_bytes + kUdpBytes;
  store_be16(udp, from.port);
  store_be16(udp + 2, to.port);
  store_be16(udp + 4, static_cast<std::uint16_t>(udp_bytes));
  store_be16(udp + 6, 0xffff);

  const bool v4 = to.ip.is_v4();
  std::uint8_t* ethernet = payload - synthetic_bytes(to.ip.family);
  if (v4) {
    write_ipv4(ethernet + kEthernetBytes, udp_bytes, from.ip, to.ip, traffic_class);
  } else {
    write_ipv6(ethernet + kEthernetBytes, udp_bytes, from.ip, to.ip, traffic_class);
  }
  std::copy(kOwnMac.begin(), kOwnMac.end(), ethernet);
  std::copy(kKernelMac.begin(), kKernelMac.end(), ethernet + 6);
  store_be16(ethernet + 12, v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
}

std::optional<SendView> read_headers(MutableBytes frame) {
  if (frame.size() < kEthernetBytes) return std::nullopt;
  const std::uint16_t type = load_be16(frame.data() + 12);
  const MutableBytes packet = frame.subspan(kEthernetBytes);
  SendView view;
  if (type == kEtherTypeIpv4) {
    if (packet.size() < 20 || packet[0] != kVersion4NoOptions || packet[9] != kProtocolUdp) return std::nullopt;
    view.traffic_class = packet[1];
    view.from.ip = v4_at(packet.data() + 12);
    view.to.ip = v4_at(packet.data() + 16);
    if (!read_udp(packet, 20, view)) return std::nullopt;
    return view;
  }
  if (type == kEtherTypeIpv6) {
    if (packet.size() < 40 || packet[0] >> 4U != 6 || packet[6] != kProtocolUdp) return std::nullopt;
    view.traffic_class = static_cast<std::uint8_t>((packet[0] & 0x0fU) << 4U | packet[1] >> 4U);
    view.from.ip = v6_at(packet.data() + 8);
    view.to.ip = v6_at(packet.data() + 24);
    if (!read_udp(packet, 40, view)) return std::nullopt;
    return view;
  }
  return std::nullopt;
}

}  // namespace isthmus::io
