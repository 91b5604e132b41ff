// RFC 3261 as a user agent on each leg, by section.

#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::b2bua {
namespace {

constexpr const char* kAnn = GatewayBench::kAnn;
constexpr const char* kBob = GatewayBench::kBob;
const std::string kOfferA = audio_sdp("198.51.100.1", 4000);
const std::string kAnswerB = audio_sdp("203.0.113.1", 5000);

TEST(Rfc3261_8_2_1, MethodNotAllowedNamesTheAllowedOnes) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("REGISTER", 1));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), 405);
  EXPECT_TRUE(answer.lists(sip::HeaderId::kAllow, "INVITE"));
  EXPECT_FALSE(answer.lists(sip::HeaderId::kAllow, "REGISTER"));
}

TEST(Rfc3261_8_2_2_3, UnknownRequireIs420WithUnsupported) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA, "Require: timer, a-thing\r\nRequire: b-thing\r\n"));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), 420);
  EXPECT_EQ(answer.header(sip::HeaderId::kUnsupported), "a-thing, b-thing");
}

TEST(Rfc3261_8_2_3, UnknownBodyIs415WithAccept) {
  GatewayBench bench;
  std::string text = bench.request("INVITE", 1, kOfferA);
  text.replace(text.find("application/sdp"), 15, "application/xml");
  bench.send(kAnn, text);
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), 415);
  EXPECT_TRUE(answer.lists(sip::HeaderId::kAccept, "application/sdp"));
}

TEST(Rfc3261_9_1, NoCancelBeforeAProvisionalResponse) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message invite = bench.next(kBob);
  std::string cancel = bench.request("CANCEL", 1);
  cancel.replace(cancel.find("z9hG4bK-CANCEL1"), 15, "z9hG4bK-INVITE1");
  bench.send(kAnn, cancel);
  EXPECT_EQ(bench.waiting(kBob), 0U);
  bench.send(kBob, GatewayBench::response(invite, 100));
  const sip::Message sent = bench.next(kBob);
  EXPECT_EQ(GatewayBench::what(sent), "CANCEL");
  EXPECT_EQ(sent.vias().at(0).branch(), invite.vias().at(0).branch());
  EXPECT_EQ(sent.cseq().number, invite.cseq().number);
}

TEST(Rfc3261_11_2, OptionsIsAnsweredLikeAnInviteWouldBe) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("OPTIONS", 1));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), 200);
  EXPECT_TRUE(answer.has(sip::HeaderId::kAllow));
  EXPECT_TRUE(answer.has(sip::HeaderId::kAccept));
  EXPECT_TRUE(answer.has(sip::HeaderId::kSupported));
  bench.b2bua->drain(false);
  bench.branch_suffix = "again";
  bench.send(kAnn, bench.request("OPTIONS", 2));
  EXPECT_EQ(bench.next_what(kAnn), "503");
}

TEST(Rfc3261_12_1_1, TheCallersRecordRouteBecomesOurRoute) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA,
                                 "Record-Route: <sip:198.51.100.1;lr;n=1>, <sip:198.51.100.8;lr;n=2>\r\n"));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 200, kAnswerB));
  const sip::Message ok = bench.next(kAnn);
  bench.send(kAnn, bench.request("ACK", 1, "", "", std::string(ok.to_tag())));
  bench.b2bua->hang_up(bench.b2bua->views("", 1).at(0).id);
  const sip::Message bye = bench.next(kAnn);
  ASSERT_EQ(GatewayBench::what(bye), "BYE");
  EXPECT_EQ(bye.request_uri().text, "sip:ann@198.51.100.1:5060");
  ASSERT_EQ(bye.routes().size(), 2U);
  EXPECT_EQ(bye.routes()[0].text, "<sip:198.51.100.1;lr;n=1>");
  EXPECT_EQ(bye.routes()[1].text, "<sip:198.51.100.8;lr;n=2>");
}

TEST(Rfc3261_12_2_1_1, AStrictRouterGetsItselfAsRequestUri) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 200, kAnswerB, "Record-Route: <sip:203.0.113.1>\r\n"));
  const sip::Message ack = bench.next(kBob);
  EXPECT_EQ(ack.request_uri().text, "sip:203.0.113.1");
  ASSERT_EQ(ack.routes().size(), 1U);
  EXPECT_EQ(ack.routes()[0].text, "<sip:bob@203.0.113.1:5060>");
}

TEST(Rfc3261_12_2_1_2, TargetIsRefreshedByReinvite) {
  GatewayBench bench;
  bench.up();
  std::string moved = bench.request("INVITE", 2, audio_sdp("198.51.100.1", 4000), "", bench.our_tag());
  moved.replace(moved.find("<sip:ann@198.51.100.1:5060>"), 27, "<sip:desk@198.51.100.1:5060>");
  bench.send(kAnn, moved);
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.send(kAnn, bench.request("ACK", 2, "", "", bench.our_tag()));
  bench.b2bua->hang_up(bench.b2bua->views("", 1).at(0).id);
  EXPECT_EQ(bench.next(kAnn).request_uri().text, "sip:desk@198.51.100.1:5060");
}

TEST(Rfc3261_12_2_2, RequestOutsideOfAnyDialogIs481) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("BYE", 1, "", "", "never-given"));
  EXPECT_EQ(bench.next_what(kAnn), "481");
}

TEST(Rfc3261_12_2_2, LowerCseqIs500) {
  GatewayBench bench;
  bench.up();
  bench.send(kAnn, bench.request("OPTIONS", 9, "", "", bench.our_tag()));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.send(kAnn, bench.request("OPTIONS", 8, "", "", bench.our_tag()));
  EXPECT_EQ(bench.next_what(kAnn), "500");
}

TEST(Rfc3261_13_2_2_4, EveryForkIsAcknowledgedAndAllButOneEnded) {
  GatewayBench bench;
  bench.up();
  for (const char* tag : {"fork-2", "fork-3"}) {
    bench.send(kBob, GatewayBench::response(bench.invite_b, 200, kAnswerB, "", tag));
    const sip::Message ack = bench.next(kBob);
    const sip::Message bye = bench.next(kBob);
    EXPECT_EQ(GatewayBench::what(ack), "ACK");
    EXPECT_EQ(ack.to_tag(), tag);
    EXPECT_EQ(GatewayBench::what(bye), "BYE");
    EXPECT_EQ(bye.to_tag(), tag);
  }
  EXPECT_EQ(bench.b2bua->counters().forks_ended, 2U);
  EXPECT_EQ(bench.b2bua->calls(), 1U);
}

TEST(Rfc3261_13_3_1_4, The2xxIsSentAgainUntilItsAck) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 200, kAnswerB));
  const sip::Message first = bench.next(kAnn);
  bench.advance(std::chrono::milliseconds(499));
  const sip::Message second = bench.next(kAnn);
  EXPECT_EQ(second, first);
  bench.advance(std::chrono::milliseconds(999));
  EXPECT_EQ(bench.waiting(kAnn), 0U);
  bench.advance(std::chrono::milliseconds(2));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.send(kAnn, bench.request("ACK", 1, "", "", std::string(first.to_tag())));
  bench.advance(std::chrono::seconds(20));
  EXPECT_EQ(bench.waiting(kAnn), 0U);
}

TEST(Rfc3261_14_1, ARefusedReinviteLeavesTheSessionAsItWas) {
  GatewayBench bench;
  bench.up();
  const auto before = bench.relay.sessions.begin()->second.streams;
  bench.send(kAnn, bench.request("INVITE", 2, audio_sdp("198.51.100.1", 4000, "sendonly", 2), "", bench.our_tag()));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 488));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  EXPECT_EQ(bench.next_what(kAnn), "488");
  EXPECT_EQ(bench.relay.sessions.begin()->second.streams, before);
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

TEST(Rfc3261_16_3, HopsAreCountedAndBounded) {
  GatewayBench bench;
  std::string text = bench.request("INVITE", 1, kOfferA);
  text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 5");
  bench.send(kAnn, text);
  EXPECT_EQ(bench.next(kBob).max_forwards(), 4U);
}

TEST(Rfc3261_16_8, TimerCEndsAnInviteThatOnlyRings) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 180));
  EXPECT_EQ(bench.next_what(kAnn), "180");
  bench.advance(std::chrono::seconds(179));
  EXPECT_EQ(bench.waiting(kBob), 0U);
  bench.advance(std::chrono::seconds(2));
  EXPECT_EQ(bench.next_what(kBob), "CANCEL");
  EXPECT_EQ(bench.next_what(kAnn), "504");
}

TEST(Rfc3261_20_43, MalformedSdpIsAnsweredWithAWarningThatSaysWhat) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nm=audio nonsense\r\n"));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_TRUE(answer.status() == 400 || answer.status() == 488) << answer.status();
  const auto warning = answer.header(sip::HeaderId::kWarning);
  ASSERT_TRUE(warning);
  EXPECT_NE(warning->find("gw.example.com \""), std::string_view::npos) << *warning;
}

}  // namespace
}  // namespace isthmus::b2bua
