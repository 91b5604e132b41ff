// How packets are marked (R77): set, copied or mapped for each leg, RTP and RTCP, in both families.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/video.h"

namespace isthmus::test {
namespace {

using contract::DscpRule;

constexpr std::uint8_t kExpedited = 46;  // EF, RFC 3246
constexpr std::uint8_t kAssured = 34;    // AF41, RFC 2597

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

/// Side A in one family, B in the other one where they differ.
struct Families {
  const char* name;
  IpFamily a;
  IpFamily b;
};

class Dscp : public testing::TestWithParam<Families> {
 protected:
  SocketAddress peer(std::size_t side) const {
    const bool v4 = (side == 0 ? GetParam().a : GetParam().b) == IpFamily::kV4;
    return side == 0 ? at(v4 ? "192.0.2.10:4000" : "[2001:db8:a::10]:4000")
                     : at(v4 ? "198.51.100.20:5000" : "[2001:db8:b::20]:5000");
  }
  contract::SessionSpec spec() const {
    contract::SessionSpec made = bench_.spec();
    for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
      contract::LegSpec& leg = made.streams[0].leg[side];
      leg.family = peer(side).ip.family;
      leg.remote_rtp = peer(side);
    }
    return made;
  }
  void open(const contract::SessionSpec& wanted) { state_ = bench_.open(wanted); }
  const contract::LegState& leg(std::size_t side) const { return state_.streams[0].leg[side]; }

  /// The mark of A's next packet as B gets it.
  int through(std::uint8_t mark) {
    ++sequence_;
    const Payload packet = make_rtp(0, sequence_, sequence_ * 160U, 7, 33);
    const auto sent = bench_.run({make_frame(peer(0), leg(0).local_rtp, packet, mark)});
    if (sent.size() != 1) return -1;
    EXPECT_TRUE(sent[0].good_checksums);
    return sent[0].dscp;
  }
  /// Of the next report to B.
  int report() {
    const SocketAddress to{peer(1).ip, static_cast<std::uint16_t>(peer(1).port + 1)};
    for (const Sent& sent : bench_.pass_ms(8000)) {
      EXPECT_TRUE(sent.good_checksums);
      if (sent.to == to) return sent.dscp;
    }
    return -1;
  }
  void TearDown() override { EXPECT_TRUE(bench_.balanced()); }

  RelayBench bench_;
  contract::SessionState state_;
  std::uint16_t sequence_ = 0;
};

TEST_P(Dscp, IsSet) {
  auto wanted = spec();
  wanted.streams[0].leg[1].dscp = kExpedited;
  open(wanted);
  for (const int mark : {0, 8, 63}) EXPECT_EQ(through(static_cast<std::uint8_t>(mark)), kExpedited);
  EXPECT_EQ(report(), kExpedited);
}

TEST_P(Dscp, IsCopiedToMediaAndToReportsBesideIt) {
  auto wanted = spec();
  wanted.streams[0].leg[1].dscp = kExpedited;
  wanted.streams[0].leg[1].dscp_rule = DscpRule::kCopy;
  open(wanted);
  EXPECT_EQ(report(), kExpedited);  // nothing came to copy from
  for (int mark = 0; mark < 64; ++mark) EXPECT_EQ(through(static_cast<std::uint8_t>(mark)), mark);
  EXPECT_EQ(through(10), 10);
  EXPECT_EQ(report(), 10);
}

TEST_P(Dscp, IsMappedAndSetWhereTheMapHasNothing) {
  auto wanted = spec();
  wanted.streams[0].leg[1].dscp = 8;
  wanted.streams[0].leg[1].dscp_rule = DscpRule::kMap;
  wanted.streams[0].leg[1].dscp_map = {{kExpedited, 40}, {0, 63}};
  open(wanted);
  EXPECT_EQ(through(kExpedited), 40);
  EXPECT_EQ(report(), 40);
  EXPECT_EQ(through(0), 63);
  EXPECT_EQ(through(kAssured), 8);
}

TEST_P(Dscp, OfOneLegIsNotTheOtherOnes) {
  auto wanted = spec();
  wanted.streams[0].leg[0].dscp_rule = DscpRule::kCopy;
  wanted.streams[0].leg[1].dscp = kExpedited;
  open(wanted);
  EXPECT_EQ(through(12), kExpedited);
  const auto back = bench_.run({make_frame(peer(1), leg(1).local_rtp, make_rtp(0, 1, 2, 9), kAssured)});
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].dscp, kAssured);
}

TEST_P(Dscp, FollowsAnUpdate) {
  auto wanted = spec();
  wanted.streams[0].leg[1].dscp = kExpedited;
  open(wanted);
  EXPECT_EQ(through(12), kExpedited);
  wanted.revision = 2;
  wanted.streams[0].leg[1].dscp_rule = DscpRule::kCopy;
  bench_.update(wanted);
  EXPECT_EQ(through(12), 12);
  wanted.revision = 3;
  wanted.streams[0].leg[1].dscp_rule = DscpRule::kSet;
  wanted.streams[0].leg[1].dscp = 0;
  bench_.update(wanted);
  EXPECT_EQ(through(12), 0);
  EXPECT_EQ(report(), 0);
}

INSTANTIATE_TEST_SUITE_P(Families, Dscp,
                         testing::Values(Families{"V4", IpFamily::kV4, IpFamily::kV4},
                                         Families{"V6", IpFamily::kV6, IpFamily::kV6},
                                         Families{"V4ToV6", IpFamily::kV4, IpFamily::kV6},
                                         Families{"V6ToV4", IpFamily::kV6, IpFamily::kV4}),
                         [](const auto& test) { return std::string(test.param.name); });

// What the adapt stage makes of a packet is marked like it, also after waiting for the end of its picture.
TEST(DscpOfVideo, IsThatOfThePacketItWasMadeOf) {
  VideoBench bench([](contract::StreamSpec& stream) {
    stream.leg[0].dscp_rule = DscpRule::kCopy;
    stream.leg[0].video.max_payload_bytes = 500;
  });
  Payload nal(1200, 9);
  nal[0] = 0x65;
  const auto sent = bench.send(1, 1, 0, true, nal, kAssured);
  ASSERT_GE(sent.size(), 4U);  // a PACSI and the fragments
  for (const VideoPacket& one : sent) EXPECT_EQ(one.dscp, kAssured);
  EXPECT_TRUE(bench.clean());
}

}  // namespace
}  // namespace isthmus::test
