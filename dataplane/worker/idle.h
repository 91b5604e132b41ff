#pragma once

// What a worker does with polls that find nothing.

#include <cstdint>

namespace isthmus::worker {

enum class IdlePolicy : std::uint8_t {
  kNap,   ///< some hundred empty polls, then sleeps of some tens of microseconds, longer in long silence
  kPoll,  ///< never sleeps: for a core of its own
};

// First step: 50 us at most on a packet, at 10 to 20 % of a core. Second step, after about a second without any packet
// (no call has media then): 500 us on the first packet, at 3 to 4 % of a core.
inline constexpr std::uint32_t kEmptyPollsBeforeNap = 300;
inline constexpr std::uint32_t kNapMicroseconds = 50;
inline constexpr std::uint32_t kNapsBeforeLongNap = 15'000;
inline constexpr std::uint32_t kLongNapMicroseconds = 500;

/// Counts the empty polls. One worker's thread.
class Idle {
 public:
  explicit Idle(IdlePolicy policy) : policy_(policy) {}

  /// After each poll: how long to sleep now, 0 for not at all. Each nap is followed by one poll only, until a packet
  /// comes.
  std::uint32_t nap_microseconds(bool found_something) {
    if (found_something) {
      empty_polls_ = 0;
      naps_ = 0;
      return 0;
    }
    if (policy_ == IdlePolicy::kPoll || ++empty_polls_ < kEmptyPollsBeforeNap) return 0;
    empty_polls_ = kEmptyPollsBeforeNap;
    if (naps_ == kNapsBeforeLongNap) return kLongNapMicroseconds;
    ++naps_;
    return kNapMicroseconds;
  }

 private:
  IdlePolicy policy_;
  std::uint32_t empty_polls_ = 0;
  std::uint32_t naps_ = 0;
};

}  // namespace isthmus::worker
