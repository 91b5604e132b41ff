#include "dataplane/wire/vlan_tag.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace isthmus::wire {
namespace {

using Buffer = std::array<std::uint8_t, 64>;

Buffer numbered() {
  Buffer bytes;
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

TEST(VlanTag, ComesOffAsItWasPutOn) {
  Buffer bytes = numbered();
  std::uint8_t* const frame = bytes.data() + kVlanTagBytes;
  put_vlan_on(frame, 0x0abc);
  const std::array<std::uint8_t, 18> tagged{4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x81, 0, 0x0a, 0xbc, 16, 17};
  EXPECT_TRUE(std::equal(tagged.begin(), tagged.end(), bytes.begin()));
  EXPECT_TRUE(has_vlan(bytes.data(), bytes.size(), 0x0abc));
  EXPECT_FALSE(has_vlan(bytes.data(), bytes.size(), 0x0abd));
  take_vlan_off(bytes.data());
  const Buffer before = numbered();
  EXPECT_TRUE(std::equal(bytes.begin() + kVlanTagBytes, bytes.end(), before.begin() + kVlanTagBytes));
}

TEST(VlanTag, PriorityIsNotLookedAt) {
  Buffer bytes{};
  store_be16(bytes.data() + 12, kEtherTypeVlan);
  store_be16(bytes.data() + 14, 0xb007);  // PCP 5, DEI
  EXPECT_TRUE(has_vlan(bytes.data(), bytes.size(), 7));
}

TEST(VlanTag, AFrameTooShortForATagHasNone) {
  Buffer bytes{};
  store_be16(bytes.data() + 12, kEtherTypeVlan);
  store_be16(bytes.data() + 14, 7);
  EXPECT_TRUE(has_vlan(bytes.data(), 18, 7));
  for (std::size_t size = 0; size < 18; ++size) EXPECT_FALSE(has_vlan(bytes.data(), size, 7)) << size;
}

TEST(VlanTag, OneThatNobodyTookOffIsNamed) {
  Buffer bytes{};
  for (const std::uint16_t type : {kEtherTypeVlan, kEtherTypeServiceVlan}) {
    store_be16(bytes.data() + 12, type);
    EXPECT_EQ(why_not_udp(bytes.data(), bytes.size()), DropReason::kWrongVlan);
  }
}

}  // namespace
}  // namespace isthmus::wire
