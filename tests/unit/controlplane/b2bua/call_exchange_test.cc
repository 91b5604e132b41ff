// Changes of media in a call that is up.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

const std::string kHoldA = audio_sdp("198.51.100.1", 4000, "sendonly", 2);
const std::string kHeldB = audio_sdp("203.0.113.1", 5000, "recvonly", 2);

TEST(Reinvite, HoldGoesThroughToTheOtherSide) {
  for (const Side side : {Side::kA, Side::kB}) {
    CallBench bench;
    bench.up();
    const ServerId asked =
        bench.ask(side, Method::kInvite, side == Side::kA ? kHoldA : audio_sdp("203.0.113.1", 5000, "sendonly", 2));
    const Side far = other(side);
    EXPECT_EQ(bench.asked(), far == Side::kA ? "a:INVITE" : "b:INVITE");
    ASSERT_TRUE(bench.find_last<SendRequest>()->body);
    EXPECT_NE(bench.find_last<SendRequest>()->body->text.find("a=sendonly"), std::string::npos);
    bench.answer(far, bench.last_asked(far), Method::kInvite,
                 CallBench::response(200, far == Side::kB ? kHeldB : audio_sdp("198.51.100.1", 4000, "recvonly", 2)));
    EXPECT_EQ(bench.asked(), far == Side::kA ? "a:ACK" : "b:ACK");
    EXPECT_EQ(bench.finals[asked], 0);
    bench.relay();
    EXPECT_EQ(bench.answered(), "200");
    EXPECT_TRUE(bench.journalled_before("200"));
    EXPECT_NE(bench.find_last<SendResponse>()->body->text.find("a=recvonly"), std::string::npos);
    bench.ack(side);
    EXPECT_FALSE(bench.call.exchange);
    EXPECT_FALSE(bench.call.at(side).unacked);
  }
}

TEST(Reinvite, VideoDrawsPortsBeforeTheOtherSideIsAsked) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, video_sdp("198.51.100.1", 4000, 2));
  EXPECT_EQ(bench.asked(), "");
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_EQ(bench.relay_asked[0].streams.size(), 2U);
  bench.relay();
  EXPECT_EQ(bench.asked(), "b:INVITE");
  EXPECT_NE(bench.find_last<SendRequest>()->body->text.find("m=video"), std::string::npos);
  bench
      .answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite,
              CallBench::response(200, video_sdp("203.0.113.1", 5000, 2)))
      .relay()
      .ack();
  EXPECT_EQ(bench.call.media.streams.size(), 2U);
  EXPECT_TRUE(bench.call.media.streams[1].leg[1].accepted);
}

TEST(Reinvite, RefusalGivesTheNewPortsBack) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, video_sdp("198.51.100.1", 4000, 2));
  bench.relay().answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(488));
  EXPECT_EQ(bench.answered(), "488");
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_EQ(bench.relay_asked[0].streams.size(), 1U);
  EXPECT_EQ(bench.call.media.streams.size(), 1U);
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Reinvite, NoPortsLeftIs503AndTheCallGoesOn) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, video_sdp("198.51.100.1", 4000, 2));
  bench.relay(false, ErrorKind::kExhausted);
  EXPECT_EQ(bench.answered(), "503");
  EXPECT_EQ(bench.call.state, State::kUp);
  EXPECT_TRUE(bench.relay_asked.empty());
}

TEST(Reinvite, VersionNumbersNeverGoBackAfterARefusal) {
  CallBench bench;
  bench.up();
  const auto origin_of = [&bench] {
    const std::string& text = bench.find_last<SendRequest>()->body->text;
    return text.substr(text.find("o="), text.find("\r\n", text.find("o=")) - text.find("o="));
  };
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  const std::string first = origin_of();
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(488));
  bench.ask(Side::kA, Method::kInvite, audio_sdp("198.51.100.1", 4000, "inactive", 3));
  EXPECT_NE(origin_of(), first);
}

TEST(Reinvite, SameDescriptionOnlyRefreshes) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, audio_sdp("198.51.100.1", 4000));
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.asked(), "");
  EXPECT_TRUE(bench.relay_asked.empty());
  bench.ack();
  EXPECT_FALSE(bench.call.at(Side::kA).unacked);
}

TEST(Reinvite, WithoutOfferIsOfferedAndTheAckAnswers) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite);
  EXPECT_EQ(bench.answered(), "200");
  ASSERT_TRUE(bench.find_last<SendResponse>()->body);
  bench.ack(Side::kA, audio_sdp("198.51.100.1", 4000, "inactive", 2));
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  bench.relay();
  // B hears of it by a re-INVITE of ours.
  EXPECT_EQ(bench.asked(), "b:INVITE");
  bench
      .answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite,
              CallBench::response(200, audio_sdp("203.0.113.1", 5000, "inactive", 2)))
      .relay();
  EXPECT_FALSE(bench.call.exchange);
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Reinvite, OfferlessWithoutAnswerKeepsTheOldMedia) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite);
  bench.ack();
  EXPECT_FALSE(bench.call.exchange);
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Reinvite, BadBodies) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, "nonsense");
  EXPECT_TRUE(bench.answered() == "400" || bench.answered() == "488");
  Request r = bench.request(Side::kA, Method::kInvite);
  r.body = Body{"application/pkcs7-mime", "x"};
  bench.ask_with(Side::kA, r);
  EXPECT_EQ(bench.answered(), "415");
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Reinvite, LostDialogOnTheOtherSideEndsTheCall) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(481));
  EXPECT_EQ(bench.answered(), "487");
  EXPECT_EQ(bench.asked(), "a:BYE");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Reinvite, ByeInTheMiddleAnswersThePendingRequest) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  bench.ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.answered(), "200 487");
  EXPECT_EQ(bench.asked(), "a:BYE");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
  EXPECT_TRUE(bench.open_invites.empty());
}

TEST(Reinvite, CancelledGoesBackToWhatWas) {
  CallBench bench;
  bench.up();
  const ServerId asked = bench.ask(Side::kA, Method::kInvite, kHoldA);
  const ClientId far = bench.last_asked(Side::kB);
  bench.answer(Side::kB, far, Method::kInvite, CallBench::response(180));
  bench.happen(CancelArrived{Side::kA, asked});
  EXPECT_EQ(bench.answered(), "487");
  EXPECT_EQ(bench.asked(), "b:CANCEL");
  bench.answer(Side::kB, far, Method::kInvite, CallBench::response(487));
  EXPECT_FALSE(bench.call.exchange);
  EXPECT_EQ(bench.answered(), "");
}

TEST(Reinvite, CancelThatLostTheRacePutsTheFarSideBack) {
  CallBench bench;
  bench.up();
  const ServerId asked = bench.ask(Side::kA, Method::kInvite, kHoldA);
  const ClientId far = bench.last_asked(Side::kB);
  bench.happen(CancelArrived{Side::kA, asked});
  bench.answer(Side::kB, far, Method::kInvite, CallBench::response(200, kHeldB));
  ASSERT_EQ(bench.asked(), "b:ACK b:INVITE");
  EXPECT_NE(bench.find_last<SendRequest>()->body->text.find("a=sendrecv"), std::string::npos);
  EXPECT_EQ(bench.answered(), "");
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite,
               CallBench::response(200, audio_sdp("203.0.113.1", 5000, "sendrecv", 3)));
  bench.relay();
  EXPECT_EQ(bench.asked(), "");
  EXPECT_FALSE(bench.call.exchange);
}

TEST(Reinvite, AnAnswerThatNobodyCanReadPutsTheFarSideBack) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(200, "v=1"));
  EXPECT_EQ(bench.answered(), "488");
  ASSERT_EQ(bench.asked(), "b:ACK b:INVITE");
  EXPECT_NE(bench.find_last<SendRequest>()->body->text.find("a=sendrecv"), std::string::npos);
  // Once: what it does with this one is its own affair.
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(200, "v=1"));
  EXPECT_EQ(bench.asked(), "b:ACK");
  EXPECT_EQ(bench.call.state, State::kUp);
}

// RFC 3264 8: a line that the far side knows never goes away again.
TEST(Reinvite, AStreamThatWasTakenInVainIsRefusedInPlace) {
  CallBench bench;
  bench.up();
  const ServerId asked = bench.ask(Side::kA, Method::kInvite, video_sdp("198.51.100.1", 4000, 2));
  bench.relay();
  const std::string added = bench.find_last<SendRequest>()->body->text;
  const ClientId far = bench.last_asked(Side::kB);
  bench.happen(CancelArrived{Side::kA, asked});
  bench.answer(Side::kB, far, Method::kInvite, CallBench::response(200, video_sdp("203.0.113.1", 5000, 2)));
  bench.relay();  // has the ports back
  ASSERT_EQ(bench.asked(), "b:INVITE");
  const std::string back = bench.find_last<SendRequest>()->body->text;
  EXPECT_NE(back.find("m=video 0 "), std::string::npos) << back;
  EXPECT_NE(back.substr(0, back.find("s=")), added.substr(0, added.find("s="))) << "another version";
}

// ---- what is still to be offered ----

TEST(FollowUp, ASideWithoutNewsDoesNotTakeTheOthersTurn) {
  CallBench bench;
  bench.up();
  bench.call.follow_up.media = {true, true};
  media::StreamLeg& of_a = bench.call.media.streams.at(0).leg[0];
  of_a.peer_wish = of_a.peer_direction = sdp::Direction::kSendOnly;
  bench.ask(Side::kA, Method::kInvite, audio_sdp("198.51.100.1", 4000));  // a refresh
  bench.ack();
  EXPECT_EQ(bench.asked(), "b:INVITE");
  EXPECT_FALSE(bench.call.follow_up.is_due());
}

// ---- glare ----

TEST(Glare, OfferWhileOneIsOutIs491) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  bench.ask(Side::kB, Method::kInvite, audio_sdp("203.0.113.1", 5000, "sendonly", 2));
  EXPECT_EQ(bench.answered(), "491");
}

TEST(Glare, SecondOfferOfTheSameSideIs500WithRetryAfter) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  EXPECT_EQ(bench.answered(), "500");
  const int seconds = std::stoi(bench.header(bench.find_last<SendResponse>()->headers, "Retry-After"));
  EXPECT_GE(seconds, 0);
  EXPECT_LE(seconds, 10);
}

TEST(Glare, A491OfTheFarSideIsPassedOn) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(491));
  EXPECT_EQ(bench.answered(), "491");
  EXPECT_FALSE(bench.call.exchange);
}

TEST(Glare, OwnReofferWaitsByOwnerOfTheCallIdAndGoesAgain) {
  for (const Side to : {Side::kA, Side::kB}) {
    CallBench bench;
    bench.up();
    bench.ask(other(to), Method::kInvite);
    bench.ack(other(to), audio_sdp(to == Side::kB ? "198.51.100.1" : "203.0.113.1", 4000, "inactive", 2)).relay();
    bench.answer(to, bench.last_asked(to), Method::kInvite, CallBench::response(491));
    const auto wait = bench.timers.at({Timer::kGlare, to});
    // We made leg B's Call-ID, A made leg A's (RFC 3261 14.1).
    EXPECT_GE(wait.count(), to == Side::kB ? 2100 : 0);
    EXPECT_LE(wait.count(), to == Side::kB ? 4000 : 2000);
    bench.timer(Timer::kGlare, to);
    EXPECT_EQ(bench.asked(), to == Side::kB ? "b:INVITE" : "a:INVITE");
    for (unsigned i = 1; i < kMaxGlareRetries; ++i) {
      bench.answer(to, bench.last_asked(to), Method::kInvite, CallBench::response(491)).timer(Timer::kGlare, to);
      EXPECT_NE(bench.asked(), "");
    }
    bench.answer(to, bench.last_asked(to), Method::kInvite, CallBench::response(491));
    EXPECT_FALSE(bench.call.exchange) << "one retry too many";
    EXPECT_EQ(bench.call.state, State::kUp);
  }
}

// RFC 3261 14.2: the peer has an INVITE of ours that it did not answer yet; of a process before this one, say.
TEST(Glare, OwnReofferWaitsAsLongAsABusyPeerSays) {
  for (const std::uint32_t asked_s : {0U, 7U, 4000U}) {
    CallBench bench;
    bench.up();
    bench.ask(Side::kA, Method::kInvite);
    bench.ack(Side::kA, audio_sdp("198.51.100.1", 4000, "inactive", 2)).relay();
    Response busy = CallBench::response(500);
    busy.retry_after_s = asked_s;
    bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, std::move(busy));
    const auto wait = bench.timers.at({Timer::kGlare, Side::kB});
    const std::uint32_t least_ms = 1000 * std::min(asked_s, kMostBusyS);
    EXPECT_GE(wait.count(), least_ms);
    EXPECT_LE(wait.count(), least_ms + 1000);
    bench.timer(Timer::kGlare, Side::kB);
    EXPECT_EQ(bench.asked(), "b:INVITE");
    bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite, CallBench::response(500));
    EXPECT_FALSE(bench.call.exchange) << "without a time it is a refusal";
  }
}

// ---- UPDATE ----

TEST(Update, WithoutDescriptionRefreshes) {
  CallBench bench;
  bench.up();
  bench.ask(Side::kB, Method::kUpdate);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.asked(), "");
}

TEST(Update, WithDescriptionGoesOnAsUpdateWhereThatIsAllowed) {
  for (const bool allowed : {true, false}) {
    CallBench bench;
    bench.up();
    if (allowed) bench.call.at(Side::kB).allow.add(Method::kUpdate);
    bench.ask(Side::kA, Method::kUpdate, kHoldA);
    EXPECT_EQ(bench.asked(), allowed ? "b:UPDATE" : "b:INVITE");
    bench
        .answer(Side::kB, bench.last_asked(Side::kB), allowed ? Method::kUpdate : Method::kInvite,
                CallBench::response(200, kHeldB))
        .relay();
    EXPECT_EQ(bench.answered(), "200");
    EXPECT_FALSE(bench.call.at(Side::kA).unacked);
  }
}

TEST(Update, EarlyWithDescriptionHasToWait) {
  CallBench bench;
  bench.begin().relay().respond(180).ask(Side::kA, Method::kUpdate, kHoldA);
  EXPECT_EQ(bench.answered(), "500");  // RFC 3311 5.2: its first offer is unanswered
  bench.ask(Side::kB, Method::kUpdate, kHeldB);
  EXPECT_EQ(bench.answered(), "491");
}

// ---- INFO, OPTIONS, old requests ----

TEST(Info, KnownBodiesPassAndTheAnswerComesBack) {
  CallBench bench;
  bench.up();
  Request info = bench.request(Side::kA, Method::kInfo);
  info.body = Body{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"};
  const ServerId asked = bench.ask_with(Side::kA, info);
  EXPECT_EQ(bench.asked(), "b:INFO");
  EXPECT_EQ(bench.find_last<SendRequest>()->body->text, "Signal=5\r\nDuration=160\r\n");
  bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kInfo, CallBench::response(200));
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.find_last<SendResponse>()->transaction, asked);
}

TEST(Info, OthersAre415AndEmptyOnes200) {
  CallBench bench;
  bench.up();
  Request info = bench.request(Side::kA, Method::kInfo);
  info.body = Body{"application/x-unknown", "x"};
  bench.ask_with(Side::kA, info);
  EXPECT_EQ(bench.answered(), "415");
  bench.ask(Side::kA, Method::kInfo);
  EXPECT_EQ(bench.answered(), "200");
}

TEST(Info, OnlySoManyAtOnce) {
  CallBench bench;
  bench.up();
  for (std::size_t i = 0; i <= kMaxPassing; ++i) {
    Request info = bench.request(Side::kA, Method::kInfo);
    info.body = Body{"application/dtmf", "5"};
    bench.ask_with(Side::kA, info);
    EXPECT_EQ(bench.answered(), i < kMaxPassing ? "" : "500");
  }
}

TEST(Options, InTheDialogAreAnswered) {
  CallBench bench;
  bench.up().ask(Side::kB, Method::kOptions);
  EXPECT_EQ(bench.answered(), "200");
}

TEST(Requests, FromThePastAre500) {
  CallBench bench;
  bench.up();
  Request late = bench.request(Side::kA, Method::kInfo);
  late.cseq = 0;
  bench.ask_with(Side::kA, late);
  EXPECT_EQ(bench.answered(), "500");
}

}  // namespace
}  // namespace isthmus::b2bua
