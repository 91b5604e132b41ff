#include "controlplane/app/standing_alarms.h"

#include <gtest/gtest.h>

#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::app {
namespace {

using namespace std::chrono_literals;
using contract::KeyDirection;
using contract::KeyLifetimeLowEvent;
using contract::Side;

/// A call that is up, and the alarms that look at it.
struct LowKeyAlarms : testing::Test {
  b2bua::GatewayBench bench;
  status::Alarms alarms;
  WatchedRelay relay{bench.relay};
  std::optional<StandingAlarms> watch;
  contract::SessionId session;

  void SetUp() override {
    bench.up();
    session = contract::SessionId{bench.relay.sessions.begin()->first};
    watch.emplace(alarms, relay, *bench.b2bua, bench.timers);
    watch->start();
  }
  void tell(Side side, KeyDirection direction, std::uint64_t left) {
    bench.relay.event(KeyLifetimeLowEvent{session, 0, side, direction, left});
    bench.advance(StandingAlarms::kLookEvery + 1s);
  }
  std::vector<std::string> subjects() const {
    std::vector<std::string> all;
    for (const status::Alarm& alarm : alarms.standing()) {
      EXPECT_EQ(alarm.id, status::kKeyLifetimeLow);
      all.push_back(alarm.subject);
    }
    return all;
  }
};

TEST_F(LowKeyAlarms, StandForEachKeyUntilItIsReplaced) {
  tell(Side::kB, KeyDirection::kSend, 1U << 20U);
  tell(Side::kA, KeyDirection::kReceive, 77);
  const std::string call = bench.b2bua->views("", 1).at(0).id;
  EXPECT_EQ(subjects(), (std::vector{call + " stream 0 callee send", call + " stream 0 caller receive"}));
  EXPECT_NE(alarms.standing().at(1).text.find("SRTP from the caller carries 77 more packets"), std::string::npos);
  tell(Side::kA, KeyDirection::kReceive, 50);
  EXPECT_NE(alarms.standing().at(1).text.find("50 more"), std::string::npos);
  EXPECT_EQ(alarms.raised(), 2U);
  EXPECT_EQ(bench.b2bua->counters().key_lifetimes_low, 2U);
  tell(Side::kB, KeyDirection::kSend, contract::kKeyLowOver);
  EXPECT_EQ(subjects(), std::vector{call + " stream 0 caller receive"});
}

TEST_F(LowKeyAlarms, GoWithTheirCall) {
  tell(Side::kB, KeyDirection::kSend, 9);
  EXPECT_EQ(subjects().size(), 1U);
  bench.send(bench.kAnn, bench.request("BYE", 2, "", "", bench.our_tag()));
  bench.advance(StandingAlarms::kLookEvery + 1s);
  EXPECT_TRUE(subjects().empty());
}

TEST_F(LowKeyAlarms, GoWhereTheDataPlaneSaysItNoMore) {
  tell(Side::kB, KeyDirection::kSend, 9);
  bench.advance(b2bua::LowKeys::kStands - 15s);
  tell(Side::kB, KeyDirection::kSend, 5);
  bench.advance(b2bua::LowKeys::kStands - 15s);
  EXPECT_EQ(subjects().size(), 1U);
  bench.advance(16s);
  EXPECT_TRUE(subjects().empty());
  EXPECT_EQ(bench.b2bua->counters().key_lifetimes_low, 1U);
  tell(Side::kB, KeyDirection::kSend, 4);  // is news again
  EXPECT_EQ(subjects().size(), 1U);
  EXPECT_EQ(bench.b2bua->counters().key_lifetimes_low, 2U);
}

TEST_F(LowKeyAlarms, ComeBackAfterARestartOfOurs) {
  tell(Side::kB, KeyDirection::kSend, 9);
  watch.reset();
  alarms = status::Alarms();
  bench.restart();
  watch.emplace(alarms, relay, *bench.b2bua, bench.timers);
  watch->start();
  bench.advance(10s);
  EXPECT_TRUE(subjects().empty());
  tell(Side::kB, KeyDirection::kSend, 8);  // as the data plane repeats it
  EXPECT_EQ(subjects().size(), 1U);
}

}  // namespace
}  // namespace isthmus::app
