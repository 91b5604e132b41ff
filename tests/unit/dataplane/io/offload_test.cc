#if ISTHMUS_DPDK

// Checksums and devices: the verdict on those of what came, and those that are asked for of what is sent. A ring gives
// frames back as they went to the driver.

#include <gtest/gtest.h>
#include <rte_ethdev.h>
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
#include "dataplane/wire/udp_frame.h"
#include "dataplane/wire/vlan_tag.h"

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

/// A device that gives back what is sent, on an empty pool.
class RingDevice : public testing::Test {
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

  rte_mempool* pool_ = nullptr;
  std::optional<Port> port_;
  std::unique_ptr<DpdkIo> io_;
};

class BadSum : public RingDevice {
 protected:
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

// ---- on sending ----

struct AskedCase {
  const char* name;
  bool v6;
  std::uint16_t vlan;
};

class AskedSums : public RingDevice, public testing::WithParamInterface<AskedCase> {
 protected:
  /// A packet of five octets with a checksum that is wrong, as it came to the driver. The caller frees it.
  rte_mbuf* sent(bool makes_sums) {
    WorkerPort entry;
    entry.number = port_->number();
    entry.vlan = GetParam().vlan;
    entry.makes_sums = makes_sums;
    io_ = std::make_unique<DpdkIo>(0, std::vector<WorkerPort>{entry}, pool_, std::vector<OutgoingRing*>{});
    EXPECT_EQ(io_->ports_with_sums(), makes_sums ? 1U : 0U);
    const char* from = GetParam().v6 ? "[2001:db8::1]:56000" : "192.0.2.1:56000";
    const char* to = GetParam().v6 ? "[2001:db8::2]:4000" : "192.0.2.2:4000";
    const wire::HeaderTemplate made = wire::make_template(*SocketAddress::parse(from), *SocketAddress::parse(to), 46);
    Frame frame = io_->allocate();
    std::memcpy(frame.data, made.bytes.data(), made.header_bytes);
    std::memcpy(frame.data + made.header_bytes, "\x80\x7f\xff\x01\xfe", 5);
    constexpr std::uint64_t kWrong = 0x1234;
    GetParam().v6 ? wire::finish_v6(frame.data, 5, made.udp_sum, kWrong)
                  : wire::finish_v4(frame.data, 5, made.ip_sum, made.udp_sum, kWrong);
    frame.length = static_cast<std::uint16_t>(made.header_bytes + 5);
    Burst burst;
    burst.add(frame);
    EXPECT_EQ(io_->send(burst), 0U);
    rte_mbuf* mbuf = nullptr;
    EXPECT_EQ(rte_eth_rx_burst(port_->number(), 0, &mbuf, 1), 1);
    return mbuf;
  }
  std::size_t ip_bytes() const { return GetParam().v6 ? wire::kIpv6Bytes : wire::kIpv4Bytes; }
  std::size_t ip_at() const { return wire::kEthernetBytes + (GetParam().vlan != 0 ? wire::kVlanTagBytes : 0); }
};

/// What a device does: it sums UDP header and payload with what stands in the checksum's place, and puts the complement
/// there. Right is what then sums to ones with the pseudo header (RFC 768).
TEST_P(AskedSums, TheDeviceGoesOnFromThePseudoHeader) {
  rte_mbuf* mbuf = sent(true);
  ASSERT_NE(mbuf, nullptr);
  const std::uint64_t family = GetParam().v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
  EXPECT_EQ(mbuf->ol_flags, RTE_MBUF_F_TX_UDP_CKSUM | family);
  EXPECT_EQ(mbuf->l2_len, ip_at());
  EXPECT_EQ(mbuf->l3_len, ip_bytes());
  auto* const ip = rte_pktmbuf_mtod_offset(mbuf, std::uint8_t*, mbuf->l2_len);
  std::uint8_t* const udp = ip + mbuf->l3_len;
  const std::uint16_t by_device = wire::udp_checksum(wire::sum_words_plain(udp, wire::kUdpBytes + 5));
  std::memcpy(udp + 6, &by_device, sizeof by_device);
  const std::size_t address_bytes = GetParam().v6 ? 32 : 8;
  const std::uint64_t pseudo = wire::sum_words_plain(udp - address_bytes, address_bytes) +
                               (std::uint64_t{wire::kProtocolUdp} << 8U) + __builtin_bswap16(wire::kUdpBytes + 5);
  EXPECT_EQ(wire::fold_sum(pseudo + wire::sum_words_plain(udp, wire::kUdpBytes + 5)), 0xffff);
  rte_pktmbuf_free(mbuf);
}

TEST_P(AskedSums, NothingIsAskedOfADeviceThatDoesNot) {
  rte_mbuf* mbuf = sent(false);
  ASSERT_NE(mbuf, nullptr);
  EXPECT_EQ(mbuf->ol_flags, 0U);
  rte_pktmbuf_free(mbuf);
}

INSTANTIATE_TEST_SUITE_P(All, AskedSums,
                         testing::Values(AskedCase{"V4", false, 0}, AskedCase{"V6", true, 0},
                                         AskedCase{"TaggedV4", false, 7}, AskedCase{"TaggedV6", true, 7}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace isthmus::io::dpdk

#endif
