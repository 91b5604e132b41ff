#pragma once

// What a worker does with polls that find nothing.

#include <cstdint>

namespace isthmus::worker {

enum class IdlePolicy : std::uint8_t {
  kNap,   ///< some hundred empty polls, then some tens of microseconds of sleep: 3 % of a core when idle
  kPoll,  ///< never sleeps: for a core of its own
};

// Measured: reference figures give 100 % -> 2.7 % of a core at these values, and 50 us at most on the first packet.
inline constexpr std::uint32_t kEmptyPollsBeforeNap = 300;
inline constexpr std::uint32_t kNapMicroseconds = 50;

/// Counts the empty polls. One worker's thread.
class Idle {
 public:
  explicit Idle(IdlePolicy policy) : policy_(policy) {}

  /// After each poll; true: sleep now. Each nap is followed by one poll only, until a packet comes.
  bool should_nap(bool found_something) {
    if (found_something) {
      empty_polls_ = 0;
      return false;
    }
    if (empty_polls_ < kEmptyPollsBeforeNap) ++empty_polls_;
    return policy_ == IdlePolicy::kNap && empty_polls_ == kEmptyPollsBeforeNap;
  }

 private:
  IdlePolicy policy_;
  std::uint32_t empty_polls_ = 0;
};

}  // namespace isthmus::worker
