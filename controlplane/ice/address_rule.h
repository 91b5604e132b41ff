#pragma once

// Where checks may go. A peer's candidates must not make a port scanner of us, nor reach what is our own (threat model
// B2).

#include <vector>

#include "dataplane/base/address.h"

namespace isthmus::ice {

struct AddressRule {
  bool allow_loopback = false;        ///< laboratory switch of the zone
  std::vector<SocketAddress> ours{};  ///< listeners of ours; port 0 stands for all of an address
};

/// A unicast address of the wide world or of a network inside, with a port, and nothing of ours. Forms that hide an
/// IPv4 address (RFC 4291 2.5.5.2, RFC 6052, RFC 3056) are judged by the address within.
bool may_check(const AddressRule& rule, const SocketAddress& address);

}  // namespace isthmus::ice
