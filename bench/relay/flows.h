#pragma once

// A list of one-way streams through a relay, as text: one a line, "FROM TO VIA": the sender's socket, the receiver's
// socket, and the relay's address that the sender sends to. The set-up of each rival writes such a list; the generator
// and the judge read it.

#include <istream>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace isthmus::bench {

struct Flow {
  SocketAddress from;
  SocketAddress to;
  SocketAddress via;
};

inline Result<std::vector<Flow>> read_flows(std::istream& in) {
  std::vector<Flow> flows;
  std::string from;
  std::string to;
  std::string via;
  while (in >> from >> to >> via) {
    const auto a = SocketAddress::parse(from);
    const auto b = SocketAddress::parse(to);
    const auto c = SocketAddress::parse(via);
    if (!a || !b || !c)
      return fail(ErrorKind::kMalformedInput, "flow " + std::to_string(flows.size() + 1) + " is not FROM TO VIA");
    flows.push_back({*a, *b, *c});
  }
  return flows;
}

}  // namespace isthmus::bench
