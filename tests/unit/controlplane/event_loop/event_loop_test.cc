#include "controlplane/event_loop/event_loop.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace isthmus::event_loop {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, FiresTimersInOrderAlsoWhenAnEarlierOneComesLater) {
  EventLoop loop;
  std::vector<int> fired;
  loop.timers().start(milliseconds(6), [&] {
    fired.push_back(6);
    loop.stop();
  });
  loop.timers().start(milliseconds(2), [&] { fired.push_back(2); });
  const TimerId never = loop.timers().start(milliseconds(4), [&] { fired.push_back(4); });
  EXPECT_TRUE(loop.timers().cancel(never));
  loop.run();
  EXPECT_EQ(fired, (std::vector<int>{2, 6}));
}

TEST(EventLoop, ATimerStartedByATimerFires) {
  EventLoop loop;
  int rounds = 0;
  std::function<void()> again = [&] {
    if (++rounds == 1'000) return loop.stop();
    loop.timers().start({}, again);
  };
  loop.timers().start({}, again);
  loop.run();
  EXPECT_EQ(rounds, 1'000);
}

TEST(EventLoop, TakesWorkFromAnotherThread) {
  EventLoop loop;
  const auto home = std::this_thread::get_id();
  std::thread::id ran_on;
  std::thread other([&] {
    loop.post([&] {
      ran_on = std::this_thread::get_id();
      loop.stop();
    });
  });
  loop.run();
  other.join();
  EXPECT_EQ(ran_on, home);
}

}  // namespace
}  // namespace isthmus::event_loop
