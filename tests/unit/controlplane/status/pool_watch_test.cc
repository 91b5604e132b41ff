#include "controlplane/status/pool_watch.h"

#include <gtest/gtest.h>

namespace isthmus::status {
namespace {

contract::PoolUse pool(std::uint32_t in_use, std::uint32_t resting = 0) {
  return {"rooms", IpAddress::v4(10, 2, 0, 1), 56000, 57000, in_use, resting};
}

TEST(PoolWatch, CountsWholePairsOnly) {
  EXPECT_EQ(usable_ports(pool(0)), 1000U);  // R372: 1001 ports, 500 pairs
  EXPECT_EQ(usable_ports({"n", {}, 56001, 56004, 0, 0}), 2U);
  EXPECT_EQ(usable_ports({"n", {}, 56000, 56000, 0, 0}), 0U);
  EXPECT_EQ(usable_ports({"n", {}, 56001, 56000, 0, 0}), 0U);
}

TEST(PoolWatch, RestingPortsAreTaken) { EXPECT_EQ(use_percent(pool(400, 400)), 80U); }

TEST(PoolWatch, EightyCallsAndTwentySharesReadFull) { EXPECT_EQ(use_percent(pool(640 + 360)), 100U); }  // R71

struct Step {
  std::uint32_t in_use;
  std::optional<Severity> expected;
};

TEST(PoolWatch, RaisesAtEachThresholdAndClearsBelow) {  // R72
  Alarms alarms;
  const Step steps[] = {{799, {}},
                        {800, Severity::kInfo},
                        {949, Severity::kInfo},
                        {950, Severity::kWarning},
                        {999, Severity::kWarning},
                        {1000, Severity::kCritical},
                        {799, {}}};
  for (const Step& step : steps) {
    watch_pools({pool(step.in_use)}, alarms);
    ASSERT_EQ(alarms.standing().size(), step.expected ? 1U : 0U) << step.in_use;
    if (step.expected) {
      EXPECT_EQ(alarms.standing()[0].severity, *step.expected) << step.in_use;
    }
  }
  EXPECT_EQ(alarms.raised(), 1U);
}

}  // namespace
}  // namespace isthmus::status
