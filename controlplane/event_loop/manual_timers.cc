#include "controlplane/event_loop/manual_timers.h"

#include <algorithm>
#include <utility>

namespace isthmus::event_loop {

TimerId ManualTimers::start(Duration after, Callback callback) {
  return queue_.start(now_ + std::max(after, Duration::zero()), std::move(callback));
}

void ManualTimers::advance(Duration by) {
  const TimePoint end = now_ + by;
  while (true) {
    const auto earliest = queue_.earliest();
    if (!earliest || *earliest > end) break;
    now_ = std::max(now_, *earliest);
    if (auto callback = queue_.take_due(now_)) callback();
  }
  now_ = end;
}

}  // namespace isthmus::event_loop
