#include "controlplane/ice/address_rule.h"

#include <algorithm>
#include <array>
#include <optional>

namespace isthmus::ice {
namespace {

// The IPv4 address inside an IPv6 one.
std::optional<IpAddress> inner_v4(const IpAddress& address) {
  if (!address.is_v6()) return std::nullopt;
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};         // ::ffff:0:0/96
  constexpr std::array<std::uint8_t, 12> kCompatible = {};                                             // ::/96
  constexpr std::array<std::uint8_t, 12> kTranslated = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};  // 64:ff9b::/96
  const std::uint8_t* bytes = address.bytes.data();
  const auto starts_with = [&](const auto& prefix) { return std::equal(prefix.begin(), prefix.end(), bytes); };
  if (starts_with(kMapped) || starts_with(kTranslated) || starts_with(kCompatible)) {
    return IpAddress::v4(bytes[12], bytes[13], bytes[14], bytes[15]);
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return IpAddress::v4(bytes[2], bytes[3], bytes[4], bytes[5]);  // 2002::/16
  return std::nullopt;
}

bool is_unicast(const AddressRule& rule, const IpAddress& ip) {
  if (ip.is_loopback()) return rule.allow_loopback;
  // 0.0.0.0/8 is "this network" (RFC 1122 3.2.1.3), 240.0.0.0/4 is reserved and has the broadcast address.
  if (ip.is_v4() && (ip.bytes[0] == 0 || ip.bytes[0] >= 240)) return false;
  return !ip.is_unspecified() && !ip.is_link_local() && !ip.is_multicast() && !ip.is_broadcast();
}

bool is_ours(const AddressRule& rule, const SocketAddress& address) {
  return std::ranges::any_of(rule.ours, [&](const SocketAddress& own) {
    return own.ip == address.ip && (own.port == 0 || own.port == address.port);
  });
}

}  // namespace

bool may_check(const AddressRule& rule, const SocketAddress& address) {
  if (address.port == 0 || is_ours(rule, address)) return false;
  if (address.ip.is_v6() && address.ip.is_loopback()) return rule.allow_loopback;  // before ::/96 takes it apart
  if (const auto inner = inner_v4(address.ip)) {
    return is_unicast(rule, *inner) && !is_ours(rule, {*inner, address.port});
  }
  return is_unicast(rule, address.ip);
}

}  // namespace isthmus::ice
