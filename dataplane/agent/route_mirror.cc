#include "dataplane/agent/route_mirror.h"

#include <algorithm>
#include <utility>

#include "dataplane/base/log.h"

namespace isthmus::agent {

RouteMirror::RouteMirror(Kernel& kernel, std::span<const io::PortInfo> ports, Changed changed)
    : kernel_(kernel), ports_(ports), changed_(std::move(changed)) {}

RouteMirror::~RouteMirror() {
  for (const auto& [hop, neighbour] : neighbours_) {
    if (!neighbour.permanent) kernel_.let_go(hop.interface_index, hop.address);
  }
}

void RouteMirror::use(const IpAddress& local, const IpAddress& destination) {
  const Pair pair{local, destination};
  Destination& entry = destinations_[pair];
  if (++entry.users == 1) ask(pair, entry);
}

void RouteMirror::unuse(const IpAddress& local, const IpAddress& destination) {
  const auto at = destinations_.find({local, destination});
  if (at == destinations_.end() || --at->second.users > 0) return;
  const std::optional<Hop> hop = at->second.hop;
  destinations_.erase(at);
  if (hop) unuse_hop(*hop);
}

std::optional<NextHop> RouteMirror::find(const IpAddress& local, const IpAddress& destination) const {
  const auto at = destinations_.find({local, destination});
  return at == destinations_.end() ? std::nullopt : at->second.told;
}

void RouteMirror::take(const NetlinkEvent& event) {
  if (std::holds_alternative<TopologyChange>(event)) {
    ask_again_ = true;
    return;
  }
  const auto* change = std::get_if<NeighbourChange>(&event);
  if (change == nullptr) return;
  const Hop hop{change->neighbour.interface_index, change->neighbour.address};
  const auto at = neighbours_.find(hop);
  if (at == neighbours_.end()) return;
  at->second.mac = change->neighbour.mac;
  tell_users_of(hop);
}

void RouteMirror::tick(Clock::time_point now) {
  if (ask_again_ && now - asked_ >= kAskAgainPause) {
    ask_again_ = false;
    asked_ = now;
    for (auto& [pair, destination] : destinations_) ask(pair, destination);
    for (auto& [hop, neighbour] : neighbours_) {
      const auto known = kernel_.neighbour(hop.interface_index, hop.address);
      const auto mac = known ? known->mac : std::nullopt;
      // An entry goes when its interface goes down; we want it again.
      if (!known && !neighbour.permanent) static_cast<void>(kernel_.keep_fresh(hop.interface_index, hop.address));
      if (mac != neighbour.mac) {
        neighbour.mac = mac;
        tell_users_of(hop);
      }
    }
  }
  if (!kernel_.keeps_fresh_itself() && now - refreshed_ >= kRefresh) {
    refreshed_ = now;
    for (const auto& [hop, neighbour] : neighbours_) {
      if (!neighbour.permanent) static_cast<void>(kernel_.keep_fresh(hop.interface_index, hop.address));
    }
  }
}

void RouteMirror::ask(const Pair& pair, Destination& destination) {
  const auto route = kernel_.route(pair.local, pair.destination);
  std::optional<Hop> hop;
  if (route && port_of(route->interface_index)) {
    hop = Hop{route->interface_index, route->gateway.value_or(pair.destination)};
    destination.mtu = route->mtu;
  }
  if (hop != destination.hop) {
    const std::optional<Hop> before = std::exchange(destination.hop, hop);
    if (hop) use_hop(*hop);
    if (before) unuse_hop(*before);
  }
  tell(pair, destination);
}

void RouteMirror::use_hop(const Hop& hop) {
  NeighbourUse& neighbour = neighbours_[hop];
  if (++neighbour.users > 1) return;
  if (const auto known = kernel_.neighbour(hop.interface_index, hop.address)) {
    neighbour.mac = known->mac;
    neighbour.permanent = known->permanent;
  }
  if (neighbour.permanent) return;
  if (auto asked = kernel_.keep_fresh(hop.interface_index, hop.address); !asked) {
    log::warn("route.neighbour_not_asked", {{"address", to_string(hop.address)}, {"reason", to_string(asked.error())}});
  }
}

void RouteMirror::unuse_hop(const Hop& hop) {
  const auto at = neighbours_.find(hop);
  if (at == neighbours_.end() || --at->second.users > 0) return;
  if (!at->second.permanent) kernel_.let_go(hop.interface_index, hop.address);
  neighbours_.erase(at);
}

void RouteMirror::tell_users_of(const Hop& hop) {
  for (auto& [pair, destination] : destinations_) {
    if (destination.hop == hop) tell(pair, destination);
  }
}

void RouteMirror::tell(const Pair& pair, Destination& destination) {
  const std::optional<NextHop> now = next_hop(destination);
  if (now == destination.told) return;
  destination.told = now;
  changed_(pair.local, pair.destination, now);
}

std::optional<NextHop> RouteMirror::next_hop(const Destination& destination) const {
  if (!destination.hop) return std::nullopt;
  const auto neighbour = neighbours_.find(*destination.hop);
  const auto port = port_of(destination.hop->interface_index);
  if (neighbour == neighbours_.end() || !neighbour->second.mac || !port) return std::nullopt;
  const io::PortInfo& info = ports_[*port];
  NextHop hop{*port, info.mac, *neighbour->second.mac, info.mtu};
  if (destination.mtu != 0 && destination.mtu < hop.mtu) hop.mtu = static_cast<std::uint16_t>(destination.mtu);
  return hop;
}

std::optional<std::uint16_t> RouteMirror::port_of(unsigned interface_index) const {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].interface_index == interface_index) return static_cast<std::uint16_t>(i);
  }
  return std::nullopt;
}

}  // namespace isthmus::agent
