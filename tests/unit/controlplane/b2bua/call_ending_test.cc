// How calls end: by CANCEL, BYE, time, an operator, and several of these at once.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

// ---- CANCEL ----

TEST(Cancel, WhilePortsAreDrawn) {
  CallBench bench;
  bench.begin().cancel();
  EXPECT_EQ(bench.answered(), "487");
  EXPECT_EQ(bench.asked(), "");
  bench.relay();  // the answer to the open comes anyway
  bench.closed();
  EXPECT_TRUE(bench.finished);
}

TEST(Cancel, BeforeAnyProvisionalResponseWaitsForOne) {
  CallBench bench;
  bench.begin().relay().cancel();
  EXPECT_EQ(bench.answered(), "487");
  EXPECT_EQ(bench.asked(), "");  // RFC 3261 9.1
  EXPECT_EQ(bench.call.state, State::kCancelling);
  bench.closed().respond(100);
  EXPECT_EQ(bench.asked(), "b:CANCEL");
  bench.respond(180);
  EXPECT_EQ(bench.asked(), "");
  bench.respond(487);
  EXPECT_TRUE(bench.finished);
}

TEST(Cancel, WhileRinging) {
  CallBench bench;
  bench.begin().relay().respond(180).cancel();
  EXPECT_EQ(bench.answered(), "487");
  EXPECT_EQ(bench.asked(), "b:CANCEL");
  bench.respond(487).closed();
  EXPECT_TRUE(bench.finished);
}

TEST(Cancel, CrossesThe200OfTheCallee) {
  CallBench bench;
  bench.begin().relay().respond(180).cancel().respond(200, audio_sdp("203.0.113.1", 5000));
  EXPECT_EQ(bench.asked(), "b:FORK");  // ACK and BYE
  EXPECT_EQ(bench.answered(), "");
  bench.closed();
  EXPECT_TRUE(bench.finished);
}

TEST(Cancel, WhileTheAnswerIsAppliedEndsTheCalleesDialog) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).cancel();
  EXPECT_EQ(bench.answered(), "487");
  EXPECT_EQ(bench.asked(), "b:BYE");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Cancel, AfterOur200HasNoEffect) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).relay().cancel();
  EXPECT_EQ(bench.call.state, State::kAnswered);
  EXPECT_TRUE(bench.last.empty());
}

TEST(Cancel, NeverAnsweredEndsAfter64T1) {
  CallBench bench;
  bench.begin().relay().respond(180).cancel().closed();
  EXPECT_EQ(bench.timers.at({Timer::kCancelled, Side::kB}), std::chrono::seconds(32));
  bench.timer(Timer::kCancelled, Side::kB);
  EXPECT_TRUE(bench.finished);
}

// ---- BYE ----

TEST(Bye, FromEitherSideEndsTheOther) {
  for (const Side side : {Side::kA, Side::kB}) {
    CallBench bench;
    bench.up().ask(side, Method::kBye);
    EXPECT_EQ(bench.answered(), "200");
    EXPECT_EQ(bench.asked(), side == Side::kA ? "b:BYE" : "a:BYE");
    EXPECT_EQ(bench.call.state, State::kEnding);
    bench.wind_up();
    EXPECT_TRUE(bench.finished);
    EXPECT_EQ(bench.call.record.end_reason, side == Side::kA ? "caller hung up" : "callee hung up");
  }
}

TEST(Bye, CrossingBothAreAnswered) {
  CallBench bench;
  bench.up().ask(Side::kA, Method::kBye);
  bench.ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.asked(), "");
  bench.closed();
  // B does not know the dialog any more.
  if (!bench.finished) bench.answer(Side::kB, bench.last_asked(Side::kB), Method::kBye, CallBench::response(481));
  EXPECT_TRUE(bench.finished);
}

TEST(Bye, UnansweredByeEndsByTimeout) {
  CallBench bench;
  bench.up().ask(Side::kA, Method::kBye);
  bench.closed().no_answer(Side::kB, bench.last_asked(Side::kB), Method::kBye);
  EXPECT_TRUE(bench.finished);
}

TEST(Bye, OnTheEarlyDialogIsAsGoodAsCancel) {
  CallBench bench;
  bench.begin().relay().respond(180).ask(Side::kA, Method::kBye);
  EXPECT_EQ(bench.answered(), "200 487");
  EXPECT_EQ(bench.asked(), "b:CANCEL");
}

TEST(Bye, OfTheCalleeOnAnEarlyDialogIsRefused) {
  CallBench bench;
  bench.begin().relay().respond(180).ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.answered(), "481");
  EXPECT_EQ(bench.call.state, State::kProceeding);
}

TEST(Bye, OfTheCalleeBeforeTheCallerHeardOfTheAnswer) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.answered(), "200 480");
  EXPECT_EQ(bench.asked(), "");
  bench.closed();
  EXPECT_TRUE(bench.finished);
}

TEST(Bye, OfTheCalleeWaitsForTheCallersAck) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).relay().ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.asked(), "");  // RFC 3261 15: not before the ACK
  EXPECT_EQ(bench.call.at(Side::kA).end, LegEnd::kWaitAck);
  bench.timer(Timer::kResend2xx);
  EXPECT_TRUE(bench.find_last<ResendResponse>());
  bench.ack();
  EXPECT_EQ(bench.asked(), "a:BYE");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Bye, OfTheCallerInsteadOfAck) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).relay().ask(Side::kA, Method::kBye);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.asked(), "b:BYE");
  EXPECT_FALSE(bench.timers.contains({Timer::kResend2xx, Side::kA}));
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Bye, ReasonCrosses) {
  CallBench bench;
  bench.up();
  Request bye = bench.request(Side::kA, Method::kBye);
  bye.crossing = {{"Reason", "Q.850;cause=16"}};
  bench.ask_with(Side::kA, bye);
  EXPECT_EQ(bench.header(bench.find_last<SendRequest>()->headers, "Reason"), "Q.850;cause=16");
}

// ---- ACK lost ----

TEST(AckLost, The2xxIsRepeatedFromT1ToT2AndThenTheCallEnds) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).relay();
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 5; ++i) {
    waits.push_back(bench.timers.at({Timer::kResend2xx, Side::kA}).count());
    bench.timer(Timer::kResend2xx);
    EXPECT_TRUE(bench.find_last<ResendResponse>());
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{500, 1000, 2000, 4000, 4000}));
  EXPECT_EQ(bench.timers.at({Timer::kAck, Side::kA}), std::chrono::seconds(32));
  bench.timer(Timer::kAck);
  EXPECT_EQ(bench.asked(), "a:BYE b:BYE");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(AckLost, CopiesOfTheAckChangeNothing) {
  CallBench bench;
  bench.up().ack();
  EXPECT_TRUE(bench.last.empty());
}

// ---- others ----

TEST(Ending, ByTheOperatorInEveryState) {
  const auto in_state = [](int depth) {
    CallBench bench;
    bench.begin();
    if (depth > 0) bench.relay();
    if (depth > 1) bench.respond(180);
    if (depth > 2) bench.respond(200, audio_sdp("203.0.113.1", 5000));
    if (depth > 3) bench.relay();
    if (depth > 4) bench.ack();
    return bench;
  };
  for (int depth = 0; depth <= 5; ++depth) {
    CallBench bench = in_state(depth);
    bench.happen(EndAsked{"test"});
    bench.wind_up();
    EXPECT_TRUE(bench.finished) << "depth " << depth << " state " << to_string(bench.call.state);
    EXPECT_EQ(bench.call.record.end_reason, "test");
    EXPECT_TRUE(bench.open_invites.empty());
    EXPECT_TRUE(bench.open_sessions.empty());
  }
}

TEST(Ending, SilenceInEveryDirectionTwiceTheTimeout) {
  CallBench bench;
  bench.up().happen(MediaTimedOut{Side::kA, 0});
  EXPECT_FALSE(bench.find_last<QueryStats>());
  bench.happen(MediaTimedOut{Side::kB, 0});
  EXPECT_TRUE(bench.find_last<QueryStats>());
  const contract::SessionStats same{bench.call.session, 1, {}};
  bench.happen(StatsArrived{same});
  EXPECT_EQ(bench.timers.at({Timer::kSilence, Side::kA}), std::chrono::seconds(30));
  bench.timer(Timer::kSilence);
  EXPECT_TRUE(bench.find_last<QueryStats>());
  bench.happen(StatsArrived{same});
  EXPECT_EQ(bench.asked(), "a:BYE b:BYE");
  EXPECT_EQ(bench.call.record.end_reason, "media timed out in every direction");
}

TEST(Ending, MediaThatComesBackKeepsTheCall) {
  CallBench bench;
  bench.up().happen(MediaTimedOut{Side::kA, 0}).happen(MediaTimedOut{Side::kB, 0});
  bench.happen(StatsArrived{contract::SessionStats{bench.call.session, 1, {}}});
  contract::SessionStats more{bench.call.session, 1, {{}}};
  more.streams[0].leg[0].packets_received = 7;
  bench.timer(Timer::kSilence).happen(StatsArrived{more});
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Ending, SilenceOnHoldIsNoSilence) {
  CallBench bench;
  bench.up().happen(MediaTimedOut{Side::kA, 0});
  bench.ask(Side::kA, Method::kInvite, audio_sdp("198.51.100.1", 4000, "inactive", 2));
  bench
      .answer(Side::kB, bench.last_asked(Side::kB), Method::kInvite,
              CallBench::response(200, audio_sdp("203.0.113.1", 5000, "inactive", 2)))
      .relay()
      .ack();
  EXPECT_TRUE(bench.call.silent.empty());
  bench.happen(MediaTimedOut{Side::kB, 0});  // on its way when the hold was applied
  EXPECT_FALSE(bench.find_last<QueryStats>());
}

TEST(Ending, OneSilentDirectionIsOnlyNoted) {
  CallBench bench;
  bench.up().happen(MediaTimedOut{Side::kB, 0});
  EXPECT_TRUE(bench.find_last<Note>());
  EXPECT_EQ(bench.call.state, State::kUp);
}

// ---- data plane ----

TEST(DataPlane, RestartProgramsTheSamePortsAgain) {
  CallBench bench;
  bench.up().happen(RelayRestarted{});
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_TRUE(bench.find_last<OpenSession>());
  EXPECT_EQ(bench.relay_asked[0].streams[0].leg[0].rtp_port, 56000);
  EXPECT_EQ(bench.relay_asked[0].streams[0].leg[1].rtp_port, 56002);
  EXPECT_EQ(to_string(bench.relay_asked[0].streams[0].leg[1].remote_rtp.value()), "203.0.113.1:5000");
  bench.relay();
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(DataPlane, PortsThatAreGoneEndTheCall) {
  CallBench bench;
  bench.up().happen(RelayRestarted{}).relay(false, ErrorKind::kExhausted);
  EXPECT_EQ(bench.asked(), "a:BYE b:BYE");
}

TEST(DataPlane, AwayDuringTheAnswerIsMadeGoodLater) {
  CallBench bench;
  bench.begin().relay().respond(200, audio_sdp("203.0.113.1", 5000)).relay(false, ErrorKind::kUnavailable);
  EXPECT_EQ(bench.answered(), "200");
  bench.happen(RelayRestarted{}).relay().ack();
  EXPECT_EQ(bench.call.state, State::kUp);
}

}  // namespace
}  // namespace isthmus::b2bua
