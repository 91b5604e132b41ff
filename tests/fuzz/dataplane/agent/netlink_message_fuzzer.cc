#include <cstdint>
#include <cstdlib>

#include "dataplane/agent/netlink_message.h"

// First byte: whether the datagram answers a request. What comes out stays within its bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t events = 0;
  isthmus::agent::read_datagram({data + 1, size - 1}, (data[0] & 1U) != 0,
                                [&](const isthmus::agent::NetlinkEvent&) { ++events; });
  if (events > isthmus::agent::kMaxMessages) std::abort();
  return 0;
}
