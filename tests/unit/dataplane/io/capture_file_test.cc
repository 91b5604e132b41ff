#include "dataplane/io/capture_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

namespace isthmus::io {
namespace {

std::string word(std::uint32_t value) {
  std::string text(4, '\0');
  std::memcpy(text.data(), &value, 4);
  return text;
}

std::string header(std::uint32_t magic = 0xa1b2c3d4, std::uint32_t linktype = 1) {
  return word(magic) + word(0x00040002) + word(0) + word(0) + word(65535) + word(linktype);
}

std::string record(std::uint32_t bytes) {
  return word(0) + word(0) + word(bytes) + word(bytes) + std::string(bytes, 'x');
}

Result<std::uint64_t> count(const std::string& text) {
  std::istringstream file(text);
  return count_frames(file);
}

TEST(CaptureFile, CountsFrames) {
  EXPECT_EQ(count(header()).value(), 0U);
  EXPECT_EQ(count(header() + record(60) + record(0) + record(kMaxCaptureFrameBytes)).value(), 3U);
  EXPECT_EQ(count(header(0xa1b23c4d) + record(60)).value(), 1U);
}

TEST(CaptureFile, ReadsTheOtherByteOrder) {
  std::string text = header(0xd4c3b2a1, __builtin_bswap32(1)) + word(0) + word(0) + word(__builtin_bswap32(60)) +
                     word(__builtin_bswap32(60)) + std::string(60, 'x');
  EXPECT_EQ(count(text).value(), 1U);
}

TEST(CaptureFile, RefusesWhatIsNoCaptureOfEthernet) {
  for (const std::string& text : {std::string(), std::string("x"), header().substr(0, 23), header(0x0a0d0d0a),
                                  header(0xa1b2c3d4, 101), header() + record(60).substr(0, 15),
                                  header() + record(60).substr(0, 75), header() + record(kMaxCaptureFrameBytes + 1)}) {
    const auto counted = count(text);
    ASSERT_FALSE(counted);
    EXPECT_EQ(counted.error().kind, ErrorKind::kMalformedInput);
  }
}

TEST(CaptureFile, RefusesMoreFramesThanTheBound) {
  std::string text = header();
  text.reserve((kMaxCaptureFrames + 2) * 16);
  for (std::uint64_t i = 0; i < kMaxCaptureFrames; ++i) text += record(0);
  EXPECT_EQ(count(text).value(), kMaxCaptureFrames);
  text += record(0);
  EXPECT_FALSE(count(text));
}

TEST(CaptureFile, MissingFileIsUnavailable) {
  EXPECT_EQ(count_frames(std::string("/nonexistent/in.pcap")).error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace isthmus::io
