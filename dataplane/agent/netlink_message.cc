#include "dataplane/agent/netlink_message.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

namespace isthmus::agent {
namespace {

// Neighbour states whose address may be used; STALE and DELAY are confirmed while in use.
constexpr std::uint16_t kUsableStates = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

using Attribute = std::span<const std::uint8_t>;

/// Calls `take(type, value)` for each attribute behind `header_bytes` of the message's own header.
template <typename Take>
bool read_attributes(std::span<const std::uint8_t> body, std::size_t header_bytes, Take take) {
  const std::size_t aligned = MNL_ALIGN(header_bytes);
  if (body.size() < header_bytes) return false;
  std::span<const std::uint8_t> left = body.size() > aligned ? body.subspan(aligned) : std::span<const std::uint8_t>{};
  for (std::size_t count = 0; left.size() >= sizeof(nlattr) && count < kMaxAttributes; ++count) {
    nlattr head;
    std::memcpy(&head, left.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > left.size()) return false;
    take(head.nla_type & NLA_TYPE_MASK, left.subspan(sizeof head, head.nla_len - sizeof head));
    const std::size_t step = MNL_ALIGN(head.nla_len);
    left = step >= left.size() ? std::span<const std::uint8_t>{} : left.subspan(step);
  }
  return true;
}

std::optional<IpAddress> address_of(std::uint8_t family, Attribute value) {
  IpAddress address;
  const std::size_t length = family == AF_INET ? 4 : 16;
  if ((family != AF_INET && family != AF_INET6) || value.size() != length) return std::nullopt;
  address.family = family == AF_INET ? IpFamily::kV4 : IpFamily::kV6;
  std::memcpy(address.bytes.data(), value.data(), length);
  return address;
}

std::uint32_t u32_of(Attribute value) {
  std::uint32_t number = 0;
  if (value.size() == sizeof number) std::memcpy(&number, value.data(), sizeof number);
  return number;
}

ReadMessage read_neighbour(std::span<const std::uint8_t> body, bool removed) {
  ndmsg head{};
  if (body.size() < sizeof head) return {};
  std::memcpy(&head, body.data(), sizeof head);
  Neighbour neighbour;
  neighbour.interface_index = static_cast<unsigned>(head.ndm_ifindex);
  neighbour.permanent = (head.ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0;
  std::optional<IpAddress> address;
  const bool usable = !removed && (head.ndm_state & kUsableStates) != 0;
  const bool whole = read_attributes(body, sizeof head, [&](int type, Attribute value) {
    if (type == NDA_DST) address = address_of(head.ndm_family, value);
    if (type == NDA_LLADDR && usable && value.size() == 6) {
      MacAddress mac;
      std::memcpy(mac.data(), value.data(), mac.size());
      neighbour.mac = mac;
    }
  });
  if (!whole) return {};
  if (!address) return {true, std::nullopt};  // a bridge's or a proxy's entry
  neighbour.address = *address;
  return {true, NeighbourChange{neighbour}};
}

ReadMessage read_route(std::span<const std::uint8_t> body, std::uint32_t sequence, bool answers) {
  rtmsg head{};
  if (body.size() < sizeof head) return {};
  std::memcpy(&head, body.data(), sizeof head);
  if (!answers) return {true, TopologyChange{}};
  RouteAnswer answer{sequence, head.rtm_type == RTN_UNICAST, {}};
  const bool whole = read_attributes(body, sizeof head, [&](int type, Attribute value) {
    if (type == RTA_OIF) answer.route.interface_index = u32_of(value);
    if (type == RTA_GATEWAY) answer.route.gateway = address_of(head.rtm_family, value);
    // RTA_VIA: an IPv4 route by way of an IPv6 neighbour (struct rtvia: family, address).
    if (type == RTA_VIA && value.size() > 2) {
      std::uint16_t family = 0;
      std::memcpy(&family, value.data(), sizeof family);
      answer.route.gateway = address_of(static_cast<std::uint8_t>(family), value.subspan(2));
    }
    if (type == RTA_METRICS) {
      read_attributes(value, 0, [&](int metric, Attribute number) {
        if (metric == RTAX_MTU) answer.route.mtu = u32_of(number);
      });
    }
  });
  if (!whole) return {};
  return {true, answer};
}

ReadMessage read_link(std::span<const std::uint8_t> body, bool removed) {
  ifinfomsg head{};
  if (body.size() < sizeof head) return {};
  std::memcpy(&head, body.data(), sizeof head);
  return {true, TopologyChange{static_cast<unsigned>(head.ifi_index), removed}};
}

ReadMessage read_acknowledgement(std::span<const std::uint8_t> body, std::uint32_t sequence) {
  int error = 0;
  if (body.size() < sizeof error) return {};
  std::memcpy(&error, body.data(), sizeof error);
  return {true, Acknowledgement{sequence, error}};
}

}  // namespace

std::size_t message_length(std::span<const std::uint8_t> datagram) {
  nlmsghdr header{};
  if (datagram.size() < sizeof header) return 0;
  std::memcpy(&header, datagram.data(), sizeof header);
  return header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size() ? 0 : header.nlmsg_len;
}

ReadMessage read_message(std::span<const std::uint8_t> message, bool answers) {
  nlmsghdr header{};
  if (message.size() < sizeof header) return {};
  std::memcpy(&header, message.data(), sizeof header);
  const auto body = message.subspan(sizeof header);
  switch (header.nlmsg_type) {
    case NLMSG_ERROR: return read_acknowledgement(body, header.nlmsg_seq);
    case RTM_NEWNEIGH: return read_neighbour(body, false);
    case RTM_DELNEIGH: return read_neighbour(body, true);
    case RTM_NEWROUTE: return read_route(body, header.nlmsg_seq, answers);
    case RTM_DELROUTE: return read_route(body, header.nlmsg_seq, false);
    case RTM_NEWLINK: return read_link(body, false);
    case RTM_DELLINK: return read_link(body, true);
    case RTM_NEWADDR:
    case RTM_DELADDR:
    case RTM_NEWRULE:
    case RTM_DELRULE: return {true, TopologyChange{}};
    default: return {true, std::nullopt};
  }
}

}  // namespace isthmus::agent
