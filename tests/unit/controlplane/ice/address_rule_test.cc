#include "controlplane/ice/address_rule.h"

#include <gtest/gtest.h>

namespace isthmus::ice {
namespace {

bool allowed(const char* address, bool loopback = false) {
  AddressRule rule;
  rule.allow_loopback = loopback;
  rule.ours = {SocketAddress::parse("10.9.9.9:5061").value(), {IpAddress::v4(10, 9, 9, 8), 0}};
  return may_check(rule, SocketAddress::parse(address).value());
}

TEST(AddressRule, TakesUnicast) {
  for (const char* address :
       {"10.0.0.1:5000", "192.0.2.1:1", "8.8.8.8:65535", "[2001:db8::1]:5000", "[fd00::1]:5000"}) {
    EXPECT_TRUE(allowed(address)) << address;
  }
}

TEST(AddressRule, RefusesWhatIsNoPeer) {
  for (const char* address :
       {"127.0.0.1:5000", "0.0.0.0:5000", "0.1.2.3:5000", "169.254.1.1:5000", "224.0.0.1:5000", "255.255.255.255:5000",
        "240.0.0.1:5000", "10.0.0.1:0", "[::1]:5000", "[::]:5000", "[fe80::1]:5000", "[ff02::1]:5000"}) {
    EXPECT_FALSE(allowed(address)) << address;
  }
}

TEST(AddressRule, LooksIntoMappedAndTranslatedForms) {
  for (const char* address : {"[::ffff:127.0.0.1]:5000", "[::ffff:224.0.0.1]:5000", "[64:ff9b::7f00:1]:5000",
                              "[2002:7f00:1::1]:5000", "[::ffff:10.9.9.9]:5061", "[::10.9.9.8]:77"}) {
    EXPECT_FALSE(allowed(address)) << address;
  }
  EXPECT_TRUE(allowed("[::ffff:10.0.0.1]:5000"));
  EXPECT_TRUE(allowed("[64:ff9b::a00:1]:5000"));
}

TEST(AddressRule, RefusesOurOwnListeners) {
  EXPECT_FALSE(allowed("10.9.9.9:5061"));
  EXPECT_TRUE(allowed("10.9.9.9:5062"));
  EXPECT_FALSE(allowed("10.9.9.8:1"));
}

TEST(AddressRule, LoopbackIsForLaboratories) {
  EXPECT_TRUE(allowed("127.0.0.1:5000", true));
  EXPECT_TRUE(allowed("[::1]:5000", true));
  EXPECT_TRUE(allowed("[::ffff:127.0.0.1]:5000", true));
}

}  // namespace
}  // namespace isthmus::ice
