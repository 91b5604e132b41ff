// An answer that went reliably in a provisional response is the answer of that INVITE (RFC 3262 5). When another fork
// of the callee takes the call (RFC 3261 13.2.2.4), the caller hears of its media in an offer of its own, after the
// ACK.

#include <gmock/gmock.h>

#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// audio_sdp() with fewer formats.
std::string audio_with(const std::string& formats, const std::string& address, int port,
                       const std::string& direction = "sendrecv") {
  std::string sdp = audio_sdp(address, port, direction);
  return sdp.replace(sdp.find("0 8 101"), 7, formats);
}

std::string without_video(std::string sdp, int port) {
  const std::string line = "m=video " + std::to_string(port);
  return sdp.replace(sdp.find(line), line.size(), "m=video 0");
}

void begin_reliable(CallBench& bench, const std::string& offer) {
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"application/sdp", offer};
  invite.supports_100rel = true;
  bench.begin_with(std::move(invite)).relay();
}

void prack(CallBench& bench) {
  const Leg& a = bench.call.at(Side::kA);
  Request r = bench.request(Side::kA, Method::kPrack);
  r.rack = Request::Rack{a.reliable.rseq, a.invite_cseq};
  bench.ask_with(Side::kA, std::move(r));
}

/// fork-1 answers early, and the caller has acknowledged it. Returns what the caller read.
std::string answer_early(CallBench& bench, const std::string& sdp) {
  bench.respond(183, sdp, "fork-1").relay();
  const auto* sent = bench.find_last<SendResponse>();
  const std::string read = sent != nullptr && sent->body ? sent->body->text : "";
  EXPECT_NE(read, "");
  EXPECT_NE(bench.header(sent->headers, "RSeq"), "");
  prack(bench);
  EXPECT_EQ(bench.answered(), "200");
  return read;
}

std::string text_of(const SendRequest* request) {
  return request != nullptr && request->body ? request->body->text : "";
}

std::uint64_t version_in(const std::string& sdp) {
  const std::size_t id = sdp.find(' ', sdp.find("o=")) + 1;
  return std::stoull(sdp.substr(sdp.find(' ', id) + 1));
}

TEST(Rfc3262_5, AnotherForkIsOfferedToTheCallerAfterItsAck) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  const std::string read = answer_early(bench, audio_with("0", "203.0.113.1", 5000));
  bench.respond(200, audio_with("8", "203.0.113.2", 6000), "fork-2").relay();
  ASSERT_EQ(bench.answered(), "200");
  EXPECT_FALSE(bench.find_last<SendResponse>()->body) << "this INVITE has its answer";
  bench.ack();
  ASSERT_EQ(bench.asked(), "a:INVITE");
  const std::string offer = text_of(bench.find_last<SendRequest>());
  EXPECT_THAT(offer, HasSubstr("RTP/AVP 8\r\n"));
  EXPECT_EQ(version_in(offer), version_in(read) + 1) << "RFC 3264 8";
  bench.answer(Side::kA, bench.last_asked(Side::kA), Method::kInvite,
               CallBench::response(200, audio_with("8", "198.51.100.1", 4000), "tag-a"));
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  const contract::StreamSpec& stream = bench.relay_asked.front().streams.at(0);
  ASSERT_EQ(stream.a_to_b.size(), 1U);
  EXPECT_EQ(stream.a_to_b.front().from, 8);
  EXPECT_EQ(to_string(*stream.leg[1].remote_rtp), "203.0.113.2:6000");
  bench.relay();
  EXPECT_EQ(bench.asked(), "");
  EXPECT_EQ(bench.call.state, State::kUp);
}

// RFC 3261 14.1: a refused re-INVITE leaves the media as they were. Where that is nothing in common, nobody would hear.
TEST(Rfc3262_5, ACallerThatRefusesTheOnlyCodecOfTheForkHasItsCallEnded) {
  for (const bool common : {false, true}) {
    CallBench bench;
    begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
    answer_early(bench, audio_with("0", "203.0.113.1", 5000));
    bench.respond(200, audio_with(common ? "8 0" : "8", "203.0.113.2", 6000), "fork-2").relay().ack();
    ASSERT_EQ(bench.asked(), "a:INVITE");
    bench.answer(Side::kA, bench.last_asked(Side::kA), Method::kInvite, CallBench::response(488));
    EXPECT_EQ(bench.asked(), common ? "" : "a:BYE b:BYE");
    EXPECT_EQ(bench.call.state, common ? State::kUp : State::kEnding);
    EXPECT_EQ(bench.call.record.end_reason, common ? "" : "no codec in common after a re-offer");
  }
}

TEST(Rfc3262_5, TheForkThatAnsweredEarlyNeedsNoOtherOffer) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  answer_early(bench, audio_with("0", "203.0.113.1", 5000));
  bench.respond(200, audio_with("0", "203.0.113.1", 5000), "fork-1").relay().ack();
  EXPECT_EQ(bench.asked(), "");
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Rfc3262_5, AForkThatAgreesToTheSameNeedsNoOtherOffer) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  answer_early(bench, audio_with("0", "203.0.113.1", 5000));
  bench.respond(200, audio_with("0", "203.0.113.2", 6000), "fork-2").relay().ack();
  EXPECT_EQ(bench.asked(), "");
}

TEST(Rfc3262_5, TheDirectionOfAnotherForkIsOffered) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  EXPECT_THAT(answer_early(bench, audio_sdp("203.0.113.1", 5000, "sendonly")), HasSubstr("a=sendonly"));
  bench.respond(200, audio_sdp("203.0.113.2", 6000), "fork-2").relay().ack();
  ASSERT_EQ(bench.asked(), "a:INVITE");
  EXPECT_THAT(text_of(bench.find_last<SendRequest>()), Not(HasSubstr("a=sendonly")));
}

TEST(Rfc3262_5, AStreamThatTheFirstForkRefusedRestsUntilItIsOffered) {
  CallBench bench;
  begin_reliable(bench, video_sdp("198.51.100.1", 4000));
  const std::string read = answer_early(bench, without_video(video_sdp("203.0.113.1", 5000), 5002));
  EXPECT_THAT(read, HasSubstr("m=video 0 "));
  bench.respond(200, video_sdp("203.0.113.2", 6000), "fork-2");
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_FALSE(bench.relay_asked.front().streams.at(1).leg[0].send) << "the caller was told that there is no picture";
  bench.relay().ack();
  ASSERT_EQ(bench.asked(), "a:INVITE");
  EXPECT_THAT(text_of(bench.find_last<SendRequest>()), Not(HasSubstr("m=video 0 ")));
  bench.answer(Side::kA, bench.last_asked(Side::kA), Method::kInvite,
               CallBench::response(200, video_sdp("198.51.100.1", 4000), "tag-a"));
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_TRUE(bench.relay_asked.front().streams.at(1).leg[0].send);
  bench.relay();
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Rfc3262_5, AStreamThatAnotherForkRefusesIsTakenBack) {
  CallBench bench;
  begin_reliable(bench, video_sdp("198.51.100.1", 4000));
  answer_early(bench, video_sdp("203.0.113.1", 5000));
  bench.respond(200, without_video(video_sdp("203.0.113.2", 6000), 6002), "fork-2").relay().ack();
  ASSERT_EQ(bench.asked(), "a:INVITE");
  EXPECT_THAT(text_of(bench.find_last<SendRequest>()), HasSubstr("m=video 0 "));
}

TEST(Rfc3262_5, EarlyMediaOfAnotherForkGoesWithoutADescription) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  answer_early(bench, audio_with("0", "203.0.113.1", 5000));
  bench.respond(183, audio_with("8", "203.0.113.2", 6000), "fork-2");
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  EXPECT_EQ(to_string(*bench.relay_asked.front().streams.at(0).leg[1].remote_rtp), "203.0.113.2:6000");
  bench.relay();
  ASSERT_EQ(bench.answered(), "183");
  EXPECT_FALSE(bench.find_last<SendResponse>()->body);
  // Its 2xx leaves out what it said before.
  bench.respond(200, std::nullopt, "fork-2").relay();
  ASSERT_EQ(bench.answered(), "200");
  EXPECT_FALSE(bench.find_last<SendResponse>()->body);
  bench.ack();
  ASSERT_EQ(bench.asked(), "a:INVITE");
  EXPECT_THAT(text_of(bench.find_last<SendRequest>()), HasSubstr("RTP/AVP 8\r\n"));
}

// The description waits behind a reliable 180: it is promised already.
TEST(Rfc3262_5, OnlyOneDescriptionGoesIntoTheQueue) {
  CallBench bench;
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"application/sdp", audio_sdp("198.51.100.1", 4000)};
  invite.requires_100rel = true;
  bench.begin_with(std::move(invite)).relay().respond(180);
  bench.respond(183, audio_with("0", "203.0.113.1", 5000), "fork-1").relay();
  bench.respond(183, audio_with("8", "203.0.113.2", 6000), "fork-2").relay();
  for (std::size_t i = 0; i < kMaxQueuedProvisional; ++i) bench.respond(181);
  std::size_t descriptions = 0;
  for (std::size_t i = 0; i <= kMaxQueuedProvisional; ++i) {
    prack(bench);
    const auto* sent = bench.find_last<SendResponse>();
    descriptions += sent != nullptr && sent->body ? 1U : 0U;
  }
  EXPECT_EQ(descriptions, 1U);
  EXPECT_TRUE(bench.call.calling.so_far.answered_reliably);
}

// RFC 3262 3: the 2xx waits for every description that goes reliably.
TEST(Rfc3262_5, AQueuedDescriptionGoesBeforeThe2xx) {
  CallBench bench;
  Request invite = bench.request(Side::kA, Method::kInvite);
  invite.body = Body{"application/sdp", audio_sdp("198.51.100.1", 4000)};
  invite.requires_100rel = true;
  bench.begin_with(std::move(invite)).relay().respond(180);
  bench.respond(181, std::nullopt, "fork-1");
  bench.respond(183, audio_with("0", "203.0.113.1", 5000), "fork-1").relay();
  bench.respond(200, audio_with("8", "203.0.113.2", 6000), "fork-2").relay();
  EXPECT_EQ(bench.answered(), "");
  prack(bench);
  EXPECT_EQ(bench.answered(), "200 183") << "181 says nothing to a call that is answered";
  EXPECT_TRUE(bench.find_last<SendResponse>()->body);
  prack(bench);
  ASSERT_EQ(bench.answered(), "200 200");
  EXPECT_FALSE(bench.find_last<SendResponse>()->body);
  bench.ack();
  ASSERT_EQ(bench.asked(), "a:INVITE");
  EXPECT_THAT(text_of(bench.find_last<SendRequest>()), HasSubstr("RTP/AVP 8\r\n"));
}

/// A reliable 183 of the target.
void progress_reliably(CallBench& bench, const std::string& tag, std::uint32_t rseq, const std::string& sdp) {
  Response progress = CallBench::response(183, sdp, tag);
  progress.requires_100rel = true;
  progress.rseq = rseq;
  progress.cseq = 1;
  bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, std::move(progress));
}

// The 2xx of a fork that answered reliably needs no description, whoever answered after it.
TEST(Rfc3262_5, EachForksReliableAnswerIsKept) {
  for (const bool relay_refuses : {false, true}) {
    CallBench bench;
    begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
    progress_reliably(bench, "fork-1", 1, audio_with("0", "203.0.113.1", 5000));
    bench.relay();
    prack(bench);
    progress_reliably(bench, "fork-2", 1, audio_with("0", "203.0.113.2", 6000));
    bench.relay(!relay_refuses);
    bench.respond(200, std::nullopt, "fork-1");
    ASSERT_EQ(bench.relay_asked.size(), 1U);
    EXPECT_EQ(to_string(*bench.relay_asked.front().streams.at(0).leg[1].remote_rtp), "203.0.113.1:5000");
    bench.relay();
    ASSERT_EQ(bench.answered(), "200");
    bench.ack();
    EXPECT_EQ(bench.asked(), "");
    EXPECT_EQ(bench.call.state, State::kUp);
  }
}

TEST(Rfc3262_5, A2xxOfAForkThatAnsweredNothingIsRefused) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  progress_reliably(bench, "fork-1", 1, audio_with("0", "203.0.113.1", 5000));
  bench.relay();
  prack(bench);
  bench.respond(200, std::nullopt, "fork-3");
  EXPECT_EQ(bench.answered(), "488");
}

// The PRACK comes while the data plane is programmed for another reason: the 2xx goes when it has answered.
TEST(Rfc3262_3, APrackWhileTheDataPlaneIsAskedLetsThe2xxGo) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  bench.respond(183, audio_with("0", "203.0.113.1", 5000), "fork-1").relay();
  bench.respond(200, audio_with("0", "203.0.113.1", 5000), "fork-1").relay();
  EXPECT_EQ(bench.answered(), "") << "its description is not acknowledged";
  bench.happen(RelayOutOfStep{});
  ASSERT_EQ(bench.relay_asked.size(), 1U);
  prack(bench);
  EXPECT_EQ(bench.answered(), "200") << "of PRACK";
  bench.relay();
  EXPECT_EQ(bench.answered(), "200") << "of INVITE";
  bench.ack();
  EXPECT_EQ(bench.call.state, State::kUp);
}

TEST(Rfc3262_5, ARefreshOfTheCallerRepeatsWhatItWasTold) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  const std::string read = answer_early(bench, audio_sdp("203.0.113.1", 5000));
  bench.respond(200, audio_sdp("203.0.113.2", 6000), "fork-2").relay().ack();
  ASSERT_EQ(bench.asked(), "");
  bench.ask(Side::kA, Method::kInvite, audio_sdp("198.51.100.1", 4000));
  ASSERT_EQ(bench.answered(), "200");
  EXPECT_EQ(bench.find_last<SendResponse>()->body->text, read);
}

TEST(Rfc3262_5, AskingTheTargetAgainDoesNotForgetTheAnswer) {
  CallBench bench;
  begin_reliable(bench, audio_sdp("198.51.100.1", 4000));
  answer_early(bench, audio_with("0", "203.0.113.1", 5000));
  Response too_short = CallBench::response(422);
  too_short.session.min_se_s = 3600;
  bench.answer(Side::kB, bench.setup_invite(), Method::kInvite, std::move(too_short));
  ASSERT_EQ(bench.asked(), "b:INVITE");
  bench.respond(200, audio_with("8", "203.0.113.3", 7000), "fork-2").relay();
  ASSERT_EQ(bench.answered(), "200");
  EXPECT_FALSE(bench.find_last<SendResponse>()->body);
  bench.ack();
  EXPECT_EQ(bench.asked(), "a:INVITE");
}

}  // namespace
}  // namespace isthmus::b2bua
