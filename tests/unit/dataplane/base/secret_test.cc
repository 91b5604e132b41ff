#include "dataplane/base/secret.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "dataplane/base/random.h"

namespace isthmus {
namespace {

TEST(SecretBytes, MovedFromHoldsNothing) {
  SecretBytes key(std::array<std::uint8_t, 3>{1, 2, 3});
  SecretBytes taken(std::move(key));
  EXPECT_TRUE(key.empty());  // NOLINT(bugprone-use-after-move): that is the promise under test
  EXPECT_EQ(taken.size(), 3U);
}

TEST(SecretBytes, ComparesByContentAndLength) {
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  EXPECT_EQ(SecretBytes(bytes), SecretBytes(bytes));
  EXPECT_FALSE(SecretBytes(bytes) == SecretBytes(std::array<std::uint8_t, 3>{1, 2, 4}));
  EXPECT_FALSE(SecretBytes(bytes) == SecretBytes(std::array<std::uint8_t, 2>{1, 2}));
}

TEST(Wipe, LeavesZeros) {
  std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  wipe(bytes);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 4>{}));
}

TEST(RandomSource, BelowStaysBelowAndReachesEveryValue) {
  SeededRandom random(1);
  std::array<int, 5> seen{};
  for (int i = 0; i < 1000; ++i) ++seen.at(random.below(5));
  for (const int count : seen) EXPECT_GT(count, 100);
}

TEST(RandomSource, SystemBytesDiffer) {
  SystemRandom random;
  EXPECT_NE(random.next_u64(), random.next_u64());
}

}  // namespace
}  // namespace isthmus
