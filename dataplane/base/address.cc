#include "dataplane/base/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "dataplane/base/bytes.h"

namespace isthmus {

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  store_be32(address.bytes.data(), host_order);
  return address;
}

IpAddress IpAddress::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  IpAddress address;
  address.bytes = {a, b, c, d};
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& wire_order) {
  IpAddress address;
  address.bytes = wire_order;
  address.family = IpFamily::kV6;
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  char terminated[INET6_ADDRSTRLEN];
  // An embedded NUL would hide what follows it from inet_pton.
  if (!text.empty() && text.size() < sizeof terminated && text.find('\0') == std::string_view::npos) {
    std::memcpy(terminated, text.data(), text.size());
    terminated[text.size()] = '\0';
    IpAddress address;
    if (inet_pton(AF_INET, terminated, address.bytes.data()) == 1) return address;
    if (inet_pton(AF_INET6, terminated, address.bytes.data()) == 1) {
      address.family = IpFamily::kV6;
      return address;
    }
  }
  return fail(ErrorKind::kMalformedInput,
              "'" + std::string(text.substr(0, 64)) + "' is not a numeric IPv4 or IPv6 address");
}

std::uint32_t IpAddress::v4_host_order() const { return load_be32(bytes.data()); }

bool IpAddress::is_unspecified() const { return bytes == std::array<std::uint8_t, 16>{}; }

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[0] == 127;
  std::array<std::uint8_t, 16> loopback{};
  loopback[15] = 1;
  return bytes == loopback;
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const { return is_v4() ? (bytes[0] & 0xf0) == 0xe0 : bytes[0] == 0xff; }

bool IpAddress::is_broadcast() const { return is_v4() && v4_host_order() == 0xffffffffU; }

std::string to_string(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  if (address.is_v4()) {
    // inet_ntop goes through sprintf, and signalling writes addresses many times a call.
    char* end = text;
    for (std::size_t i = 0; i < 4; ++i) {
      if (i != 0) *end++ = '.';
      end = std::to_chars(end, text + sizeof text, address.bytes[i]).ptr;
    }
    return {text, end};
  }
  inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  return text;
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  const bool bare_v6 = colon != std::string_view::npos && text.front() != '[' && text.find(':') != colon;
  if (colon == std::string_view::npos || bare_v6) {
    return fail(ErrorKind::kMalformedInput, "'" + std::string(text.substr(0, 64)) + "' is not ADDRESS:PORT");
  }
  auto ip = IpAddress::parse(text.substr(0, colon));
  if (!ip) return forward_error(ip);
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return fail(ErrorKind::kMalformedInput, "'" + std::string(digits.substr(0, 16)) + "' is not a port (0 to 65535)");
  }
  return SocketAddress{*ip, port};
}

std::string to_string(const SocketAddress& address) {
  const auto port = ":" + std::to_string(address.port);
  return address.ip.is_v4() ? to_string(address.ip) + port : "[" + to_string(address.ip) + "]" + port;
}

}  // namespace isthmus

std::size_t std::hash<isthmus::IpAddress>::operator()(const isthmus::IpAddress& address) const noexcept {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, address.bytes.data(), 8);
  std::memcpy(&high, address.bytes.data() + 8, 8);
  std::uint64_t mixed = (low ^ (high * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
  return mixed ^ (mixed >> 29U);
}

std::size_t std::hash<isthmus::SocketAddress>::operator()(const isthmus::SocketAddress& address) const noexcept {
  return (std::hash<isthmus::IpAddress>{}(address.ip) + address.port) * 0x94d049bb133111ebULL;
}
