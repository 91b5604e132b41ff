#include "dataplane/payload/parameter_set.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/payload/bit_reader.h"

namespace isthmus::payload {
namespace {

using Octets = std::vector<std::uint8_t>;

// OpenH264 2.3.1, 640x360 in 640x368.
const Octets kSps640x360{0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a};
// x264, High profile with scaling lists absent, 1280x720.
const Octets kSpsHigh720{0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00,
                         0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60};

TEST(Sps, IsReadWithCropping) {
  const auto sps = read_sps(kSps640x360);
  ASSERT_TRUE(sps);
  EXPECT_EQ(sps->profile_idc, 66);
  EXPECT_EQ(sps->level_idc, 30);
  EXPECT_TRUE(sps->is_constrained_baseline());
  EXPECT_EQ(sps->coded_width, 640);
  EXPECT_EQ(sps->coded_height, 368);
  EXPECT_EQ(sps->width, 640);
  EXPECT_EQ(sps->height, 360);
}

TEST(Sps, OfHighProfile) {
  const auto sps = read_sps(kSpsHigh720);
  ASSERT_TRUE(sps);
  EXPECT_EQ(sps->profile_idc, 100);
  EXPECT_FALSE(sps->is_constrained_baseline());
  EXPECT_EQ(sps->width, 1280);
  EXPECT_EQ(sps->height, 720);
}

TEST(Sps, CutShortIsNone) {
  for (std::size_t size = 0; size < 10; ++size) EXPECT_FALSE(read_sps(Bytes(kSps640x360).first(size))) << size;
  EXPECT_FALSE(read_sps(Octets{0x68, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc}));
  EXPECT_FALSE(read_sps(Octets(64, 0)));
  Octets zeros(64, 0);
  zeros[0] = 0x67;
  EXPECT_FALSE(read_sps(zeros));  // an endless exp-golomb code
}

TEST(Pps, NamesItself) {
  const auto ids = read_pps_ids(Octets{0x68, 0xce, 0x3c, 0x80});
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->id, 0);
  EXPECT_EQ(ids->sps_id, 0);
  EXPECT_FALSE(read_pps_ids(Octets{0x68}));
  EXPECT_FALSE(read_pps_ids(Octets{0x67, 0xce}));
  // 256 as ue(v): 0000'0000'1000'0000'1
  EXPECT_FALSE(read_pps_ids(Octets{0x68, 0x00, 0x80, 0xff}));
  // 255: 0000'0000'1000'0000'0, then 0.
  EXPECT_TRUE(read_pps_ids(Octets{0x68, 0x00, 0x80, 0x7f}));
}

TEST(BitReader, SkipsEmulationPrevention) {
  const Octets bytes{0, 0, 3, 1};
  BitReader bits(bytes);
  EXPECT_EQ(bits.bits(24), 1U);
  EXPECT_TRUE(bits.ok());
  bits.bit();
  EXPECT_FALSE(bits.ok());
}

TEST(BitReader, BoundsExpGolomb) {
  const Octets most{0x00, 0x00, 0x00, 0x01, 0xff, 0xff, 0xff, 0xff};  // 31 zeros, 1, 31 ones
  BitReader good(most);
  EXPECT_EQ(good.unsigned_golomb(), 0xfffffffeU);
  EXPECT_TRUE(good.ok());
  const Octets more{0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff};
  BitReader bad(more);
  EXPECT_EQ(bad.unsigned_golomb(), 0U);
  EXPECT_FALSE(bad.ok());
  const Octets signs{0b01001100, 0b10000101};  // 1: +1, 2: -1, 3: +2 (00100), 4: -2 (00101)
  BitReader both(signs);
  EXPECT_EQ(both.signed_golomb(), 1);
  EXPECT_EQ(both.signed_golomb(), -1);
  EXPECT_EQ(both.signed_golomb(), 2);
  EXPECT_EQ(both.signed_golomb(), -2);
}

}  // namespace
}  // namespace isthmus::payload
