#include "controlplane/b2bua/low_keys.h"

namespace isthmus::b2bua {

bool LowKeys::take(const contract::KeyLifetimeLowEvent& event, event_loop::TimePoint now) {
  const Key key{event.session.value, event.stream, event.side, event.direction};
  if (event.packets_left == contract::kKeyLowOver) {
    told_.erase(key);
    return false;
  }
  const auto [at, is_new] = told_.try_emplace(key);
  const bool had_run_out = !is_new && now - at->second.at >= kStands;
  at->second = {event.packets_left, now};
  return is_new || had_run_out;
}

void LowKeys::forget(std::uint64_t session) {
  std::erase_if(told_, [&](const auto& one) { return std::get<0>(one.first) == session; });
}

std::vector<contract::KeyLifetimeLowEvent> LowKeys::standing(event_loop::TimePoint now) const {
  std::vector<contract::KeyLifetimeLowEvent> all;
  for (const auto& [key, told] : told_) {
    if (now - told.at >= kStands) continue;
    const auto& [session, stream, side, direction] = key;
    all.push_back({contract::SessionId{session}, stream, side, direction, told.packets_left});
  }
  return all;
}

}  // namespace isthmus::b2bua
