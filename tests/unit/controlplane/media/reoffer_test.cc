#include <gmock/gmock.h>

#include "controlplane/media/negotiation.h"
#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {
namespace {

using sdp::Direction;
using ::testing::ElementsAre;

constexpr std::string_view kSendOnly = "a=sendonly\r\n";
constexpr std::string_view kRecvOnly = "a=recvonly\r\n";

class Reoffer : public ::testing::Test {
 protected:
  void SetUp() override {
    call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/SAVP", crypto(1)));
    first_answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  }
  bool a_to_b() const { return call.spec().streams[0].leg[0].receive && call.spec().streams[0].leg[1].send; }
  bool b_to_a() const { return call.spec().streams[0].leg[1].receive && call.spec().streams[0].leg[0].send; }

  Call call{secure_leg(), clear_leg()};
  sdp::SessionDescription first_answer;
};

TEST_F(Reoffer, HoldBySendonlyStopsOneDirectionAndResumeBringsItBack) {
  const auto hold =
      call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1) + std::string(kSendOnly)));
  EXPECT_TRUE(call.asked);
  EXPECT_EQ(hold.media[0].direction, Direction::kSendOnly);
  EXPECT_EQ(hold.origin.version, "2");
  const auto answer = call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000, "RTP/AVP", kRecvOnly));
  EXPECT_EQ(answer.media[0].direction, Direction::kRecvOnly);
  EXPECT_TRUE(a_to_b());
  EXPECT_FALSE(b_to_a());

  const auto resume = call.offer(Side::kA, head("192.0.2.10", 3) + audio(4000, "RTP/SAVP", crypto(1)));
  EXPECT_EQ(resume.media[0].direction, Direction::kSendRecv);
  EXPECT_EQ(resume.origin.version, "3");
  call.answer(Side::kB, head("198.51.100.5", 3) + audio(5000));
  EXPECT_TRUE(a_to_b() && b_to_a());
}

TEST_F(Reoffer, HoldByTheUnspecifiedAddressStopsMediaToThatPeer) {
  call.offer(Side::kA, head("0.0.0.0", 2) + audio(4000, "RTP/SAVP", crypto(1)));
  const auto answer = call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000, "RTP/AVP", kRecvOnly));
  EXPECT_EQ(answer.media[0].direction, Direction::kRecvOnly);
  EXPECT_FALSE(b_to_a());
  EXPECT_FALSE(call.spec().streams[0].leg[0].remote_rtp.has_value());
}

TEST_F(Reoffer, HoldFromTheCalledSide) {
  const auto hold = call.offer(Side::kB, head("198.51.100.5", 2) + audio(5000, "RTP/AVP", "a=inactive\r\n"));
  EXPECT_EQ(hold.media[0].direction, Direction::kInactive);
  EXPECT_EQ(hold.media[0].protocol, sdp::Protocol::kRtpSavp);
  call.answer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1) + "a=inactive\r\n"));
  EXPECT_FALSE(a_to_b() || b_to_a());
}

TEST_F(Reoffer, KeepsOurKeyAndSessionIdAndCountsVersionsOnlyOnChange) {
  const auto key = first_answer.media[0].crypto[0].keys[0];
  call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1)));
  EXPECT_FALSE(call.asked);  // a session refresh: B need not hear of it
  const auto refreshed = call.answer_only(Side::kA);
  EXPECT_EQ(refreshed, first_answer);
  EXPECT_EQ(refreshed.origin.version, "1");

  call.offer(Side::kA, head("192.0.2.10", 3) + audio(4000, "RTP/SAVP", crypto(1) + std::string(kSendOnly)));
  const auto held = call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000, "RTP/AVP", kRecvOnly));
  EXPECT_EQ(held.media[0].crypto[0].keys[0], key);
  EXPECT_EQ(held.origin.session_id, first_answer.origin.session_id);
  EXPECT_EQ(held.origin.version, "2");
}

TEST_F(Reoffer, ThePeersNewKeyIsTakenAndOursStays) {
  const auto before = call.spec().streams[0].leg[0];
  call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(4, kKey2)));
  EXPECT_FALSE(call.asked);
  const auto answer = call.answer_only(Side::kA);
  EXPECT_EQ(answer.media[0].crypto[0].tag, 4U);
  const auto after = call.spec().streams[0].leg[0];
  EXPECT_EQ(*after.send_key, *before.send_key);
  EXPECT_FALSE(*after.receive_key == *before.receive_key);
}

TEST_F(Reoffer, AnotherSuiteGetsAnotherKey) {
  const auto before = *call.spec().streams[0].leg[0].send_key;
  call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1, kKey2, "AES_CM_128_HMAC_SHA1_32")));
  call.answer_only(Side::kA);
  const auto after = *call.spec().streams[0].leg[0].send_key;
  EXPECT_EQ(after.suite, contract::SrtpSuite::kAesCm128HmacSha1_32);
  EXPECT_FALSE(after.master_key == before.master_key);
}

TEST_F(Reoffer, VideoIsAddedRemovedAndAddedAgainOnTheSamePorts) {
  const std::string sound = audio(4000, "RTP/SAVP", crypto(1));
  const auto added = call.offer(Side::kA, head("192.0.2.10", 2) + sound + video(4002, "RTP/SAVP", crypto(1, kKey2)));
  ASSERT_EQ(added.media.size(), 2U);
  const auto answer = call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000) + video(5002));
  EXPECT_NE(answer.media[1].port, 0);
  const auto first_key = *call.spec().streams[1].leg[0].send_key;
  EXPECT_TRUE(call.spec().streams[1].leg[0].receive);

  const auto removed = call.offer(Side::kA, head("192.0.2.10", 3) + sound + video(0, "RTP/SAVP"));
  ASSERT_EQ(removed.media.size(), 2U);
  EXPECT_EQ(removed.media[1].port, 0);
  const auto without = call.answer(Side::kB, head("198.51.100.5", 3) + audio(5000) + video(0));
  EXPECT_EQ(without.media[1].port, 0);
  EXPECT_FALSE(call.spec().streams[1].leg[0].receive);
  EXPECT_TRUE(call.spec().streams[0].leg[0].receive);

  call.offer(Side::kA, head("192.0.2.10", 4) + sound + video(4002, "RTP/SAVP", crypto(1, kKey2)));
  const auto again = call.answer(Side::kB, head("198.51.100.5", 4) + audio(5000) + video(5002));
  EXPECT_EQ(again.media[1].port, answer.media[1].port);
  EXPECT_EQ(call.spec().streams.size(), 2U);
  EXPECT_FALSE(call.spec().streams[1].leg[0].send_key->master_key == first_key.master_key);
}

TEST_F(Reoffer, TheCalledSideAddsVideo) {
  const auto added = call.offer(Side::kB, head("198.51.100.5", 2) + audio(5000) + video(5002));
  ASSERT_EQ(added.media.size(), 2U);
  EXPECT_EQ(added.media[1].protocol, sdp::Protocol::kRtpSavp);
  EXPECT_EQ(added.media[0].crypto.size(), 1U);
  EXPECT_EQ(added.media[1].crypto.size(), 3U);
  const auto answer = call.answer(
      Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1)) +
                    video(4002, "RTP/SAVP", crypto(3, "Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6Q==", "AEAD_AES_128_GCM")));
  EXPECT_NE(answer.media[1].port, 0);
  const auto spec = call.spec();
  EXPECT_EQ(spec.streams[1].leg[0].send_key->suite, contract::SrtpSuite::kAeadAes128Gcm);
  EXPECT_EQ(spec.streams[1].leg[0].send_key->master_salt.size(), 12U);
  EXPECT_THAT(spec.streams[1].a_to_b, ElementsAre(contract::PayloadMap{99, 99, 90000, 90000}));
}

TEST_F(Reoffer, ANumberKeepsItsMeaningOnALeg) {
  // B brings another codec under 8's neighbour number 101, which on leg A is telephone-event.
  const auto offer =
      call.offer(Side::kB, head("198.51.100.5", 2) + "m=audio 5000 RTP/AVP 101 8\r\na=rtpmap:101 opus/48000/2\r\n");
  ASSERT_EQ(offer.media[0].formats.size(), 2U);
  EXPECT_EQ(offer.media[0].formats[0].encoding, "opus");
  EXPECT_NE(offer.media[0].formats[0].payload_type, 101);
  EXPECT_EQ(offer.media[0].formats[1].payload_type, 8);
}

TEST_F(Reoffer, FewerLinesThanBeforeIsAViolation) {
  auto offer = parsed(head("192.0.2.10", 2));
  const auto refused = accept_offer(call.media, Side::kA, offer, call.random);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kProtocol);
}

TEST_F(Reoffer, AllLinesAtPortZeroLeaveTheCallWithoutMedia) {
  const auto offer = call.offer(Side::kA, head("192.0.2.10", 2) + audio(0, "RTP/SAVP"));
  EXPECT_EQ(offer.media[0].port, 0);
  const auto answer = call.answer(Side::kB, head("198.51.100.5", 2) + audio(0));
  EXPECT_EQ(answer.media[0].port, 0);
  EXPECT_FALSE(a_to_b() || b_to_a());
}

TEST_F(Reoffer, APeerThatHeldAndAsksForAnOfferIsOfferedBothDirections) {
  call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1) + std::string(kSendOnly)));
  call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000, "RTP/AVP", kRecvOnly));
  // INVITE without SDP from A.
  Written offer = take(make_full_offer(call.media, Side::kA, call.random));
  EXPECT_EQ(offer.description.media[0].direction, Direction::kSendRecv);
  EXPECT_EQ(offer.description.media[0].crypto, first_answer.media[0].crypto);
  call.media = take(accept_answer(std::move(offer.media), Side::kA,
                                  parsed(head("192.0.2.10", 3) + audio(4000, "RTP/SAVP", crypto(1)))));
  const Written to_b = take(make_offer(call.media, Side::kB, call.random));
  EXPECT_TRUE(to_b.changed);
  EXPECT_EQ(to_b.description.media[0].direction, Direction::kSendRecv);
}

TEST_F(Reoffer, AFailedReofferLeavesTheValueOfTheCallerAsItWas) {
  const auto before = call.spec();
  EXPECT_FALSE(
      accept_offer(call.media, Side::kA, parsed(head("192.0.2.10", 2) + audio(4000)), call.random).has_value());
  EXPECT_EQ(call.spec(), before);
}

TEST_F(Reoffer, RefreshesFromBothSidesSettle) {
  const std::string a = head("192.0.2.10") + audio(4000, "RTP/SAVP", crypto(1));
  const std::string b = head("198.51.100.5") + audio(5000);
  for (int round = 0; round < 3; ++round) {
    call.offer(Side::kB, b);
    EXPECT_FALSE(call.asked) << round;
    call.answer_only(Side::kB);
    call.offer(Side::kA, a);
    EXPECT_FALSE(call.asked) << round;
    call.answer_only(Side::kA);
  }
}

}  // namespace
}  // namespace isthmus::media::testing
