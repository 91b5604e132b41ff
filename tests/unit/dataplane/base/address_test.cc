#include "dataplane/base/address.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace isthmus {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  for (const std::string text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::1", "::"}) {
    auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  EXPECT_EQ(IpAddress::parse("[2001:db8::1]"), IpAddress::parse("2001:db8::1"));
}

TEST(IpAddress, RefusesWhatIsNotNumeric) {
  for (const std::string text : {"", "localhost", "192.0.2", "192.0.2.256", "2001:db8::1%eth0", "1.2.3.4.5", "[]"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string(10'000, '1')));
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, KnowsItsSpecialRanges) {
  EXPECT_TRUE(IpAddress::parse("127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("169.254.1.1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("fe80::1")->is_link_local());
  EXPECT_TRUE(IpAddress::parse("224.0.0.1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("255.255.255.255")->is_broadcast());
  EXPECT_FALSE(IpAddress::parse("192.0.2.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("2001:db8::1")->is_link_local());
}

TEST(SocketAddress, RoundTripsAndRefusesBadPorts) {
  for (const std::string text : {"192.0.2.1:5060", "[2001:db8::1]:65535", "0.0.0.0:0"}) {
    auto address = SocketAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), text);
  }
  for (const std::string text :
       {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "2001:db8::1:5060", ":1", ""}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
}

TEST(SocketAddress, HashSpreadsNeighbouringPorts) {
  std::unordered_set<std::size_t> hashes;
  for (std::uint16_t port = 56000; port <= 57000; ++port) {
    hashes.insert(std::hash<SocketAddress>{}({IpAddress::v4(192, 0, 2, 1), port}));
  }
  EXPECT_EQ(hashes.size(), 1001U);
}

}  // namespace
}  // namespace isthmus
