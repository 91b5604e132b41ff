// The messages of RFC 4475, written from its text (folded lines and odd bytes as there; long ones shortened). Each is
// sent through the parser; what the application has to refuse (RFC 4475 says which) is taken here.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/sip/framing.h"
#include "controlplane/sip/parser.h"

namespace isthmus::sip {
namespace {

/// Lines with CRLF, an empty line at the end of the head.
std::string lines(const std::vector<std::string>& head, const std::string& body = {}) {
  std::string text;
  for (const std::string& line : head) text += line + "\r\n";
  return text + "\r\n" + body;
}

ParseOutcome taken(const std::string& text) {
  ParseOutcome outcome = parse_message(text);
  EXPECT_FALSE(outcome.refusal) << outcome.refusal->detail;
  return outcome;
}

void refused(const std::string& text, std::uint16_t status) {
  const ParseOutcome outcome = parse_message(text);
  ASSERT_TRUE(outcome.refusal);
  EXPECT_EQ(outcome.refusal->status, status) << outcome.refusal->detail;
  EXPECT_TRUE(outcome.can_answer);
}

/// A request whose other parts are good.
std::vector<std::string> plain(const std::string& start, const std::string& cseq) {
  return {start,
          "To: sip:j.user@example.com",
          "From: sip:caller@example.net;tag=134161461246",
          "Max-Forwards: 7",
          "Call-ID: badinv01.0ha0isndaksdjasdf3234nas",
          "CSeq: " + cseq,
          "Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw2349i",
          "Content-Length: 0"};
}
std::vector<std::string> plain_with(const std::string& extra) {
  auto head = plain("INVITE sip:user@example.com SIP/2.0", "8 INVITE");
  head.push_back(extra);
  return head;
}

TEST(Rfc4475, S3_1_1_1_AShortTortuousInvite) {
  const ParseOutcome outcome = taken(lines({"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0",
                                            "TO :",
                                            " sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n",
                                            "from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>",
                                            "  ;",
                                            "  tag = 98asjd8",
                                            "MaX-fOrWaRdS: 0068",
                                            "Call-ID: wsinv.ndaksdj@192.0.2.1",
                                            "Content-Length   : 6",
                                            "cseq: 0009",
                                            "  INVITE",
                                            "Via  : SIP  /   2.0",
                                            " /UDP",
                                            "    192.0.2.2;branch=390skdjuw",
                                            "s :",
                                            "NewFangledHeader:   newfangled value",
                                            " continued newfangled value",
                                            "UnknownHeaderWithUnusualValue: ;;,,;;,;",
                                            "Content-Type: application/sdp",
                                            "Route:",
                                            " <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
                                            "v:  SIP  / 2.0  / TCP     spindle.example.com   ;",
                                            "  branch  =   z9hG4bK9ikj8  ,",
                                            " SIP  /    2.0   / UDP  192.168.255.111   ; branch=",
                                            " z9hG4bK30239",
                                            "m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =",
                                            "      newvalue ;",
                                            "  secondparam ; q = 0.33"},
                                           "v=0\r\n\n"));
  const Message& message = outcome.message;
  EXPECT_EQ(message.cseq().number, 9U);
  EXPECT_EQ(message.max_forwards(), 68U);
  ASSERT_EQ(message.vias().size(), 3U);
  EXPECT_EQ(message.vias()[0].branch(), "390skdjuw");
  EXPECT_EQ(message.vias()[1].branch(), "z9hG4bK9ikj8");
  EXPECT_EQ(message.vias()[2].branch(), "z9hG4bK30239");
  EXPECT_EQ(message.to_tag(), "1918181833n");
  EXPECT_EQ(message.from_tag(), "98asjd8");
  EXPECT_EQ(message.header("UnknownHeaderWithUnusualValue"), ";;,,;;,;");
  EXPECT_EQ(message.header("newfangledheader"), "newfangled value continued newfangled value");
  EXPECT_EQ(message.routes().front().uri.parameter("unknown-no-value"), "");
  EXPECT_EQ(message.contacts().front().parameter("q"), "0.33");
}

TEST(Rfc4475, S3_1_1_2_WideRangeOfValidCharacters) {
  std::string to = "To: \"BEL:\\\x07 NUL:\\";
  to += std::string(1, '\0');
  to += " DEL:\\\x7F\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>";
  const ParseOutcome outcome =
      taken(lines({"!interesting-Method0123456789_*+`.%indeed'~ "
                   "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/"
                   ";;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
                   "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~", to,
                   "From: token1~` token2'+_ token3*%!.- "
                   "<sip:mundane@example.com>;fromParam''~+*_!.-%=\"\xD1\x80\xD0\xB0\xD0\xB1\";tag=_token~1'+`*%!-.",
                   "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
                   "CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~", "Max-Forwards: 255",
                   "extensionHeader-!.%*+_`'~:\xEF\xBB\xBF\xE5\xA4\xA7\xE5\x81\x9C\xE9\x9B\xBB", "Content-Length: 0"}));
  EXPECT_EQ(outcome.message.method(), Method::kOther);
  EXPECT_EQ(outcome.message.request_uri().user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  EXPECT_EQ(outcome.message.from_tag(), "_token~1'+`*%!-.");
}

TEST(Rfc4475, S3_1_1_3_EscapedCharactersInUris) {
  const ParseOutcome outcome = taken(lines(
      {"INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", "To: sip:%75se%72@example.com",
       "From: <sip:I%20have%20spaces@example.net>;tag=938", "Max-Forwards: 87", "i: esc01.239409asdfakjkn23onasd0-3234",
       "CSeq: 234234 INVITE", "Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw", "C: application/sdp",
       "Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>", "Content-Length: 0"}));
  EXPECT_EQ(outcome.message.request_uri().user, "sips%3Auser%40example.com");
  EXPECT_EQ(outcome.message.contacts().front().uri.text,
            "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31");  // bytes as received
}

TEST(Rfc4475, S3_1_1_4_EscapedNulls) {
  auto head = plain("REGISTER sip:example.com SIP/2.0", "14398234 REGISTER");
  head[1] = "To: sip:null-%00-null@example.com";
  head.push_back("Contact: <sip:%00@host5.example.com>");
  head.push_back("Contact: <sip:%00%00@host5.example.com>");
  EXPECT_EQ(taken(lines(head)).message.contacts().size(), 2U);
}

TEST(Rfc4475, S3_1_1_5_PercentIsNoEscapeInAMethod) {
  const ParseOutcome outcome =
      taken(lines(plain("RE%47IST%45R sip:registrar.example.com SIP/2.0", "29344 RE%47IST%45R")));
  EXPECT_EQ(outcome.message.method(), Method::kOther);
  EXPECT_EQ(outcome.message.method_name(), "RE%47IST%45R");
}

TEST(Rfc4475, S3_1_1_6_NoSpaceBetweenDisplayNameAndBracket) {
  auto head = plain("OPTIONS sip:user@example.com SIP/2.0", "60 OPTIONS");
  head[2] = "From: caller<sip:caller@example.com>;tag=323";
  EXPECT_EQ(taken(lines(head)).message.from().display_name, "caller");
}

TEST(Rfc4475, S3_1_1_7_LongValues) {
  auto head = plain("INVITE sip:user@example.com SIP/2.0", "3882340 INVITE");
  head[1] = "To: \"I have a user name of " + std::string(300, 'x') +
            " proportion\"<sip:user@example.com:6000;unknownparam1=very" + std::string(200, 'v') + ";longparam>";
  for (int i = 0; i < 30; ++i) head.push_back("v: SIP/2.0/TCP sip" + std::to_string(i) + ".example.com");
  EXPECT_EQ(taken(lines(head)).message.vias().size(), 31U);
}

TEST(Rfc4475, S3_1_1_8_BytesAfterTheMessageInADatagramAreLeftOut) {
  const std::string one = lines(plain("REGISTER sip:example.com SIP/2.0", "8 REGISTER"));
  const ParseOutcome outcome = taken(one + lines(plain("INVITE sip:joe@example.com SIP/2.0", "8 INVITE")));
  EXPECT_EQ(outcome.message.method(), Method::kRegister);
  EXPECT_TRUE(outcome.message.body().empty());
}

TEST(Rfc4475, S3_1_1_9_SemicolonInAUser) {
  EXPECT_EQ(taken(lines(plain("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "8 OPTIONS")))
                .message.request_uri()
                .user,
            "user;par=u%40example.net");
}

TEST(Rfc4475, S3_1_1_10_ViaTransports) {
  auto head = plain("OPTIONS sip:user@example.com SIP/2.0", "60 OPTIONS");
  for (const char* const transport : {"SCTP", "TLS", "UNKNOWN", "TCP"}) {
    head.push_back("Via: SIP/2.0/" + std::string(transport) + " t1.example.com;branch=z9hG4bKkdjuw");
  }
  EXPECT_EQ(taken(lines(head)).message.vias()[3].transport, "UNKNOWN");
}

TEST(Rfc4475, S3_1_1_11_MultipartBodiesAreBytes) {
  const std::string body("--7a9cbec02ceef655\r\nContent-Type: x\r\n\r\n\x80\x00\x01\r\n--7a9cbec02ceef655--", 63);
  auto head = plain("MESSAGE sip:kumiko@example.org SIP/2.0", "1 MESSAGE");
  head.back() = "Content-Length: " + std::to_string(body.size());
  head.push_back("Content-Type: multipart/mixed; boundary=7a9cbec02ceef655");
  EXPECT_EQ(taken(lines(head, body)).message.body(), body);
}

TEST(Rfc4475, S3_1_1_12_AndS3_1_1_13_Reasons) {
  const auto response = [](const char* status) {
    return lines({status, "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
                  "Call-ID: unreason.1234ksdfak3j2erwedfsASdf", "CSeq: 35 INVITE",
                  "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229"});
  };
  EXPECT_EQ(taken(response("SIP/2.0 200 = 2**3 * 5**2 \xD0\xBD\xD0\xBE")).message.status(), 200);
  EXPECT_EQ(taken(response("SIP/2.0 100 ")).message.reason(), "");
}

TEST(Rfc4475, S3_1_2_1_ExtraneousSeparators) {  // badinv01
  auto head = plain("INVITE sip:user@example.com SIP/2.0", "8 INVITE");
  head.insert(head.begin() + 1, "Contact: \"Joe\" <sip:joe@example.org>;;;;");
  refused(lines(head), 400);
  // With such a Via there is nowhere to send the answer.
  head[7] = "Via: SIP/2.0/UDP 192.0.2.15;;,;,,";
  const ParseOutcome outcome = parse_message(lines(head));
  EXPECT_TRUE(outcome.refusal);
  EXPECT_FALSE(outcome.can_answer);
}

TEST(Rfc4475, S3_1_2_2_ContentLengthLargerThanTheMessage) {  // clerr
  auto head = plain("INVITE sip:user@example.com SIP/2.0", "8 INVITE");
  head.back() = "Content-Length: 9999";
  refused(lines(head, "v=0\r\n"), 400);
  StreamFramer framer;
  framer.append(lines(head, "v=0\r\n"));
  EXPECT_EQ(framer.next().kind, Cut::Kind::kNeedMore);  // a time-out ends the wait
}

TEST(Rfc4475, S3_1_2_3_NegativeContentLength) {  // ncl
  auto head = plain("INVITE sip:user@example.com SIP/2.0", "8 INVITE");
  head.back() = "Content-Length: -999";
  refused(lines(head), 400);
}

TEST(Rfc4475, S3_1_2_4_AndS3_1_2_5_OverlargeNumbers) {  // scalar02, scalarlg
  refused(lines(plain("REGISTER sip:example.com SIP/2.0", "36893488147419103232 REGISTER")), 400);
  auto head = plain("REGISTER sip:example.com SIP/2.0", "1 REGISTER");
  head[3] = "Max-Forwards: 300";
  refused(lines(head), 400);
  const ParseOutcome response = parse_message(
      lines({"SIP/2.0 503 Service Unavailable", "Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bKzzxdiwo34sw",
             "To: <sip:user@example.com>", "From: <sip:other@example.net>;tag=2easdjfejw",
             "CSeq: 9292394834772304023312 OPTIONS", "Call-ID: scalarlg.noase0of0234hn2qofoaf0232aewf2394r",
             "Retry-After: 949302838503028349304023988"}));
  EXPECT_TRUE(response.refusal);
  EXPECT_FALSE(response.can_answer);
}

TEST(Rfc4475, S3_1_2_6_UnterminatedQuote) {  // quotbal
  auto head = plain("INVITE sip:user@example.com SIP/2.0", "8 INVITE");
  head[1] = "To: \"Mr. J. User <sip:j.user@example.com>";
  refused(lines(head), 400);
}

TEST(Rfc4475, S3_1_2_7_RequestUriInBrackets) {
  refused(lines(plain("INVITE <sip:user@example.com> SIP/2.0", "8 INVITE")), 400);
}
TEST(Rfc4475, S3_1_2_8_SpaceInTheRequestUri) {
  refused(lines(plain("INVITE sip:user@example.com; lr SIP/2.0", "8 INVITE")), 400);
}
TEST(Rfc4475, S3_1_2_9_SpacesInTheStartLine) {
  refused(lines(plain("INVITE  sip:user@example.com  SIP/2.0", "8 INVITE")), 400);
}
TEST(Rfc4475, S3_1_2_10_SpaceAtTheEndOfTheStartLine) {
  refused(lines(plain("OPTIONS sip:remote-target@example.com SIP/2.0  ", "8 OPTIONS")), 400);
}
TEST(Rfc4475, S3_1_2_11_HeadersEscapedInTheRequestUri) {  // escruri: may be taken
  EXPECT_EQ(taken(lines(plain("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", "8 INVITE")))
                .message.request_uri()
                .headers,
            "Route=%3Csip:example.com%3E");
}
TEST(Rfc4475, S3_1_2_12_DateInAnotherTimeZone) {
  taken(lines(plain_with("Date: Fri, 01 Jan 2010 16:00:00 EST")));
}                                                  // baddate
TEST(Rfc4475, S3_1_2_13_ContactWithoutBrackets) {  // regbadct
  refused(lines(plain_with("Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E")), 400);
}
TEST(Rfc4475, S3_1_2_14_SpacesWithinAnAddress) {  // badaspec
  auto head = plain("OPTIONS sip:user@example.org SIP/2.0", "8 OPTIONS");
  head[1] = "To: \"Watson, Thomas\" < sip:t.watson@example.org >";
  refused(lines(head), 400);
}
TEST(Rfc4475, S3_1_2_15_DisplayNameThatNeedsQuotes) {  // baddn
  auto head = plain("OPTIONS sip:t.watson@example.org SIP/2.0", "8 OPTIONS");
  head[2] = "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43";
  refused(lines(head), 400);
}
TEST(Rfc4475, S3_1_2_16_UnknownVersion) {
  refused(lines(plain("OPTIONS sip:t.watson@example.org SIP/7.0", "8 OPTIONS")), 505);
}
TEST(Rfc4475, S3_1_2_17_MethodOfCSeqDiffers) {
  refused(lines(plain("OPTIONS sip:user@example.com SIP/2.0", "8 INVITE")), 400);
}
TEST(Rfc4475, S3_1_2_18_UnknownMethodOfCSeqDiffers) {
  refused(lines(plain("NEWMETHOD sip:user@example.com SIP/2.0", "8 INVITE")), 400);
}
TEST(Rfc4475, S3_1_2_19_OverlargeStatus) {  // bigcode
  const ParseOutcome outcome = parse_message(
      lines({"SIP/2.0 4294967301 better not break the receiver", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK2398ndaoe",
             "Call-ID: bigcode.asdof3uj203asdnf3429uasdhfas3ehjasdfas9i", "CSeq: 353494 INVITE",
             "From: <sip:u@e>;tag=3", "To: <sip:u@e>;tag=4"}));
  EXPECT_TRUE(outcome.refusal);
  EXPECT_FALSE(outcome.can_answer);
}

TEST(Rfc4475, S3_2_1_BranchOfTheCookieAlone) {  // badbranch
  auto head = plain("OPTIONS sip:user@example.com SIP/2.0", "8 OPTIONS");
  head[6] = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK";
  EXPECT_FALSE(taken(lines(head)).message.vias().front().has_rfc3261_branch());
}

TEST(Rfc4475, S3_3_1_MissingHeaders) {  // insuf
  refused(lines({"INVITE sip:user@example.com SIP/2.0", "CSeq: 193942 INVITE",
                 "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf", "Content-Length: 0"}),
          400);
}
TEST(Rfc4475, S3_3_2_UnknownSchemeInTheRequestUri) {  // unkscm
  refused(lines(plain("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "8 OPTIONS")), 416);
}
TEST(Rfc4475, S3_3_3_KnownSchemeThatIsNotSip) {  // novelsc
  refused(lines(plain("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "8 OPTIONS")), 416);
}
TEST(Rfc4475, S3_3_4_UnknownSchemesElsewhere) {  // unksm2
  auto head = plain("REGISTER sip:example.com SIP/2.0", "8 REGISTER");
  head[1] = "To: isbn:2983792873";
  head[2] = "From: <http://www.example.com>;tag=3234233";
  head.push_back("Contact: <name:John_Smith>");
  EXPECT_EQ(taken(lines(head)).message.to().uri.scheme, "isbn");
}
TEST(Rfc4475, S3_3_5_RequireIsTheUsers) {
  EXPECT_TRUE(taken(lines(plain_with("Require: nothingSupportsThis")))
                  .message.lists(HeaderId::kRequire, "nothingsupportsthis"));
}
TEST(Rfc4475, S3_3_6_UnknownContentTypeIsTheUsers) {
  taken(lines(plain_with("Content-Type: application/unknownformat")));
}
TEST(Rfc4475, S3_3_7_UnknownAuthorizationScheme) {
  taken(lines(plain_with("Authorization: NoOneKnowsThisScheme opaque-data=here")));
}
TEST(Rfc4475, S3_3_8_HeadersThatMayStandOnceStandTwice) {  // multi01
  for (const char* const again :
       {"CSeq: 59 INVITE", "Call-ID: other", "Max-Forwards: 5", "To: <sip:a@b>", "From: <sip:a@b>;tag=1"}) {
    refused(lines(plain_with(again)), 400);
  }
}
TEST(Rfc4475, S3_3_9_TwoContentLengths) {  // mcl01
  refused(lines(plain_with("Content-Length: 5"), "12345"), 400);
}
TEST(Rfc4475, S3_3_10_AResponseToAnInviteViaUdp) {  // bcast: Via of somebody else
  EXPECT_EQ(taken(lines({"SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
                         "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
                         "Call-ID: bcast.0384840201234ksdfak3j2erwedfsASdf", "CSeq: 35 INVITE",
                         "From: sip:user@example.com;tag=11141343", "To: sip:user@example.edu;tag=2229",
                         "Content-Length: 0"}))
                .message.vias()
                .size(),
            2U);
}
TEST(Rfc4475, S3_3_11_MaxForwardsZeroIsTheUsers) {  // zeromf
  auto head = plain("OPTIONS sip:user@example.com SIP/2.0", "8 OPTIONS");
  head[3] = "Max-Forwards: 0";
  EXPECT_EQ(taken(lines(head)).message.max_forwards(), 0U);
}
TEST(Rfc4475, S3_3_12_And13_ContactParameters) {  // cparam01, cparam02
  EXPECT_EQ(taken(lines(plain_with("Contact: sip:+19725552222@gw1.example.net;unknownparam")))
                .message.contacts()
                .front()
                .parameter("unknownparam"),
            "");
  EXPECT_EQ(taken(lines(plain_with("Contact: <sip:+19725552222@gw1.example.net;unknownparam>")))
                .message.contacts()
                .front()
                .uri.parameter("unknownparam"),
            "");
}
TEST(Rfc4475, S3_3_14_ParametersWithEscapedHeaders) {  // regescrt
  EXPECT_EQ(taken(lines(plain_with("Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>")))
                .message.contacts()
                .front()
                .uri.headers,
            "Route=%3Csip:sip.example.com%3E");
}
TEST(Rfc4475, S3_4_1_AnInviteOfRfc2543) {  // inv2543
  EXPECT_TRUE(
      taken(lines({"INVITE sip:UserB@example.com SIP/2.0", "Via: SIP/2.0/UDP iftgw.example.com",
                   "From: <sip:+13035551111@ift.client.example.net;user=phone>",
                   "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
                   "To: sip:+16505552222@ss1.example.net;user=phone", "Call-ID: inv2543.1717@ift.client.example.com",
                   "CSeq: 56 INVITE", "Content-Type: application/sdp"},
                  "v=0\r\n"))
          .message.from_tag()
          .empty());
}

}  // namespace
}  // namespace isthmus::sip
