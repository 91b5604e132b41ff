#include "controlplane/event_loop/timer_queue.h"

#include <utility>

namespace isthmus::event_loop {

namespace {

constexpr TimerId make_id(std::uint32_t slot, std::uint32_t generation) {
  return TimerId{(static_cast<std::uint64_t>(generation) << 32U) | slot};
}

}  // namespace

TimerId TimerQueue::start(TimePoint deadline, Timers::Callback callback) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.callback = std::move(callback);
  slot.used = true;
  heap_.push_back({deadline, ++started_, index});
  slot.place = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
  return make_id(index, slot.generation);
}

bool TimerQueue::cancel(TimerId timer) {
  const auto value = static_cast<std::uint64_t>(timer);
  const auto index = static_cast<std::uint32_t>(value);
  const auto generation = static_cast<std::uint32_t>(value >> 32U);
  if (index >= slots_.size() || !slots_[index].used || slots_[index].generation != generation) return false;
  take_out(slots_[index].place);
  return true;
}

std::optional<TimePoint> TimerQueue::earliest() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().deadline;
}

Timers::Callback TimerQueue::take_due(TimePoint now) {
  if (heap_.empty() || heap_.front().deadline > now) return {};
  return take_out(0);
}

void TimerQueue::put(std::size_t place, const Entry& entry) {
  heap_[place] = entry;
  slots_[entry.slot].place = static_cast<std::uint32_t>(place);
}

void TimerQueue::sift_up(std::size_t place) {
  const Entry entry = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!before(entry, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void TimerQueue::sift_down(std::size_t place) {
  const Entry entry = heap_[place];
  for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], entry)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

Timers::Callback TimerQueue::take_out(std::size_t place) {
  const std::uint32_t index = heap_[place].slot;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) {
    put(place, last);
    sift_up(place);
    sift_down(slots_[last.slot].place);
  }
  Slot& slot = slots_[index];
  Timers::Callback callback = std::exchange(slot.callback, nullptr);
  slot.used = false;
  ++slot.generation;
  if (slot.generation == 0) slot.generation = 1;  // so that no id is ever kNoTimer
  free_.push_back(index);
  return callback;
}

}  // namespace isthmus::event_loop
