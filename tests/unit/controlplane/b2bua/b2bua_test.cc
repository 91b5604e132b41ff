// The shell over real transactions: what goes over the wire, and what stays of it.

#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::b2bua {
namespace {

constexpr const char* kAnn = GatewayBench::kAnn;
constexpr const char* kBob = GatewayBench::kBob;
const std::string kOfferA = audio_sdp("198.51.100.1", 4000);
const std::string kAnswerB = audio_sdp("203.0.113.1", 5000);

TEST(B2bua, CarriesACallFromInviteToBye) {
  GatewayBench bench;
  bench.up();
  EXPECT_EQ(bench.relay.sessions.size(), 1U);
  EXPECT_EQ(bench.journal->size(), 1U);
  bench.send(kAnn, bench.request("BYE", 2, "", "", bench.our_tag()));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  const sip::Message bye = bench.next(kBob);
  EXPECT_EQ(GatewayBench::what(bye), "BYE");
  bench.send(kBob, GatewayBench::response(bye, 200));
  EXPECT_EQ(bench.b2bua->calls(), 0U);
  EXPECT_TRUE(bench.relay.sessions.empty());
  EXPECT_EQ(bench.journal->size(), 0U);
  ASSERT_EQ(bench.b2bua->ended().size(), 1U);
  EXPECT_EQ(bench.b2bua->ended()[0].end_reason, "caller hung up");
}

TEST(B2bua, InviteToTheTargetIsOurs) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA,
                                 "Subject: lunch\r\nX-Unknown: secret\r\nRecord-Route: <sip:198.51.100.9;lr>\r\n"
                                 "P-Asserted-Identity: <sip:ann@example.com>\r\nSupported: 100rel, timer\r\n"));
  const sip::Message invite = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(invite), "INVITE");
  EXPECT_EQ(invite.request_uri().text, "sip:bob@example.com");
  EXPECT_EQ(invite.from().uri.text, "sip:ann@example.com");
  EXPECT_EQ(invite.from().display_name, "\"Ann\"");
  EXPECT_NE(invite.from_tag(), "ann-tag");
  EXPECT_NE(invite.call_id(), "ann-call");
  EXPECT_EQ(invite.header("Subject"), "lunch");
  EXPECT_EQ(invite.header("P-Asserted-Identity"), "<sip:ann@example.com>");
  EXPECT_FALSE(invite.header("X-Unknown"));
  EXPECT_TRUE(invite.record_routes().empty());
  EXPECT_EQ(invite.vias().size(), 1U);
  EXPECT_EQ(invite.max_forwards(), 15U);  // R54
  EXPECT_EQ(invite.contacts().at(0).uri.text, "sip:192.0.2.10:5060");
  EXPECT_TRUE(invite.lists(sip::HeaderId::kSupported, "100rel"));
  EXPECT_EQ(invite.header(sip::HeaderId::kSessionExpires), "1800");
}

TEST(B2bua, TagsAndCallIdsHaveAtLeast64Bits) {
  GatewayBench bench;
  bench.up();
  EXPECT_GE(bench.our_tag().size(), 16U);
  EXPECT_GE(bench.invite_b.from_tag().size(), 16U);
  EXPECT_GE(bench.invite_b.call_id().size(), 32U);
}

TEST(B2bua, KeyThatNearsItsEndIsCountedAndTheCallGoesOn) {
  GatewayBench bench;
  bench.up();
  const contract::SessionId session{bench.relay.sessions.begin()->first};
  bench.relay.event(contract::KeyLifetimeLowEvent{session, 0, Side::kB, contract::KeyDirection::kSend, 1U << 20U});
  bench.relay.event(contract::KeyLifetimeLowEvent{contract::SessionId{session.value ^ 1U}, 0, Side::kA,
                                                  contract::KeyDirection::kReceive, 1});  // of a call that ended since
  bench.settle();
  EXPECT_EQ(bench.b2bua->counters().key_lifetimes_low, 1U);
  ASSERT_EQ(bench.b2bua->low_keys().size(), 1U);
  EXPECT_EQ(bench.b2bua->low_keys()[0].call, bench.b2bua->views("", 1).at(0).id);
  EXPECT_EQ(bench.b2bua->calls(), 1U);
  EXPECT_EQ(bench.waiting(kAnn), 0U);
  EXPECT_EQ(bench.waiting(kBob), 0U);
}

// ---- the door ----

TEST(Door, UntrustedSourcesAre403) {
  GatewayBench bench;
  constexpr const char* kStranger = "198.51.100.77:5060";
  std::string invite = bench.request("INVITE", 1, kOfferA);
  invite.replace(invite.find("198.51.100.1:5060"), 17, "198.51.100.77:5060");
  bench.send(kStranger, invite);
  EXPECT_EQ(bench.next_what(kStranger), "403");
  EXPECT_EQ(bench.b2bua->counters().refused_untrusted, 1U);
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

struct DoorCase {
  const char* name;
  const char* method;
  const char* uri;
  const char* extra;
  const char* status;
  const char* header;  // that the answer must have
};
class DoorTable : public ::testing::TestWithParam<DoorCase> {};

TEST_P(DoorTable, Answers) {
  GatewayBench bench;
  const DoorCase& c = GetParam();
  std::string text = bench.request(c.method, 1, kOfferA, c.extra, "", c.uri);
  if (std::string(c.name) == "HopLimit") text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
  bench.send(kAnn, text);
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(GatewayBench::what(answer), c.status);
  if (*c.header != 0) {
    EXPECT_TRUE(answer.header(c.header)) << c.header;
  }
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

const DoorCase kDoorCases[] = {
    {"Options", "OPTIONS", "sip:gw", "", "200", "Allow"},
    {"Register", "REGISTER", "sip:gw", "", "405", "Allow"},
    {"Subscribe", "SUBSCRIBE", "sip:gw", "", "489", ""},
    {"Notify", "NOTIFY", "sip:gw", "", "481", ""},
    {"Refer", "REFER", "sip:bob@example.com", "", "405", "Allow"},
    {"Message", "MESSAGE", "sip:bob@example.com", "", "405", "Allow"},
    {"Publish", "PUBLISH", "sip:gw", "", "405", "Allow"},
    {"Service", "SERVICE", "sip:gw", "", "405", "Allow"},
    {"Unheard", "FROBNICATE", "sip:gw", "", "501", "Allow"},
    {"Bye", "BYE", "sip:bob@example.com", "", "481", ""},
    {"Update", "UPDATE", "sip:bob@example.com", "", "481", ""},
    {"Info", "INFO", "sip:bob@example.com", "", "481", ""},
    {"NoRoute", "INVITE", "sip:nobody@example.com", "", "404", ""},
    {"Scheme", "INVITE", "h323:bob", "", "416", ""},
    {"Sips", "INVITE", "sips:bob@example.com", "", "416", "Warning"},
    {"HopLimit", "INVITE", "sip:bob@example.com", "", "483", ""},
    {"Require", "INVITE", "sip:bob@example.com", "Require: timer, magic\r\n", "420", "Unsupported"},
    {"Coding", "INVITE", "sip:bob@example.com", "Content-Encoding: gzip\r\n", "415", "Accept-Encoding"},
};
INSTANTIATE_TEST_SUITE_P(Requests, DoorTable, ::testing::ValuesIn(kDoorCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(Door, CallLimitIs503WithRetryAfter) {
  auto configuration = GatewayBench::gateway_configuration();
  configuration.limits.max_calls = 1;
  GatewayBench bench(configuration);
  bench.up();
  bench.call_id = "second";
  bench.branch_suffix = "x";
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(GatewayBench::what(answer), "503");
  EXPECT_TRUE(answer.has(sip::HeaderId::kRetryAfter));
  EXPECT_EQ(bench.b2bua->counters().refused_limit, 1U);
}

TEST(Door, LimitPerSource) {
  auto configuration = GatewayBench::gateway_configuration();
  configuration.limits.max_calls_per_source = 1;
  GatewayBench bench(configuration);
  bench.up();
  bench.call_id = "second";
  bench.branch_suffix = "x";
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  EXPECT_EQ(bench.next_what(kAnn), "503");
  EXPECT_EQ(bench.b2bua->counters().refused_source_limit, 1U);
}

TEST(Door, RateOfNewCalls) {
  auto configuration = GatewayBench::gateway_configuration();
  configuration.limits.calls_per_second = 2;
  GatewayBench bench(configuration);
  std::vector<std::string> answers;
  for (int i = 0; i < 3; ++i) {
    bench.call_id = "call" + std::to_string(i);
    bench.branch_suffix = std::to_string(i);
    bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  }
  EXPECT_EQ(bench.b2bua->counters().refused_rate, 1U);
  bench.advance(std::chrono::seconds(1));
  bench.call_id = "later";
  bench.branch_suffix = "later";
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  EXPECT_EQ(bench.b2bua->counters().refused_rate, 1U);
}

TEST(Door, DrainingRefusesNewCallsAndKeepsOldOnes) {
  GatewayBench bench;
  bench.up();
  bench.b2bua->drain(false);
  bench.call_id = "second";
  bench.branch_suffix = "x";
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  EXPECT_EQ(bench.next_what(kAnn), "503");
  EXPECT_EQ(bench.b2bua->calls(), 1U);
  bench.b2bua->drain(true);
  bench.settle();
  EXPECT_EQ(bench.next_what(kAnn), "BYE");
  EXPECT_EQ(bench.next_what(kBob), "BYE");
}

TEST(Door, PortsExhaustedIs503AndNothingStays) {
  GatewayBench bench;
  bench.relay.refuse_open = true;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(GatewayBench::what(answer), "503");
  EXPECT_TRUE(answer.has(sip::HeaderId::kRetryAfter));
  EXPECT_EQ(bench.b2bua->counters().refused_media_exhausted, 1U);
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

TEST(Door, OwnInviteComingBackIs482) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  sip::Message invite = bench.next(kBob);
  invite.add_first(sip::HeaderId::kVia, "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKloop");
  bench.send(kBob, invite.text());
  EXPECT_EQ(bench.next_what(kBob), "482");
  EXPECT_EQ(bench.b2bua->counters().refused_loop, 1U);
  EXPECT_EQ(bench.b2bua->calls(), 1U);
}

// ---- dialogs ----

TEST(Dialogs, RequestsMustMatchCallIdAndTags) {
  GatewayBench bench;
  bench.up();
  bench.send(kAnn, bench.request("BYE", 2, "", "", "wrong-tag"));
  EXPECT_EQ(bench.next_what(kAnn), "481");
  bench.call_id = "another";
  bench.send(kAnn, bench.request("BYE", 3, "", "", bench.our_tag()));
  EXPECT_EQ(bench.next_what(kAnn), "481");
  EXPECT_EQ(bench.b2bua->calls(), 1U);
}

TEST(Dialogs, RequestsOfAnotherZoneAre403) {
  GatewayBench bench;
  bench.up();
  bench.send(kBob, bench.request("BYE", 2, "", "", bench.our_tag()));
  bench.settle();
  EXPECT_EQ(bench.b2bua->calls(), 1U);
  EXPECT_EQ(bench.b2bua->counters().refused_untrusted, 1U);
}

TEST(Dialogs, ReferIsRefusedAndTheCallGoesOn) {
  GatewayBench bench;
  bench.up();
  bench.send(kAnn, bench.request("REFER", 2, "", "Refer-To: <sip:carol@example.com>\r\n", bench.our_tag()));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(GatewayBench::what(answer), "403");
  EXPECT_TRUE(answer.has(sip::HeaderId::kWarning));
  bench.send(kAnn, bench.request("SERVICE", 3, "", "", bench.our_tag()));
  EXPECT_EQ(bench.next_what(kAnn), "405");
  EXPECT_EQ(bench.b2bua->calls(), 1U);
}

TEST(Dialogs, RouteSetAndContactOfThePeerAreUsed) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 200, kAnswerB,
                                          "Record-Route: <sip:203.0.113.7;lr;sig=AbC%20>\r\n"
                                          "Record-Route: <sip:203.0.113.1;lr>\r\n"));
  EXPECT_EQ(bench.next_what(kBob), "ACK");  // over the route that is nearest to us
  const sip::Message ok = bench.next(kAnn);
  bench.send(kAnn, bench.request("ACK", 1, "", "", std::string(ok.to_tag())));
  bench.send(kAnn, bench.request("BYE", 2, "", "", std::string(ok.to_tag())));
  const sip::Message bye = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(bye), "BYE");
  EXPECT_EQ(bye.request_uri().text, "sip:bob@203.0.113.1:5060");
  ASSERT_EQ(bye.routes().size(), 2U);
  EXPECT_EQ(bye.routes()[0].text, "<sip:203.0.113.1;lr>");
  EXPECT_EQ(bye.routes()[1].text, "<sip:203.0.113.7;lr;sig=AbC%20>");  // bytes as received
}

TEST(Dialogs, AckIsRepeatedForACopyOfThe200) {
  GatewayBench bench;
  bench.up();
  bench.send(kBob, GatewayBench::response(bench.invite_b, 200, kAnswerB));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  EXPECT_EQ(bench.b2bua->calls(), 1U);
}

TEST(Dialogs, SecondForkIsAcknowledgedAndEnded) {
  GatewayBench bench;
  bench.up();
  const std::string other =
      GatewayBench::response(bench.invite_b, 200, kAnswerB, "", "fork-2", "<sip:bob2@203.0.113.1:5060>");
  bench.send(kBob, other);
  const sip::Message ack = bench.next(kBob);
  const sip::Message bye = bench.next(kBob);
  EXPECT_EQ(GatewayBench::what(ack), "ACK");
  EXPECT_EQ(ack.to_tag(), "fork-2");
  EXPECT_EQ(GatewayBench::what(bye), "BYE");
  EXPECT_EQ(bye.to_tag(), "fork-2");
  EXPECT_EQ(bye.request_uri().text, "sip:bob2@203.0.113.1:5060");
  EXPECT_GT(bye.cseq().number, ack.cseq().number);
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

TEST(Dialogs, Unacknowledged2xxIsSentAgainAndTheCallEndsAfter64T1) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 200, kAnswerB));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.advance(std::chrono::milliseconds(500));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  bench.advance(std::chrono::seconds(33));
  bool bye = false;
  while (bench.waiting(kAnn) > 0) bye = bench.next_what(kAnn) == "BYE" || bye;
  EXPECT_TRUE(bye);
}

TEST(Dialogs, HoldGoesThrough) {
  GatewayBench bench;
  bench.up();
  bench.send(kBob, bench.bobs_request("INVITE", 10, audio_sdp("203.0.113.1", 5000, "sendonly", 2)));
  const sip::Message invite = bench.next(kAnn);
  ASSERT_EQ(GatewayBench::what(invite), "INVITE");
  EXPECT_EQ(invite.request_uri().text, "sip:ann@198.51.100.1:5060");
  EXPECT_EQ(invite.to_tag(), "ann-tag");
  EXPECT_NE(invite.body().find("a=sendonly"), std::string::npos);
  bench.send(kAnn, GatewayBench::response(invite, 200, audio_sdp("198.51.100.1", 4000, "recvonly", 2), "", "ann-tag",
                                          "<sip:ann@198.51.100.1:5060>"));
  EXPECT_EQ(bench.next_what(kAnn), "ACK");
  const sip::Message ok = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(ok), "200");
  EXPECT_NE(ok.body().find("a=recvonly"), std::string::npos);
}

// ---- limits of the far side ----

TEST(Targets, UnreachableOneIs502) {
  GatewayBench bench;
  bench.network.unreachable = SocketAddress::parse(kBob).value();
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  EXPECT_EQ(bench.next_what(kAnn), "502");
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

TEST(Targets, SilentOneIs504After64T1) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  bench.advance(std::chrono::seconds(33));
  EXPECT_EQ(bench.next_what(kAnn), "504");
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

TEST(Cancelled, GoesToTheTarget) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 180));
  EXPECT_EQ(bench.next_what(kAnn), "180");
  std::string cancel = bench.request("CANCEL", 1);
  cancel.replace(cancel.find("z9hG4bK-CANCEL1"), 15, "z9hG4bK-INVITE1");
  bench.send(kAnn, cancel);
  EXPECT_EQ(bench.next_what(kAnn), "200");
  EXPECT_EQ(bench.next_what(kAnn), "487");
  const sip::Message sent = bench.next(kBob);
  EXPECT_EQ(GatewayBench::what(sent), "CANCEL");
  bench.send(kBob, GatewayBench::response(invite, 487));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

// ---- looking ----

TEST(Views, ShowACall) {
  GatewayBench bench;
  bench.up();
  const CallView view = bench.b2bua->views("", 10).at(0);
  EXPECT_EQ(view.state, "up");
  EXPECT_EQ(view.leg[0].uri, "sip:ann@example.com");
  EXPECT_EQ(view.leg[0].call_id, "ann-call");
  EXPECT_EQ(view.leg[1].uri, "sip:bob@example.com");
  EXPECT_EQ(view.leg[1].signalling, "UDP 203.0.113.1:5060");
  EXPECT_EQ(view.rule, "to b");
  ASSERT_EQ(view.streams.size(), 1U);
  EXPECT_TRUE(view.streams[0].active);
  EXPECT_EQ(view.streams[0].leg[0].codec, "PCMU/8000");
  EXPECT_EQ(view.streams[0].leg[0].encryption, "none");
  EXPECT_EQ(view.streams[0].leg[1].remote, "203.0.113.1:5000");
  EXPECT_EQ(view.history.at(0), "rule to b: b as bob@example.com (matched)");
  EXPECT_TRUE(bench.b2bua->view(view.id));
  EXPECT_FALSE(bench.b2bua->view("0000000000000000"));
  EXPECT_TRUE(bench.b2bua->views(view.id, 10).empty());
}

TEST(Views, FailedCallsAreKeptWithTheirHistory) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 486));
  EXPECT_EQ(bench.next_what(kAnn), "486");
  ASSERT_EQ(bench.b2bua->ended().size(), 1U);
  const CallView& view = bench.b2bua->ended()[0];
  EXPECT_EQ(view.end_status, 486);
  EXPECT_EQ(view.history.at(1), "b as bob@example.com (answered 486)");
  EXPECT_TRUE(bench.b2bua->view(view.id));
}

TEST(Views, NamesAreReadStrictly) {
  EXPECT_EQ(call_id_of(call_name(0x1234abcdU)), 0x1234abcdU);
  for (const char* bad : {"", "1", "000000001234ABCD", "00000000123400000", "-00000001234abcd", "000000001234abc "}) {
    EXPECT_FALSE(call_id_of(bad)) << bad;
  }
}

TEST(HangUp, EndsBothLegs) {
  GatewayBench bench;
  bench.up();
  EXPECT_FALSE(bench.b2bua->hang_up("0000000000000000"));
  EXPECT_TRUE(bench.b2bua->hang_up(bench.b2bua->views("", 1).at(0).id));
  EXPECT_EQ(bench.next_what(kAnn), "BYE");
  EXPECT_EQ(bench.next_what(kBob), "BYE");
  EXPECT_FALSE(bench.b2bua->ended().size());
}

}  // namespace
}  // namespace isthmus::b2bua
