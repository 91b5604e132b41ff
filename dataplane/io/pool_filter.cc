#include "dataplane/io/pool_filter.h"

#include <cstring>

#include "dataplane/base/bytes.h"

namespace isthmus::io {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv4 = 20;
constexpr std::size_t kIpv6 = 40;
constexpr std::size_t kUdp = 8;
constexpr std::uint8_t kProtocolUdp = 17;

/// The UDP header, also behind the header of a first fragment (RFC 8200 4.5); nullptr where there is none.
const std::uint8_t* udp_behind_v6(const std::uint8_t* ip, std::size_t size) {
  constexpr std::uint8_t kFragment = 44;
  constexpr std::size_t kFragmentHeader = 8;
  if (ip[0] >> 4U != 6) return nullptr;
  if (ip[6] == kProtocolUdp) return ip + kIpv6;
  const bool first = ip[6] == kFragment && size >= kIpv6 + kFragmentHeader + kUdp && ip[kIpv6] == kProtocolUdp &&
                     (load_be16(ip + kIpv6 + 2) & 0xfff8U) == 0;
  return first ? ip + kIpv6 + kFragmentHeader : nullptr;
}

}  // namespace

bool is_pool_packet(const std::uint8_t* frame, std::size_t length, const MacAddress& mac, const PortSlots& pools) {
  constexpr std::uint16_t kFragmentOffset = 0x1fff;  // RFC 791 3.1
  if (length < kEthernet + kIpv4 + kUdp || std::memcmp(frame, mac.data(), mac.size()) != 0) return false;
  const std::uint8_t* ip = frame + kEthernet;
  const std::uint16_t type = load_be16(frame + 12);
  SocketAddress destination;
  if (type == 0x0800) {
    if (ip[0] != 0x45 || ip[9] != kProtocolUdp || (load_be16(ip + 6) & kFragmentOffset) != 0) return false;
    std::memcpy(destination.ip.bytes.data(), ip + 16, 4);
    destination.port = load_be16(ip + kIpv4 + 2);
  } else if (type == 0x86dd && length >= kEthernet + kIpv6 + kUdp) {
    const std::uint8_t* udp = udp_behind_v6(ip, length - kEthernet);
    if (udp == nullptr) return false;
    destination.ip.family = IpFamily::kV6;
    std::memcpy(destination.ip.bytes.data(), ip + 24, 16);
    destination.port = load_be16(udp + 2);
  } else {
    return false;
  }
  return pools.find(destination).has_value();
}

}  // namespace isthmus::io
