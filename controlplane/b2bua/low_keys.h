#pragma once

// SRTP keys of running calls that near their end (RFC 3711 9.2), as the data plane tells it: it says so again while it
// lasts and once when it is over, so what is kept here follows it across restarts of either plane.

#include <chrono>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "dataplane/contract/key_lifetime.h"
#include "dataplane/contract/messages.h"

namespace isthmus::b2bua {

class LowKeys {
 public:
  /// What was not told again for so long is over, though nobody said so.
  static constexpr std::chrono::seconds kStands{3 * contract::kKeyLowRepeatSeconds + 5};

  /// True: this key was not low before.
  bool take(const contract::KeyLifetimeLowEvent& event, event_loop::TimePoint now);
  /// The session has ended.
  void forget(std::uint64_t session);
  /// Ascending by session, stream, side, direction.
  std::vector<contract::KeyLifetimeLowEvent> standing(event_loop::TimePoint now) const;

 private:
  using Key = std::tuple<std::uint64_t, std::uint16_t, contract::Side, contract::KeyDirection>;
  struct Told {
    std::uint64_t packets_left = 0;
    event_loop::TimePoint at{};
  };
  std::map<Key, Told> told_;  // of sessions that run: bounded by them
};

}  // namespace isthmus::b2bua
