// RFC 4028: session timers, on each leg for itself.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

using std::chrono::seconds;

Request timed_invite(CallBench& bench, std::optional<std::uint32_t> expires, std::optional<Refresher> refresher,
                     bool supports = true) {
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"application/sdp", audio_sdp("198.51.100.1", 4000)};
  invite.supports_timer = supports;
  invite.session.expires_s = expires;
  invite.session.refresher = refresher;
  return invite;
}

CallBench& answered(CallBench& bench, Response ok = CallBench::response(200, audio_sdp("203.0.113.1", 5000))) {
  bench.relay().answer(Side::kB, bench.setup_invite(), Method::kInvite, std::move(ok));
  return bench.relay();
}

std::string session_of(const CallBench& bench) {
  return bench.header(bench.find_last<SendResponse>()->headers, "Session-Expires");
}

TEST(Rfc4028_5, TooSmallAnIntervalIs422WithMinSe) {
  CallBench bench;
  bench.begin_with(timed_invite(bench, 89, {}));
  EXPECT_EQ(bench.answered(), "422");
  EXPECT_EQ(bench.header(bench.find_last<SendResponse>()->headers, "Min-SE"), "90");
  CallBench at_the_bound;
  at_the_bound.begin_with(timed_invite(at_the_bound, 90, {}));
  EXPECT_EQ(at_the_bound.answered(), "");
}

TEST(Rfc4028_5, WhoDoesNotKnowTimersIsNotRefused) {
  CallBench bench;
  bench.begin_with(timed_invite(bench, 30, {}, false));
  EXPECT_EQ(bench.answered(), "");
}

TEST(Rfc4028_7_1, OurInvitesAskAndNameTheMinimum) {
  CallBench bench;
  bench.begin().relay();
  const Headers& headers = bench.find_last<SendRequest>()->headers;
  EXPECT_EQ(bench.header(headers, "Session-Expires"), "1800");
  EXPECT_EQ(bench.header(headers, "Min-SE"), "90");
}

TEST(Rfc4028_7_3, A422IsTriedAgainWithTheLargerMinimum) {
  CallBench bench;
  bench.begin().relay();
  const std::string call_id = bench.call.at(Side::kB).dialog.call_id;
  Response refusal = CallBench::response(422);
  refusal.session.min_se_s = 3600;
  bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, refusal);
  EXPECT_EQ(bench.asked(), "b:INVITE");
  EXPECT_EQ(bench.header(bench.find_last<SendRequest>()->headers, "Session-Expires"), "3600");
  EXPECT_EQ(bench.header(bench.find_last<SendRequest>()->headers, "Min-SE"), "3600");
  EXPECT_EQ(bench.call.at(Side::kB).dialog.call_id, call_id);
  EXPECT_EQ(bench.find_last<SendRequest>()->cseq, 2U);
  // The same minimum again would go round for ever.
  bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, refusal);
  EXPECT_EQ(bench.answered(), "422");
}

struct Table2 {
  const char* name;
  std::optional<std::uint32_t> expires;
  std::optional<Refresher> refresher;
  bool supports;
  const char* answer;
  SessionDuty duty;
};
class Rfc4028_9 : public ::testing::TestWithParam<Table2> {};

TEST_P(Rfc4028_9, RefresherByTable2) {
  const Table2& c = GetParam();
  CallBench bench;
  bench.begin_with(timed_invite(bench, c.expires, c.refresher, c.supports));
  answered(bench);
  EXPECT_EQ(session_of(bench), c.answer);
  EXPECT_EQ(bench.call.at(Side::kA).session.duty, c.duty);
  const bool must_know = c.duty == SessionDuty::kPeers;
  EXPECT_EQ(bench.header(bench.find_last<SendResponse>()->headers, "Require"), must_know ? "timer" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Table2, Rfc4028_9,
    ::testing::Values(Table2{"Unaware", {}, {}, false, "", SessionDuty::kNone},
                      Table2{"UnawareBehindProxy", 600, {}, false, "600;refresher=uas", SessionDuty::kOurs},
                      Table2{"NoInterval", {}, {}, true, "1800;refresher=uac", SessionDuty::kPeers},
                      Table2{"NoRefresher", 600, {}, true, "600;refresher=uac", SessionDuty::kPeers},
                      Table2{"Uac", 600, Refresher::kUac, true, "600;refresher=uac", SessionDuty::kPeers},
                      Table2{"Uas", 600, Refresher::kUas, true, "600;refresher=uas", SessionDuty::kOurs},
                      Table2{"LongerThanOurs", 7200, Refresher::kUac, true, "1800;refresher=uac", SessionDuty::kPeers}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(Rfc4028_7_2, WeRefreshAtHalfTheInterval) {
  for (const bool by_update : {true, false}) {
    CallBench bench;
    bench.begin();
    Response ok = CallBench::response(200, audio_sdp("203.0.113.1", 5000));
    ok.session.expires_s = 600;
    ok.session.refresher = Refresher::kUac;
    ok.allow = MethodSet{};
    if (by_update) ok.allow->add(Method::kUpdate);
    answered(bench, ok).ack();
    EXPECT_EQ(bench.timers.at({Timer::kRefresh, Side::kB}), seconds(300));
    bench.timer(Timer::kRefresh, Side::kB);
    EXPECT_EQ(bench.asked(), by_update ? "b:UPDATE" : "b:INVITE");
    EXPECT_EQ(bench.find_last<SendRequest>()->body.has_value(), !by_update);
    EXPECT_EQ(bench.header(bench.find_last<SendRequest>()->headers, "Session-Expires"), "1800;refresher=uac");
    Response again = CallBench::response(200);
    again.session.expires_s = 600;
    if (!by_update) again.body = Body{"application/sdp", audio_sdp("203.0.113.1", 5000)};
    bench.answer(Side::kB, bench.last_asked(Side::kB), by_update ? Method::kUpdate : Method::kInvite, again);
    EXPECT_EQ(bench.asked(), by_update ? "" : "b:ACK");
    EXPECT_EQ(bench.timers.at({Timer::kRefresh, Side::kB}), seconds(300));
    EXPECT_TRUE(bench.relay_asked.empty()) << "nothing changed";
  }
}

TEST(Rfc4028_7_2, AnswerWithoutIntervalMeansNoTimer) {
  CallBench bench;
  bench.begin();
  answered(bench).ack();
  EXPECT_FALSE(bench.timers.contains({Timer::kRefresh, Side::kB}));
  EXPECT_FALSE(bench.timers.contains({Timer::kExpiry, Side::kB}));
}

TEST(Rfc4028_10, ByeBeforeTheIntervalEndsWithoutRefresh) {
  CallBench bench;
  bench.begin_with(timed_invite(bench, 600, Refresher::kUac));
  answered(bench).ack();
  // The smaller of 32 s and a third of the interval before its end.
  EXPECT_EQ(bench.timers.at({Timer::kExpiry, Side::kA}), seconds(600 - 32));
  bench.timer(Timer::kExpiry, Side::kA);
  EXPECT_EQ(bench.asked(), "a:BYE b:BYE");
  CallBench brief;
  brief.begin_with(timed_invite(brief, 90, Refresher::kUac));
  answered(brief).ack();
  EXPECT_EQ(brief.timers.at({Timer::kExpiry, Side::kA}), seconds(60));
}

TEST(Rfc4028_10, RefreshOfThePeerStartsAnew) {
  CallBench bench;
  bench.begin_with(timed_invite(bench, 600, Refresher::kUac));
  answered(bench).ack();
  bench.timers.clear();
  Request update = bench.request(Side::kA, Method::kUpdate);
  update.supports_timer = true;
  update.session.expires_s = 700;
  bench.ask_with(Side::kA, update);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(session_of(bench), "700;refresher=uac");
  EXPECT_EQ(bench.timers.at({Timer::kExpiry, Side::kA}), seconds(700 - 32));
}

TEST(Rfc4028_10, ARefreshThatFindsNoDialogEndsTheCall) {
  CallBench bench;
  bench.begin_with(timed_invite(bench, 600, Refresher::kUas));
  answered(bench).ack();
  bench.timer(Timer::kRefresh, Side::kA);
  EXPECT_EQ(bench.asked(), "a:INVITE");
  bench.answer(Side::kA, bench.last_asked(Side::kA), Method::kInvite, CallBench::response(481));
  EXPECT_EQ(bench.asked(), "b:BYE");
}

TEST(Rfc4028_10, RefreshWaitsWhileSomethingElseRuns) {
  CallBench bench;
  bench.begin_with(timed_invite(bench, 600, Refresher::kUas));
  answered(bench).ack();
  bench.ask(Side::kA, Method::kInvite, audio_sdp("198.51.100.1", 4000, "sendonly", 2));
  bench.timer(Timer::kRefresh, Side::kA);
  EXPECT_EQ(bench.asked(), "");
  EXPECT_TRUE(bench.timers.contains({Timer::kRefresh, Side::kA}));
}

}  // namespace
}  // namespace isthmus::b2bua
