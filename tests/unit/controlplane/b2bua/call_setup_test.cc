// From INVITE to ACK, and the ways that do not get there.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

TEST(CallSetup, RunsThroughItsStates) {
  CallBench bench;
  bench.begin();
  EXPECT_EQ(bench.call.state, State::kOpening);
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_EQ(bench.relay_asked[0].streams.size(), 1U);
  bench.relay();
  EXPECT_EQ(bench.call.state, State::kCalling);
  EXPECT_EQ(bench.asked(), "b:INVITE");
  EXPECT_TRUE(bench.journalled_before("INVITE"));
  bench.respond(100);
  EXPECT_EQ(bench.call.state, State::kCalling);
  EXPECT_EQ(bench.answered(), "");
  bench.respond(180);
  EXPECT_EQ(bench.call.state, State::kProceeding);
  EXPECT_EQ(bench.answered(), "180");
  bench.respond(200, audio_sdp("203.0.113.1", 5000));
  EXPECT_EQ(bench.call.state, State::kAnswering);
  EXPECT_EQ(bench.asked(), "b:ACK");
  EXPECT_TRUE(bench.journalled_before("ACK"));
  EXPECT_EQ(bench.answered(), "");
  bench.relay();
  EXPECT_EQ(bench.call.state, State::kAnswered);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_TRUE(bench.journalled_before("200"));
  const auto* ok = bench.find_last<SendResponse>();
  ASSERT_TRUE(ok->body);
  EXPECT_NE(ok->body->text.find("m=audio 56000 RTP/AVP"), std::string::npos) << ok->body->text;
  bench.ack();
  EXPECT_EQ(bench.call.state, State::kUp);
  EXPECT_TRUE(bench.open_invites.empty());
}

TEST(CallSetup, OffersTheDataPlanesPortsToTheTarget) {
  CallBench bench;
  bench.begin().relay();
  const auto* invite = bench.find_last<SendRequest>();
  ASSERT_TRUE(invite && invite->body);
  EXPECT_NE(invite->body->text.find("c=IN IP4 10.0.0.2"), std::string::npos) << invite->body->text;
  EXPECT_NE(invite->body->text.find("m=audio 56002 RTP/AVP"), std::string::npos) << invite->body->text;
}

TEST(CallSetup, DataPlaneLearnsBothPeersBeforeTheCallerIsAnswered) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000));
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  const contract::StreamSpec& stream = bench.relay_asked[0].streams.at(0);
  EXPECT_EQ(to_string(stream.leg[0].remote_rtp.value()), "198.51.100.1:4000");
  EXPECT_EQ(to_string(stream.leg[1].remote_rtp.value()), "203.0.113.1:5000");
  EXPECT_EQ(bench.relay_asked[0].revision, 2U);
}

// ---- what cannot start ----

TEST(CallSetup, NoRouteIs404) {
  CallBench bench;
  bench.call.attempts.clear();
  bench.begin();
  EXPECT_EQ(bench.answered(), "404");
  EXPECT_TRUE(bench.finished);
}

TEST(CallSetup, MalformedSdpIsRefusedWithWarning) {
  CallBench bench;
  bench.begin("v=0\r\nm=audio x RTP/AVP 0\r\n");
  EXPECT_TRUE(bench.answered() == "400" || bench.answered() == "488") << bench.answered();
  EXPECT_NE(bench.header(bench.find_last<SendResponse>()->headers, "Warning"), "");
  EXPECT_TRUE(bench.finished);
}

TEST(CallSetup, OtherBodiesAre415WithAccept) {
  CallBench bench;
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"text/plain", "hello"};
  bench.begin_with(invite);
  EXPECT_EQ(bench.answered(), "415");
  EXPECT_EQ(bench.header(bench.find_last<SendResponse>()->headers, "Accept"),
            "application/sdp, multipart/alternative, multipart/mixed, multipart/related");
  EXPECT_TRUE(bench.finished);
}

TEST(CallSetup, ContentTypeParametersDoNotMatter) {
  CallBench bench;
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"Application/SDP ; charset=utf-8", audio_sdp("198.51.100.1", 4000)};
  bench.begin_with(invite);
  EXPECT_EQ(bench.call.state, State::kOpening);
}

TEST(CallSetup, NoPortsIs503WithRetryAfterAndNothingStaysOpen) {
  CallBench bench;
  bench.begin().relay(false, ErrorKind::kExhausted);
  EXPECT_EQ(bench.answered(), "503");
  EXPECT_NE(bench.header(bench.find_last<SendResponse>()->headers, "Retry-After"), "");
  EXPECT_EQ(bench.call.record.end_reason, "media-pool-exhausted");
  EXPECT_TRUE(bench.finished);
}

TEST(CallSetup, EncryptionRequiredButImpossibleIs488WithWarning) {
  CallBench bench;
  bench.configuration.zones[0].media_encryption = config::MediaEncryption::kRequired;
  bench.begin();
  EXPECT_EQ(bench.answered(), "488");
  EXPECT_NE(bench.header(bench.find_last<SendResponse>()->headers, "Warning"), "");
  EXPECT_TRUE(bench.finished);
}

TEST(CallSetup, TargetWithoutCommonCodecEndsWith488AndFreesPorts) {
  CallBench bench;
  bench.begin().relay().respond(488);
  EXPECT_EQ(bench.answered(), "488");
  bench.closed();
  EXPECT_TRUE(bench.finished);
}

// ---- targets in order ----

struct HuntCase {
  std::uint16_t status;
  bool next;
  const char* told;  // when it was the last target
};

class Hunt : public ::testing::TestWithParam<HuntCase> {};

TEST_P(Hunt, GoesOnOrStops) {
  CallBench last;
  last.begin().relay().respond(GetParam().status);
  EXPECT_EQ(last.answered(), GetParam().told);
  last.wind_up();
  EXPECT_TRUE(last.finished);

  CallBench more;
  more.add_attempt("c");
  more.begin().relay().respond(GetParam().status);
  EXPECT_EQ(more.answered(), GetParam().next ? "" : GetParam().told);
  if (!GetParam().next) return;
  EXPECT_EQ(more.call.state, State::kOpening);
  more.relay();
  EXPECT_EQ(more.asked(), "b:INVITE");
  EXPECT_EQ(more.open_sessions.size(), 1U);
  more.respond(200, audio_sdp("203.0.113.9", 5000)).relay().ack();
  EXPECT_EQ(more.call.state, State::kUp);
}

const HuntCase kHuntCases[] = {{302, true, "480"},  {401, true, "403"}, {403, false, "403"}, {404, true, "404"},
                               {407, true, "403"},  {408, true, "408"}, {480, false, "480"}, {486, false, "486"},
                               {488, false, "488"}, {500, true, "500"}, {503, true, "500"},  {504, true, "504"},
                               {600, false, "600"}, {603, false, "603"}};
INSTANTIATE_TEST_SUITE_P(Statuses, Hunt, ::testing::ValuesIn(kHuntCases),
                         [](const auto& instance) { return std::to_string(instance.param.status); });

TEST(CallSetup, UnreachableTargetIs502AndSilentOne504) {
  CallBench unreachable;
  unreachable.begin().relay().no_answer(Side::kB, unreachable.setup_invite(), Method::kInvite, 503);
  EXPECT_EQ(unreachable.answered(), "502");
  CallBench silent;
  silent.begin().relay().no_answer(Side::kB, silent.setup_invite(), Method::kInvite, 408);
  EXPECT_EQ(silent.answered(), "504");
}

TEST(CallSetup, UnreachablePeerLeadsToTheNextPeerOfTheSameZoneOnTheSamePorts) {
  CallBench bench;
  bench.call.attempts.push_back(bench.call.attempts[0]);
  bench.call.attempts[1].peer = 1;
  bench.begin().relay().no_answer(Side::kB, bench.setup_invite(), Method::kInvite, 503);
  EXPECT_EQ(bench.asked(), "b:INVITE");
  EXPECT_TRUE(bench.relay_asked.empty());
}

TEST(CallSetup, NotFoundSkipsOtherPeersOfTheZone) {
  CallBench bench;
  bench.call.attempts.push_back(bench.call.attempts[0]);
  bench.call.attempts[1].peer = 1;
  bench.begin().relay().respond(404);
  EXPECT_EQ(bench.answered(), "404");
}

TEST(CallSetup, BestFailureIsTold) {
  CallBench bench;
  bench.add_attempt("c");
  bench.begin().relay().respond(404).relay().respond(503);
  EXPECT_EQ(bench.answered(), "404");
}

TEST(CallSetup, TimerCCancelsAndCountsAsNoAnswer) {
  CallBench bench;
  bench.begin().relay().respond(180);
  const ClientId invite = bench.setup_invite();
  bench.timer(Timer::kAnswer, Side::kB);
  EXPECT_EQ(bench.asked(), "b:CANCEL");
  EXPECT_EQ(bench.answered(), "504");
  // Its answer crossed the CANCEL.
  bench.answer(Side::kB, invite, Method::kInvite, CallBench::response(200, audio_sdp("203.0.113.1", 5000)));
  EXPECT_EQ(bench.asked(), "b:FORK");
}

TEST(CallSetup, ProvisionalResponsesKeepTimerCRunning) {
  CallBench bench;
  bench.begin().relay();
  EXPECT_EQ(bench.timers.at({Timer::kAnswer, Side::kB}), std::chrono::seconds(180));
  bench.timers.clear();
  bench.respond(100);
  EXPECT_FALSE(bench.timers.contains({Timer::kAnswer, Side::kB}));
  bench.respond(183);
  EXPECT_TRUE(bench.timers.contains({Timer::kAnswer, Side::kB}));
}

// ---- early media ----

TEST(EarlyMedia, GoesToTheCallerWhenTheDataPlaneHasIt) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000));
  EXPECT_EQ(bench.answered(), "");
  bench.relay();
  EXPECT_EQ(bench.answered(), "183");
  ASSERT_TRUE(bench.find_last<SendResponse>()->body);
  const std::string early = bench.find_last<SendResponse>()->body->text;
  bench.respond(200, audio_sdp("203.0.113.1", 5000)).relay();
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.find_last<SendResponse>()->body->text, early);  // RFC 3261 13.2.1
}

TEST(EarlyMedia, AnswerWithoutDescriptionUsesTheEarlyOne) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000)).relay().respond(200).relay();
  EXPECT_EQ(bench.answered(), "200");
}

TEST(EarlyMedia, AnotherForkMayAnswer) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000), "fork-1").relay();
  bench.respond(200, audio_sdp("203.0.113.2", 6000), "fork-2").relay();
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.call.at(Side::kB).dialog.remote_tag, "fork-2");
}

/// The o= line of the description in the answer sent last.
std::string origin_sent(const CallBench& bench) {
  const auto* sent = bench.find_last<SendResponse>();
  if (sent == nullptr || !sent->body) return "none";
  const std::string& text = sent->body->text;
  const std::size_t begin = text.find("o=");
  return text.substr(begin, text.find("\r\n", begin) - begin);
}

std::string one_codec(std::string sdp) { return sdp.replace(sdp.find("RTP/AVP 0 8"), 11, "RTP/AVP 8"); }

// RFC 3264 8: another description has another version, whichever fork it comes from.
TEST(EarlyMedia, VersionGoesOnAfterAnEarlyAnswerThatTheDataPlaneRefused) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000), "fork-1").relay();
  const std::string first = origin_sent(bench);
  bench.respond(183, audio_sdp("203.0.113.2", 6000), "fork-2").relay(false);
  EXPECT_EQ(origin_sent(bench), "none");
  bench.respond(200, one_codec(audio_sdp("203.0.113.3", 7000)), "fork-3").relay();
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_NE(origin_sent(bench), "none");
  EXPECT_NE(origin_sent(bench), first);
}

TEST(EarlyMedia, VersionGoesOnWhenTheTargetIsAskedAgain) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000), "fork-1").relay();
  const std::string first = origin_sent(bench);
  Response too_short = CallBench::response(422);
  too_short.session.min_se_s = 3600;
  bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, std::move(too_short));
  EXPECT_EQ(bench.asked(), "b:INVITE");
  bench.respond(200, one_codec(audio_sdp("203.0.113.3", 7000)), "fork-2").relay();
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_NE(origin_sent(bench), "none");
  EXPECT_NE(origin_sent(bench), first);
}

TEST(EarlyMedia, CallerThatHeardAnnouncementsIsNotMovedOn) {
  CallBench bench;
  bench.add_attempt("c");
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000)).relay().respond(404);
  EXPECT_EQ(bench.answered(), "404");
}

// The first peer's early answer chose among the ports, the caller heard nothing of it: the next peer chooses anew.
TEST(EarlyMedia, WhatAnEarlyAnswerChoseDoesNotBindTheNextPeer) {
  for (const bool asked_again : {false, true}) {
    CallBench bench;
    bench.configuration.zones[0].dialect = config::Dialect::kMicrosoft;
    bench.call.attempts.push_back(bench.call.attempts[0]);
    bench.call.attempts[1].peer = 1;
    bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000)).relay();
    const contract::SessionId first = bench.call.session;
    if (asked_again) {
      Response too_short = CallBench::response(422);
      too_short.session.min_se_s = 3600;
      bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, std::move(too_short));
      ASSERT_EQ(bench.asked(), "b:INVITE");
    }
    bench.no_answer(Side::kB, bench.setup_invite(), Method::kInvite, 503);
    ASSERT_EQ(bench.relay_asked.size(), 1U) << "ports are drawn again";
    EXPECT_NE(bench.relay_asked.front().id.value, first.value);
    bench.relay();
    EXPECT_EQ(bench.asked(), "b:INVITE");
  }
}

TEST(EarlyMedia, AnswerOvertakesTheDataPlane) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000));
  bench.respond(200, audio_sdp("203.0.113.1", 5000));
  bench.relay();  // of the 183: too late
  EXPECT_EQ(bench.answered(), "");
  bench.relay();
  EXPECT_EQ(bench.answered(), "200");
}

// ---- bad answers ----

TEST(BadAnswer, IsAcknowledgedAndEndedAndTheCallerToldWhy) {
  CallBench bench;
  bench.begin().relay().respond(200, "v=0\r\nnonsense");
  EXPECT_EQ(bench.asked(), "b:ACK b:BYE");
  EXPECT_EQ(bench.answered(), "488");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(BadAnswer, NoneAtAll) {
  CallBench bench;
  bench.begin().relay().respond(200);
  EXPECT_EQ(bench.asked(), "b:ACK b:BYE");
  EXPECT_EQ(bench.answered(), "488");
}

// ---- delayed offer (R38) ----

TEST(DelayedOffer, PresetGoesOutAndTheAckBringsTheAnswer) {
  CallBench bench;
  bench.begin(std::nullopt).relay();
  ASSERT_TRUE(bench.find_last<SendRequest>()->body);
  bench.respond(180);
  EXPECT_EQ(bench.answered(), "180");
  bench.respond(200, audio_sdp("203.0.113.1", 5000)).relay();
  EXPECT_EQ(bench.answered(), "200");
  ASSERT_TRUE(bench.find_last<SendResponse>()->body);
  bench.ack(Side::kA, audio_sdp("198.51.100.1", 4000));
  EXPECT_EQ(bench.call.state, State::kUp);
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_EQ(to_string(bench.relay_asked[0].streams[0].leg[0].remote_rtp.value()), "198.51.100.1:4000");
}

TEST(DelayedOffer, AckWithoutAnswerEndsTheCall) {
  CallBench bench;
  bench.begin(std::nullopt).relay().respond(200, audio_sdp("203.0.113.1", 5000)).relay().ack();
  EXPECT_EQ(bench.asked(), "a:BYE b:BYE");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

}  // namespace
}  // namespace isthmus::b2bua
