#include "controlplane/rest/request_rules.h"

#include <gtest/gtest.h>

namespace isthmus::rest {
namespace {

std::string head(std::string_view lines) {
  return "GET /x HTTP/1.1\r\nHost: localhost\r\n" + std::string(lines) + "\r\n";
}

TEST(CheckHead, PlainRequestsPass) {
  for (const char* lines : {"", "Accept: */*\r\n", "X-Empty:\r\n", "Tab:\ta\tb\r\n", "Content-Length: 3\r\n",
                            "Transfer-Encoding: chunked\r\n", "Accept: a\r\nAccept: b\r\n"}) {
    EXPECT_TRUE(check_head(head(lines))) << lines;
  }
  EXPECT_TRUE(check_head("DELETE /a/b?c=d HTTP/1.0\r\nhost: h\r\n\r\n"));
}

struct Bad {
  const char* name;
  std::string head;
};
class CheckHeadRefuses : public testing::TestWithParam<Bad> {};
TEST_P(CheckHeadRefuses, It) { EXPECT_FALSE(check_head(GetParam().head)); }

using namespace std::string_literals;
const Bad kBad[] = {
    {"Nothing", ""},
    {"NoEnd", "GET / HTTP/1.1\r\nHost: h\r\n"},
    {"NoHost", "GET / HTTP/1.1\r\n\r\n"},
    {"TwoHosts", head("HOST: other\r\n")},
    {"FoldedWithSpace", head("A: b\r\n c\r\n")},
    {"FoldedWithTab", head("A: b\r\n\tc\r\n")},
    {"FoldedFirstLine", "GET / HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n"},
    {"LengthAndCoding", head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
    {"CodingAndLength", head("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
    {"LengthTwice", head("Content-Length: 3\r\nContent-Length: 3\r\n")},
    {"CodingTwice", head("Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n")},
    {"AuthorizationTwice", head("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")},
    {"OriginTwice", head("Origin: a\r\nOrigin: b\r\n")},
    {"Nul", head("A: b\0c\r\n"s)},
    {"NulInName", head("A\0: b\r\n"s)},
    {"BareCr", head("A: b\rc\r\n")},
    {"BareLf", head("A: b\nc: d\r\n")},
    {"BareLfBehindRequestLine", "GET / HTTP/1.1\nHost: h\r\n\r\n"},
    {"Escape", head("A: \x1b[31m\r\n")},
    {"Delete", head("A: \x7f\r\n")},
    {"BlankBeforeColon", head("Host : h\r\n")},
    {"NoColon", head("Hello\r\n")},
    {"NoName", head(": b\r\n")},
    {"EmptyLineFirst", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"AbsoluteTarget", "GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"StarTarget", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"BlankInTarget", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"EightBitTarget", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"OtherVersion", "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
    {"LowerCaseVersion", "GET / http/1.1\r\nHost: h\r\n\r\n"},
    {"TwoParts", "GET /\r\nHost: h\r\n\r\n"},
    {"StrangeMethod", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"},
};
std::string bad_name(const testing::TestParamInfo<Bad>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Head, CheckHeadRefuses, testing::ValuesIn(kBad), bad_name);

TEST(CheckHead, BoundsHoldAndOnePastIsRefused) {
  std::string lines;
  for (std::size_t i = 1; i < kMaxHeaderLines; ++i) lines += "A: b\r\n";
  EXPECT_TRUE(check_head(head(lines)));
  const Status past = check_head(head(lines + "A: b\r\n"));
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().kind, ErrorKind::kExhausted);

  const std::size_t around = head("A: \r\n").size();
  EXPECT_TRUE(check_head(head("A: " + std::string(kMaxHeadBytes - around, 'x') + "\r\n")));
  EXPECT_EQ(check_head(head("A: " + std::string(kMaxHeadBytes - around + 1, 'x') + "\r\n")).error().kind,
            ErrorKind::kExhausted);

  const auto with_target = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  EXPECT_TRUE(check_head(with_target(kMaxTargetBytes)));
  EXPECT_EQ(check_head(with_target(kMaxTargetBytes + 1)).error().kind, ErrorKind::kExhausted);
}

TEST(ParseTarget, SegmentsAndQueryAreDecoded) {
  const auto target = parse_target("/api/v1/calls/a%2Db?limit=5&cursor=x%20y&flag");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"api", "v1", "calls", "a-b"}));
  ASSERT_EQ(target->query.size(), 3U);
  EXPECT_EQ(target->query[1].second, "x y");
  EXPECT_EQ(target->query[2].second, "");
  EXPECT_TRUE(parse_target("/")->segments.empty());
}

TEST(ParseTarget, RefusesWhatLeadsElsewhereOrIsDamaged) {
  for (const char* text :
       {"",         "x",   "//",   "/a//b", "/a/",   "/.",   "/a/../b",    "/%2e%2e/x", "/a%2fb", "/a%00",
        "/a%0d%0a", "/a%", "/a%4", "/a%zz", "/a%+1", "/a#b", "/a?b=1&b=2", "/a?=1",     "/a?x=%", "/a?x=%00"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

TEST(ParseTarget, BoundsHoldAndOnePastIsRefused) {
  std::string path;
  for (std::size_t i = 0; i < kMaxSegments; ++i) path += "/a";
  EXPECT_TRUE(parse_target(path));
  EXPECT_FALSE(parse_target(path + "/a"));
  std::string query = "/?";
  for (std::size_t i = 0; i < kMaxQueryParameters; ++i) query += "p" + std::to_string(i) + "=1&";
  EXPECT_TRUE(parse_target(query));
  EXPECT_FALSE(parse_target(query + "q=1"));
}

const std::vector<std::string> kHosts = {"127.0.0.1", "localhost", "[::1]"};

TEST(HostAllowed, ByNameWithAnyPort) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8480", "LOCALHOST:1", "localhost:00001", "[::1]", "[::1]:8480"}) {
    EXPECT_TRUE(host_allowed(host, kHosts)) << host;
  }
  for (const char* host : {"", "evil.example", "127.0.0.1.evil.example", "localhost:", "localhost:x", "localhost:70000",
                           "localhost:000001", ":8480", "[::1", "::1", "localhost:1:2", "127.0.0.1@evil"}) {
    EXPECT_FALSE(host_allowed(host, kHosts)) << host;
  }
}

TEST(OriginAllowed, OnlyOurselvesOrNone) {
  EXPECT_TRUE(origin_allowed("", kHosts));
  EXPECT_TRUE(origin_allowed("http://localhost:8480", kHosts));
  for (const char* origin : {"null", "http://evil.example", "https://localhost", "http://localhost.evil.example",
                             "localhost", "http://", "file://"}) {
    EXPECT_FALSE(origin_allowed(origin, kHosts)) << origin;
  }
}

TEST(BearerToken, OnlyThatScheme) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bearer abc"), "abc");
  EXPECT_EQ(bearer_token("Basic abc"), "");
  EXPECT_EQ(bearer_token("Bearer"), "");
  EXPECT_EQ(bearer_token(""), "");
  EXPECT_EQ(bearer_token("Bearer " + std::string(257, 'a')), "");
}

}  // namespace
}  // namespace isthmus::rest
