#include "controlplane/supervisor/restart_policy.h"

#include <algorithm>
#include <utility>

namespace isthmus::supervisor {

void RestartPolicy::started(TimePoint now, bool restored) {
  started_at_ = now;
  restored_ = restored;
}

RestartPolicy::Decision RestartPolicy::ended(TimePoint now) {
  if (now - started_at_ >= kCalmAfter) delay_ = {};
  Decision decision;
  decision.delay = std::exchange(delay_, std::clamp(delay_ * 2, kSecondDelay, kMaxDelay));
  if (restored_) crashes_on_restored_.push_back(now);
  while (!crashes_on_restored_.empty() && now - crashes_on_restored_.front() > kBrakeWindow) {
    crashes_on_restored_.pop_front();
  }
  if (crashes_on_restored_.size() >= kBrakeCrashes) {
    decision.set_state_aside = true;
    crashes_on_restored_.clear();
  }
  return decision;
}

}  // namespace isthmus::supervisor
