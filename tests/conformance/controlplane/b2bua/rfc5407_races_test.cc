// RFC 5407: messages that cross.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

const std::string kAnswerB = audio_sdp("203.0.113.1", 5000);
const std::string kHoldA = audio_sdp("198.51.100.1", 4000, "sendonly", 2);
const std::string kHoldB = audio_sdp("203.0.113.1", 5000, "sendonly", 2);

CallBench& answered(CallBench& bench) { return bench.begin().relay().respond(200, kAnswerB).relay(); }

TEST(Rfc5407_3_1_2, CancelInTheMoratoriumHasNoEffect) {
  CallBench bench;
  answered(bench).cancel();
  EXPECT_TRUE(bench.last.empty());
  bench.ack();
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Rfc5407_3_1_3, EarlyByeInTheMoratoriumEndsTheCall) {
  CallBench bench;
  answered(bench).ask(Side::kA, Method::kBye);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.asked(), "b:BYE");
  bench.ack();  // too late, and harmless
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Rfc5407_3_1_4, ReinviteAfterALostAckIsTaken) {
  CallBench bench;
  answered(bench).ask(Side::kA, Method::kInvite, kHoldA);
  EXPECT_EQ(bench.call.state, State::kUp);
  EXPECT_EQ(bench.asked(), "b:INVITE");
  EXPECT_FALSE(bench.timers.contains({Timer::kResend2xx, Side::kA}));
}

TEST(Rfc5407_3_1_5, ReinviteAfterALostAckWithTheAnswerIs491) {
  CallBench bench;
  bench.begin(std::nullopt).relay().respond(200, kAnswerB).relay();
  bench.ask(Side::kA, Method::kInvite, kHoldA);
  EXPECT_EQ(bench.answered(), "491");
  EXPECT_EQ(bench.call.state, State::kAnswered);
}

TEST(Rfc5407_3_1_4, ReinviteOfTheCalleeWaitsForTheCallersAck) {
  CallBench bench;
  answered(bench).ask(Side::kB, Method::kInvite, kHoldB);
  EXPECT_EQ(bench.answered(), "491");
}

TEST(Rfc5407_3_2_1, CrossingByesAreBothAnswered) {
  CallBench bench;
  bench.up().happen(EndAsked{"test"});
  EXPECT_EQ(bench.asked(), "a:BYE b:BYE");
  bench.ask(Side::kA, Method::kBye);
  EXPECT_EQ(bench.answered(), "200");
  bench.ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.answered(), "200");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Rfc5407_3_2_2, ReinviteThatCrossesAByeIs481) {
  CallBench bench;
  bench.up().ask(Side::kA, Method::kBye);
  bench.ask(Side::kB, Method::kInvite, kHoldB);
  EXPECT_EQ(bench.answered(), "481");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Rfc5407_3_2_3, The200OfAReinviteThatCrossesAByeIsAcknowledged) {
  CallBench bench;
  bench.up().ask(Side::kA, Method::kInvite, kHoldA);
  const ClientId asked = bench.last_asked(Side::kB);
  bench.ask(Side::kA, Method::kBye);
  EXPECT_EQ(bench.answered(), "200 487");
  bench.answer(Side::kB, asked, Method::kInvite,
               CallBench::response(200, audio_sdp("203.0.113.1", 5000, "recvonly", 2)));
  EXPECT_EQ(bench.asked(), "b:ACK");
  bench.wind_up();
  EXPECT_TRUE(bench.finished);
}

TEST(Rfc5407_3_2_4, AckThatCrossesAByeOfTheCalleeLetsOursGo) {
  CallBench bench;
  answered(bench).ask(Side::kB, Method::kBye);
  EXPECT_EQ(bench.asked(), "");
  bench.ack();
  EXPECT_EQ(bench.asked(), "a:BYE");
}

TEST(Rfc5407_3_3_1, CrossingReinvitesAreBothRefused) {
  CallBench bench;
  bench.up().ask(Side::kA, Method::kInvite, kHoldA);
  const ClientId asked = bench.last_asked(Side::kB);
  bench.ask(Side::kB, Method::kInvite, kHoldB);
  EXPECT_EQ(bench.answered(), "491");
  bench.answer(Side::kB, asked, Method::kInvite, CallBench::response(491));
  EXPECT_EQ(bench.answered(), "491");
  // Both try again after their own times (RFC 3261 14.1): whoever is first wins.
  bench.ask(Side::kB, Method::kInvite, kHoldB);
  EXPECT_EQ(bench.asked(), "a:INVITE");
}

TEST(Rfc5407_3_3_2, UpdateThatCrossesAReinviteIs491) {
  CallBench bench;
  bench.up().ask(Side::kA, Method::kInvite, kHoldA);
  bench.ask(Side::kB, Method::kUpdate, kHoldB);
  EXPECT_EQ(bench.answered(), "491");
}

TEST(Rfc3311_5_2, SecondUpdateOfTheSameSideIs500WithRetryAfter) {
  CallBench bench;
  bench.up();
  bench.call.at(Side::kB).allow.add(Method::kUpdate);
  bench.ask(Side::kA, Method::kUpdate, kHoldA);
  bench.ask(Side::kA, Method::kUpdate, kHoldA);
  EXPECT_EQ(bench.answered(), "500");
  EXPECT_NE(bench.header(bench.find_last<SendResponse>()->headers, "Retry-After"), "");
}

}  // namespace
}  // namespace isthmus::b2bua
