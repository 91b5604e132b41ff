#if ISTHMUS_DPDK

// The verdict of a device on checksums: frames that a ring gives back, with the flags that a driver would set.

#include <gtest/gtest.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/io/dpdk/dpdk_io.h"
#include "dataplane/io/dpdk/eal.h"
#include "dataplane/io/dpdk/frame_pool.h"
#include "dataplane/io/dpdk/port.h"

namespace isthmus::io::dpdk {
namespace {

constexpr std::uint64_t kBadFlags = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD;

/// Ethernet, IPv4 or IPv6, UDP without payload.
std::vector<std::uint8_t> packet(bool v6, std::uint16_t udp_sum) {
  std::vector<std::uint8_t> bytes(v6 ? 62 : 42);
  store_be16(&bytes[12], v6 ? 0x86dd : 0x0800);
  bytes[14] = v6 ? 0x60 : 0x45;
  store_be16(&bytes[v6 ? 18 : 16], v6 ? 8 : 28);
  bytes[v6 ? 20 : 23] = 17;
  const std::size_t udp = v6 ? 54 : 34;
  store_be16(&bytes[udp + 4], 8);
  store_be16(&bytes[udp + 6], udp_sum);
  return bytes;
}

class BadSum : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Once a process: it may have been another test of this program.
    static_cast<void>(start_eal({96, false, {}}));
  }
  void SetUp() override {
    auto pool = make_frame_pool(1023, RTE_PKTMBUF_HEADROOM + 2048);
    ASSERT_TRUE(pool) << to_string(pool.error());
    pool_ = *pool;
    PortSettings settings;
    settings.device = "net_ring70";
    auto port = Port::open(settings, pool_);
    ASSERT_TRUE(port) << to_string(port.error());
    port_.emplace(std::move(*port));
  }
  void TearDown() override {
    io_.reset();
    port_.reset();
    rte_mempool_free(pool_);
  }
  /// Whether a packet with these flags is received.
  bool passes(const std::vector<std::uint8_t>& bytes, std::uint64_t flags, std::uint64_t believed = kBadFlags) {
    WorkerPort entry;
    entry.number = port_->number();
    entry.receive_queues = {0};
    entry.bad_sum_flags = believed;
    io_ = std::make_unique<DpdkIo>(0, std::vector<WorkerPort>{entry}, pool_, std::vector<OutgoingRing*>{});
    Frame frame = io_->allocate();
    std::memcpy(frame.data, bytes.data(), bytes.size());
    frame.length = static_cast<std::uint16_t>(bytes.size());
    static_cast<rte_mbuf*>(frame.handle)->ol_flags = flags;
    Burst burst;
    burst.add(frame);
    EXPECT_EQ(io_->send(burst), 0U);
    io_->receive(burst);
    const std::size_t came = burst.count;
    for (std::size_t i = 0; i < came; ++i) io_->release(burst.frames[i]);
    EXPECT_EQ(io_->counters().bad_checksum, 1 - came);
    EXPECT_EQ(rte_mempool_in_use_count(pool_), 0U);  // freed, either way
    return came == 1;
  }

  rte_mempool* pool_ = nullptr;
  std::optional<Port> port_;
  std::unique_ptr<DpdkIo> io_;
};

TEST_F(BadSum, WhatTheDeviceCallsBadIsDroppedAndCounted) {
  for (const bool v6 : {false, true}) {
    EXPECT_FALSE(passes(packet(v6, 0x1234), RTE_MBUF_F_RX_L4_CKSUM_BAD));
    EXPECT_TRUE(passes(packet(v6, 0x1234), RTE_MBUF_F_RX_L4_CKSUM_GOOD));
    EXPECT_TRUE(passes(packet(v6, 0x1234), 0));
  }
  EXPECT_FALSE(passes(packet(false, 0x1234), RTE_MBUF_F_RX_IP_CKSUM_BAD));
  EXPECT_FALSE(passes(packet(false, 0x1234), RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_GOOD));
  EXPECT_TRUE(passes(packet(false, 0x1234), RTE_MBUF_F_RX_IP_CKSUM_GOOD));
}

TEST_F(BadSum, BothHalvesOfAFlagAreNoVerdict) {
  EXPECT_TRUE(passes(packet(false, 0x1234), RTE_MBUF_F_RX_L4_CKSUM_NONE));
  EXPECT_TRUE(passes(packet(false, 0x1234), RTE_MBUF_F_RX_IP_CKSUM_NONE));
}

TEST_F(BadSum, ASumThatTheSenderLeftOutIsNotBad) {
  EXPECT_TRUE(passes(packet(false, 0), RTE_MBUF_F_RX_L4_CKSUM_BAD));
  EXPECT_FALSE(passes(packet(true, 0), RTE_MBUF_F_RX_L4_CKSUM_BAD));  // RFC 8200 8.1: not over IPv6
  EXPECT_FALSE(passes(packet(false, 0), RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_BAD));
}

TEST_F(BadSum, FlagsOfADeviceThatWasNotAskedAreNotBelieved) {
  EXPECT_TRUE(passes(packet(false, 0x1234), kBadFlags, 0));
}

}  // namespace
}  // namespace isthmus::io::dpdk

#endif
