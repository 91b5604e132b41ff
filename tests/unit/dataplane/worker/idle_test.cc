#include "dataplane/worker/idle.h"

#include <gtest/gtest.h>

namespace isthmus::worker {
namespace {

TEST(Idle, NapsAfterTheNamedNumberOfEmptyPolls) {
  Idle idle(IdlePolicy::kNap);
  for (std::uint32_t i = 1; i < kEmptyPollsBeforeNap; ++i) EXPECT_FALSE(idle.should_nap(false)) << i;
  EXPECT_TRUE(idle.should_nap(false));
}

TEST(Idle, EachEmptyPollAfterThatNapsAgain) {
  Idle idle(IdlePolicy::kNap);
  for (std::uint32_t i = 0; i < kEmptyPollsBeforeNap; ++i) idle.should_nap(false);
  EXPECT_TRUE(idle.should_nap(false));
}

TEST(Idle, APacketStartsTheCountAgain) {
  Idle idle(IdlePolicy::kNap);
  for (std::uint32_t i = 0; i < kEmptyPollsBeforeNap; ++i) idle.should_nap(false);
  EXPECT_FALSE(idle.should_nap(true));
  for (std::uint32_t i = 1; i < kEmptyPollsBeforeNap; ++i) EXPECT_FALSE(idle.should_nap(false));
  EXPECT_TRUE(idle.should_nap(false));
}

TEST(Idle, PollNeverNaps) {
  Idle idle(IdlePolicy::kPoll);
  for (std::uint32_t i = 0; i < 2 * kEmptyPollsBeforeNap; ++i) EXPECT_FALSE(idle.should_nap(false));
}

}  // namespace
}  // namespace isthmus::worker
