#include "dataplane/agent/next_hops.h"

#include <algorithm>

#include "dataplane/base/log.h"

namespace isthmus::agent {
namespace {

session::NextHopValue value_of(const std::optional<NextHop>& hop) {
  session::NextHopValue value;
  if (!hop) return value;
  value.destination_mac = hop->destination;
  value.source_mac = hop->source;
  value.io_port = hop->port;
  value.mtu = hop->mtu;
  value.valid = true;
  return value;
}

}  // namespace

void KernelRoutedNextHops::wanted(const session::NextHopKey& key, session::NextHop& next_hop) {
  if (key.network >= ports_.size()) return;
  const io::PortInfo& port = ports_[key.network];
  next_hop.set(value_of(NextHop{key.network, port.mac, port.mac, port.mtu}));
}

void StaticNextHops::wanted(const session::NextHopKey& key, session::NextHop& next_hop) {
  if (key.network >= ports_.size()) return;
  const io::StaticNextHop* best = nullptr;
  for (const io::StaticNextHop& range : networks_[key.network].next_hops) {
    if (!range.prefix.contains(key.remote)) continue;
    if (best == nullptr || range.prefix.bits > best->prefix.bits) best = &range;
  }
  if (best == nullptr) return next_hop.set({});
  const io::PortInfo& port = ports_[key.network];
  next_hop.set(value_of(NextHop{key.network, port.mac, best->mac, port.mtu}));
}

MirroredNextHops::MirroredNextHops(Kernel& kernel, std::span<const io::PortInfo> ports)
    : mirror_(kernel, ports, [this](const IpAddress& local, const IpAddress& remote, std::optional<NextHop> hop) {
        changed({local, remote}, hop);
      }) {}

void MirroredNextHops::wanted(const session::NextHopKey& key, session::NextHop& next_hop) {
  wanted_.emplace(Pair{key.local, key.remote}, &next_hop);
  mirror_.use(key.local, key.remote);
  next_hop.set(value_of(mirror_.find(key.local, key.remote)));
}

void MirroredNextHops::unwanted(const session::NextHopKey& key, session::NextHop& next_hop) {
  const auto [begin, end] = wanted_.equal_range({key.local, key.remote});
  for (auto at = begin; at != end; ++at) {
    if (at->second != &next_hop) continue;
    wanted_.erase(at);
    mirror_.unuse(key.local, key.remote);
    return;
  }
}

void MirroredNextHops::changed(const Pair& pair, std::optional<NextHop> hop) {
  const auto [begin, end] = wanted_.equal_range(pair);
  for (auto at = begin; at != end; ++at) at->second->set(value_of(hop));
  log::debug("route.next_hop",
             {{"local", to_string(pair.first)}, {"remote", to_string(pair.second)}, {"reachable", hop.has_value()}});
}

}  // namespace isthmus::agent
