// RFC 3262: reliable provisional responses, towards the caller and from the callee.

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

Request invite_with_100rel(CallBench& bench, bool required) {
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"application/sdp", audio_sdp("198.51.100.1", 4000)};
  invite.supports_100rel = true;
  invite.requires_100rel = required;
  return invite;
}

ServerId prack(CallBench& bench, std::uint32_t rseq, std::optional<std::string> body = std::nullopt) {
  Request r = bench.request(Side::kA, Method::kPrack);
  r.rack = Request::Rack{rseq, bench.call.at(Side::kA).invite_cseq};
  if (body) r.body = Body{"application/sdp", *body};
  return bench.ask_with(Side::kA, std::move(r));
}

std::uint32_t rseq_of(const CallBench& bench) {
  return static_cast<std::uint32_t>(std::stoul(bench.header(bench.find_last<SendResponse>()->headers, "RSeq")));
}

TEST(Rfc3262_3, RequiredMeansEvery18xIsReliable) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  EXPECT_EQ(bench.answered(), "180");
  EXPECT_EQ(bench.header(bench.find_last<SendResponse>()->headers, "Require"), "100rel");
  EXPECT_GE(rseq_of(bench), 1U);
  EXPECT_LE(rseq_of(bench), 0x7fffffffU);
}

TEST(Rfc3262_3, SupportedMeansDescriptionsGoReliably) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, false)).relay().respond(180);
  EXPECT_EQ(bench.header(bench.find_last<SendResponse>()->headers, "RSeq"), "");
  bench.respond(183, audio_sdp("203.0.113.1", 5000)).relay();
  EXPECT_NE(bench.header(bench.find_last<SendResponse>()->headers, "RSeq"), "");
}

TEST(Rfc3262_3, SentAgainFromT1DoublingUntilPrack) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  const std::uint32_t rseq = rseq_of(bench);
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 5; ++i) {
    waits.push_back(bench.timers.at({Timer::kResendReliable, Side::kA}).count());
    bench.timer(Timer::kResendReliable);
    EXPECT_EQ(bench.answered(), "180");
    EXPECT_EQ(rseq_of(bench), rseq);
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{500, 1000, 2000, 4000, 8000}));
  prack(bench, rseq);
  EXPECT_EQ(bench.answered(), "200");
  EXPECT_FALSE(bench.timers.contains({Timer::kResendReliable, Side::kA}));
}

TEST(Rfc3262_3, NoPrackFor64T1RefusesTheInviteWith5xx) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  EXPECT_EQ(bench.timers.at({Timer::kPrack, Side::kA}), std::chrono::seconds(32));
  bench.timer(Timer::kPrack);
  EXPECT_EQ(bench.answered(), "504");
  EXPECT_EQ(bench.asked(), "b:CANCEL");
}

TEST(Rfc3262_3, PrackThatMatchesNothingIs481) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  const std::uint32_t rseq = rseq_of(bench);
  prack(bench, rseq + 1);
  EXPECT_EQ(bench.answered(), "481");
  prack(bench, rseq);
  EXPECT_EQ(bench.answered(), "200");
  prack(bench, rseq);
  EXPECT_EQ(bench.answered(), "481");
}

TEST(Rfc3262_3, TheNextReliableOneWaitsAndCountsOneMore) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  const std::uint32_t first = rseq_of(bench);
  bench.respond(181);
  EXPECT_EQ(bench.answered(), "");
  prack(bench, first);
  EXPECT_EQ(bench.answered(), "200 181");
  EXPECT_EQ(rseq_of(bench), first + 1);
}

TEST(Rfc3262_3, QueueIsBounded) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  for (std::size_t i = 0; i < kMaxQueuedProvisional + 3; ++i) bench.respond(181);
  EXPECT_EQ(bench.call.at(Side::kA).reliable.queued.size(), kMaxQueuedProvisional);
}

TEST(Rfc3262_3, The2xxWaitsForThePrackOfAnAnswer) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, false)).relay().respond(183, audio_sdp("203.0.113.1", 5000)).relay();
  const std::uint32_t rseq = rseq_of(bench);
  bench.respond(200, audio_sdp("203.0.113.1", 5000)).relay();
  EXPECT_EQ(bench.answered(), "");
  prack(bench, rseq);
  EXPECT_EQ(bench.answered(), "200 200");  // PRACK, then INVITE
  EXPECT_FALSE(bench.find_last<SendResponse>()->body) << "the answer was given already (RFC 3262 5)";
  bench.ack();
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Rfc3262_4, ReliableResponsesOfTheCalleeArePracked) {
  CallBench bench;
  bench.begin().relay();
  Response ringing = CallBench::response(180);
  ringing.requires_100rel = true;
  ringing.rseq = 41;
  ringing.cseq = 1;
  bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, ringing);
  EXPECT_EQ(bench.asked(), "b:PRACK");
  const auto* sent = bench.find_last<SendRequest>();
  EXPECT_EQ(bench.header(sent->headers, "RAck"), "41 1 INVITE");
  ASSERT_TRUE(sent->early);
  EXPECT_EQ(sent->early->remote_tag, "tag-b");
  EXPECT_EQ(bench.answered(), "180");
}

TEST(Rfc3262_4, CopiesAndGapsAreIgnored) {
  CallBench bench;
  bench.begin().relay();
  Response ringing = CallBench::response(180);
  ringing.requires_100rel = true;
  for (const auto& [rseq, pracked] : {std::pair{41U, true}, {41U, false}, {43U, false}, {42U, true}}) {
    ringing.rseq = rseq;
    bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, ringing);
    EXPECT_EQ(bench.asked(), pracked ? "b:PRACK" : "") << rseq;
  }
}

TEST(Rfc3262_5, OfferInPrackIsRefused) {
  CallBench bench;
  bench.begin_with(invite_with_100rel(bench, true)).relay().respond(180);
  prack(bench, rseq_of(bench), audio_sdp("198.51.100.1", 4000));
  EXPECT_EQ(bench.answered(), "488");
}

TEST(Rfc3262_5, RequiredWithoutOfferIs420) {
  CallBench bench;
  Request invite = invite_with_100rel(bench, true);
  invite.body.reset();
  bench.begin_with(invite);
  EXPECT_EQ(bench.answered(), "420");
  EXPECT_EQ(bench.header(bench.find_last<SendResponse>()->headers, "Unsupported"), "100rel");
}

}  // namespace
}  // namespace isthmus::b2bua
