#include "controlplane/event_loop/manual_timers.h"

#include <vector>

#include <gtest/gtest.h>

namespace isthmus::event_loop {
namespace {

using std::chrono::milliseconds;

TEST(ManualTimers, EachCallbackSeesItsOwnDeadline) {
  ManualTimers timers;
  const TimePoint start = timers.now();
  std::vector<long> seen;
  const auto note = [&] { seen.push_back((timers.now() - start) / milliseconds(1)); };
  timers.start(milliseconds(30), note);
  timers.start(milliseconds(10), [&] {
    note();
    timers.start(milliseconds(5), note);  // falls within the span
  });
  timers.advance(milliseconds(20));
  EXPECT_EQ(seen, (std::vector<long>{10, 15}));
  EXPECT_EQ(timers.now() - start, milliseconds(20));
  EXPECT_EQ(timers.pending(), 1U);
}

TEST(ManualTimers, NothingFiresBeforeStartHasReturned) {
  ManualTimers timers;
  bool fired = false;
  timers.start(milliseconds(-5), [&] { fired = true; });
  EXPECT_FALSE(fired);
  timers.advance({});
  EXPECT_TRUE(fired);
}

TEST(ManualTimers, ACancelledTimerNeverFires) {
  ManualTimers timers;
  bool fired = false;
  const TimerId timer = timers.start(milliseconds(5), [&] { fired = true; });
  EXPECT_TRUE(timers.cancel(timer));
  timers.advance(milliseconds(10));
  EXPECT_FALSE(fired);
}

}  // namespace
}  // namespace isthmus::event_loop
