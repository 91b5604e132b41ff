#include "dataplane/base/ip_prefix.h"

#include <charconv>

namespace isthmus {
namespace {

std::uint8_t full_length(IpFamily family) { return family == IpFamily::kV4 ? 32 : 128; }

}  // namespace

IpAddress masked(IpAddress address, std::uint8_t bits) {
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const std::size_t first_bit = i * 8;
    if (first_bit >= bits) {
      address.bytes[i] = 0;
    } else if (bits - first_bit < 8) {
      address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xff00U >> (bits - first_bit)));
    }
  }
  return address;
}

IpPrefix IpPrefix::of(const IpAddress& address) { return {address, full_length(address.family)}; }

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return forward_error(address);
  IpPrefix prefix = of(*address);
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || bits > prefix.bits) {
      return fail(ErrorKind::kMalformedInput, "the prefix length must be 0 to 32 (IPv4) or 0 to 128 (IPv6)", "network");
    }
    prefix.bits = static_cast<std::uint8_t>(bits);
  }
  prefix.address = masked(prefix.address, prefix.bits);
  return prefix;
}

bool IpPrefix::contains(const IpAddress& candidate) const {
  return candidate.family == address.family && masked(candidate, bits) == address;
}

std::string to_string(const IpPrefix& prefix) { return to_string(prefix.address) + "/" + std::to_string(prefix.bits); }

}  // namespace isthmus
