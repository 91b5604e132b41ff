#pragma once

// Reading of the kernel's rtnetlink messages (rtnetlink(7)); pure functions over bytes.

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "dataplane/agent/next_hop.h"

namespace isthmus::agent {

/// Attributes of one message that are looked at; the kernel's own have far fewer.
inline constexpr std::size_t kMaxAttributes = 64;
/// Messages of one datagram; a 32 KiB datagram of the smallest ones holds about this many.
inline constexpr std::size_t kMaxMessages = 2048;

struct NeighbourChange {
  Neighbour neighbour;
};
/// A route, an address, a rule or a link changed: answers of the kernel may be different now.
struct TopologyChange {
  unsigned interface_index = 0;  ///< 0: not about one interface
  bool link_gone = false;
};
/// The kernel's answer to a request of ours: 0 or -errno.
struct Acknowledgement {
  std::uint32_t sequence = 0;
  int error = 0;
};
struct RouteAnswer {
  std::uint32_t sequence = 0;
  bool unicast = false;  ///< false: local, unreachable, blackhole, ...
  Route route;
};

using NetlinkEvent = std::variant<NeighbourChange, TopologyChange, Acknowledgement, RouteAnswer>;

/// Calls `take` for each message in `datagram` that means something to us; stops at the first malformed one.
/// `answers`: RTM_NEWROUTE is the answer to RTM_GETROUTE and not a change.
/// Returns false when a message was malformed.
template <typename Take>
bool read_datagram(std::span<const std::uint8_t> datagram, bool answers, const Take& take);

/// One message, whole (header included). Empty: not malformed, but of no interest.
struct ReadMessage {
  bool well_formed = false;
  std::optional<NetlinkEvent> event;
};
ReadMessage read_message(std::span<const std::uint8_t> message, bool answers);

/// Length of the message at the start of `datagram`, 0 when it does not fit.
std::size_t message_length(std::span<const std::uint8_t> datagram);

template <typename Take>
bool read_datagram(std::span<const std::uint8_t> datagram, bool answers, const Take& take) {
  for (std::size_t count = 0; !datagram.empty() && count < kMaxMessages; ++count) {
    const std::size_t length = message_length(datagram);
    if (length == 0) return false;
    const ReadMessage read = read_message(datagram.first(length), answers);
    if (!read.well_formed) return false;
    if (read.event) take(*read.event);
    const std::size_t step = (length + 3) & ~std::size_t{3};
    datagram = step >= datagram.size() ? std::span<const std::uint8_t>{} : datagram.subspan(step);
  }
  return true;
}

}  // namespace isthmus::agent
