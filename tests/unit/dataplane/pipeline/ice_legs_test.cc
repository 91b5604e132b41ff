// Legs with ICE: which paths media may come by before and after nomination, and whose STUN has room. SSRCs that were
// announced, picture requests of the control plane.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/wire/rtcp.h"
#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

contract::IceSpec ice(bool nominated) {
  contract::IceSpec ice;
  ice.local_ufrag = "abcd";
  ice.remote_ufrag = "efgh";
  ice.local_password = ice.remote_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
  ice.nominated = nominated;
  return ice;
}

Payload stun_message() {
  Payload stun(28);
  store_be16(&stun[0], 1);
  store_be16(&stun[2], 8);
  store_be32(&stun[4], 0x2112A442);
  store_be16(&stun[20], 0x8022);
  store_be16(&stun[22], 4);
  return stun;
}

class IceLegs : public testing::Test {
 protected:
  const SocketAddress peer_a_ = at("192.0.2.10:4000");
  const SocketAddress peer_b_ = at("198.51.100.20:5000");
  const SocketAddress other_ = at("192.0.2.77:7777");  // another candidate of A
  const SocketAddress third_ = at("192.0.2.78:7778");
  RelayBench bench_;
  SrtpPeer peer_;  // on leg A
  contract::SessionSpec spec_ = bench_.spec();
  contract::SessionState state_;

  void open(bool nominated) {
    peer_.set_keys(contract::SrtpSuite::kAesCm128HmacSha1_80, 1, {1});
    contract::LegSpec& leg = spec_.streams[0].leg[0];
    leg.receive_key = peer_.send_key();
    leg.send_key = peer_.receive_key();
    leg.ice = ice(nominated);
    leg.source_rule = nominated ? contract::SourceRule::kSignalled : contract::SourceRule::kLatchAuthenticated;
    state_ = bench_.open(spec_);
  }
  void nominate(const SocketAddress& pair) {
    contract::LegSpec& leg = spec_.streams[0].leg[0];
    leg.source_rule = contract::SourceRule::kSignalled;
    leg.ice->nominated = true;
    leg.remote_rtp = pair;
    leg.remote_rtcp.reset();
    ++spec_.revision;
    bench_.update(spec_);
  }
  const SocketAddress& in(std::size_t side) const { return state_.streams[0].leg[side].local_rtp; }
  std::vector<Sent> from_a(const SocketAddress& source, std::uint16_t sequence) {
    return bench_.send(source, in(0), peer_.protect(make_rtp(0, sequence, sequence * 160U, 3)));
  }
  SocketAddress to_a(std::uint16_t sequence) {
    const auto sent = bench_.send(peer_b_, in(1), make_rtp(0, sequence, sequence * 160U, 9));
    return sent.empty() ? SocketAddress{} : sent[0].to;
  }

  void TearDown() override {
    EXPECT_TRUE(bench_.balanced());
    EXPECT_EQ(bench_.io.outstanding(), 0U);
  }
};

TEST_F(IceLegs, BeforeNominationMediaComesByAnyPathThatAuthenticatesAndGoesToTheFirst) {
  open(false);
  EXPECT_EQ(from_a(other_, 1).size(), 1U);
  EXPECT_EQ(from_a(third_, 2).size(), 1U) << "the peer may change its mind before it nominates";
  EXPECT_EQ(to_a(1), other_);
  EXPECT_TRUE(bench_.send(third_, in(0), make_rtp(0, 3, 480, 3)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kSrtpAuthFailed), 1U);
  EXPECT_EQ(bench_.dropped(DropReason::kWrongSource), 0U);
}

TEST_F(IceLegs, TwoPathsInOneBurstAreBothTaken) {
  open(false);
  const auto sent = bench_.run({make_frame(other_, in(0), peer_.protect(make_rtp(0, 1, 160, 3))),
                                make_frame(third_, in(0), peer_.protect(make_rtp(0, 2, 320, 3)))});
  EXPECT_EQ(sent.size(), 2U);
  EXPECT_EQ(to_a(1), other_);
}

TEST_F(IceLegs, NominationLosesAndGapsNothing) {
  open(false);
  std::vector<Sent> sent;
  const auto take = [&](const SocketAddress& source, std::uint16_t sequence) {
    const auto some = from_a(source, sequence);
    sent.insert(sent.end(), some.begin(), some.end());
  };
  for (std::uint16_t i = 0; i < 20; ++i) take(other_, i);
  EXPECT_EQ(to_a(1), other_);
  for (std::uint16_t i = 20; i < 25; ++i) take(third_, i);  // the peer knows of the nomination first
  nominate(third_);
  EXPECT_EQ(to_a(2), third_);
  take(other_, 26);  // overtaken
  take(third_, 25);
  for (std::uint16_t i = 27; i < 40; ++i) take(third_, i);
  ASSERT_EQ(sent.size(), 40U);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].rtp().ssrc, sent[0].rtp().ssrc);
    const auto step = static_cast<std::uint16_t>(sent[i].rtp().sequence - sent[0].rtp().sequence);
    EXPECT_EQ(step, i == 25 ? 26 : i == 26 ? 25 : i);
  }
  EXPECT_EQ(to_a(3), third_);
}

TEST_F(IceLegs, AfterNominationOtherPathsEndWithinTwoSeconds) {
  open(false);
  EXPECT_EQ(from_a(other_, 1).size(), 1U);
  nominate(third_);
  bench_.pass_ms(1900);
  EXPECT_EQ(from_a(other_, 2).size(), 1U);
  EXPECT_EQ(to_a(1), third_);
  bench_.pass_ms(200);
  EXPECT_TRUE(from_a(other_, 3).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kWrongSource), 1U);
  EXPECT_EQ(from_a(third_, 4).size(), 1U);
}

TEST_F(IceLegs, WithoutKeysOtherPathsAreNeverTaken) {
  spec_.streams[0].leg[0].ice = ice(false);
  state_ = bench_.open(spec_);
  EXPECT_TRUE(bench_.send(other_, in(0), make_rtp(0, 1, 160, 3)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kWrongSource), 1U);
}

TEST_F(IceLegs, StunHasABudgetAndThePairOneOfItsOwn) {
  open(true);
  for (int i = 0; i < 20; ++i) bench_.send(other_, in(0), stun_message());
  EXPECT_EQ(bench_.dropped(DropReason::kPuntBudget), 10U);  // ten in a tenth of a second
  for (int i = 0; i < 12; ++i) bench_.send(peer_a_, in(0), stun_message());
  EXPECT_EQ(bench_.dropped(DropReason::kPuntBudget), 12U);
  EXPECT_EQ(bench_.poll().size(), 20U);
  EXPECT_EQ(bench_.link.counters.consumed.get(), 20U);
}

TEST_F(IceLegs, StunOnALegWithoutIceIsDropped) {
  open(true);
  bench_.send(peer_b_, in(1), stun_message());
  EXPECT_EQ(bench_.dropped(DropReason::kStunNotExpected), 1U);
  EXPECT_TRUE(bench_.poll().empty());
}

TEST_F(IceLegs, WithoutConsentNothingIsSentUntilAnotherPairIsNominated) {
  open(true);
  EXPECT_EQ(to_a(1), peer_a_);
  bench_.table.stop_sending({1}, 0, contract::Side::kA, contract::Component::kRtp);
  bench_.table.stop_sending({1}, 0, contract::Side::kA, contract::Component::kRtcp);
  bench_.tick();
  EXPECT_EQ(to_a(2), SocketAddress{});
  EXPECT_EQ(bench_.dropped(DropReason::kConsentLost), 1U);
  for (const Sent& sent : bench_.pass_ms(8000)) EXPECT_NE(sent.to.ip, peer_a_.ip);
  EXPECT_EQ(from_a(peer_a_, 1).size(), 1U) << "what comes is still taken";
  spec_.revision = 2;  // the same pair
  bench_.update(spec_);
  EXPECT_EQ(to_a(3), SocketAddress{});
  nominate(third_);
  EXPECT_EQ(to_a(4), third_);
  EXPECT_FALSE(bench_.pass_ms(8000).empty());
}

TEST_F(IceLegs, OnlyAnnouncedSsrcsPass) {
  spec_.streams[0].leg[0].peer_ssrcs = {100, 200};
  state_ = bench_.open(spec_);
  const auto send = [&](std::uint16_t sequence, std::uint32_t ssrc) {
    return bench_.send(peer_a_, in(0), make_rtp(0, sequence, sequence * 160U, ssrc)).size();
  };
  EXPECT_EQ(send(1, 99), 0U);
  EXPECT_EQ(send(1, 100), 1U);
  EXPECT_EQ(send(2, 201), 0U);
  EXPECT_EQ(send(2, 200), 1U);
  EXPECT_EQ(bench_.dropped(DropReason::kSsrcOutOfRange), 2U);
  EXPECT_EQ(bench_.table.stats({1})->streams[0].leg[0].packets_received, 2U);
  spec_.revision = 2;
  spec_.streams[0].leg[0].peer_ssrcs = {1, 50};
  bench_.update(spec_);
  EXPECT_EQ(send(3, 200), 0U) << "a source that was mapped before the range changed";
  EXPECT_EQ(send(3, 50), 1U);
}

TEST_F(IceLegs, OwnSsrcIsTheFirstOfTheOwnRange) {
  spec_.streams[0].leg[0].own_ssrcs = {5000, 5099};
  state_ = bench_.open(spec_);
  EXPECT_EQ(state_.streams[0].leg[0].ssrc, 5000U);
  EXPECT_EQ(bench_.send(peer_b_, in(1), make_rtp(0, 1, 160, 9)).at(0).rtp().ssrc, 5000U);
  spec_.revision = 2;
  EXPECT_EQ(bench_.update(spec_).streams[0].leg[0].ssrc, 5000U);
  spec_.revision = 3;
  spec_.streams[0].leg[0].own_ssrcs = {7000, 7000};
  EXPECT_EQ(bench_.update(spec_).streams[0].leg[0].ssrc, 7000U);
}

TEST_F(IceLegs, OwnRangeNeverGivesOneSsrcTwiceUnderAKey) {
  spec_.streams[0].leg[0].send_key = make_key(contract::SrtpSuite::kAesCm128HmacSha1_80, 3);
  spec_.streams[0].leg[0].own_ssrcs = {5000, 5001};
  for (std::uint32_t expected : {5000U, 5001U}) {
    state_ = bench_.open(spec_);
    EXPECT_EQ(state_.streams[0].leg[0].ssrc, expected);
    bench_.table.close(spec_.id, bench_.now.monotonic_ns);
    ++spec_.id.value;
  }
  const auto third = bench_.table.open(spec_, bench_.now.monotonic_ns);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().field, "streams[0].leg[a].own_ssrcs");
  bench_.tick();
}

/// Picture requests that left for `to`.
std::size_t plis(const std::vector<Sent>& sent, const SocketAddress& to) {
  std::size_t found = 0;
  for (const Sent& one : sent) {
    if (one.to != to) continue;
    wire::RtcpReader reader(one.payload);
    for (wire::RtcpPacket packet; reader.next(packet);) {
      found += packet.type == wire::RtcpType::kPayloadFeedback && packet.count == wire::kFormatPli ? 1 : 0;
    }
  }
  return found;
}

class PictureRequests : public IceLegs {
 protected:
  void SetUp() override {
    spec_.streams[0].kind = contract::MediaKind::kVideo;
    state_ = bench_.open(spec_);
    bench_.send(peer_b_, in(1), make_rtp(0, 1, 160, 9));
    bench_.poll();
  }
};

TEST_F(PictureRequests, OfTheControlPlaneGoToThePeerAtItsPace) {
  const SocketAddress rtcp_b = at("198.51.100.20:5001");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(bench_.table.request_picture({1}, 0, contract::Side::kB));
  EXPECT_EQ(plis(bench_.tick(), rtcp_b), 1U);
  ASSERT_TRUE(bench_.table.request_picture({1}, 0, contract::Side::kB));
  EXPECT_EQ(plis(bench_.pass_ms(300), rtcp_b), 0U);
  EXPECT_EQ(plis(bench_.pass_ms(400), rtcp_b), 1U) << "kept until its time has come";
  EXPECT_EQ(bench_.table.request_picture({1}, 1, contract::Side::kB).error().field, "stream");
  EXPECT_EQ(bench_.table.request_picture({2}, 0, contract::Side::kB).error().field, "id");
}

TEST_F(PictureRequests, WithoutRtcpFeedbackAreTheControlPlanes) {
  spec_.streams[0].leg[1].feedback = contract::FeedbackDialect::kNone;
  spec_.revision = 2;
  bench_.update(spec_);
  bench_.poll();
  EXPECT_EQ(bench_.table.request_picture({1}, 0, contract::Side::kB).error().kind, ErrorKind::kUnavailable);
  Payload pli(1500);
  wire::RtcpWriter writer(pli);
  writer.receiver_report(7, {});
  writer.pli(7, state_.streams[0].leg[0].ssrc);
  pli.resize(writer.size());
  std::size_t events = 0;
  for (int i = 0; i < 11; ++i) {
    bench_.send(at("192.0.2.10:4001"), state_.streams[0].leg[0].local_rtcp, pli);
    EXPECT_EQ(plis(bench_.pass_ms(200), at("198.51.100.20:5001")), 0U);
    for (const contract::Event& event : bench_.poll()) {
      const auto* wanted = std::get_if<contract::PictureWantedEvent>(&event);
      ASSERT_NE(wanted, nullptr);
      EXPECT_EQ(wanted->side, contract::Side::kB);
      ++events;
    }
  }
  EXPECT_EQ(events, 3U);  // one a second
}

}  // namespace
}  // namespace isthmus::test
