// Where RTCP goes: RFC 3605, RFC 5761, RFC 4585.

#include <gtest/gtest.h>

#include "controlplane/sdp/reader.h"

namespace isthmus::sdp {
namespace {

MediaSection section(std::string_view lines) {
  const auto d = parse(
      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 49170 RTP/AVPF 31 99\r\n" +
      std::string(lines));
  EXPECT_TRUE(d.has_value());
  return d ? d->media.at(0) : MediaSection{};
}

TEST(Rfc3605, Section2_1_PortAlone) {
  const auto m = section("a=rtcp:53020\r\n");
  EXPECT_EQ(m.rtcp_port, 53020);
  EXPECT_FALSE(m.rtcp_connection.has_value());
}
TEST(Rfc3605, Section2_1_PortAndAddressV4) {
  EXPECT_EQ(to_string(section("a=rtcp:53020 IN IP4 126.16.64.4\r\n").rtcp_connection->address), "126.16.64.4");
}
TEST(Rfc3605, Section2_1_PortAndAddressV6) {
  EXPECT_EQ(
      to_string(section("a=rtcp:53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD\r\n").rtcp_connection->address),
      "2001:2345:6789:abcd:ef01:2345:6789:abcd");
}
TEST(Rfc5761, Section5_1_1_MuxIsAProperty) {
  EXPECT_TRUE(section("a=rtcp-mux\r\n").rtcp_mux);
  EXPECT_FALSE(section("").rtcp_mux);
  EXPECT_FALSE(section("a=rtcp-mux:1\r\n").rtcp_mux);
}
TEST(Rfc4585, Section4_2_FeedbackForOneTypeOrAll) {
  const auto m = section("a=rtcp-fb:99 nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:98 nack\r\n");
  ASSERT_EQ(m.feedback.size(), 2U);  // 98 is not in the m-line
  EXPECT_EQ(m.feedback[0].payload_type, 99);
  EXPECT_EQ(m.feedback[0].value, "nack pli");
  EXPECT_FALSE(m.feedback[1].payload_type.has_value());
}
TEST(Rfc4585, Section4_1_ProfileAvpf) { EXPECT_TRUE(has_feedback(section("").protocol)); }

}  // namespace
}  // namespace isthmus::sdp
