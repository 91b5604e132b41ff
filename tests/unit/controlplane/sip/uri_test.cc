#include "controlplane/sip/uri.h"

#include <gtest/gtest.h>

namespace isthmus::sip {
namespace {

TEST(Uri, SplitsAllParts) {
  const auto uri = Uri::parse("SIP:alice:secret@[2001:db8::1]:5070;transport=tcp;lr?Subject=x");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "sip");
  EXPECT_EQ(uri->user, "alice");
  EXPECT_EQ(uri->host, "[2001:db8::1]");
  EXPECT_EQ(uri->port, 5070);
  EXPECT_EQ(uri->parameter("TRANSPORT"), "tcp");
  EXPECT_EQ(uri->parameter("lr"), "");
  EXPECT_EQ(uri->parameter("maddr"), std::nullopt);
  EXPECT_EQ(uri->headers, "Subject=x");
}

TEST(Uri, TelHasANumberAndNoHost) {
  const auto uri = Uri::parse("tel:+15551234;phone-context=example.com");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->user, "+15551234");
  EXPECT_TRUE(uri->host.empty());
}

TEST(Uri, UnknownSchemesPassWithoutParts) {
  const auto uri = Uri::parse("nobodyKnows:totally?opaque");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "nobodyknows");
  EXPECT_FALSE(uri->is_sip());
}

TEST(Uri, RefusesWhatIsNone) {
  for (const char* const text :
       {"", ":", "sip:", "sip:@host", "sip:a@b@c", "sip:a b@c", "<sip:a@b>", "sip:a@b:70000", "sip:a@b:", "sip:a@b:x",
        "a@b", "1sip:a@b", "sip:a@ho/st", "sip:a@[::1", "sip:a@[zz]", "sip:a@b\x01", "tel:", "sip:a@"}) {
    EXPECT_FALSE(Uri::parse(text)) << text;
  }
}

TEST(NameAddr, ReadsEachForm) {
  struct Case {
    const char* text;
    const char* display;
    const char* uri;
    const char* tag;
  };
  for (const Case& test :
       {Case{"\"A. \\\"Quoted\\\" <x>\" <sip:a@b;lr>;tag=1", "\"A. \\\"Quoted\\\" <x>\"", "sip:a@b;lr", "1"},
        Case{"Alice Smith <sip:a@b>;x=y;TAG=2", "Alice Smith", "sip:a@b", "2"},
        Case{"Caller<sip:a@b>", "Caller", "sip:a@b", ""}, Case{"<sip:a@b> ; tag = 3", "", "sip:a@b", "3"},
        Case{"sip:a@b;tag=4", "", "sip:a@b", "4"}, Case{"\"x\"<tel:+1;a=b>;tag=5", "\"x\"", "tel:+1;a=b", "5"}}) {
    const auto address = NameAddr::parse(test.text);
    ASSERT_TRUE(address) << test.text;
    EXPECT_EQ(address->text, test.text);
    EXPECT_EQ(address->display_name, test.display);
    EXPECT_EQ(address->uri.text, test.uri);
    EXPECT_EQ(address->tag(), test.tag);
  }
}

TEST(NameAddr, RefusesWhatIsNone) {
  for (const char* const text : {"", "\"open <sip:a@b>", "\"x\" sip:a@b", "Bell, Alexander <sip:a@b>", "<sip:a@b",
                                 "<sip:a@b> junk", "sip:a@b?x=y", "\"x\" < a@b >", "<>", "sip:a@b,sip:c@d"}) {
    EXPECT_FALSE(NameAddr::parse(text)) << text;
  }
}

TEST(NameAddr, GoesWithoutItsTag) {
  const auto without = [](const char* text) { return NameAddr::parse(text).value().text_without_tag(); };
  EXPECT_EQ(without("\"A\" <sip:a@b;tag=no>;tag=x"), "\"A\" <sip:a@b;tag=no>");
  EXPECT_EQ(without("<sip:a@b>;a=1;tag=x;b=2"), "<sip:a@b>;a=1;b=2");
  EXPECT_EQ(without("<sip:a@b>;tag=x;b=2"), "<sip:a@b>;b=2");
  EXPECT_EQ(without("sip:a@b;tag=x"), "sip:a@b");
  EXPECT_EQ(without("sip:a@b;x=y"), "sip:a@b;x=y");
  EXPECT_EQ(without("<sip:a@b> ; tag=x"), "<sip:a@b>");
}

TEST(Via, ReadsTransportInAnyCaseAndNoBranch) {
  const auto via = Via::parse("SIP/2.0/tcp 10.0.0.1:5061");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->transport, "TCP");
  EXPECT_EQ(via->host, "10.0.0.1");
  EXPECT_EQ(via->port, 5061);
  EXPECT_TRUE(via->branch().empty());
  EXPECT_FALSE(via->has_rfc3261_branch());
}

TEST(Via, ReadsParametersWithSpace) {
  const auto via = Via::parse("SIP  / 2.0  / UDP   [2001:db8::9]  ;  branch  =   z9hG4bKx  ; rport");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->host, "[2001:db8::9]");
  EXPECT_EQ(via->branch(), "z9hG4bKx");
  EXPECT_TRUE(via->has_rfc3261_branch());
  EXPECT_EQ(via->parameter("rport"), "");
}

TEST(Via, TheCookieAloneIsNoBranch) { EXPECT_FALSE(Via::parse("SIP/2.0/UDP h;branch=z9hG4bK")->has_rfc3261_branch()); }

TEST(Via, RefusesWhatIsNone) {
  for (const char* const text : {"", "SIP/2.0/UDP", "SIP/3.0/UDP h", "HTTP/1.1 h", "SIP/2.0/UDP h:99999",
                                 "SIP/2.0/UDP h_/x", "SIP/2.0/UDP a, SIP/2.0/UDP b"}) {
    EXPECT_FALSE(Via::parse(text)) << text;
  }
}

}  // namespace
}  // namespace isthmus::sip
