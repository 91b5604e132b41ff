#include "dataplane/wire/rtp.h"

#include <gtest/gtest.h>

#include <vector>


namespace isthmus::wire {
namespace {

std::vector<std::uint8_t> packet(std::uint8_t first, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  bytes[0] = first;
  return bytes;
}

TEST(RtpHeader, CountsCsrcsAndExtension) {
  EXPECT_EQ(rtp_header_bytes(packet(0x80, 12).data(), 12), 12U);
  EXPECT_EQ(rtp_header_bytes(packet(0x8f, 72).data(), 72), 72U);
  EXPECT_EQ(rtp_header_bytes(packet(0x8f, 71).data(), 71), 0U);
  auto extended = packet(0x90, 24);
  store_be16(extended.data() + 14, 2);
  EXPECT_EQ(rtp_header_bytes(extended.data(), 24), 24U);
  EXPECT_EQ(rtp_header_bytes(extended.data(), 23), 0U);
  EXPECT_EQ(rtp_header_bytes(packet(0x90, 15).data(), 15), 0U);
  EXPECT_EQ(rtp_header_bytes(packet(0x40, 12).data(), 12), 0U) << "version 1";
  EXPECT_EQ(rtp_header_bytes(packet(0x80, 12).data(), 11), 0U);
}

TEST(RtpHeader, PaddingFitsBehindTheHeader) {
  std::size_t payload = 0;
  auto padded = packet(0xa0, 20);
  padded.back() = 8;
  ASSERT_TRUE(rtp_payload_bytes(padded.data(), padded.size(), 12, payload));
  EXPECT_EQ(payload, 0U);
  padded.back() = 9;
  EXPECT_FALSE(rtp_payload_bytes(padded.data(), padded.size(), 12, payload));
  padded.back() = 0;
  EXPECT_FALSE(rtp_payload_bytes(padded.data(), padded.size(), 12, payload));
}

}  // namespace
}  // namespace isthmus::wire
