#include "controlplane/media/codec_match.h"

#include <gtest/gtest.h>

namespace isthmus::media {
namespace {

sdp::PayloadFormat format(std::uint8_t type, const char* encoding, std::uint32_t clock, const char* fmtp = "") {
  return sdp::PayloadFormat{type, encoding, clock, 1, fmtp};
}

TEST(CodecMatch, ReadsParametersWithBlanksAndInAnyCase) {
  EXPECT_EQ(fmtp_parameter("useinbandfec=1; usedtx=0", "usedtx"), "0");
  EXPECT_EQ(fmtp_parameter("Profile-Level-Id=42E01F ;x=1", "profile-level-id"), "42E01F");
  EXPECT_EQ(fmtp_parameter("0-15", "x"), std::nullopt);
  EXPECT_EQ(fmtp_parameter("", "x"), std::nullopt);
}

TEST(CodecMatch, TellsBitStreamsApart) {
  EXPECT_TRUE(same_codec(format(0, "PCMU", 8000), format(96, "pcmu", 8000)));
  EXPECT_FALSE(same_codec(format(0, "PCMU", 8000), format(0, "PCMU", 16000)));
  EXPECT_FALSE(same_codec(format(97, "H264", 90000), format(97, "H264", 90000, "packetization-mode=1")));
  EXPECT_TRUE(same_codec(format(97, "H264", 90000), format(97, "H264", 90000, "packetization-mode=0;max-fs=3600")));
  EXPECT_FALSE(same_codec(format(97, "G7221", 16000, "bitrate=24000"), format(97, "G7221", 16000, "bitrate=32000")));
  EXPECT_FALSE(same_codec(sdp::PayloadFormat{}, sdp::PayloadFormat{}));  // a dynamic type that nobody explained
}

TEST(CodecMatch, PrefersTheSameProfile) {
  const auto base = format(97, "H264", 90000, "profile-level-id=42E01F;packetization-mode=1");
  const auto high = format(98, "H264", 90000, "profile-level-id=64001F;packetization-mode=1");
  const auto asked = format(99, "H264", 90000, "profile-level-id=640028;packetization-mode=1");
  EXPECT_GT(likeness(asked, high), likeness(asked, base));
  EXPECT_GT(likeness(asked, base), 0U);
}

TEST(CodecMatch, ANumberIsNeverGivenASecondMeaningWhileOthersAreFree) {
  std::vector<sdp::PayloadFormat> numbers = {format(101, "telephone-event", 8000)};
  EXPECT_EQ(assign_number(numbers, format(101, "opus", 48000), {}), 96);
  EXPECT_EQ(assign_number(numbers, format(97, "telephone-event", 8000), {}), 101);
  EXPECT_EQ(assign_number(numbers, format(97, "telephone-event", 16000), {}), 97);
  EXPECT_EQ(assign_number(numbers, format(120, "opus", 48000), {}), 96);
}

TEST(CodecMatch, NumbersRunOutOnlyWhenADescriptionUsesThemAll) {
  std::vector<sdp::PayloadFormat> numbers;
  std::vector<std::uint8_t> taken;
  for (unsigned type = 96; type < 128; ++type) {
    numbers.push_back(format(static_cast<std::uint8_t>(type), "x", type));
  }
  EXPECT_EQ(assign_number(numbers, format(100, "y", 8000), taken), 96);
  for (unsigned type = 0; type < 128; ++type) taken.push_back(static_cast<std::uint8_t>(type));
  EXPECT_EQ(assign_number(numbers, format(100, "z", 8000), taken), std::nullopt);
}

}  // namespace
}  // namespace isthmus::media
