// Where requests go, and who is trusted for being there.

#include <algorithm>

#include "controlplane/b2bua/b2bua.h"
#include "dataplane/base/log.h"

namespace isthmus::b2bua {
namespace {

sip::Transport transport_of(config::Transport transport) {
  switch (transport) {
    case config::Transport::kUdp: return sip::Transport::kUdp;
    case config::Transport::kTcp: return sip::Transport::kTcp;
    case config::Transport::kTls: return sip::Transport::kTls;
  }
  return sip::Transport::kUdp;
}

bool is_name(const std::string& host) { return !IpAddress::parse(host); }

}  // namespace

std::vector<SocketAddress> locate_numeric(const std::string& host, std::uint16_t port, sip::Transport transport) {
  const auto address = IpAddress::parse(host);
  if (!address) return {};
  const bool is_tls = transport == sip::Transport::kTls;
  const std::uint16_t usual = is_tls ? config::kDefaultTlsPort : config::kDefaultPort;
  return {{*address, port != 0 ? port : usual}};
}

std::vector<sip::Target> B2bua::targets_of(const config::Zone& zone, const config::Peer& peer) const {
  std::vector<sip::Target> targets;
  const sip::Transport transport = transport_of(peer.transport);
  for (const SocketAddress& place : deps_.locate(peer.host, peer.port, transport)) {
    for (std::size_t i = 0; i < listeners_.size() && targets.size() < kMaxAddressesOfPeer; ++i) {
      const config::Listener& listener = configuration_.listeners[i];
      const bool named = zone.listener.empty() || listener.name == zone.listener;
      if (!named || listener.transport != peer.transport || listener.address.family != place.ip.family) continue;
      sip::Target target{transport, place, listeners_[i], {}};
      if (transport == sip::Transport::kTls) target.peer_name = config::name_of(peer);
      targets.push_back(std::move(target));
      break;
    }
  }
  return targets;
}

std::optional<sip::Target> B2bua::first_target(Entry& entry) {
  const Attempt& attempt = entry.call.attempts[entry.call.attempt];
  const config::Zone* zone = configuration_.find_zone(attempt.target.zone);
  if (zone == nullptr || attempt.peer >= zone->peers.size()) return std::nullopt;
  const config::Peer& peer = zone->peers[attempt.peer];
  const std::vector<sip::Target> targets = targets_of(*zone, peer);
  if (attempt.address < targets.size()) return targets[attempt.address];
  log::warn("sip.peer_not_found",
            {{"call", call_name(entry.call.record.id)},
             {"call-id", entry.call.leg[0].dialog.call_id},
             {"zone", zone->name},
             {"host", peer.host}});
  return std::nullopt;
}

std::optional<sip::Target> B2bua::named_hop(const sip::NextHop& hop, const sip::Target& link) const {
  const IpFamily family = deps_.transport.local_address(link.listener).ip.family;
  for (const SocketAddress& place : deps_.locate(hop.host, hop.port, hop.transport)) {
    if (place.ip.family == family) return sip::Target{hop.transport, place, link.listener, {}};
  }
  return std::nullopt;
}

std::optional<sip::Target> B2bua::target_of(Entry& entry, Side side, const Dialog& dialog) {
  const auto& link = entry.link[contract::index(side)];
  if (!link) return std::nullopt;
  const bool is_tls = link->transport == sip::Transport::kTls;
  const bool is_up = sip::is_reliable(link->transport) && deps_.transport.is_connected_to(*link);
  // Over TLS the connection that was verified is the way, whatever the Contact says (RFC 5923 3); Microsoft peers
  // expect the same of TCP.
  const bool is_microsoft = dialect_of(entry, side) == Dialect::kMicrosoft;
  if ((is_tls || is_microsoft) && is_up) return link;
  Entry::Hop& hop = entry.hop[contract::index(side)];
  std::string next = next_hop_uri(dialog);
  if (hop.uri == next && hop.link == link) return hop.target;
  const auto uri = sip::Uri::parse(next);
  if (!uri) return link;
  const auto wanted = sip::next_hop_of(*uri, link->transport);
  if (!wanted) return link;
  if (is_tls && wanted->transport != sip::Transport::kTls) return link;  // keys stay where they were safe
  const bool same_transport = wanted->transport == link->transport;
  if (is_name(wanted->host)) {
    // A host name: the way the peer's last message came is the way back, as long as it is there. What is looked up is
    // not kept: it may be another one the next time.
    const bool is_gone = sip::is_reliable(link->transport) && !is_up;
    auto named = is_gone && same_transport ? named_hop(*wanted, *link) : std::nullopt;
    if (!named) return link;
    if (is_tls) named->peer_name = link->peer_name;
    return named;
  }
  sip::Target target = sip::target_of(*uri, link->listener, link->transport).value_or(*link);
  // A Microsoft client's Contact (`sip:ann@contoso.test:43820;maddr=10.1.1.7;transport=tcp`) may name any place: only
  // those of its own zone are gone to, so that nobody can aim us at others (threat model A7).
  if (is_microsoft) {
    const auto trusted = trust_.identify({target.address.ip, {}, {}, false});
    if (!trusted || trusted->zone != entry.call.at(side).zone) return link;
  }
  if (is_tls) target.peer_name = link->peer_name;
  if (!same_transport) {
    const auto listener = deps_.transport.find_listener(target.transport);
    if (!listener) return link;
    target.listener = *listener;
  }
  hop = {std::move(next), link, target};
  return target;
}

void B2bua::refresh_sources() {
  auto hosts = trust::trusted_hosts_of(configuration_);
  if (!hosts) return;  // looked at in create()
  for (const config::Zone& zone : configuration_.zones) {
    for (const config::Peer& peer : zone.peers) {
      if (!is_name(peer.host)) continue;  // listed already
      for (const SocketAddress& place : deps_.locate(peer.host, peer.port, transport_of(peer.transport))) {
        hosts->push_back({"peer of " + zone.name, IpPrefix::of(place.ip), "", zone.listener, zone.name});
      }
    }
  }
  trust_ = trust::TrustTable(std::move(*hosts));
}

}  // namespace isthmus::b2bua
