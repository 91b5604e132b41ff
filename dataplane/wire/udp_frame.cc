#include "dataplane/wire/udp_frame.h"

#include <cassert>

namespace isthmus::wire {
namespace {

DropReason why_not_udp_v4(const std::uint8_t* ip, std::size_t size) {
  if (size < kIpv4Bytes || (ip[0] >> 4U) != 4) return DropReason::kIpMalformed;
  const std::size_t total = load_be16(ip + 2);
  if (ip[0] != 0x45 || total < kIpv4Bytes || total > size) return DropReason::kIpMalformed;
  if ((load_be16(ip + 6) & 0x3fffU) != 0) return DropReason::kIpFragment;
  if (ip[9] != kProtocolUdp) return DropReason::kNotUdp;
  return DropReason::kUdpMalformed;
}

DropReason why_not_udp_v6(const std::uint8_t* ip, std::size_t size) {
  constexpr std::uint8_t kFragmentHeader = 44;  // RFC 8200 4.5
  if (size < kIpv6Bytes || (ip[0] >> 4U) != 6) return DropReason::kIpMalformed;
  if (load_be16(ip + 4) + kIpv6Bytes > size) return DropReason::kIpMalformed;
  if (ip[6] == kFragmentHeader) return DropReason::kIpFragment;
  if (ip[6] != kProtocolUdp) return DropReason::kNotUdp;
  return DropReason::kUdpMalformed;
}

}  // namespace

DropReason why_not_udp(const std::uint8_t* frame, std::size_t size) {
  if (size < kEthernetBytes) return DropReason::kNotIp;
  const std::uint16_t type = load_be16(frame + 12);
  if (type == kEtherTypeIpv4) return why_not_udp_v4(frame + kEthernetBytes, size - kEthernetBytes);
  if (type == kEtherTypeIpv6) return why_not_udp_v6(frame + kEthernetBytes, size - kEthernetBytes);
  // The io layer takes the tag that a network has off.
  if (type == kEtherTypeVlan || type == kEtherTypeServiceVlan) return DropReason::kWrongVlan;
  return DropReason::kNotIp;
}

HeaderTemplate make_template(const SocketAddress& from, const SocketAddress& to, std::uint8_t dscp) {
  assert(from.ip.family == to.ip.family && dscp < 64);
  HeaderTemplate result;
  const bool v4 = from.ip.is_v4();
  result.header_bytes = static_cast<std::uint8_t>(v4 ? kHeadersV4 : kHeadersV6);
  std::uint8_t* ethernet = result.bytes.data();
  std::uint8_t* ip = ethernet + kEthernetBytes;
  std::uint8_t* udp = ip + (v4 ? kIpv4Bytes : kIpv6Bytes);
  const std::size_t address_bytes = v4 ? 4 : 16;
  store_be16(ethernet + 12, v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  if (v4) {
    ip[0] = 0x45;
    ip[1] = static_cast<std::uint8_t>(dscp << 2U);
    store_be16(ip + 6, 0x4000);  // don't fragment
    ip[8] = kHopLimit;
    ip[9] = kProtocolUdp;
    std::memcpy(ip + 12, from.ip.bytes.data(), 4);
    std::memcpy(ip + 16, to.ip.bytes.data(), 4);
    result.ip_sum = fold_sum(sum_words_plain(ip, kIpv4Bytes));
  } else {
    store_be16(ip, static_cast<std::uint16_t>(0x6000U | (static_cast<unsigned>(dscp) << 6U)));
    ip[6] = kProtocolUdp;
    ip[7] = kHopLimit;
    std::memcpy(ip + 8, from.ip.bytes.data(), 16);
    std::memcpy(ip + 24, to.ip.bytes.data(), 16);
  }
  store_be16(udp, from.port);
  store_be16(udp + 2, to.port);
  const std::uint64_t sum = sum_words_plain(from.ip.bytes.data(), address_bytes) +
                            sum_words_plain(to.ip.bytes.data(), address_bytes) + sum_words_plain(udp, 4) +
                            (std::uint64_t{kProtocolUdp} << 8U);  // wire order of the word 0x0011
  result.udp_sum = fold_sum(sum);
  return result;
}

}  // namespace isthmus::wire
