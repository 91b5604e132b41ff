#include "controlplane/status/alarms.h"

#include <gtest/gtest.h>

namespace isthmus::status {
namespace {

using std::chrono::seconds;

struct AlarmsTest : testing::Test {
  WallTime now{seconds(1000)};
  Alarms alarms{[this] { return now; }};
};

TEST_F(AlarmsTest, StandsFromRaiseToClear) {
  alarms.raise(kDataPlaneAway, "", Severity::kCritical, "gone");
  ASSERT_EQ(alarms.standing().size(), 1U);
  EXPECT_EQ(alarms.standing()[0].id, "data-plane-away");
  EXPECT_EQ(alarms.standing()[0].since, now);
  alarms.clear(kDataPlaneAway);
  EXPECT_TRUE(alarms.standing().empty());
}

TEST_F(AlarmsTest, RaisedAgainKeepsItsTimeAndTakesTheNewText) {
  alarms.raise(kKeysOverClear, "lab", Severity::kWarning, "one");
  const WallTime first = now;
  now += seconds(5);
  alarms.raise(kKeysOverClear, "lab", Severity::kWarning, "two");
  ASSERT_EQ(alarms.standing().size(), 1U);
  EXPECT_EQ(alarms.standing()[0].since, first);
  EXPECT_EQ(alarms.standing()[0].text, "two");
  EXPECT_EQ(alarms.raised(), 1U);
}

TEST_F(AlarmsTest, ChangedSeverityStartsANewTime) {
  alarms.raise(kMediaPoolUse, "a", Severity::kInfo, "80");
  now += seconds(5);
  alarms.raise(kMediaPoolUse, "a", Severity::kCritical, "100");
  EXPECT_EQ(alarms.standing()[0].since, now);
}

TEST_F(AlarmsTest, SubjectsStandApart) {
  alarms.raise(kPeerFailed, "a", Severity::kWarning, "x");
  alarms.raise(kPeerFailed, "b", Severity::kWarning, "x");
  alarms.clear(kPeerFailed, "a");
  ASSERT_EQ(alarms.standing().size(), 1U);
  EXPECT_EQ(alarms.standing()[0].subject, "b");
}

TEST_F(AlarmsTest, WorstFirstThenOldest) {
  alarms.raise(kPeerFailed, "b", Severity::kWarning, "x");
  now += seconds(1);
  alarms.raise(kPeerFailed, "a", Severity::kWarning, "x");
  now += seconds(1);
  alarms.raise(kDataPlaneAway, "", Severity::kCritical, "x");
  const auto all = alarms.standing();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].id, kDataPlaneAway);
  EXPECT_EQ(all[1].subject, "b");
  EXPECT_EQ(all[2].subject, "a");
}

}  // namespace
}  // namespace isthmus::status
