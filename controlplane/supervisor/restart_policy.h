#pragma once

// When a plane that ended is started again, and when its restored state is given up (threat model B9).

#include <chrono>
#include <deque>

namespace isthmus::supervisor {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

class RestartPolicy {
 public:
  static constexpr std::chrono::milliseconds kSecondDelay{
      20};  ///< doubles with each end; the first restart waits for nothing
  static constexpr std::chrono::milliseconds kMaxDelay{5000};
  static constexpr std::chrono::seconds kCalmAfter{10};    ///< the end of one that ran this long is a first one again
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
  std::chrono::milliseconds delay_{};
  std::deque<TimePoint> crashes_on_restored_;
};

}  // namespace isthmus::supervisor
