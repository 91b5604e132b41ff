// Peers that speak Microsoft's dialect, message by message: what Lync and pidgin-sipe send, what they and the other
// side get of it.

#include <gmock/gmock.h>

#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::b2bua {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kAnn = GatewayBench::kAnn;
constexpr const char* kBob = GatewayBench::kBob;
const std::string kOfferA = audio_sdp("198.51.100.1", 4000);
const std::string kAnswerB = audio_sdp("203.0.113.1", 5000);

/// Zone `zone` (0: ann's, 1: bob's) speaks Microsoft's dialect.
config::ControlPlane microsoft(std::size_t zone) {
  config::ControlPlane configuration = GatewayBench::gateway_configuration();
  configuration.zones[zone].dialect = config::Dialect::kMicrosoft;
  configuration.zones[zone].caller_domain = "video.example";
  return configuration;
}

std::string multipart(const std::string& sdp) {
  return "------=_NextPart_000_001E\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: 7bit\r\n"
         "Content-Disposition: session; handling=optional; ms-proxy-2007fallback\r\n\r\no=- 0 0 IN IP4 10.77.9.1\r\n"
         "s=session\r\nc=IN IP4 10.77.9.1\r\nm=audio 0 RTP/AVP\r\n\r\n------=_NextPart_000_001E\r\n"
         "Content-Type: application/sdp\r\nContent-Transfer-Encoding: 7bit\r\n"
         "Content-Disposition: session; handling=optional\r\n\r\n" +
         sdp + "\r\n------=_NextPart_000_001E--\r\n";
}

/// As a Front End passes it on.
std::string lync_invite(const std::string& type, const std::string& body, const std::string& more = "") {
  return "INVITE sip:bob@video.example SIP/2.0\r\n"
         "Record-Route: <sip:pool1.contoso.test:5061;transport=tls;opaque=state:T:F:Ci.R2a4c00;lr;ms-route-sig=baX1>"
         ";tag=5D0C77A1E0B24F6C\r\n"
         "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK7A11C0DE.55AA33CC;branched=FALSE;ms-internal-info=\"cc\"\r\n"
         "Max-Forwards: 69\r\nContent-Length: " +
         std::to_string(body.size()) +
         "\r\nVia: SIP/2.0/TLS 10.30.4.21:50112;ms-received-port=50112;ms-received-cid=2A4B00\r\n"
         "P-Asserted-Identity: \"Ann Beispiel\"<sip:ann@contoso.test;opaque=user:epid:x;gruu>,<tel:+4315550101>\r\n"
         "From: \"\xC3\x84nn\"<sip:ann@contoso.test>;tag=9c1f22ab04;epid=1f00aa55cc\r\n"
         "To: <sip:bob@video.example>\r\nCall-ID: 0f5d1f3e\r\nCSeq: 1 INVITE\r\n"
         "Contact: <sip:ann@contoso.test;opaque=user:epid:AbCdEfGhIjKlMnOpQrStUvAA;gruu>\r\n"
         "User-Agent: UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)\r\n"
         "Supported: ms-dialog-route-set-update\r\nMs-Conversation-ID: AdExampleConversationIndex0==\r\n"
         "Supported: timer\r\nSupported: histinfo\r\nSupported: ms-safe-transfer\r\n"
         "ms-keep-alive: UAC;hop-hop=yes\r\n"
         "Allow: INVITE, BYE, ACK, CANCEL, INFO, UPDATE, REFER, NOTIFY, BENOTIFY, OPTIONS\r\n"
         "ms-subnet: 10.30.4.0\r\nAccept-Language: en-US\r\n"
         "ms-endpoint-location-data: NetworkScope;ms-media-location-type=Intranet\r\n" +
         more + "Content-Type: " + type + "\r\nhistory-info: <sip:bob@video.example>;index=1\r\n\r\n" + body;
}
const std::string kAlternative = "multipart/alternative;boundary=\"----=_NextPart_000_001E\"";

TEST(MicrosoftPeer, InviteOfLyncReachesTheStandardsSideInItsWords) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, lync_invite(kAlternative, multipart(kOfferA)));
  const sip::Message invite = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(invite), "INVITE");
  EXPECT_EQ(invite.from().uri.text, "sip:ann@contoso.test");
  EXPECT_EQ(invite.from().display_name, "\"Ann Beispiel\"");
  EXPECT_EQ(invite.header("P-Asserted-Identity"), "\"Ann Beispiel\" <sip:ann@contoso.test>");
  EXPECT_EQ(invite.content_type(), "application/sdp");
  const std::string text = invite.text();
  for (const char* word : {"ms-", "Ms-", "epid", "gruu", "history-info", "tel:", "Accept-Language", "UCCAPI",
                           "multipart", "NextPart", "contoso.test:5061"}) {
    EXPECT_THAT(text, Not(HasSubstr(word)));
  }
  EXPECT_THAT(bench.b2bua->views("", 1).at(0).leg[0].user_agent, HasSubstr("UCCAPI/15.0"));  // R29
}

TEST(MicrosoftPeer, RequestsToLyncFollowTheSignedRouteByteByByte) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, lync_invite(kAlternative, multipart(kOfferA)));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 200, kAnswerB));
  ASSERT_EQ(bench.next_what(kBob), "ACK");
  const sip::Message ok = bench.next(kAnn);
  ASSERT_EQ(ok.status(), 200);
  ASSERT_EQ(ok.vias().size(), 2U);
  EXPECT_THAT(ok.vias()[0].text, HasSubstr("branched=FALSE;ms-internal-info=\"cc\""));
  EXPECT_EQ(ok.vias()[1].text, "SIP/2.0/TLS 10.30.4.21:50112;ms-received-port=50112;ms-received-cid=2A4B00");
  EXPECT_EQ(ok.content_type(), "application/sdp");
  bench.b2bua->hang_up(bench.b2bua->views("", 1).at(0).id);
  bench.send(kAnn,
             "ACK " + ok.contacts().at(0).uri.text +
                 " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKack\r\nMax-Forwards: 69\r\n"
                 "From: <sip:ann@contoso.test>;tag=9c1f22ab04;epid=1f00aa55cc\r\nTo: <sip:bob@video.example>;tag=" +
                 std::string(ok.to_tag()) + "\r\nCall-ID: 0f5d1f3e\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
  const sip::Message bye = bench.next(kAnn);
  ASSERT_EQ(GatewayBench::what(bye), "BYE");
  EXPECT_EQ(bye.request_uri().text, "sip:ann@contoso.test;opaque=user:epid:AbCdEfGhIjKlMnOpQrStUvAA;gruu");
  ASSERT_EQ(bye.routes().size(), 1U);
  EXPECT_EQ(bye.routes()[0].text,
            "<sip:pool1.contoso.test:5061;transport=tls;opaque=state:T:F:Ci.R2a4c00;lr;ms-route-sig=baX1>"
            ";tag=5D0C77A1E0B24F6C");
  EXPECT_EQ(bye.to().parameter("epid"), "1f00aa55cc");
}

TEST(MicrosoftPeer, EarlyMediaOnlyForThoseThatAskForIt) {
  for (const bool asks : {false, true}) {
    GatewayBench bench(microsoft(0));
    bench.send(kAnn,
               lync_invite(kAlternative, multipart(kOfferA),
                           asks ? "Supported: ms-early-media\r\nSupported: 100rel\r\n" : "Supported: 100rel\r\n"));
    bench.send(kBob, GatewayBench::response(bench.next(kBob), 183, kAnswerB));
    const sip::Message heard = bench.next(kAnn);
    EXPECT_EQ(heard.status(), 183);
    EXPECT_EQ(heard.body().empty(), !asks);
  }
}

struct Refusing {
  const char* name;
  std::string type;
  std::string body;
  std::uint16_t status;
};
class MicrosoftBody : public testing::TestWithParam<Refusing> {};
TEST_P(MicrosoftBody, IsRefusedWithAReason) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, lync_invite(GetParam().type, GetParam().body));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), GetParam().status);
  EXPECT_TRUE(answer.has(sip::HeaderId::kWarning));
  EXPECT_EQ(answer.header("ms-client-diagnostics"), "52063;reason=\"Unsupported session description\"");
  EXPECT_EQ(answer.has(sip::HeaderId::kAccept), GetParam().status == 415);
  EXPECT_EQ(bench.waiting(kBob), 0U);
}
INSTANTIATE_TEST_SUITE_P(
    Table, MicrosoftBody,
    testing::Values(
        Refusing{"ConferenceInvitation", "application/ms-conf-invite+xml", "<Conferencing/>", 488},
        Refusing{"Words", "text/plain", "hello", 415},
        Refusing{"NoEnd", "multipart/alternative;boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n",
                 400},
        Refusing{"TooDeep", "multipart/mixed;boundary=a",
                 "--a\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\nContent-Type: "
                 "multipart/mixed;boundary=c\r\n\r\n--c\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n--d\r\n"
                 "Content-Type: multipart/mixed;boundary=e\r\n\r\n--e\r\n\r\nx\r\n--e--\r\n--d--\r\n--c--\r\n--b--\r\n"
                 "--a--\r\n",
                 413},
        Refusing{"PartThatMustBeUnderstood", "multipart/mixed;boundary=b",
                 "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: application/isup\r\n\r\nx\r\n"
                 "--b--\r\n",
                 415},
        Refusing{"FileTransfer", "multipart/mixed;boundary=b",
                 "--b\r\nContent-Type: application/ms-filetransfer+xml\r\n\r\n<request/>\r\n--b--\r\n", 488},
        Refusing{"OnlyTheStubOf2007", "multipart/alternative;boundary=b",
                 "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: session; ms-proxy-2007fallback\r\n\r\n"
                 "o=- 0 0 IN IP4 10.77.9.1\r\ns=session\r\nc=IN IP4 10.77.9.1\r\nm=audio 0 RTP/AVP\r\n\r\n--b--\r\n",
                 488}),
    [](const auto& body) { return std::string(body.param.name); });

TEST(MicrosoftPeer, StandardsPeersHearNoDiagnostics) {
  GatewayBench bench;
  bench.send(kAnn, bench.request("INVITE", 1,
                                 "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\n"
                                 "t=0 0\r\nm=audio 4000 RTP/AVP 96\r\na=rtpmap:96 nobody/8000\r\n"));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), 488);
  EXPECT_THAT(answer.text(), Not(HasSubstr("ms-")));
}

// ---- pidgin-sipe: Via in lower case without branch, Contact with maddr and proxy=replace
std::string pidgin(const std::string& method, std::uint32_t cseq, const std::string& uri, const std::string& to_tag,
                   const std::string& body = "", const std::string& call = "pidgin-1",
                   const std::string& maddr = "198.51.100.1") {
  return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/udp 198.51.100.1:5060\r\nFrom: <sip:ann@ms.lab.test>;tag=1122" +
         call + ";epid=0a1b2c3d4e5f\r\nTo: <sip:bob@video.example>" + (to_tag.empty() ? "" : ";tag=" + to_tag) +
         "\r\nMax-Forwards: 70\r\nCSeq: " + std::to_string(cseq) + " " + method +
         "\r\nUser-Agent: UCCAPI/16.0.4849.1000 OC/16.0.4849.1000 (Skype for Business)\r\nCall-ID: " + call +
         "\r\nContact: <sip:ann@ms.lab.test:5060;maddr=" + maddr + ";transport=udp>;proxy=replace\r\n" +
         (body.empty() ? "" : "Content-Type: application/sdp\r\n") + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(MicrosoftPeer, PidginCallsAndHangsUp) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, pidgin("INVITE", 1, "sip:bob@video.example", "", kOfferA));
  bench.send(kAnn, pidgin("INVITE", 1, "sip:bob@video.example", "", kOfferA));  // a copy is no second call
  const sip::Message invite = bench.next(kBob);
  ASSERT_EQ(bench.waiting(kBob), 0U);
  bench.send(kBob, GatewayBench::response(invite, 200, kAnswerB));
  ASSERT_EQ(bench.next_what(kBob), "ACK");
  const sip::Message ok = bench.next(kAnn);
  const std::string tag(ok.to_tag());
  const std::string us = ok.contacts().at(0).uri.text;
  EXPECT_EQ(ok.vias().at(0).text, "SIP/2.0/udp 198.51.100.1:5060");
  bench.send(kAnn, pidgin("ACK", 1, us, tag));
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
  bench.send(kAnn, pidgin("BYE", 2, us, tag));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  EXPECT_EQ(bench.next_what(kBob), "BYE");
}

TEST(MicrosoftPeer, PidginCancels) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, pidgin("INVITE", 1, "sip:bob@video.example", "", kOfferA));
  bench.send(kBob, GatewayBench::response(bench.next(kBob), 180));
  EXPECT_EQ(bench.next_what(kAnn), "180");
  bench.send(kAnn, pidgin("CANCEL", 1, "sip:bob@video.example", ""));
  EXPECT_EQ(bench.next_what(kAnn), "200");
  EXPECT_EQ(bench.next_what(kAnn), "487");
  bench.send(kAnn, pidgin("ACK", 1, "sip:bob@video.example", "any"));
  EXPECT_EQ(bench.next_what(kBob), "CANCEL");
}

TEST(MicrosoftPeer, PidginTriesAgainAfter488WithoutAckOfTheFirst) {
  GatewayBench bench(microsoft(0));
  const std::string bad =
      "v=0\r\no=- 0 0 IN IP4 198.51.100.1\r\ns=session\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
      "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 nobody/8000\r\n";
  bench.send(kAnn, pidgin("INVITE", 1, "sip:bob@video.example", "", bad));
  EXPECT_EQ(bench.next_what(kAnn), "488");
  bench.send(kAnn, pidgin("INVITE", 1, "sip:bob@video.example", "", kOfferA, "pidgin-2"));
  EXPECT_EQ(bench.next_what(kBob), "INVITE");
}

TEST(MicrosoftPeer, MaddrIsFollowedWithinTheZoneAlone) {
  for (const char* maddr : {"198.51.100.1", "203.0.113.77"}) {
    GatewayBench bench(microsoft(0));
    bench.send(kAnn, pidgin("INVITE", 1, "sip:bob@video.example", "", kOfferA, "pidgin-1", maddr));
    bench.send(kBob, GatewayBench::response(bench.next(kBob), 200, kAnswerB));
    const sip::Message ok = bench.next(kAnn);
    bench.send(kAnn, pidgin("ACK", 1, ok.contacts().at(0).uri.text, std::string(ok.to_tag()), "", "pidgin-1", maddr));
    bench.b2bua->hang_up(bench.b2bua->views("", 1).at(0).id);
    const sip::Message bye = bench.next(kAnn);
    ASSERT_EQ(GatewayBench::what(bye), "BYE") << maddr;
    EXPECT_EQ(bye.request_uri().text, std::string("sip:ann@ms.lab.test:5060;maddr=") + maddr + ";transport=udp");
    EXPECT_EQ(bye.to().text, "<sip:ann@ms.lab.test>;epid=0a1b2c3d4e5f;tag=1122pidgin-1");
  }
}

// ---- methods
TEST(MicrosoftPeer, BenotifyHasNoAnswerAndLeavesNothing) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, pidgin("BENOTIFY", 1, "sip:bob@video.example", "any"));
  bench.send(kAnn, pidgin("BENOTIFY", 2, "sip:bob@video.example", ""));
  EXPECT_EQ(bench.waiting(kAnn), 0U);
  EXPECT_EQ(bench.transactions->server_transactions(), 0U);
  EXPECT_EQ(bench.transport->counters().benotify_ignored, 2U);
}

TEST(MicrosoftPeer, MethodsInADialog) {
  GatewayBench bench;
  bench.up();
  std::uint32_t cseq = 1;
  for (const auto& [method, status] : std::vector<std::pair<const char*, const char*>>{{"SERVICE", "405"},
                                                                                       {"MESSAGE", "405"},
                                                                                       {"NEGOTIATE", "501"},
                                                                                       {"SUBSCRIBE", "489"},
                                                                                       {"NOTIFY", "481"},
                                                                                       {"REFER", "403"}}) {
    bench.send(kAnn, bench.request(method, ++cseq, "", "Refer-To: <sip:conf@contoso.test>\r\n", bench.our_tag()));
    EXPECT_EQ(bench.next_what(kAnn), status) << method;
  }
  EXPECT_EQ(bench.b2bua->counters().refused_transfer, 1U);
  const CallView view = bench.b2bua->views("", 1).at(0);
  EXPECT_EQ(view.state, "up");
  EXPECT_THAT(view.history.back(), HasSubstr("REFER refused"));
}

TEST(MicrosoftPeer, OptionsSaysWhatIsTaken) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, pidgin("OPTIONS", 1, "sip:192.0.2.10", ""));
  const sip::Message ok = bench.next(kAnn);
  EXPECT_EQ(ok.status(), 200);
  EXPECT_TRUE(ok.lists(sip::HeaderId::kAccept, "multipart/alternative"));
  EXPECT_TRUE(ok.has(sip::HeaderId::kAllow));
  EXPECT_FALSE(ok.contacts().empty());
}

// ---- towards Microsoft
TEST(MicrosoftPeer, InviteToLyncHasADomainAndAConversation) {
  GatewayBench bench(microsoft(1));
  std::string invite = bench.request("INVITE", 1, kOfferA);
  invite.replace(invite.find("ann@example.com"), 15, "10.10.2.1");
  bench.send(kAnn, invite);
  const sip::Message first = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(first), "INVITE");
  EXPECT_EQ(first.from().uri.text, "sip:10.10.2.1@video.example");  // R42
  EXPECT_EQ(first.header("Ms-Conversation-ID").value_or("").size(), 24U);
  EXPECT_EQ(first.content_type(), "application/sdp");
}

TEST(MicrosoftPeer, ProgressAndDeviceOfTheAnswererAreTaken) {
  GatewayBench bench(microsoft(1));
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 101, "", "ms-diagnostics: 13004;reason=\"proxied\"\r\n"));
  const sip::Message progress = bench.next(kAnn);
  EXPECT_EQ(progress.status(), 183);  // RFC 3261 8.1.3.2
  EXPECT_EQ(progress.reason(), "Session Progress");
  EXPECT_THAT(progress.text(), Not(HasSubstr("ms-")));
  std::string ok = GatewayBench::response(invite, 200, kAnswerB, "Server: RTC/5.0\r\n");
  ok.insert(ok.find(";tag=bob-tag") + 12, ";epid=4eb952ba52");
  bench.send(kBob, ok);
  const sip::Message ack = bench.next(kBob);
  EXPECT_EQ(ack.to().parameter("epid"), "4eb952ba52");
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).leg[1].user_agent, "RTC/5.0");
  EXPECT_THAT(bench.next(kAnn).text(), Not(HasSubstr("epid")));
}

TEST(MicrosoftPeer, DiagnosticsBecomeAWarning) {
  GatewayBench bench(microsoft(1));
  bench.send(kAnn, bench.request("INVITE", 1, kOfferA));
  bench.send(kBob, GatewayBench::response(
                       bench.next(kBob), 480, "",
                       "ms-diagnostics: 15030;reason=\"Failed \xE2\x80\xA6\";source=\"fe.contoso.test\"\r\n"));
  const sip::Message answer = bench.next(kAnn);
  EXPECT_EQ(answer.status(), 480);
  EXPECT_EQ(answer.header(sip::HeaderId::kWarning), "399 microsoft \"15030 Failed \xE2\x80\xA6\"");
  EXPECT_THAT(answer.text(), Not(HasSubstr("contoso")));
}

// ---- pictures
TEST(MicrosoftPeer, FastUpdateOfTheStandardsSideGoesByRtcp) {
  GatewayBench bench(microsoft(1));
  bench.up(video_sdp("198.51.100.1", 4000),
           audio_sdp("203.0.113.1", 5000) + "m=video 5002 RTP/AVP 122\r\na=rtpmap:122 X-H264UC/90000\r\n");
  const std::string wish =
      "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder>"
      "</vc_primitive></media_control>";
  std::string info = bench.request("INFO", 2, wish, "", bench.our_tag());
  info.replace(info.find("application/sdp"), 15, "application/media_control+xml");
  bench.send(kAnn, info);
  EXPECT_EQ(bench.next_what(kAnn), "200");
  EXPECT_EQ(bench.relay.pictures_requested, 1U);
  EXPECT_EQ(bench.waiting(kBob), 0U);
}

TEST(MicrosoftPeer, WishForAPictureGoesByInfoWhereThereIsNoRtcp) {
  GatewayBench bench(microsoft(0));
  bench.send(kAnn, lync_invite("application/sdp", kOfferA));
  const sip::Message invite = bench.next(kBob);
  bench.send(kBob, GatewayBench::response(invite, 200, kAnswerB));
  ASSERT_EQ(bench.next_what(kBob), "ACK");
  const sip::Message ok = bench.next(kAnn);
  bench.send(kAnn, "ACK " + ok.contacts().at(0).uri.text +
                       " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKack\r\nMax-Forwards: 69\r\n"
                       "From: <sip:ann@contoso.test>;tag=9c1f22ab04\r\nTo: <sip:bob@video.example>;tag=" +
                       std::string(ok.to_tag()) + "\r\nCall-ID: 0f5d1f3e\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
  const contract::SessionId session{bench.relay.sessions.begin()->first};
  bench.relay.event(contract::PictureWantedEvent{session, 0, Side::kB});
  bench.relay.event(contract::PictureWantedEvent{session, 0, Side::kB});  // one is on its way
  bench.relay.event(contract::PictureWantedEvent{session, 0, Side::kA});  // RTCP does that
  bench.settle();
  const sip::Message info = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(info), "INFO");
  EXPECT_EQ(info.content_type(), "application/media_control+xml");
  EXPECT_THAT(info.body(), HasSubstr("picture_fast_update"));
  EXPECT_EQ(bench.waiting(kBob), 0U);
  EXPECT_EQ(bench.waiting(kAnn), 0U);
  bench.send(kBob, GatewayBench::response(info, 200));
  EXPECT_EQ(bench.b2bua->views("", 1).at(0).state, "up");
}

// ---- RFC 3264 8
TEST(CallSetup, AnswerOfAnotherForkHasANewVersion) {
  CallBench bench;
  bench.begin().relay().respond(183, audio_sdp("203.0.113.1", 5000), "fork-1").relay();
  const auto* early = bench.find_last<SendResponse>();
  ASSERT_NE(early, nullptr);
  ASSERT_TRUE(early->body);
  const std::string first = early->body->text.substr(0, early->body->text.find("\r\ns="));
  std::string other = audio_sdp("203.0.113.2", 5100);
  other.replace(other.find("RTP/AVP 0 8"), 11, "RTP/AVP 8");
  bench.respond(200, other, "fork-2").relay();
  const auto* ok = bench.find_last<SendResponse>();
  ASSERT_NE(ok, nullptr);
  ASSERT_EQ(ok->status, 200);
  ASSERT_TRUE(ok->body);
  EXPECT_NE(ok->body->text.substr(0, ok->body->text.find("\r\ns=")), first);
}

}  // namespace
}  // namespace isthmus::b2bua
