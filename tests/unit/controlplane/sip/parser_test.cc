#include "controlplane/sip/parser.h"

#include <vector>

#include <gtest/gtest.h>

#include "controlplane/sip/limits.h"
#include "tests/unit/controlplane/sip/samples.h"

namespace isthmus::sip {
namespace {

Message good(std::string_view bytes) {
  ParseOutcome outcome = parse_message(bytes);
  EXPECT_FALSE(outcome.refusal) << outcome.refusal->detail;
  return std::move(outcome.message);
}

TEST(Parser, ReadsARequest) {
  const Message message = good(samples::invite("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc",
                                               "Contact: <sip:alice@192.0.2.10>\r\nX-Any: a;b;;c,,\"unbalanced\r\n"
                                               "Content-Type: application/sdp",
                                               "v=0\r\n"));
  EXPECT_TRUE(message.is_request());
  EXPECT_EQ(message.method(), Method::kInvite);
  EXPECT_EQ(message.request_uri().user, "bob");
  EXPECT_EQ(message.vias().front().branch(), "z9hG4bKabc");
  EXPECT_EQ(message.from_tag(), "a1");
  EXPECT_EQ(message.from().display_name, "\"Alice\"");
  EXPECT_EQ(message.to_tag(), "");
  EXPECT_EQ(message.call_id(), "call-1@192.0.2.10");
  EXPECT_EQ(message.cseq().number, 1U);
  EXPECT_EQ(message.max_forwards(), 70U);
  EXPECT_EQ(message.contacts().front().uri.text, "sip:alice@192.0.2.10");
  EXPECT_EQ(message.header("x-any"), "a;b;;c,,\"unbalanced");
  EXPECT_EQ(message.content_type(), "application/sdp");
  EXPECT_EQ(message.body(), "v=0\r\n");
}

TEST(Parser, ReadsAResponse) {
  const Message message = good(
      "SIP/2.0 180 Klingelt \xC3\xBC\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
      "To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(message.is_response());
  EXPECT_EQ(message.status(), 180);
  EXPECT_EQ(message.reason(), "Klingelt \xC3\xBC");
  EXPECT_EQ(message.method(), Method::kInvite);
  EXPECT_EQ(message.to_tag(), "2");
}

TEST(Parser, KeepsBytesOfWhatItSplits) {
  const Message message = good(samples::invite("SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b ;branch=z9hG4bK2",
                                               "Record-Route: <sip:p1;lr>;x=\"a,b\",<sip:p2;lr>\r\nRecord-Route: "
                                               "<sip:p3;lr>\r\nRoute: <sip:us;lr> , <sip:them>"));
  ASSERT_EQ(message.vias().size(), 2U);
  EXPECT_EQ(message.vias()[1].text, "SIP/2.0/TCP b ;branch=z9hG4bK2");
  ASSERT_EQ(message.record_routes().size(), 3U);
  EXPECT_EQ(message.record_routes()[0].text, "<sip:p1;lr>;x=\"a,b\"");
  EXPECT_EQ(message.routes()[1].text, "<sip:them>");
}

TEST(Parser, MethodsThatTheLibraryRefusesPass) {  // fault 1 of the packaged library
  for (const char* const method : {"SERVICE", "STATUS", "SIP", "PX", "RX", "BENOTIFY", "NEGOTIATE", "KDMQ"}) {
    const Message message = good(samples::request(std::string(method) + " sip:a@b SIP/2.0",
                                                  "SIP/2.0/TCP h;branch=z9hG4bKx", std::string("1 ") + method));
    EXPECT_EQ(message.method_name(), method);
  }
  EXPECT_EQ(method_of("SERVICE"), Method::kService);
  EXPECT_EQ(method_of("BENOTIFY"), Method::kBenotify);
  EXPECT_EQ(method_of("invite"), Method::kOther);
}

TEST(Parser, CompactAndLongHeadersAreTheSame) {
  const Message message = good(
      "BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bKx\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>;tag=2\r\n"
      "i: id\r\nCSeq: 1 BYE\r\nk: timer, 100rel\r\nk: replaces\r\nm: <sip:z@y>\r\nl: 0\r\n\r\n");
  EXPECT_TRUE(message.lists(HeaderId::kSupported, "REPLACES"));
  EXPECT_EQ(message.list(HeaderId::kSupported), (std::vector<std::string_view>{"timer", "100rel", "replaces"}));
  EXPECT_EQ(message.contacts().size(), 1U);
}

struct Bad {
  const char* name;
  std::string bytes;
  std::uint16_t status;
  bool can_answer = true;
};

TEST(Parser, SaysWhatIsWrong) {
  const std::string via = "SIP/2.0/UDP h;branch=z9hG4bKx";
  const auto with = [&](const char* line) {
    return samples::request("OPTIONS sip:a@b SIP/2.0", via, "1 OPTIONS", line);
  };
  const auto start = [&](const char* line) { return samples::request(line, via, "1 OPTIONS"); };
  const std::vector<Bad> cases = {
      {"version", start("OPTIONS sip:a@b SIP/7.0"), 505},
      {"scheme", start("OPTIONS nobodyKnows:a SIP/2.0"), 416},
      {"two spaces", start("OPTIONS  sip:a@b SIP/2.0"), 400},
      {"space at the end", start("OPTIONS sip:a@b SIP/2.0 "), 400},
      {"space in the URI", start("OPTIONS sip:a@b; lr SIP/2.0"), 400},
      {"brackets", start("OPTIONS <sip:a@b> SIP/2.0"), 400},
      {"no URI", start("OPTIONS SIP/2.0"), 400},
      {"method is no token", start("OPT@IONS sip:a@b SIP/2.0"), 400},
      {"CSeq method", samples::request("OPTIONS sip:a@b SIP/2.0", via, "1 INVITE"), 400},
      {"CSeq number", samples::request("OPTIONS sip:a@b SIP/2.0", via, "36893488147419103232 OPTIONS"), 400},
      {"CSeq empty", samples::request("OPTIONS sip:a@b SIP/2.0", via, ""), 400},
      {"Contact", with("Contact: \"open <sip:a@b>"), 400},
      {"Contact empty", with("Contact:"), 400},
      {"Route star", with("Route: *"), 400},
      {"Max-Forwards twice", with("Max-Forwards: 70"), 400},
      {"header without a name", with(": x"), 400},
      {"header without a colon", with("nothing"), 400},
      {"lone line feed", with("X: a\nb"), 400},
      {"lone carriage return", with("X: a\rb"), 400},
      {"second Via is none", with("Via: junk"), 400},
      {"first Via is none", samples::request("OPTIONS sip:a@b SIP/2.0", "junk", "1 OPTIONS"), 400, false},
      {"ACK", samples::request("ACK sip:a@b SIP/7.0", via, "1 ACK"), 505, false},
      {"response", "SIP/2.0 42 x\r\nVia: " + via + "\r\n\r\n", 400, false},
      {"response status", "SIP/2.0 4294967301 x\r\nVia: " + via + "\r\n\r\n", 400, false},
      {"nothing else", "OPTIONS sip:a@b SIP/2.0\r\n\r\n", 400, false},
      {"no empty line", "OPTIONS sip:a@b SIP/2.0\r\nVia: " + via + "\r\nFrom: <sip:a@b>;tag=1", 400},
      {"rubbish", "\x01\x02\x03", 400, false},
      {"nothing", "", 400, false},
  };
  for (const Bad& test : cases) {
    const ParseOutcome outcome = parse_message(test.bytes);
    ASSERT_TRUE(outcome.refusal) << test.name;
    EXPECT_EQ(outcome.refusal->status, test.status) << test.name << ": " << outcome.refusal->detail;
    EXPECT_EQ(outcome.can_answer, test.can_answer) << test.name;
  }
}

TEST(Parser, BodyIsAsLongAsContentLengthSays) {
  const std::string head =
      "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
      "Call-ID: x\r\nCSeq: 1 BYE\r\n";
  EXPECT_EQ(good(head + "\r\nall of it").body(), "all of it");
  EXPECT_EQ(good(head + "Content-Length: 3\r\n\r\nall of it").body(), "all");
  EXPECT_EQ(parse_message(head + "Content-Length: 10\r\n\r\nall of it").refusal->status, 400);
  EXPECT_EQ(parse_message(head + "Content-Length: 3\r\nl: 4\r\n\r\nall of it").refusal->status, 400);
}

std::string with_headers(std::size_t more) {
  std::string lines;
  for (std::size_t i = 0; i < more; ++i) lines += (i == 0 ? "X: y" : "\r\nX: y");
  return samples::invite("SIP/2.0/UDP h;branch=z9hG4bKx", lines);
}

TEST(Parser, HeaderCountBound) {
  EXPECT_EQ(good(with_headers(kMaxHeaders - 6)).headers().size(), kMaxHeaders);
  const ParseOutcome past = parse_message(with_headers(kMaxHeaders - 5));
  EXPECT_EQ(past.refusal->status, 513);
  EXPECT_TRUE(past.can_answer);
}

TEST(Parser, ListsCountAsTheHeadersTheyStandFor) {
  std::string routes = "Route: <sip:a>";
  for (std::size_t i = 1; i < kMaxHeaders - 6; ++i) routes += ",<sip:a>";
  EXPECT_EQ(good(samples::invite("SIP/2.0/UDP h", routes)).routes().size(), kMaxHeaders - 6);
  EXPECT_EQ(parse_message(samples::invite("SIP/2.0/UDP h", routes + ",<sip:a>")).refusal->status, 513);
}

TEST(Parser, ViaCountBound) {
  std::string vias = "SIP/2.0/UDP h;branch=z9hG4bKx";
  for (std::size_t i = 1; i < kMaxVias; ++i) vias += ",SIP/2.0/UDP h";
  EXPECT_EQ(good(samples::invite(vias)).vias().size(), kMaxVias);
  EXPECT_EQ(parse_message(samples::invite(vias + ",SIP/2.0/UDP h")).refusal->status, 400);
}

TEST(Parser, HeaderSizeBound) {
  const auto sized = [](std::size_t bytes) { return "X: " + std::string(bytes - 3, 'x'); };
  EXPECT_EQ(good(samples::invite("SIP/2.0/UDP h", sized(kMaxHeaderBytes))).header("X")->size(), kMaxHeaderBytes - 3);
  EXPECT_EQ(parse_message(samples::invite("SIP/2.0/UDP h", sized(kMaxHeaderBytes + 1))).refusal->status, 513);
}

TEST(Parser, StartLineBound) {
  const auto sized = [](std::size_t bytes) {
    const std::string line = "INVITE sip:@b SIP/2.0";
    return samples::request(std::string(line).insert(11, bytes - line.size(), 'a'), "SIP/2.0/UDP h", "1 INVITE");
  };
  good(sized(kMaxStartLineBytes));
  EXPECT_EQ(parse_message(sized(kMaxStartLineBytes + 1)).refusal->status, 414);
}

TEST(Parser, HeaderBlockBound) {
  const auto sized = [](std::size_t bytes) {
    const std::string one = "X: " + std::string(10'000, 'x') + "\r\n";
    const std::string lines = one + one + "X: ";
    const std::size_t without = samples::invite("SIP/2.0/UDP h", lines).size();
    return samples::invite("SIP/2.0/UDP h", lines + std::string(bytes - without, 'y'));
  };
  good(sized(kMaxHeaderBlockBytes));
  const ParseOutcome past = parse_message(sized(kMaxHeaderBlockBytes + 1));
  EXPECT_EQ(past.refusal->status, 513);
  EXPECT_TRUE(past.can_answer);
}

TEST(Parser, MessageBound) {
  const auto sized = [](std::size_t bytes) {
    const std::string head = samples::invite("SIP/2.0/UDP h", {}, std::string(100'000, 'x'));
    return samples::invite("SIP/2.0/UDP h", {}, std::string(100'000 + bytes - head.size(), 'x'));
  };
  good(sized(kMaxMessageBytes));
  EXPECT_EQ(parse_message(sized(kMaxMessageBytes + 1)).refusal->status, 413);
}

TEST(Parser, TheRefusalSaysWhatWasWrongInAWarning) {
  const ParseOutcome outcome =
      parse_message(samples::invite("SIP/2.0/UDP h;branch=z9hG4bKx", "Contact: \"open <sip:a@b>"));
  const std::string text = refuse(outcome.message, *outcome.refusal, "gw", "t1").text();
  EXPECT_EQ(text,
            "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: \"Alice\" "
            "<sip:alice@192.0.2.10>;tag=a1\r\n"
            "To: <sip:bob@192.0.2.1>;tag=t1\r\nCall-ID: call-1@192.0.2.10\r\nCSeq: 1 INVITE\r\n"
            "Warning: 399 gw \"Contact does not parse\"\r\nContent-Length: 0\r\n\r\n");
}

}  // namespace
}  // namespace isthmus::sip
