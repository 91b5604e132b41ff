#include <gtest/gtest.h>

#include "dataplane/agent/next_hops.h"

namespace isthmus::agent {
namespace {

constexpr MacAddress kWide{2, 0, 0, 0, 0, 1};
constexpr MacAddress kNarrow{2, 0, 0, 0, 0, 2};
constexpr MacAddress kHost{2, 0, 0, 0, 0, 3};
constexpr MacAddress kOurs{2, 0, 0, 0, 0, 9};

class StaticNextHopsTest : public testing::Test {
 protected:
  StaticNextHopsTest() {
    networks_[1].next_hops = {{*IpPrefix::parse("10.0.0.0/8"), kWide},
                              {*IpPrefix::parse("10.1.2.128/25"), kNarrow},
                              {*IpPrefix::parse("2001:db8::7"), kHost}};
    ports_[1].mac = kOurs;
    ports_[1].mtu = 1400;
  }
  session::NextHopValue ask(const char* remote, std::uint16_t network = 1) {
    session::NextHop hop;
    hops_.wanted({network, {}, *IpAddress::parse(remote)}, hop);
    return hop.value();
  }

  std::vector<io::Network> networks_{2};
  std::vector<io::PortInfo> ports_{2};
  StaticNextHops hops_{networks_, ports_};
};

TEST_F(StaticNextHopsTest, TheLongestPrefixCounts) {
  EXPECT_EQ(ask("10.1.2.127").destination_mac, kWide);
  EXPECT_EQ(ask("10.1.2.128").destination_mac, kNarrow);
  EXPECT_EQ(ask("10.1.3.0").destination_mac, kWide);
  EXPECT_EQ(ask("2001:db8::7").destination_mac, kHost);
}

TEST_F(StaticNextHopsTest, LeavesByThePortOfTheNetworkWithOurMacAndMtu) {
  const session::NextHopValue value = ask("10.9.9.9");
  EXPECT_TRUE(value.valid);
  EXPECT_EQ(value.io_port, 1);
  EXPECT_EQ(value.source_mac, kOurs);
  EXPECT_EQ(value.mtu, 1400);
}

TEST_F(StaticNextHopsTest, WhatNoneCoversHasNoRoute) {
  EXPECT_FALSE(ask("11.0.0.1").valid);
  EXPECT_FALSE(ask("2001:db8::6").valid);
  EXPECT_FALSE(ask("10.1.2.3", 0).valid);
  EXPECT_FALSE(ask("10.1.2.3", 7).valid);
}

TEST_F(StaticNextHopsTest, APrefixOfNoBitsIsForAllOfItsFamily) {
  networks_[0].next_hops = {{{*IpAddress::parse("0.0.0.0"), 0}, kWide}};
  EXPECT_TRUE(ask("203.0.113.1", 0).valid);
  EXPECT_FALSE(ask("::1", 0).valid);
}

}  // namespace
}  // namespace isthmus::agent
