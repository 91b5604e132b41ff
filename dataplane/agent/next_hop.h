#pragma once

// Where a packet for a destination leaves, as the kernel would send it.

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace isthmus::agent {

using MacAddress = std::array<std::uint8_t, 6>;

/// Answer of the kernel to "how do I reach this".
struct Route {
  unsigned interface_index = 0;
  std::optional<IpAddress> gateway;  ///< absent: the destination is on the link
  std::uint32_t mtu = 0;             ///< of the route; 0: the interface's
};

/// One entry of the kernel's neighbour tables.
struct Neighbour {
  unsigned interface_index = 0;
  IpAddress address;
  std::optional<MacAddress> mac;  ///< absent: not known, or not reachable
  bool permanent = false;         ///< an operator's entry: we neither ask for it nor take it away
};

}  // namespace isthmus::agent
