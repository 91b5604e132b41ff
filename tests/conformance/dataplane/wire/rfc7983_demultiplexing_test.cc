#include <gtest/gtest.h>

#include "dataplane/wire/demux.h"

namespace isthmus::wire {
namespace {

PacketClass expected(unsigned first) {
  if (first <= 3) return PacketClass::kStun;
  if (first >= 16 && first <= 19) return PacketClass::kZrtp;
  if (first >= 20 && first <= 63) return PacketClass::kDtls;
  if (first >= 64 && first <= 79) return PacketClass::kTurnChannel;
  if (first >= 128 && first <= 191) return PacketClass::kRtp;
  return PacketClass::kUnknown;
}

TEST(Rfc7983, Section7_FirstByteDecides) {
  for (unsigned first = 0; first < 256; ++first) {
    EXPECT_EQ(classify_payload(static_cast<std::uint8_t>(first), 0), expected(first)) << first;
  }
}

TEST(Rfc5761, Section4_SecondByteTellsRtcpFromRtp) {
  for (unsigned second = 0; second < 256; ++second) {
    const bool rtcp = second >= 192 && second <= 223;
    EXPECT_EQ(classify_payload(0x80, static_cast<std::uint8_t>(second)), rtcp ? PacketClass::kRtcp : PacketClass::kRtp);
  }
}

TEST(Rfc7983, Section7_ShortPayloadsAreUnknown) {
  const std::uint8_t one[] = {0x80};
  EXPECT_EQ(classify_payload(Bytes{}), PacketClass::kUnknown);
  EXPECT_EQ(classify_payload(Bytes(one)), PacketClass::kUnknown);
}

}  // namespace
}  // namespace isthmus::wire
