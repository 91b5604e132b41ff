#include "controlplane/sip/multipart.h"

#include <gtest/gtest.h>

#include <string>

namespace isthmus::sip {
namespace {

constexpr std::string_view kAlternative = "multipart/alternative;boundary=\"----=_NextPart_000\"";

std::string part(std::string_view headers, std::string_view content, std::string_view boundary = "----=_NextPart_000") {
  return "--" + std::string(boundary) + "\r\n" + std::string(headers) + "\r\n" + std::string(content) + "\r\n";
}
const std::string kEnd = "------=_NextPart_000--\r\n";
constexpr std::string_view kSdpHeader = "Content-Type: application/sdp\r\n";
constexpr std::string_view kFallbackHeaders =
    "Content-Type: application/sdp\r\nContent-Transfer-Encoding: 7bit\r\n"
    "Content-Disposition: session; handling=optional; ms-proxy-2007fallback\r\n";

const Part* description(const std::vector<Part>& parts) {
  const auto found = find_description(parts, "application/sdp");
  return found ? *found : nullptr;
}

TEST(Multipart, SplitsPartsAndKeepsTheirHeaders) {
  const std::string body = "preamble\r\n" + part(kFallbackHeaders, "v=0\r\nfallback") +
                           part(kSdpHeader, "v=0\r\nmain\r\n") + kEnd + "epilogue";
  const auto parts = split_multipart(kAlternative, body);
  ASSERT_TRUE(parts) << to_string(parts.error());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].content, "v=0\r\nfallback");
  EXPECT_EQ((*parts)[0].disposition, "session; handling=optional; ms-proxy-2007fallback");
  EXPECT_EQ((*parts)[1].content, "v=0\r\nmain\r\n");
  EXPECT_TRUE((*parts)[1].is_alternative);
  ASSERT_NE(description(*parts), nullptr);
  EXPECT_EQ(description(*parts)->content, "v=0\r\nmain\r\n") << "the fallback was taken";
}

TEST(Multipart, FallbackAloneIsBetterThanNothing) {
  const std::string body = part(kFallbackHeaders, "v=0") + kEnd;
  const auto parts = split_multipart(kAlternative, body);
  ASSERT_TRUE(parts);
  ASSERT_NE(description(*parts), nullptr);
  EXPECT_EQ(description(*parts)->content, "v=0");
}

TEST(Multipart, LineEndsWithoutReturnAndEmptyPartHeaders) {
  const auto parts =
      split_multipart("multipart/mixed; boundary=b", "--b\n\nplain\n--b \nContent-Type: application/sdp\n\nv=0\n--b--");
  ASSERT_TRUE(parts) << to_string(parts.error());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].content, "plain");
  EXPECT_EQ((*parts)[0].content_type, "");
  EXPECT_EQ((*parts)[1].content, "v=0");
}

TEST(Multipart, DescriptionOfMixedIsTheFirst) {
  const std::string body = part(kSdpHeader, "first", "b") + part(kSdpHeader, "second", "b") + "--b--\r\n";
  const auto parts = split_multipart("multipart/mixed;boundary=b", body);
  ASSERT_TRUE(parts);
  EXPECT_EQ(description(*parts)->content, "first");
}

TEST(Multipart, PartThatMustBeUnderstoodIsNotPassedOver) {
  const std::string body =
      part(kSdpHeader, "v=0", "b") + part("Content-Type: application/ISUP\r\n", "x", "b") + "--b--\r\n";
  const auto parts = split_multipart("multipart/mixed;boundary=b", body);
  ASSERT_TRUE(parts);
  const auto found = find_description(*parts, "application/sdp");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().field, "application/ISUP");
  const std::string with_optional =
      part(kSdpHeader, "v=0", "b") +
      part("Content-Type: application/ISUP\r\nContent-Disposition: signal; handling=optional\r\n", "x", "b") +
      "--b--\r\n";
  const auto optional = split_multipart("multipart/mixed;boundary=b", with_optional);
  ASSERT_TRUE(optional);
  EXPECT_NE(description(*optional), nullptr);
}

TEST(Multipart, NestedAlternativesAreLeaves) {
  const std::string inner =
      part("Content-Type: text/plain\r\n", "words", "in") + part(kSdpHeader, "v=0", "in") + "--in--";
  const std::string body = part("Content-Type: multipart/alternative; boundary=in\r\n", inner, "out") + "--out--\r\n";
  const auto parts = split_multipart("multipart/mixed;boundary=out", body);
  ASSERT_TRUE(parts) << to_string(parts.error());
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ(description(*parts)->content, "v=0");
}

struct Damage {
  const char* name;
  std::string type;
  std::string body;
};
class MultipartDamage : public testing::TestWithParam<Damage> {};
TEST_P(MultipartDamage, IsATypedError) {
  const auto parts = split_multipart(GetParam().type, GetParam().body);
  ASSERT_FALSE(parts);
  EXPECT_EQ(parts.error().kind, ErrorKind::kMalformedInput);
}
INSTANTIATE_TEST_SUITE_P(
    Table, MultipartDamage,
    testing::Values(Damage{"NoBoundary", "multipart/mixed", "--b\r\n\r\nx\r\n--b--"},
                    Damage{"EmptyBoundary", "multipart/mixed;boundary=\"\"", "--\r\n\r\nx\r\n----"},
                    Damage{"NoPart", "multipart/mixed;boundary=b", "text"},
                    Damage{"Empty", "multipart/mixed;boundary=b", ""},
                    Damage{"NoEnd", "multipart/mixed;boundary=b", "--b\r\n\r\nx\r\n"},
                    Damage{"CutInTheEnd", "multipart/mixed;boundary=b", "--b\r\n\r\nx\r\n--b-"},
                    Damage{"CutBehindADelimiter", "multipart/mixed;boundary=b", "--b\r\n\r\nx\r\n--b"},
                    Damage{"OtherBoundary", "multipart/mixed;boundary=b", "--c\r\n\r\nx\r\n--c--"},
                    Damage{"LongerBoundary", "multipart/mixed;boundary=b", "--bb\r\n\r\nx\r\n--bb--"},
                    Damage{"BadPartHeader", "multipart/mixed;boundary=b", "--b\r\nno header\r\n\r\nx\r\n--b--"}),
    [](const auto& damage) { return std::string(damage.param.name); });

TEST(Multipart, BoundsHoldAtAndPastThem) {
  const auto with_parts = [](std::size_t count) {
    std::string body;
    for (std::size_t i = 0; i < count; ++i) body += part("", "x", "b");
    return split_multipart("multipart/mixed;boundary=b", body + "--b--");
  };
  EXPECT_EQ(with_parts(kMaxParts)->size(), kMaxParts);
  EXPECT_EQ(with_parts(kMaxParts + 1).error().kind, ErrorKind::kExhausted);

  const auto with_depth = [](std::size_t depth) {
    std::string body = part("", "x", "b1") + "--b1--";
    for (std::size_t i = 2; i <= depth; ++i) {
      const std::string name = "b" + std::to_string(i);
      body = part("Content-Type: multipart/mixed;boundary=b" + std::to_string(i - 1) + "\r\n", body, name) + "--" +
             name + "--";
    }
    return split_multipart("multipart/mixed;boundary=b" + std::to_string(depth), body);
  };
  EXPECT_TRUE(with_depth(kMaxMultipartDepth));
  EXPECT_EQ(with_depth(kMaxMultipartDepth + 1).error().kind, ErrorKind::kExhausted);

  const auto with_headers = [](std::size_t count) {
    std::string headers;
    for (std::size_t i = 0; i < count; ++i) headers += "X-A: b\r\n";
    return split_multipart("multipart/mixed;boundary=b", part(headers, "x", "b") + "--b--");
  };
  EXPECT_TRUE(with_headers(kMaxPartHeaders));
  EXPECT_EQ(with_headers(kMaxPartHeaders + 1).error().kind, ErrorKind::kExhausted);

  const auto with_boundary = [](std::size_t bytes) {
    const std::string name(bytes, 'b');
    return split_multipart("multipart/mixed;boundary=" + name, part("", "x", name) + "--" + name + "--");
  };
  EXPECT_TRUE(with_boundary(kMaxBoundaryBytes));
  EXPECT_EQ(with_boundary(kMaxBoundaryBytes + 1).error().kind, ErrorKind::kMalformedInput);
}

TEST(Multipart, IsToldByItsType) {
  EXPECT_TRUE(is_multipart("Multipart/Alternative ; boundary=x"));
  EXPECT_FALSE(is_multipart("multipart/"));
  EXPECT_FALSE(is_multipart("application/sdp"));
}

}  // namespace
}  // namespace isthmus::sip
