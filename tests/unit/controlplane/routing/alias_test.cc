#include "controlplane/routing/alias.h"

#include <gtest/gtest.h>

namespace isthmus::routing {
namespace {

struct Case {
  const char* uri;
  const char* alias;
  const char* parameters;
};

TEST(ParseDialledUri, TakesAddressAndKeepsParametersThatSayNothingAboutTransport) {
  const Case cases[] = {
      {"sip:3001@video.example.com", "3001@video.example.com", ""},
      {"sip:3001@video.example.com:5060", "3001@video.example.com:5060", ""},
      {"SIP:3001@video.example.com;transport=tcp;user=phone", "3001@video.example.com", ";user=phone"},
      {"sip:david.jones:secret@example.com?Subject=x", "david.jones@example.com", ""},
      {"sip:[2001:db8::1]:5060;lr", "[2001:db8::1]:5060", ""},
      {"sip:a;b=c@example.com;maddr=192.0.2.1;ttl=3", "a;b=c@example.com", ""},
      {"sip:a@example.com;opaque=user:epid:X;gruu", "a@example.com", ";opaque=user:epid:X;gruu"},
      {"tel:+4721002100;phone-context=example.com", "+4721002100", ";phone-context=example.com"},
      {"sip:x-cisco-serviceuri-pickup@10.10.2.1", "x-cisco-serviceuri-pickup@10.10.2.1", ""},
  };
  for (const Case& c : cases) {
    const auto dialled = parse_dialled_uri(c.uri);
    ASSERT_TRUE(dialled) << c.uri;
    EXPECT_EQ(dialled->alias, c.alias) << c.uri;
    EXPECT_EQ(dialled->parameters, c.parameters) << c.uri;
  }
}

TEST(ParseDialledUri, RefusesWhatHasNoHostOrNoKnownScheme) {
  EXPECT_EQ(parse_dialled_uri("h323:a@b").error().field, "scheme");
  EXPECT_EQ(parse_dialled_uri("https://example.com").error().kind, ErrorKind::kInvalidArgument);
  for (const char* uri : {"", "sip", "sip:", "sip:@", "sip:a@", "sip:@host", "sip::pw@host", "sip:a@;lr"}) {
    ASSERT_FALSE(parse_dialled_uri(uri)) << uri;
    EXPECT_EQ(parse_dialled_uri(uri).error().kind, ErrorKind::kMalformedInput) << uri;
  }
}

TEST(ParseDialledUri, BoundsTheAlias) {
  const std::string host = "@h";
  EXPECT_TRUE(parse_dialled_uri("sip:" + std::string(kMaxAliasBytes - host.size(), 'a') + host));
  const auto refused = parse_dialled_uri("sip:" + std::string(kMaxAliasBytes - host.size() + 1, 'a') + host);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kExhausted);
}

TEST(StripPort, CutsOnlyThePort) {
  EXPECT_EQ(strip_port("3001@video.example.com:5060"), "3001@video.example.com");
  EXPECT_EQ(strip_port("3001@video.example.com"), "3001@video.example.com");
  EXPECT_EQ(strip_port("[2001:db8::1]:5060"), "[2001:db8::1]");
  EXPECT_EQ(strip_port("a@[2001:db8::1]"), "a@[2001:db8::1]");
  EXPECT_EQ(strip_port("a@2001:db8::1"), "a@2001:db8::1");
  EXPECT_EQ(strip_port("a@host:name"), "a@host:name");
}

TEST(HostOf, FindsTheHost) {
  EXPECT_EQ(host_of("a@example.com:5060"), "example.com");
  EXPECT_EQ(host_of("a@[2001:db8::1]:5060"), "2001:db8::1");
  EXPECT_TRUE(has_numeric_host("10.10.2.1"));
  EXPECT_TRUE(has_numeric_host("x@[2001:db8::1]"));
  EXPECT_FALSE(has_numeric_host("3001"));
  EXPECT_FALSE(has_numeric_host("3001@example.com"));
}

TEST(MakeUri, DropsDeviceParametersWhenTheAliasChanged) {
  const auto dialled = parse_dialled_uri("sip:a@example.com;gr=urn:1;user=phone");
  ASSERT_TRUE(dialled);
  EXPECT_EQ(make_uri(*dialled, "a@example.com", "zone.example"), "sip:a@example.com;gr=urn:1;user=phone");
  EXPECT_EQ(make_uri(*dialled, "b@example.com", "zone.example"), "sip:b@example.com;user=phone");
}

TEST(MakeUri, CompletesANumberWithTheZonesHost) {
  const auto dialled = parse_dialled_uri("tel:+4721002100");
  ASSERT_TRUE(dialled);
  EXPECT_EQ(make_uri(*dialled, "+4721002100", "zone.example"), "sip:+4721002100@zone.example");
}

}  // namespace
}  // namespace isthmus::routing
