#include "controlplane/sdp/writer.h"

#include <gmock/gmock.h>

#include "controlplane/sdp/reader.h"

namespace isthmus::sdp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SessionDescription secret_description() {
  auto d = parse(
      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\n"
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB|2^31\r\n"
      "a=ice-ufrag:user\r\na=ice-pwd:SecretPassword\r\na=candidate:userV6 1 passwordV6 UDP 0.830 192.0.2.1 4000\r\n"
      "a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n");
  EXPECT_TRUE(d.has_value());
  return *d;
}

TEST(Writer, WritesLinesInTheOrderOfTheRfc) {
  SessionDescription d;
  d.origin = {"-", "12", "3", "192.0.2.1", false};
  d.connection = Connection{IpAddress::v4(192, 0, 2, 1), {}};
  MediaSection audio;
  audio.kind = MediaKind::kAudio;
  audio.media_text = "audio";
  audio.port = 4000;
  audio.protocol = Protocol::kRtpAvp;
  audio.formats = {{8, "PCMA", 8000, 1, ""}, {101, "telephone-event", 8000, 1, "0-15"}};
  audio.bandwidths = {{"AS", 64}};
  audio.ptime_ms = 20;
  d.media = {audio};
  EXPECT_EQ(
      serialise(d),
      "v=0\r\no=- 12 3 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 "
      "101\r\nb=AS:64\r\n"
      "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n");
}

TEST(Writer, LogsHaveNoSecret) {
  const std::string log = to_log(secret_description());
  EXPECT_THAT(log, Not(HasSubstr("Cm5v")));
  EXPECT_THAT(log, Not(HasSubstr("SecretPassword")));
  EXPECT_THAT(log, Not(HasSubstr("passwordV6")));
  EXPECT_THAT(log, HasSubstr("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^31\r\n"));
  EXPECT_THAT(log, HasSubstr("a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host\r\n"));
}

TEST(Writer, AKeyInALineThatShouldHaveNoneIsMaskedToo) {
  const auto d = parse(
      "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=inline:topsecret\r\nt=0 0\r\na=x-crypto:1 S inline:topsecret\r\n"
      "m=audio 0 RTP/AVP 96\r\na=fmtp:96 inline:topsecret\r\na=Crypto:1 S inline:topsecret\r\n");
  ASSERT_TRUE(d.has_value());
  EXPECT_THAT(to_log(*d), Not(HasSubstr("topsecret")));
}

TEST(Writer, RawTextIsMaskedByLine) {
  const std::string raw = serialise(secret_description()) +
                          "k=clear:topsecret\na = x\nA=crypto:1 S inline:topsecret\na=cryptoscale:1 client S "
                          "inline:topsecret|2^31\r\na=x-y:inline:topsecret";
  const std::string masked = mask_secrets(raw);
  EXPECT_THAT(masked, Not(HasSubstr("Cm5v")));
  EXPECT_THAT(masked, Not(HasSubstr("SecretPassword")));
  EXPECT_THAT(masked, Not(HasSubstr("passwordV6")));
  EXPECT_THAT(masked, HasSubstr("m=audio 4000 RTP/SAVP 8\r\n"));
  EXPECT_THAT(masked, HasSubstr("a=crypto:1 ***\r\n"));
  EXPECT_THAT(masked, Not(HasSubstr("topsecret")));
}

}  // namespace
}  // namespace isthmus::sdp
