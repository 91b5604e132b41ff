// UDP checksums of what leaves: ours, or the device's where the io layer says so.

#include <gtest/gtest.h>

#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

/// One packet each way through a relay whose io port `device` makes the checksums; A is behind port 0, B behind 1.
std::array<bool, 2> good_sums(std::uint64_t ports_with_sums) {
  RelayBench bench(RelayBench::default_networks(), {}, 1, crypto::make_ipsec_mb_engine(), ports_with_sums);
  const contract::SessionSpec spec = bench.spec();
  const contract::SessionState state = bench.open(spec);
  std::array<bool, 2> good{};
  for (const std::size_t from : {std::size_t{0}, std::size_t{1}}) {
    const SocketAddress peer = *spec.streams[0].leg[from].remote_rtp;
    const auto sent = bench.send(peer, state.streams[0].leg[from].local_rtp, make_rtp(0, 1, 160, 7));
    EXPECT_EQ(sent.size(), 1U);
    if (sent.size() != 1) return good;
    EXPECT_EQ(sent[0].port, 1 - from);
    good[1 - from] = sent[0].good_checksums;
  }
  EXPECT_TRUE(bench.balanced());
  return good;
}

using Good = std::array<bool, 2>;

TEST(SentSums, AreMadeWhereNoDeviceDoes) { EXPECT_EQ(good_sums(0), (Good{true, true})); }

TEST(SentSums, AreLeftToTheDeviceOfThePortThatAPacketLeavesBy) {
  EXPECT_EQ(good_sums(0b01), (Good{false, true}));
  EXPECT_EQ(good_sums(0b10), (Good{true, false}));
  EXPECT_EQ(good_sums(0b11), (Good{false, false}));
}

}  // namespace
}  // namespace isthmus::test
