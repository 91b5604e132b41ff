#include "dataplane/crypto/replay_window.h"

#include <gtest/gtest.h>

namespace isthmus::crypto {
namespace {

TEST(ReplayWindow, TakesEachIndexOnceAndNoneOlderThanItself) {
  ReplayWindow window;
  window.use(1000);
  EXPECT_FALSE(window.allows(1000));
  EXPECT_TRUE(window.allows(1000 - kWindowBits + 1));
  EXPECT_FALSE(window.allows(1000 - kWindowBits));
  window.use(990);
  EXPECT_FALSE(window.allows(990));
  window.use(1000 + kWindowBits);
  EXPECT_TRUE(window.allows(1001));
  EXPECT_FALSE(window.allows(1000));
}

TEST(ReplayWindow, IndexZeroIsUsedLikeAnother) {
  ReplayWindow window;
  EXPECT_TRUE(window.empty());
  EXPECT_TRUE(window.allows(0));
  window.use(0);
  EXPECT_FALSE(window.empty());
  EXPECT_FALSE(window.allows(0));
}

TEST(ReplayWindow, CutBehindItsFirstStoreItCallsNoUsedIndexUnused) {
  for (std::uint64_t ahead = 1; ahead < 3 * kWindowBits; ++ahead) {
    ReplayWindow before;
    for (std::uint64_t index = 300; index < 400; index += 3) before.use(index);
    ReplayWindow cut = before;
    cut.top = (before.highest() + ahead) | ReplayWindow::kUsed;  // killed here
    cut.restore();
    EXPECT_FALSE(cut.allows(before.highest() + ahead));
    for (std::uint64_t index = 300; index < 400; index += 3) EXPECT_FALSE(cut.allows(index)) << ahead;
  }
}

TEST(EstimateIndex, FollowsTheTurnsOfTheSequenceNumber) {
  // RFC 3711 3.3.1: the turn whose index is nearest.
  EXPECT_EQ(estimate_index(0, 65000), 65000U);
  EXPECT_EQ(estimate_index(5, 65530), 65530U);  // before the first half there is no turn to look back to
  EXPECT_EQ(estimate_index(65535, 3), 65539U);
  EXPECT_EQ(estimate_index(65539, 65535), 65535U);
  EXPECT_EQ(estimate_index(0x1'8000, 0), 0x1'0000U);
  EXPECT_EQ(estimate_index(0x1'8001, 0), 0x2'0000U);
}

}  // namespace
}  // namespace isthmus::crypto
