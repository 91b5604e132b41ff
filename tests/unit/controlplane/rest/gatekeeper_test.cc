#include "controlplane/rest/gatekeeper.h"

#include <gtest/gtest.h>

namespace isthmus::rest {
namespace {

using Kind = Gatekeeper::Verdict::Kind;
using std::chrono::seconds;

struct GatekeeperTest : testing::Test {
  std::chrono::steady_clock::time_point now{seconds(100)};
  Gatekeeper gatekeeper{hash_token("secret"), [this] { return now; }};

  void fail_times(unsigned times) {
    for (unsigned i = 0; i < times; ++i) EXPECT_EQ(gatekeeper.admit("Bearer wrong").kind, Kind::kWrongToken);
  }
};

TEST_F(GatekeeperTest, TheTokenIsAdmin) {
  const auto verdict = gatekeeper.admit("Bearer secret");
  EXPECT_EQ(verdict.kind, Kind::kKnown);
  EXPECT_EQ(verdict.role, Role::kAdmin);
}

TEST_F(GatekeeperTest, NothingElseIsKnown) {
  EXPECT_EQ(gatekeeper.admit("").kind, Kind::kNoToken);
  for (const char* value : {"Bearer ", "Bearer Secret", "Bearer secret ", "Basic secret", "secret", "Bearer secre"}) {
    EXPECT_EQ(gatekeeper.admit(value).kind, Kind::kWrongToken) << value;
  }
}

TEST_F(GatekeeperTest, NineFailuresCostNothing) {
  fail_times(9);
  EXPECT_EQ(gatekeeper.admit("Bearer secret").kind, Kind::kKnown);
}

TEST_F(GatekeeperTest, TheTenthFailureStartsAWaitThatEvenTheRightTokenHasToSitOut) {
  fail_times(10);
  EXPECT_EQ(gatekeeper.admit("Bearer secret").kind, Kind::kWait);
  EXPECT_EQ(gatekeeper.admit("Bearer secret").retry_after, seconds(1));
  now += seconds(1);
  EXPECT_EQ(gatekeeper.admit("Bearer secret").kind, Kind::kKnown);
}

TEST_F(GatekeeperTest, EachFurtherFailureDoublesTheWaitUpToItsBound) {
  fail_times(9);
  for (const int expected : {1, 2, 4, 8, 16, 32, 32, 32}) {
    fail_times(1);
    EXPECT_EQ(gatekeeper.admit("Bearer wrong").retry_after, seconds(expected));
    now += seconds(expected);
  }
}

TEST_F(GatekeeperTest, SuccessForgetsTheFailures) {
  fail_times(9);
  gatekeeper.admit("Bearer secret");
  fail_times(9);
  EXPECT_EQ(gatekeeper.admit("Bearer secret").kind, Kind::kKnown);
  EXPECT_EQ(gatekeeper.failures(), 18U);
}

TEST_F(GatekeeperTest, MissingTokensAreNoFailures) {
  for (int i = 0; i < 20; ++i) gatekeeper.admit("");
  EXPECT_EQ(gatekeeper.admit("Bearer secret").kind, Kind::kKnown);
}

}  // namespace
}  // namespace isthmus::rest
