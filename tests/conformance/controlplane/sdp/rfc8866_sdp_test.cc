// RFC 8866 (and 4566, which it replaces): the description itself.

#include <gtest/gtest.h>

#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"

namespace isthmus::sdp {
namespace {

constexpr std::string_view kHead = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
Result<SessionDescription> with(std::string_view rest) { return parse(std::string(kHead) + std::string(rest)); }

TEST(Rfc8866, Section5_ExampleIsRead) {
  RepairCounts repairs;
  const auto d = parse(
      "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\ni=SDP Offer #1\r\n"
      "u=http://www.jdoe.example.com/home.html\r\ne=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\n"
      "c=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\nm=audio 49180 RTP/AVP 0\r\n"
      "m=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::2\r\na=rtpmap:99 h263-1998/90000\r\n",
      &repairs);
  ASSERT_TRUE(d.has_value());
  EXPECT_EQ(repairs.total(), 0U);
  EXPECT_EQ(d->origin.username, "jdoe");
  EXPECT_EQ(d->session_name, "Call to John Smith");
  ASSERT_EQ(d->media.size(), 3U);
  EXPECT_TRUE(connection_of(*d, d->media[2])->address.is_v6());
  EXPECT_EQ(d->media[2].formats[0].encoding, "h263-1998");
}

TEST(Rfc8866, Section5_1_OnlyVersionZero) { EXPECT_FALSE(parse("v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\n").has_value()); }

TEST(Rfc8866, Section5_7_MediaConnectionOverridesTheSessions) {
  const auto d = with("m=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4002 RTP/AVP 0\r\n");
  EXPECT_EQ(to_string(connection_of(*d, d->media[0])->address), "192.0.2.7");
  EXPECT_EQ(to_string(connection_of(*d, d->media[1])->address), "192.0.2.1");
}

TEST(Rfc8866, Section5_7_TtlOfMulticastIsRead) {
  const auto d = with("m=video 4000 RTP/AVP 34\r\nc=IN IP4 233.252.0.1/127/3\r\n");
  ASSERT_TRUE(d.has_value());
  EXPECT_TRUE(d->media[0].connection->address.is_multicast());
}

TEST(Rfc8866, Section5_8_BandwidthUnitsDiffer) {
  EXPECT_EQ(bandwidth_bps({{"AS", 512}}), 512'000U);
  EXPECT_EQ(bandwidth_bps({{"TIAS", 512}}), 512U);  // RFC 3890 6.2: bit/s
  EXPECT_EQ(bandwidth_bps({{"CT", 99980}}), 99'980'000U);
  EXPECT_EQ(bandwidth_bps({{"RR", 1}, {"X-YZ", 128}}), std::nullopt);
}

TEST(Rfc8866, Section5_13_AttributesOfBothShapesAreKept) {
  const auto d = with("a=tool:x y:z\r\na=charset-free\r\nm=audio 4000 RTP/AVP 0\r\n");
  ASSERT_EQ(d->attributes.size(), 2U);
  EXPECT_EQ(d->attributes[0].value, "x y:z");
  EXPECT_EQ(d->attributes[1].value, "");
}

TEST(Rfc8866, Section5_14_PortCount) {
  const auto d = with("m=video 49170/2 RTP/AVP 31\r\n");
  EXPECT_EQ(d->media[0].port_count, 2);
  EXPECT_NE(serialise(*d).find("m=video 49170/2 RTP/AVP 31"), std::string::npos);
}

TEST(Rfc8866, Section6_6_RtpmapNamesClockAndChannels) {
  const auto d = with("m=audio 4000 RTP/AVP 98\r\na=rtpmap:98 L16/16000/2\r\n");
  EXPECT_EQ(d->media[0].formats[0].clock_hz, 16000U);
  EXPECT_EQ(d->media[0].formats[0].channels, 2);
}

TEST(Rfc8866, Section6_7_DirectionDefaultsToSendrecv) {
  EXPECT_EQ(with("m=audio 4000 RTP/AVP 0\r\n")->media[0].direction, Direction::kSendRecv);
  EXPECT_EQ(with("m=audio 4000 RTP/AVP 0\r\na=inactive\r\n")->media[0].direction, Direction::kInactive);
}

TEST(Rfc8866, Section9_AttributeNamesAreCaseSensitive) {
  const auto d = with("m=audio 4000 RTP/AVP 0\r\na=SENDONLY\r\n");
  EXPECT_EQ(d->media[0].direction, Direction::kSendRecv);
  EXPECT_EQ(d->media[0].attributes[0].name, "SENDONLY");
}

}  // namespace
}  // namespace isthmus::sdp
