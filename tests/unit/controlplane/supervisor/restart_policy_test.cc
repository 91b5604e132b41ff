#include "controlplane/supervisor/restart_policy.h"

#include <gtest/gtest.h>

namespace isthmus::supervisor {
namespace {

using namespace std::chrono_literals;

TEST(RestartPolicy, DelaysDoubleToABoundAndStartAgainAfterACalmTime) {
  RestartPolicy policy;
  TimePoint now{};
  for (const auto expected : {0ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1280ms, 2560ms, 5000ms, 5000ms}) {
    policy.started(now, false);
    now += 1s;
    EXPECT_EQ(policy.ended(now).delay, expected);
  }
  policy.started(now, false);
  now += RestartPolicy::kCalmAfter;
  EXPECT_EQ(policy.ended(now).delay, 0ms);
}

TEST(RestartPolicy, ThreeCrashesOnRestoredStateWithinAMinuteSetItAside) {
  RestartPolicy policy;
  TimePoint now{};
  policy.started(now, false);
  EXPECT_FALSE(policy.ended(now += 1s).set_state_aside) << "nothing was restored yet";
  for (int crash = 1; crash <= RestartPolicy::kBrakeCrashes; ++crash) {
    policy.started(now, true);
    EXPECT_EQ(policy.ended(now += 1s).set_state_aside, crash == RestartPolicy::kBrakeCrashes) << crash;
  }
  policy.started(now, false);
  EXPECT_FALSE(policy.ended(now += 1s).set_state_aside) << "counted anew";
}

TEST(RestartPolicy, CrashesFurtherApartAreNotTheStatesFault) {
  RestartPolicy policy;
  TimePoint now{};
  for (int crash = 0; crash < 10; ++crash) {
    policy.started(now, true);
    EXPECT_FALSE(policy.ended(now += 31s).set_state_aside) << crash;
  }
  policy.started(now, true);
  now += 30s;
  EXPECT_TRUE(policy.ended(now - 1s).set_state_aside) << "the third one just within the window";
}

}  // namespace
}  // namespace isthmus::supervisor
