#include "dataplane/base/random_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace isthmus {
namespace {

/// Counts up over all that was asked for, so that every byte handed out can be told.
class Counting final : public RandomSource {
 public:
  void fill(std::span<std::uint8_t> bytes) override {
    ++calls;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(next++);
  }
  int calls = 0;
  unsigned next = 0;
};

TEST(RandomPool, HandsOutEachByteOfTheSourceOnceAndInOrder) {
  Counting source;
  RandomPool pool(source);
  std::vector<std::uint8_t> got;
  for (const std::size_t size : {16U, 1U, 0U, 255U, 8U}) {
    std::vector<std::uint8_t> some(size);
    pool.fill(some);
    got.insert(got.end(), some.begin(), some.end());
  }
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], static_cast<std::uint8_t>(i));
  EXPECT_EQ(source.calls, 1);
}

TEST(RandomPool, NeverHandsOutWhatIsLeftTogetherWithNew) {
  SeededRandom source(7);
  RandomPool pool(source);
  std::set<std::array<std::uint8_t, 16>> seen;
  for (int i = 0; i < 10'000; ++i) {
    std::array<std::uint8_t, 16> draw{};
    pool.fill(draw);
    EXPECT_TRUE(seen.insert(draw).second) << i;
  }
}

TEST(RandomPool, GivesLongDrawsStraightFromTheSource) {
  Counting source;
  RandomPool pool(source);
  std::vector<std::uint8_t> large(100'000);
  pool.fill(large);
  EXPECT_EQ(source.calls, 1);
  EXPECT_EQ(source.next, 100'000U);
  EXPECT_TRUE(std::ranges::any_of(large, [](std::uint8_t byte) { return byte != 0; }));
}

}  // namespace
}  // namespace isthmus
