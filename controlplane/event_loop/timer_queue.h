#pragma once

// Started timers, the earliest on top: a binary heap with the place of each entry known, so that cancelling takes the
// entry out at once (a call starts and cancels some ten timers, and nearly none of them fires).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "controlplane/event_loop/timers.h"

namespace isthmus::event_loop {

/// One thread.
class TimerQueue {
 public:
  TimerId start(TimePoint deadline, Timers::Callback callback);
  bool cancel(TimerId timer);
  std::optional<TimePoint> earliest() const;
  /// Takes the earliest timer out if it is due at `now`; empty otherwise.
  Timers::Callback take_due(TimePoint now);
  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    TimePoint deadline;
    std::uint64_t order;  // of start, for equal deadlines
    std::uint32_t slot;
  };
  struct Slot {
    Timers::Callback callback;
    std::uint32_t place = 0;       // in heap_, while in use
    std::uint32_t generation = 1;  // goes up when the slot is freed
    bool used = false;
  };

  static bool before(const Entry& a, const Entry& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
  }
  void put(std::size_t place, const Entry& entry);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  /// Removes the heap entry at `place` and frees its slot.
  Timers::Callback take_out(std::size_t place);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t started_ = 0;
};

}  // namespace isthmus::event_loop
