#include "controlplane/sip/message.h"

#include <gtest/gtest.h>

#include "controlplane/sip/parser.h"
#include "tests/unit/controlplane/sip/samples.h"

namespace isthmus::sip {
namespace {

Message sample() {
  Message message = Message::request(Method::kInvite, "sip:bob@192.0.2.1");
  message.add(HeaderId::kVia, "SIP/2.0/TCP 192.0.2.5:5060;branch=z9hG4bKx");
  message.add(HeaderId::kMaxForwards, "70");
  message.add(HeaderId::kFrom, "<sip:a@b>;tag=1");
  message.add(HeaderId::kTo, "<sip:c@d>");
  message.add(HeaderId::kCallId, "id");
  message.add(HeaderId::kCSeq, "1 INVITE");
  return message;
}

TEST(Message, WhatIsWrittenReadsBackTheSame) {
  Message message = sample();
  message.add(HeaderId::kRecordRoute, "<sip:p;lr>");
  message.add("X-Own", "value");
  message.set_body("application/sdp", "v=0\r\n");
  const ParseOutcome read = parse_message(message.text());
  ASSERT_FALSE(read.refusal) << read.refusal->detail;
  EXPECT_EQ(read.message, message);
}

TEST(Message, NoValueStartsAHeaderOfItsOwn) {
  Message message = sample();
  message.add("X", "a\r\nEvil: yes\r\n\r\nbody");
  message.add("Y\r\nEvil", std::string_view("z\0z", 3));
  message.set(HeaderId::kTo, "<sip:c@d>\r\nEvil: yes");
  message.set_request_uri("sip:a@b SIP/2.0\r\nEvil: yes");
  const std::string text = message.text();
  EXPECT_EQ(text.find("\nEvil"), std::string::npos);
  EXPECT_EQ(text.find('\0'), std::string::npos);
}

TEST(Message, SetReplacesAllAtThePlaceOfTheFirst) {
  Message message = sample();
  message.add(HeaderId::kSupported, "timer");
  message.add("X", "1");
  message.add(HeaderId::kSupported, "100rel");
  message.set(HeaderId::kSupported, "replaces");
  EXPECT_EQ(message.list(HeaderId::kSupported), (std::vector<std::string_view>{"replaces"}));
  EXPECT_EQ(message.headers()[6].id, HeaderId::kSupported);
  message.set("x", "2");
  message.set("New", "3");
  EXPECT_EQ(message.header("X"), "2");
  EXPECT_EQ(message.headers().back().name, "New");
  message.remove("X");
  EXPECT_FALSE(message.header("X"));
}

TEST(Message, ViewsFollowTheHeaders) {
  Message message = sample();
  message.set(HeaderId::kTo, "<sip:c@d>;tag=99");
  EXPECT_EQ(message.to_tag(), "99");
  message.add_first(HeaderId::kVia, "SIP/2.0/UDP first;branch=z9hG4bK1");
  EXPECT_EQ(message.vias().front().host, "first");
  EXPECT_EQ(message.headers().front().value, "SIP/2.0/UDP first;branch=z9hG4bK1");
  message.remove_top_via();
  EXPECT_EQ(message.vias().size(), 1U);
  message.remove(HeaderId::kVia);
  EXPECT_TRUE(message.vias().empty());
  message.set(HeaderId::kMaxForwards, "no number");
  EXPECT_EQ(message.max_forwards(), std::nullopt);
}

TEST(Message, StampsTheTopViaOnly) {
  Message message = sample();
  message.set(HeaderId::kVia, "SIP/2.0/UDP h;rport;branch=z9hG4bKx");
  message.add(HeaderId::kVia, "SIP/2.0/UDP below");
  message.set_top_via_parameter("rport", "4711");
  message.set_top_via_parameter("received", "192.0.2.7");
  EXPECT_EQ(message.vias().front().parameter("rport"), "4711");
  EXPECT_EQ(message.header(HeaderId::kVia), "SIP/2.0/UDP h;branch=z9hG4bKx;rport=4711;received=192.0.2.7");
  EXPECT_EQ(message.vias()[1].text, "SIP/2.0/UDP below");
}

TEST(Message, ResponseCopiesWhatRfc3261_8_2_6Says) {
  Message request = sample();
  request.add(HeaderId::kRecordRoute, "<sip:p;lr>");
  request.add(HeaderId::kTimestamp, "54");
  request.add("X", "1");
  const Message trying = Message::response(request, 100);
  EXPECT_TRUE(trying.has(HeaderId::kTimestamp));
  EXPECT_FALSE(trying.has(HeaderId::kRecordRoute));
  EXPECT_EQ(trying.to_tag(), "");
  const Message ringing = Message::response(request, 180, {}, "t");
  EXPECT_EQ(ringing.to_tag(), "t");
  EXPECT_EQ(ringing.to().text, "<sip:c@d>;tag=t");
  EXPECT_EQ(ringing.header(HeaderId::kTo), "<sip:c@d>;tag=t");
  EXPECT_EQ(ringing.reason(), "Ringing");
  EXPECT_TRUE(ringing.has(HeaderId::kRecordRoute));
  EXPECT_FALSE(ringing.header("X"));
  EXPECT_FALSE(Message::response(request, 404, "Nobody", "t").has(HeaderId::kRecordRoute));
  EXPECT_EQ(Message::response(request, 404, "Nobody", "t").reason(), "Nobody");
}

TEST(Message, ResponseKeepsATagThatIsThere) {
  Message request = sample();
  request.set(HeaderId::kTo, "<sip:c@d>;tag=old");
  EXPECT_EQ(Message::response(request, 200, {}, "new").to_tag(), "old");
}

TEST(Message, AnEmptyBodyHasNoType) {
  Message message = sample();
  message.set_body("application/sdp", "x");
  message.set_body("application/sdp", "");
  EXPECT_FALSE(message.has(HeaderId::kContentType));
  EXPECT_TRUE(message.text().ends_with("Content-Length: 0\r\n\r\n"));
}

TEST(HeaderNames, AreFoundInAnyCaseAndByTheirShortForm) {
  for (unsigned i = 0; i < static_cast<unsigned>(HeaderId::kOther); ++i) {
    const auto id = static_cast<HeaderId>(i);
    std::string upper;
    std::string lower;
    for (const char c : to_string(id)) {
      upper.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
      lower.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
    EXPECT_EQ(header_id_of(to_string(id)), id) << upper;
    EXPECT_EQ(header_id_of(upper), id) << upper;
    EXPECT_EQ(header_id_of(lower), id) << upper;
    EXPECT_EQ(header_id_of(lower + "x"), HeaderId::kOther) << upper;
  }
  EXPECT_EQ(header_id_of("v"), HeaderId::kVia);
  EXPECT_EQ(header_id_of("X"), HeaderId::kSessionExpires);
  EXPECT_EQ(header_id_of("z"), HeaderId::kOther);
  EXPECT_EQ(header_id_of(""), HeaderId::kOther);
  EXPECT_EQ(header_id_of("\xff"), HeaderId::kOther);
}

TEST(Message, ViewsFollowEachChange) {
  Message message = sample();
  EXPECT_EQ(message.call_id(), *message.header(HeaderId::kCallId));
  message.set(HeaderId::kCallId, "another");
  EXPECT_EQ(message.call_id(), "another");
  message.set(HeaderId::kFrom, "<sip:x@y>;tag=z");
  EXPECT_EQ(message.from_tag(), "z");
  message.add(HeaderId::kRoute, "<sip:r@s;lr>");
  EXPECT_EQ(message.routes().back().uri.host, "s");
  message.remove(HeaderId::kRoute);
  EXPECT_TRUE(message.routes().empty());
  const Message copy = message;
  message.set_request_uri("sip:new@host");
  EXPECT_EQ(message.request_uri().user, "new");
  EXPECT_NE(message, copy);
}

}  // namespace
}  // namespace isthmus::sip
