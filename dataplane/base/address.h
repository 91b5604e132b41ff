#pragma once

// IP addresses as plain values: no allocation, no name look-up, usable in the poll loop.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"

namespace isthmus {

enum class IpFamily : std::uint8_t { kV4 = 4, kV6 = 6 };

/// An IPv4 or IPv6 address in wire order. IPv4 uses the first four bytes, the rest are zero, so that equality and
/// hashing are plain byte operations. Scope ids are not carried: link-local media addresses are refused (threat model
/// B2).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  IpFamily family = IpFamily::kV4;

  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  static IpAddress v6(const std::array<std::uint8_t, 16>& wire_order);
  /// Numeric text only ("192.0.2.1", "2001:db8::1", "[2001:db8::1]"); names are refused.
  static Result<IpAddress> parse(std::string_view text);

  bool is_v4() const { return family == IpFamily::kV4; }
  bool is_v6() const { return family == IpFamily::kV6; }
  /// Only for IPv4.
  std::uint32_t v4_host_order() const;

  bool is_unspecified() const;  ///< 0.0.0.0 or ::
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_multicast() const;
  bool is_broadcast() const;  ///< 255.255.255.255

  auto operator<=>(const IpAddress&) const = default;
};

/// "192.0.2.1" or "2001:db8::1" (RFC 5952).
std::string to_string(const IpAddress& address);

/// Address and UDP or TCP port (host order).
struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  /// "192.0.2.1:5060" or "[2001:db8::1]:5060".
  static Result<SocketAddress> parse(std::string_view text);

  auto operator<=>(const SocketAddress&) const = default;
};

std::string to_string(const SocketAddress& address);

}  // namespace isthmus

template <>
struct std::hash<isthmus::IpAddress> {
  std::size_t operator()(const isthmus::IpAddress& address) const noexcept;
};
template <>
struct std::hash<isthmus::SocketAddress> {
  std::size_t operator()(const isthmus::SocketAddress& address) const noexcept;
};
