#include "controlplane/media/video_spec.h"

#include <gtest/gtest.h>

namespace isthmus::media {
namespace {

TEST(VideoSpec, LimitsComeFromLevelAndParameters) {
  struct Row {
    const char* peer;
    const char* own;
    std::uint32_t frame;
    std::uint32_t rate;
  };
  const Row rows[] = {
      {"profile-level-id=42801F", "profile-level-id=42801F", 3600, 108000},
      {"profile-level-id=42800D", "profile-level-id=42801F", 396, 11880},    // level 1.3, a small screen
      {"profile-level-id=640028", "profile-level-id=64001F", 3600, 108000},  // ours is lower
      {"profile-level-id=640028;level-asymmetry-allowed=1", "profile-level-id=64001F", 8192, 245760},
      {"profile-level-id=42801F;max-fs=8160;max-mbps=245000", "profile-level-id=42801F", 8160, 245000},
      {"profile-level-id=42801F;max-fs=99", "profile-level-id=42801F", 3600, 108000},  // never below the level
      {"profile-level-id=42801F;max-fs=4294967295", "profile-level-id=42801F", 16711680, 108000},
      {"", "profile-level-id=42801F", 99, 1485},
      {"profile-level-id=xx", "profile-level-id=42801F", 99, 1485},
      {"profile-level-id=4280zz;max-fs=-1", "profile-level-id=42801F", 99, 1485},
      {"profile-level-id=4280FF", "profile-level-id=4280FF", 36864, 2073600},
  };
  for (const Row& row : rows) {
    const PictureLimits limits = picture_limits(row.peer, row.own);
    EXPECT_EQ(limits.frame_macroblocks, row.frame) << row.peer;
    EXPECT_EQ(limits.macroblocks_per_second, row.rate) << row.peer;
  }
}

TEST(VideoSpec, ParameterSetsHoldUpToTheirBounds) {
  EXPECT_TRUE(parameter_sets("packetization-mode=1").empty());
  const auto two = parameter_sets("profile-level-id=42801F; sprop-parameter-sets=Z0KAKJWgHgCJ+VA=,aM48gA==");
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].front(), 0x67);
  EXPECT_EQ(two[1], (std::vector<std::uint8_t>{0x68, 0xce, 0x3c, 0x80}));
  // Damaged and empty ones are left out, the others stay.
  EXPECT_EQ(parameter_sets("sprop-parameter-sets=,###,aM48gA==,A").size(), 1U);
  const auto sets_of = [](std::size_t count, std::size_t bytes) {
    std::string text = "sprop-parameter-sets=";
    for (std::size_t i = 0; i < count; ++i) text += std::string(bytes / 3 * 4, 'Z') + (bytes % 3 == 2 ? "ZZZ=," : ",");
    return parameter_sets(text).size();
  };
  EXPECT_EQ(sets_of(contract::kMaxParameterSets, 3), contract::kMaxParameterSets);
  EXPECT_EQ(sets_of(contract::kMaxParameterSets + 1, 3), contract::kMaxParameterSets);
  static_assert(contract::kMaxParameterSetBytes == 512);
  EXPECT_EQ(sets_of(1, 512), 1U);
  EXPECT_EQ(sets_of(1, 513), 0U);
}

}  // namespace
}  // namespace isthmus::media
