#pragma once

// When a plane that ended is started again, and when its restored state is given up (threat model B9).

#include <chrono>
#include <deque>

namespace isthmus::supervisor {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

class RestartPolicy {
 public:
  static constexpr std::chrono::milliseconds kFirstDelay{20};  ///< doubles with each end
  static constexpr std::chrono::milliseconds kMaxDelay{5000};
  static constexpr std::chrono::seconds kCalmAfter{30};    ///< one that ran this long starts with kFirstDelay again
  static constexpr int kBrakeCrashes = 3;                  ///< on restored state,
  static constexpr std::chrono::seconds kBrakeWindow{60};  ///< within this time: the state is set aside

  struct Decision {
    std::chrono::milliseconds delay{};
    bool set_state_aside = false;
  };

  /// `restored`: it found state that an earlier process left.
  void started(TimePoint now, bool restored);
  Decision ended(TimePoint now);

 private:
  TimePoint started_at_{};
  bool restored_ = false;
  std::chrono::milliseconds delay_ = kFirstDelay;
  std::deque<TimePoint> crashes_on_restored_;
};

}  // namespace isthmus::supervisor
