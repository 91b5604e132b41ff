#include "dataplane/worker/idle.h"

#include <gtest/gtest.h>

namespace isthmus::worker {
namespace {

void make_idle(Idle& idle) {
  for (std::uint32_t i = 1; i < kEmptyPollsBeforeNap; ++i) ASSERT_EQ(idle.nap_microseconds(false), 0U) << i;
}

TEST(Idle, NapsAfterTheNamedNumberOfEmptyPolls) {
  Idle idle(IdlePolicy::kNap);
  make_idle(idle);
  EXPECT_EQ(idle.nap_microseconds(false), kNapMicroseconds);
}

TEST(Idle, EachEmptyPollAfterThatNapsAgain) {
  Idle idle(IdlePolicy::kNap);
  make_idle(idle);
  EXPECT_EQ(idle.nap_microseconds(false), kNapMicroseconds);
  EXPECT_EQ(idle.nap_microseconds(false), kNapMicroseconds);
}

TEST(Idle, APacketStartsTheCountAgain) {
  Idle idle(IdlePolicy::kNap);
  make_idle(idle);
  EXPECT_EQ(idle.nap_microseconds(true), 0U);
  make_idle(idle);
  EXPECT_EQ(idle.nap_microseconds(false), kNapMicroseconds);
}

TEST(Idle, LongSilenceMakesLongNapsUntilAPacket) {
  Idle idle(IdlePolicy::kNap);
  make_idle(idle);
  for (std::uint32_t i = 0; i < kNapsBeforeLongNap; ++i) ASSERT_EQ(idle.nap_microseconds(false), kNapMicroseconds);
  EXPECT_EQ(idle.nap_microseconds(false), kLongNapMicroseconds);
  EXPECT_EQ(idle.nap_microseconds(false), kLongNapMicroseconds);
  EXPECT_EQ(idle.nap_microseconds(true), 0U);
  make_idle(idle);
  EXPECT_EQ(idle.nap_microseconds(false), kNapMicroseconds);
}

TEST(Idle, PollNeverNaps) {
  Idle idle(IdlePolicy::kPoll);
  for (std::uint32_t i = 0; i < 2 * kEmptyPollsBeforeNap; ++i) EXPECT_EQ(idle.nap_microseconds(false), 0U);
}

}  // namespace
}  // namespace isthmus::worker
