#include "controlplane/media/ports.h"

#include <gtest/gtest.h>

namespace isthmus::media {
namespace {

TEST(Ports, AnAudioVideoCallTakesEight) {  // R70
  EXPECT_EQ(ports_needed({.streams = 2}), 8U);
  EXPECT_EQ(ports_needed({.streams = 1}), 4U);
  EXPECT_EQ(ports_needed({.streams = 2, .shares = 1}), 18U);
  EXPECT_EQ(ports_needed({.streams = 2, .turn_connections = 3}), 14U);
  EXPECT_EQ(ports_needed({}), 0U);
}

TEST(Ports, TheWorkedExampleUsesAThousand) {  // R71
  EXPECT_EQ(ports_needed_for_calls(80, 0) + ports_needed_for_calls(20, 20), 1000U);
  EXPECT_EQ(ports_needed_for_calls(100, 20), 1000U);
}

TEST(Ports, ThePoolIsInclusiveAndCountsPairs) {  // R372, R73
  const PoolCheck exact = check_pool(100, 20, 56000, 57000);
  EXPECT_EQ(exact.available, 1000U);
  EXPECT_TRUE(exact.fits);
  EXPECT_FALSE(check_pool(101, 20, 56000, 57000).fits);
  EXPECT_FALSE(check_pool(100, 21, 56000, 57000).fits);
  EXPECT_TRUE(check_pool(125, 0, 56000, 57000).fits);
}

TEST(Ports, OddEdgesServeNobody) {
  EXPECT_EQ(check_pool(0, 0, 56001, 56003).available, 2U);
  EXPECT_EQ(check_pool(0, 0, 56001, 56002).available, 0U);
  EXPECT_EQ(check_pool(0, 0, 57000, 56000).available, 0U);
  EXPECT_EQ(check_pool(0, 0, 65534, 65535).available, 2U);
}

}  // namespace
}  // namespace isthmus::media
