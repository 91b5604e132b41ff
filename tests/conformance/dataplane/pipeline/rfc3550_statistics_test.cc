// RFC 3550 appendix A: the figures of reports, against the appendix's own algorithms run beside.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "dataplane/wire/rtcp.h"
#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

// A.8, word for word, with arrival in RTP units.
struct AppendixJitter {
  std::uint32_t transit = 0;
  double jitter = 0;
  bool first = true;
  void packet(std::uint32_t arrival, std::uint32_t timestamp) {
    const std::uint32_t now = arrival - timestamp;
    const int d = std::abs(static_cast<int>(now - transit));
    transit = now;
    if (first) {
      first = false;
      return;
    }
    jitter += (1. / 16.) * (d - jitter);
  }
};

class Rfc3550 : public testing::Test {
 protected:
  const SocketAddress peer_ = at("192.0.2.10:4000");
  RelayBench bench_;
  contract::SessionState state_ = bench_.open(bench_.spec());
  const SocketAddress in_ = state_.streams[0].leg[0].local_rtp;

  contract::LegStats stats() { return bench_.table.stats({1})->streams[0].leg[0]; }
  void packet(std::uint16_t sequence, std::uint32_t timestamp = 0) {
    bench_.send(peer_, in_, make_rtp(0, sequence, timestamp, 77));
  }
};

TEST_F(Rfc3550, A8_JitterFollowsTheAppendix) {
  SeededRandom random(5);
  AppendixJitter appendix;
  for (std::uint16_t i = 0; i < 400; ++i) {
    const std::uint64_t wait_ns = 15'000'000 + random.below(10'000'000);
    bench_.now.monotonic_ns += wait_ns;
    const auto arrival = static_cast<std::uint32_t>(static_cast<double>(bench_.now.monotonic_ns) * 8000 / 1e9);
    packet(i, i * 160U);
    appendix.packet(arrival, i * 160U);
  }
  EXPECT_NEAR(stats().jitter_ms, appendix.jitter / 8, 0.15);
  EXPECT_GT(stats().jitter_ms, 1);
}

TEST_F(Rfc3550, A8_SteadyPacketsHaveNoJitter) {
  for (std::uint16_t i = 0; i < 100; ++i) {
    bench_.now.monotonic_ns += 20 * session::kNsPerMs;
    packet(i, i * 160U);
  }
  EXPECT_LT(stats().jitter_ms, 0.2);
}

TEST_F(Rfc3550, A1_CyclesCountIntoTheExtendedNumber) {
  for (std::uint32_t i = 0; i < 70'000; i += 100) packet(static_cast<std::uint16_t>(60'000 + i));
  // 60,000 up to 129,900, of which every hundredth came.
  EXPECT_EQ(stats().packets_received, 700U);
  EXPECT_EQ(stats().packets_lost, 69'901 - 700);
}

TEST_F(Rfc3550, A1_LateAndDoublePacketsAreNoRestart) {
  for (const int sequence : {1000, 1002, 1001, 1001, 1003}) packet(static_cast<std::uint16_t>(sequence));
  EXPECT_EQ(stats().packets_lost, -1);  // A.3: duplicates count as received
}

TEST_F(Rfc3550, A1_AJumpBeyondMaxDropoutIsARestart) {
  packet(1000);
  packet(1001);
  packet(1001 + 2999);  // MAX_DROPOUT - 1: still a gap
  EXPECT_EQ(stats().packets_lost, 2998);
  packet(20'000);
  packet(20'001);
  EXPECT_EQ(stats().packets_lost, 2998);  // nothing is counted as lost over the restart
  EXPECT_EQ(stats().packets_received, 5U);
}

TEST_F(Rfc3550, A3_FractionLostIsOfTheInterval) {
  const auto report = [&] {
    for (int i = 0; i < 100; ++i) {
      for (const Sent& sent : bench_.pass_ms(100)) {
        if (sent.to != at("192.0.2.10:4001")) continue;
        wire::RtcpReader reader(sent.payload);
        wire::RtcpPacket packet;
        while (reader.next(packet)) {
          if (const auto block = wire::read_report_block(packet, 0)) return *block;
        }
      }
    }
    return wire::ReportBlock{};
  };
  for (std::uint16_t i = 0; i < 100; ++i) {
    if (i % 4 != 1) packet(i);
  }
  auto block = report();
  EXPECT_EQ(block.fraction_lost, 64);
  EXPECT_EQ(block.cumulative_lost, 25);
  for (std::uint16_t i = 100; i < 200; ++i) packet(i);
  block = report();
  EXPECT_EQ(block.fraction_lost, 0);
  EXPECT_EQ(block.cumulative_lost, 25);
  EXPECT_EQ(block.highest_sequence, 199U);
}

TEST_F(Rfc3550, Section4_NtpTimestampsCountFrom1900) {
  EXPECT_EQ(wire::ntp_from_unix_ns(0) >> 32U, 2'208'988'800U);
  EXPECT_EQ(wire::ntp_from_unix_ns(500'000'000) & 0xffffffffU, 0x80000000U);
  EXPECT_EQ(wire::ntp_middle(0x1122334455667788U), 0x33445566U);
}

}  // namespace
}  // namespace isthmus::test
