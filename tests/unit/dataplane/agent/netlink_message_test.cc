#include "dataplane/agent/netlink_message.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace isthmus::agent {
namespace {

/// Builds messages as the kernel would.
class Builder {
 public:
  template <typename Head>
  Builder(std::uint16_t type, const Head& head, std::uint32_t sequence = 0) {
    const nlmsghdr header{0, type, 0, sequence, 0};
    put(&header, sizeof header);
    put(&head, sizeof head);
  }
  Builder& attribute(std::uint16_t type, std::vector<std::uint8_t> value) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
    put(&head, sizeof head);
    put(value.data(), value.size());
    return *this;
  }
  std::vector<std::uint8_t> build() const {
    std::vector<std::uint8_t> bytes = bytes_;
    const auto length = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &length, sizeof length);
    return bytes;
  }

 private:
  void put(const void* from, std::size_t length) {
    const auto* bytes = static_cast<const std::uint8_t*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + length);
    bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
  }
  std::vector<std::uint8_t> bytes_;
};

ndmsg neighbour_head(std::uint16_t state, std::uint8_t family = AF_INET) {
  ndmsg head{};
  head.ndm_family = family;
  head.ndm_ifindex = 7;
  head.ndm_state = state;
  return head;
}

std::vector<std::uint8_t> neighbour_message(std::uint16_t type, std::uint16_t state) {
  return Builder(type, neighbour_head(state))
      .attribute(NDA_DST, {192, 0, 2, 9})
      .attribute(NDA_LLADDR, {2, 0, 0, 0, 0, 9})
      .build();
}

Neighbour read_neighbour(const std::vector<std::uint8_t>& bytes) {
  const ReadMessage read = read_message(bytes, false);
  EXPECT_TRUE(read.well_formed);
  return std::get<NeighbourChange>(read.event.value()).neighbour;
}

TEST(NetlinkMessage, NeighbourInAUsableStateHasItsMac) {
  for (const int state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT}) {
    const Neighbour neighbour = read_neighbour(neighbour_message(RTM_NEWNEIGH, static_cast<std::uint16_t>(state)));
    EXPECT_EQ(neighbour.interface_index, 7U);
    EXPECT_EQ(neighbour.address, IpAddress::v4(192, 0, 2, 9));
    EXPECT_EQ(neighbour.mac, (MacAddress{2, 0, 0, 0, 0, 9})) << state;
    EXPECT_EQ(neighbour.permanent, state == NUD_PERMANENT);
  }
}

TEST(NetlinkMessage, FailedIncompleteOrRemovedNeighbourHasNone) {
  EXPECT_FALSE(read_neighbour(neighbour_message(RTM_NEWNEIGH, NUD_FAILED)).mac);
  EXPECT_FALSE(read_neighbour(neighbour_message(RTM_NEWNEIGH, NUD_INCOMPLETE)).mac);
  EXPECT_FALSE(read_neighbour(neighbour_message(RTM_DELNEIGH, NUD_REACHABLE)).mac);
}

TEST(NetlinkMessage, Ipv6Neighbour) {
  std::vector<std::uint8_t> address(16);
  address[0] = 0xfe;
  address[1] = 0x80;
  address[15] = 1;
  const auto bytes = Builder(RTM_NEWNEIGH, neighbour_head(NUD_REACHABLE, AF_INET6)).attribute(NDA_DST, address).build();
  EXPECT_EQ(read_neighbour(bytes).address, IpAddress::parse("fe80::1").value());
}

TEST(NetlinkMessage, NeighbourWithAnAddressOfAnotherLengthIsNotOurs) {
  const auto bytes = Builder(RTM_NEWNEIGH, neighbour_head(NUD_REACHABLE)).attribute(NDA_DST, {1, 2, 3}).build();
  const ReadMessage read = read_message(bytes, false);
  EXPECT_TRUE(read.well_formed);
  EXPECT_FALSE(read.event);
}

rtmsg route_head(std::uint8_t type) {
  rtmsg head{};
  head.rtm_family = AF_INET;
  head.rtm_type = type;
  return head;
}

TEST(NetlinkMessage, RouteAnswerWithGatewayAndMtu) {
  const auto bytes = Builder(RTM_NEWROUTE, route_head(RTN_UNICAST), 42)
                         .attribute(RTA_OIF, {5, 0, 0, 0})
                         .attribute(RTA_GATEWAY, {192, 0, 2, 254})
                         .attribute(RTA_METRICS, {8, 0, RTAX_MTU, 0, 0x78, 0x05, 0, 0})
                         .build();
  const auto answer = std::get<RouteAnswer>(read_message(bytes, true).event.value());
  EXPECT_EQ(answer.sequence, 42U);
  EXPECT_TRUE(answer.unicast);
  EXPECT_EQ(answer.route.interface_index, 5U);
  EXPECT_EQ(answer.route.gateway, IpAddress::v4(192, 0, 2, 254));
  EXPECT_EQ(answer.route.mtu, 1400U);
}

TEST(NetlinkMessage, Ipv4RouteByWayOfAnIpv6Neighbour) {
  std::vector<std::uint8_t> via(18);
  via[0] = AF_INET6;
  via[2] = 0xfe;
  via[3] = 0x80;
  via[17] = 2;
  const auto bytes = Builder(RTM_NEWROUTE, route_head(RTN_UNICAST)).attribute(RTA_VIA, via).build();
  EXPECT_EQ(std::get<RouteAnswer>(read_message(bytes, true).event.value()).route.gateway,
            IpAddress::parse("fe80::2").value());
}

TEST(NetlinkMessage, OwnAddressIsNoUnicastRoute) {
  const auto bytes = Builder(RTM_NEWROUTE, route_head(RTN_LOCAL)).build();
  EXPECT_FALSE(std::get<RouteAnswer>(read_message(bytes, true).event.value()).unicast);
}

TEST(NetlinkMessage, RouteAsNewsIsATopologyChange) {
  const auto bytes = Builder(RTM_NEWROUTE, route_head(RTN_UNICAST)).build();
  EXPECT_TRUE(std::holds_alternative<TopologyChange>(read_message(bytes, false).event.value()));
}

TEST(NetlinkMessage, VanishedLinkIsNamed) {
  ifinfomsg head{};
  head.ifi_index = 9;
  const auto change = std::get<TopologyChange>(read_message(Builder(RTM_DELLINK, head).build(), false).event.value());
  EXPECT_TRUE(change.link_gone);
  EXPECT_EQ(change.interface_index, 9U);
}

TEST(NetlinkMessage, AcknowledgementCarriesTheError) {
  nlmsgerr head{};
  head.error = -17;
  const auto bytes = Builder(NLMSG_ERROR, head, 3).build();
  const auto answer = std::get<Acknowledgement>(read_message(bytes, true).event.value());
  EXPECT_EQ(answer.error, -17);
  EXPECT_EQ(answer.sequence, 3U);
}

TEST(NetlinkMessage, EveryCutIsRefusedOrHarmless) {
  const auto whole = neighbour_message(RTM_NEWNEIGH, NUD_REACHABLE);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(message_length(cut), 0U) << length;
    read_message(cut, false);
  }
}

TEST(NetlinkMessage, AttributeLongerThanTheMessageIsMalformed) {
  auto bytes = neighbour_message(RTM_NEWNEIGH, NUD_REACHABLE);
  bytes[sizeof(nlmsghdr) + sizeof(ndmsg)] = 200;
  EXPECT_FALSE(read_message(bytes, false).well_formed);
}

std::vector<std::uint8_t> with_attributes(std::size_t unknown) {
  Builder builder(RTM_NEWNEIGH, neighbour_head(NUD_REACHABLE));
  for (std::size_t i = 0; i < unknown; ++i) builder.attribute(99, {});
  return builder.attribute(NDA_DST, {192, 0, 2, 9}).build();
}

TEST(NetlinkMessage, LooksAtTheNamedNumberOfAttributesAndNoFurther) {
  EXPECT_TRUE(read_message(with_attributes(kMaxAttributes - 1), false).event);
  EXPECT_FALSE(read_message(with_attributes(kMaxAttributes), false).event);
}

TEST(NetlinkMessage, LooksAtTheNamedNumberOfMessagesAndNoFurther) {
  const auto one = neighbour_message(RTM_NEWNEIGH, NUD_REACHABLE);
  std::vector<std::uint8_t> datagram;
  for (std::size_t i = 0; i < kMaxMessages + 1; ++i) datagram.insert(datagram.end(), one.begin(), one.end());
  std::size_t count = 0;
  EXPECT_TRUE(read_datagram(datagram, false, [&](const NetlinkEvent&) { ++count; }));
  EXPECT_EQ(count, kMaxMessages);
}

}  // namespace
}  // namespace isthmus::agent
