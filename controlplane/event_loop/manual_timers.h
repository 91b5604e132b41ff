#pragma once

// A clock that moves only when a test says so.

#include "controlplane/event_loop/timer_queue.h"
#include "controlplane/event_loop/timers.h"

namespace isthmus::event_loop {

class ManualTimers final : public Timers {
 public:
  TimePoint now() const override { return now_; }
  TimerId start(Duration after, Callback callback) override;
  bool cancel(TimerId timer) override { return queue_.cancel(timer); }

  /// Moves the clock by `by` and fires what becomes due on the way, in order; each callback sees its own deadline as
  /// the time. Timers started by callbacks fire too if they fall within the span.
  void advance(Duration by);
  /// Timers that have not fired.
  std::size_t pending() const { return queue_.size(); }

 private:
  TimePoint now_ = TimePoint{} + std::chrono::hours(1);  // so that "long ago" can be expressed
  TimerQueue queue_;
};

}  // namespace isthmus::event_loop
