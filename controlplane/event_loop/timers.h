#pragma once

// Time as everything in the control plane sees it: a monotonic clock and one-shot timers. The product's come from the
// event loop, a test's from ManualTimers, so no test waits.

#include <chrono>
#include <cstdint>
#include <functional>

namespace isthmus::event_loop {

using Duration = std::chrono::steady_clock::duration;
using TimePoint = std::chrono::steady_clock::time_point;

/// Names one started timer. Never used twice by the same Timers; kNoTimer names none.
enum class TimerId : std::uint64_t {};
inline constexpr TimerId kNoTimer{0};

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic; constant during one callback is allowed, going back is not.
  virtual TimePoint now() const = 0;
};

/// One thread: callbacks run on the loop's thread, and all calls come from it.
class Timers : public Clock {
 public:
  using Callback = std::function<void()>;

  /// Calls `callback` once, `after` from now (at once, but never before start() has returned, if that is not positive).
  /// Timers that are due together fire in order of their deadlines, equal ones in the order they were started.
  virtual TimerId start(Duration after, Callback callback) = 0;
  /// True if the timer had not fired and now never will. Unknown, fired and cancelled ids are no mistake.
  virtual bool cancel(TimerId timer) = 0;
};

}  // namespace isthmus::event_loop
