#include "dataplane/io/pool_filter.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "dataplane/base/bytes.h"

namespace isthmus::io {
namespace {

constexpr MacAddress kMac{2, 0, 0, 0, 0, 1};
using Bytes100 = std::array<std::uint8_t, 100>;

std::vector<Network> networks() {
  Network network;
  network.name = "a";
  network.addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")};
  return {network};
}

class PoolFilterTest : public testing::Test {
 protected:
  bool takes(const Bytes100& frame, std::size_t length = 100) {
    return is_pool_packet(frame.data(), length, kMac, pools_);
  }
  static Bytes100 v4(std::uint16_t port = 56000, std::uint16_t fragment = 0) {
    Bytes100 frame{};
    std::memcpy(frame.data(), kMac.data(), 6);
    store_be16(&frame[12], 0x0800);
    frame[14] = 0x45;
    store_be16(&frame[20], fragment);
    frame[23] = 17;
    std::memcpy(&frame[30], networks()[0].addresses[0].bytes.data(), 4);
    store_be16(&frame[36], port);
    return frame;
  }
  static Bytes100 v6(bool fragmented = false, std::uint16_t offset = 0) {
    Bytes100 frame{};
    std::memcpy(frame.data(), kMac.data(), 6);
    store_be16(&frame[12], 0x86dd);
    frame[14] = 0x60;
    frame[20] = fragmented ? 44 : 17;
    std::memcpy(&frame[38], networks()[0].addresses[1].bytes.data(), 16);
    if (fragmented) {
      frame[54] = 17;
      store_be16(&frame[56], static_cast<std::uint16_t>(unsigned{offset} << 3U | 1U));  // more follow
    }
    store_be16(&frame[fragmented ? 64 : 56], 57000);
    return frame;
  }

  std::vector<Network> networks_ = networks();
  PortSlots pools_{networks_};
};

TEST_F(PoolFilterTest, TakesUdpForAPool) {
  EXPECT_TRUE(takes(v4()));
  EXPECT_TRUE(takes(v4(57000)));
  EXPECT_TRUE(takes(v6()));
}

TEST_F(PoolFilterTest, LeavesWhatIsTheKernels) {
  EXPECT_FALSE(takes(v4(5060)));
  EXPECT_FALSE(takes(v4(57001)));
  for (const std::size_t at : {std::size_t{0}, std::size_t{13}, std::size_t{14}, std::size_t{23}, std::size_t{33}}) {
    Bytes100 frame = v4();
    frame[at] ^= 2U;  // MAC, type, IPv4 options, protocol, address
    EXPECT_FALSE(takes(frame)) << at;
  }
}

TEST_F(PoolFilterTest, TakesTheFirstFragmentAloneForItHasThePorts) {
  EXPECT_TRUE(takes(v4(56000, 0x2000)));
  EXPECT_FALSE(takes(v4(5060, 0x2000)));
  EXPECT_FALSE(takes(v4(56000, 0x2001)));
  EXPECT_FALSE(takes(v4(56000, 0x0001)));
  EXPECT_TRUE(takes(v6(true)));
  EXPECT_FALSE(takes(v6(true, 1)));
}

TEST_F(PoolFilterTest, CutFramesAreLeft) {
  for (std::size_t length = 0; length < 42; ++length) EXPECT_FALSE(takes(v4(), length)) << length;
  EXPECT_TRUE(takes(v4(), 42));
  for (std::size_t length = 0; length < 62; ++length) EXPECT_FALSE(takes(v6(), length)) << length;
  EXPECT_TRUE(takes(v6(), 62));
  for (std::size_t length = 0; length < 70; ++length) EXPECT_FALSE(takes(v6(true), length)) << length;
  EXPECT_TRUE(takes(v6(true), 70));
}

}  // namespace
}  // namespace isthmus::io
