#include "dataplane/session/next_hop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace isthmus::session {
namespace {

TEST(NextHop, GivesBackWhatWasSet) {
  NextHop hop;
  EXPECT_EQ(hop.version(), 0U);
  NextHopValue value;
  value.destination_mac = {1, 2, 3, 4, 5, 6};
  value.source_mac = {7, 8, 9, 10, 11, 12};
  value.io_port = kMaxIoPort;
  value.mtu = 9000;
  value.valid = true;
  hop.set(value);
  NextHopValue read;
  std::uint32_t version = 0;
  ASSERT_TRUE(hop.read(read, version));
  EXPECT_EQ(read, value);
  EXPECT_EQ(version, hop.version());
  hop.set(value);
  EXPECT_EQ(version, hop.version());  // an equal value is no change
  value.valid = false;
  hop.set(value);
  EXPECT_NE(version, hop.version());
}

TEST(NextHop, IsNeverReadTorn) {
  NextHop hop;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint16_t i = 1; i < 20'000; ++i) {
      NextHopValue value;
      value.destination_mac.fill(static_cast<std::uint8_t>(i));
      value.source_mac.fill(static_cast<std::uint8_t>(i));
      value.mtu = i;
      value.io_port = static_cast<std::uint16_t>(i & kMaxIoPort);
      hop.set(value);
    }
    done = true;
  });
  while (!done) {
    NextHopValue value;
    std::uint32_t version = 0;
    if (!hop.read(value, version) || version == 0) continue;
    ASSERT_EQ(value.destination_mac, value.source_mac);
    ASSERT_EQ(static_cast<std::uint8_t>(value.mtu), value.source_mac[0]);
    ASSERT_EQ(value.io_port, value.mtu & kMaxIoPort);
  }
  writer.join();
}

}  // namespace
}  // namespace isthmus::session
