#if ISTHMUS_DPDK

// Checksums that a device is asked for: frames that a ring gives back as they went to the driver.

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <cstring>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/io/dpdk/dpdk_io.h"
#include "dataplane/io/dpdk/eal.h"
#include "dataplane/io/dpdk/frame_pool.h"
#include "dataplane/io/dpdk/port.h"
#include "dataplane/wire/udp_frame.h"
#include "dataplane/wire/vlan_tag.h"

namespace isthmus::io::dpdk {
namespace {

struct AskedCase {
  const char* name;
  bool v6;
  std::uint16_t vlan;
};

class AskedSums : public testing::TestWithParam<AskedCase> {
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
    settings.device = "net_ring71";
    auto port = Port::open(settings, pool_);
    ASSERT_TRUE(port) << to_string(port.error());
    port_.emplace(std::move(*port));
  }
  void TearDown() override {
    io_.reset();
    port_.reset();
    rte_mempool_free(pool_);
  }
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

  rte_mempool* pool_ = nullptr;
  std::optional<Port> port_;
  std::unique_ptr<DpdkIo> io_;
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
