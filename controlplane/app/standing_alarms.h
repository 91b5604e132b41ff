#pragma once

// Raises and clears the alarms that follow from configuration, data plane and load.

#include <set>
#include <string>

#include "controlplane/app/watched_relay.h"
#include "controlplane/b2bua/b2bua.h"
#include "controlplane/event_loop/timers.h"
#include "controlplane/status/alarms.h"

namespace isthmus::app {

/// Event-loop thread. What it is given outlives it.
class StandingAlarms {
 public:
  static constexpr std::chrono::seconds kLookEvery{5};
  static constexpr std::chrono::seconds kGrace{2};  ///< for the data plane to come after our start

  StandingAlarms(status::Alarms& alarms, WatchedRelay& relay, const b2bua::B2bua& calls, event_loop::Timers& timers);
  ~StandingAlarms();
  StandingAlarms(const StandingAlarms&) = delete;
  StandingAlarms& operator=(const StandingAlarms&) = delete;

  /// Those of the configuration; the first look is at the coming of the data plane, or kGrace later.
  void start();

 private:
  void look();
  void look_at_keys();

  status::Alarms& alarms_;
  WatchedRelay& relay_;
  const b2bua::B2bua& calls_;
  event_loop::Timers& timers_;
  std::set<std::string> low_keys_;  ///< subjects of alarms that stand
  event_loop::TimerId timer_ = event_loop::kNoTimer;
  // Answers of the data plane that come after us find it gone.
  std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
};

}  // namespace isthmus::app
