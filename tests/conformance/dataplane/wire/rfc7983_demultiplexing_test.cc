// RFC 7983 section 7, figure 3, and RFC 5761 section 4: what the first two bytes say.

#include <gtest/gtest.h>

#include "dataplane/wire/demux.h"

namespace isthmus::wire {
namespace {

TEST(Rfc7983Section7, EveryFirstByteHasItsClass) {
  for (int first = 0; first < 256; ++first) {
    const PacketClass kind = classify_payload(static_cast<std::uint8_t>(first), 0);
    const PacketClass expected = first <= 3                    ? PacketClass::kStun
                                 : first >= 16 && first <= 19  ? PacketClass::kZrtp
                                 : first >= 20 && first <= 63  ? PacketClass::kDtls
                                 : first >= 64 && first <= 79  ? PacketClass::kTurnChannel
                                 : first >= 128 && first < 192 ? PacketClass::kRtp
                                                               : PacketClass::kUnknown;
    EXPECT_EQ(kind, expected) << first;
  }
}

TEST(Rfc5761Section4, PayloadTypes64To95AreRtcp) {
  for (int second = 0; second < 256; ++second) {
    const bool rtcp = (second & 0x7f) >= 64 && (second & 0x7f) <= 95 && (second & 0x80) != 0;
    EXPECT_EQ(classify_payload(0x80, static_cast<std::uint8_t>(second)), rtcp ? PacketClass::kRtcp : PacketClass::kRtp)
        << second;
  }
  // The registered RTCP types, section 4's own list among them.
  for (const int type : {192, 193, 194, 195, 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210}) {
    EXPECT_EQ(classify_payload(0x80, static_cast<std::uint8_t>(type)), PacketClass::kRtcp);
  }
}

TEST(Rfc7983Section7, ShortPayloadsHaveNoClass) {
  EXPECT_EQ(classify_payload(Bytes{}), PacketClass::kUnknown);
  const std::uint8_t one = 0x80;
  EXPECT_EQ(classify_payload(Bytes(&one, 1)), PacketClass::kUnknown);
}

}  // namespace
}  // namespace isthmus::wire
