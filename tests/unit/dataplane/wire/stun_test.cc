#include "dataplane/wire/stun.h"

#include <gtest/gtest.h>

#include <vector>

namespace isthmus::wire {
namespace {

std::vector<std::uint8_t> message(std::size_t attributes, std::uint16_t value_bytes = 0) {
  std::vector<std::uint8_t> bytes(kStunHeaderBytes);
  store_be16(bytes.data(), 0x0001);
  store_be32(&bytes[4], kStunMagicCookie);
  bytes[8] = 0xab;
  for (std::size_t i = 0; i < attributes; ++i) {
    const std::size_t at = bytes.size();
    bytes.resize(at + 4 + (value_bytes + 3U) / 4 * 4);
    store_be16(&bytes[at], 0x8022);
    store_be16(&bytes[at + 2], value_bytes);
  }
  store_be16(&bytes[2], static_cast<std::uint16_t>(bytes.size() - kStunHeaderBytes));
  return bytes;
}

TEST(Stun, ReadsTheHeader) {
  const auto header = parse_stun(message(2, 5));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, 1);
  EXPECT_EQ(header->length, 24);
  EXPECT_EQ(header->transaction[0], 0xab);
}

TEST(Stun, BoundsItsAttributes) {
  EXPECT_TRUE(parse_stun(message(kMaxStunAttributes)));
  EXPECT_FALSE(parse_stun(message(kMaxStunAttributes + 1)));
}

TEST(Stun, RefusesWhatDoesNotFit) {
  auto bytes = message(1, 4);
  EXPECT_FALSE(parse_stun(Bytes(bytes).first(bytes.size() - 4)));
  EXPECT_FALSE(parse_stun(Bytes(bytes).first(19)));
  bytes[23] = 5;
  EXPECT_FALSE(parse_stun(bytes));
  bytes[23] = 4;
  bytes[4] = 0;
  EXPECT_FALSE(parse_stun(bytes));
  bytes = message(1, 4);
  bytes[0] = 0x40;
  EXPECT_FALSE(parse_stun(bytes));
  bytes = message(0);
  bytes.resize(21);
  bytes[3] = 1;
  EXPECT_FALSE(parse_stun(bytes));
}

}  // namespace
}  // namespace isthmus::wire
