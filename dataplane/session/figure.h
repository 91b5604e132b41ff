#pragma once

// A number with one writing thread that any thread may read without a lock.

#include <atomic>

namespace isthmus::session {

/// The writer's add() is a plain load and store; readers see some recent value, never a torn one.
template <typename T>
class Figure {
 public:
  Figure() = default;
  explicit Figure(T value) : value_(value) {}

  T get() const { return value_.load(std::memory_order_relaxed); }
  void set(T value) { value_.store(value, std::memory_order_relaxed); }
  void add(T value) { set(static_cast<T>(get() + value)); }

 private:
  std::atomic<T> value_{};
  static_assert(std::atomic<T>::is_always_lock_free);
};

}  // namespace isthmus::session
