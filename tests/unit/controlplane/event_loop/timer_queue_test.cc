#include "controlplane/event_loop/timer_queue.h"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace isthmus::event_loop {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint at(int ms) { return TimePoint{} + milliseconds(ms); }

TEST(TimerQueue, GivesTheEarliestFirstAndEqualOnesInOrderOfStart) {
  TimerQueue queue;
  std::vector<int> fired;
  queue.start(at(20), [&] { fired.push_back(20); });
  queue.start(at(10), [&] { fired.push_back(10); });
  queue.start(at(20), [&] { fired.push_back(21); });
  EXPECT_EQ(queue.earliest(), at(10));
  EXPECT_FALSE(queue.take_due(at(9)));
  while (auto callback = queue.take_due(at(30))) callback();
  EXPECT_EQ(fired, (std::vector<int>{10, 20, 21}));
  EXPECT_EQ(queue.earliest(), std::nullopt);
}

TEST(TimerQueue, CancelsOnceAndNeverAnotherTimer) {
  TimerQueue queue;
  const TimerId first = queue.start(at(1), [] {});
  EXPECT_TRUE(queue.cancel(first));
  EXPECT_FALSE(queue.cancel(first));
  const TimerId second = queue.start(at(1), [] {});  // takes the same slot
  EXPECT_NE(first, second);
  EXPECT_FALSE(queue.cancel(first));
  EXPECT_FALSE(queue.cancel(kNoTimer));
  EXPECT_EQ(queue.size(), 1U);
}

TEST(TimerQueue, AgreesWithAMultimapOverRandomOperations) {
  std::mt19937 random(7);
  TimerQueue queue;
  std::multimap<std::pair<int, int>, TimerId> model;  // deadline and order
  std::vector<int> fired;
  std::vector<int> expected;
  int order = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto choice = random() % 10;
    if (choice < 5) {
      const int deadline = static_cast<int>(random() % 1'000);
      ++order;
      model.emplace(std::pair{deadline, order}, queue.start(at(deadline), [&fired, n = order] { fired.push_back(n); }));
    } else if (choice < 8 && !model.empty()) {
      auto victim = model.begin();
      std::advance(victim, static_cast<long>(random() % std::min<std::size_t>(model.size(), 50)));
      EXPECT_TRUE(queue.cancel(victim->second));
      model.erase(victim);
    } else if (!model.empty()) {
      const auto first = model.begin();
      expected.push_back(first->first.second);
      queue.take_due(at(1'000))();
      model.erase(first);
    }
    ASSERT_EQ(queue.size(), model.size());
  }
  EXPECT_EQ(fired, expected);
}

}  // namespace
}  // namespace isthmus::event_loop
