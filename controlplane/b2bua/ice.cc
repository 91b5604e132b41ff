// The shell's side of ICE: packets between data plane and agents, their timer, their outcome to the call.

#include <algorithm>

#include "controlplane/b2bua/b2bua.h"

namespace isthmus::b2bua {

void B2bua::serve_ice(CallKey key) {
  Entry* entry = find(key);
  if (entry == nullptr || entry->in_step) return;
  entry->ice.follow(entry->call, configuration_, deps_.random, deps_.timers.now());
  for (const IceLegs::Packet& packet : entry->ice.take_outgoing()) {
    // What does not leave is sent again by the agent's own timer.
    deps_.relay.send_packet(entry->call.session, packet.what.stream, packet.side, packet.what.component,
                            packet.what.destination, packet.what.packet, [](const Result<void>&) {});
  }
  for (Event& event : entry->ice.take_events()) tell(key, std::move(event));
  entry = find(key);  // an outcome may have ended the call
  if (entry == nullptr) return;
  if (entry->ice_timer != event_loop::kNoTimer) deps_.timers.cancel(entry->ice_timer);
  entry->ice_timer = event_loop::kNoTimer;
  const auto next = entry->ice.next_timer();
  if (!next) return;
  const auto after = std::max(*next - deps_.timers.now(), event_loop::Duration::zero());
  entry->ice_timer = deps_.timers.start(after, [this, key] { on_ice_timer(key); });
}

void B2bua::on_punt(const contract::PuntEvent& punt) {
  Entry* entry = find_session(punt.session);
  if (entry == nullptr) return;
  entry->ice.on_packet(punt, deps_.timers.now());
  serve_ice(entry->call.record.id);
}

void B2bua::on_ice_timer(CallKey key) {
  Entry* entry = find(key);
  if (entry == nullptr) return;
  entry->ice_timer = event_loop::kNoTimer;
  entry->ice.on_timer(deps_.timers.now());
  serve_ice(key);
}

}  // namespace isthmus::b2bua
