#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/address.h"

namespace isthmus {

/// An address with the number of leading bits that count: "10.10.0.0/16", "192.0.2.1", "2001:db8::/32".
struct IpPrefix {
  IpAddress address;       ///< the bits that do not count are zero
  std::uint8_t bits = 32;  ///< 0..32 or 0..128

  /// A text without a length is one address.
  static Result<IpPrefix> parse(std::string_view text);
  static IpPrefix of(const IpAddress& address);
  bool contains(const IpAddress& candidate) const;
  bool operator==(const IpPrefix&) const = default;
};

std::string to_string(const IpPrefix& prefix);
/// `address` with all bits but the first `bits` zero.
IpAddress masked(IpAddress address, std::uint8_t bits);

}  // namespace isthmus
