#include "dataplane/base/ip_prefix.h"

#include <gtest/gtest.h>

namespace isthmus {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

TEST(IpPrefix, ParsesAndMasks) {
  EXPECT_EQ(to_string(IpPrefix::parse("10.10.2.1/16").value()), "10.10.0.0/16");
  EXPECT_EQ(to_string(IpPrefix::parse("10.10.2.1").value()), "10.10.2.1/32");
  EXPECT_EQ(to_string(IpPrefix::parse("2001:db8:ffff::1/33").value()), "2001:db8:8000::/33");
  EXPECT_EQ(to_string(IpPrefix::parse("10.1.2.3/0").value()), "0.0.0.0/0");
  for (const char* bad :
       {"10.0.0.0/33", "2001:db8::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/256", "host/8", ""}) {
    EXPECT_FALSE(IpPrefix::parse(bad)) << bad;
  }
}

TEST(IpPrefix, Contains) {
  const IpPrefix prefix = IpPrefix::parse("10.10.0.0/15").value();
  EXPECT_TRUE(prefix.contains(ip("10.11.255.255")));
  EXPECT_FALSE(prefix.contains(ip("10.12.0.0")));
  EXPECT_FALSE(prefix.contains(ip("2001:db8::1")));
  EXPECT_TRUE(IpPrefix::of(ip("2001:db8::1")).contains(ip("2001:db8::1")));
  EXPECT_FALSE(IpPrefix::of(ip("2001:db8::1")).contains(ip("2001:db8::2")));
}

}  // namespace
}  // namespace isthmus
