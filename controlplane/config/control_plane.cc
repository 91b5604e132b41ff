#include "controlplane/config/control_plane.h"

#include <algorithm>

namespace isthmus::config {
namespace {

template <typename Named>
const Named* find_by_name(const std::vector<Named>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Named::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::uint16_t port_of(const Peer& peer) {
  if (peer.port != 0) return peer.port;
  return peer.transport == Transport::kTls ? kDefaultTlsPort : kDefaultPort;
}

const std::string& name_of(const Peer& peer) { return peer.name.empty() ? peer.host : peer.name; }

const Zone* ControlPlane::find_zone(std::string_view name) const { return find_by_name(zones, name); }

const Listener* ControlPlane::find_listener(std::string_view name) const { return find_by_name(listeners, name); }

std::string ControlPlane::advertised_host(const Listener& listener) const {
  if (!listener.advertised_host.empty() || listener.transport != Transport::kTls) return listener.advertised_host;
  if (node.host_name == Node{}.host_name) return {};
  const auto serves_microsoft = [&listener](const Zone& zone) {
    return zone.dialect == Dialect::kMicrosoft && (zone.listener.empty() || zone.listener == listener.name);
  };
  return std::ranges::any_of(zones, serves_microsoft) ? node.host_name : std::string();
}

const Network* ControlPlane::network_of(const Zone& zone) const {
  if (!zone.network.empty()) return find_by_name(networks, zone.network);
  return networks.empty() ? nullptr : &networks.front();
}

}  // namespace isthmus::config
