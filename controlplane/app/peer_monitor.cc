#include "controlplane/app/peer_monitor.h"

#include <fmt/format.h>

#include <utility>

namespace isthmus::app {
namespace {

sip::Transport to_sip(config::Transport transport) {
  switch (transport) {
    case config::Transport::kUdp: return sip::Transport::kUdp;
    case config::Transport::kTcp: return sip::Transport::kTcp;
    case config::Transport::kTls: return sip::Transport::kTls;
  }
  return sip::Transport::kUdp;
}

std::string_view word_of(config::Transport transport) {
  switch (transport) {
    case config::Transport::kUdp: return "udp";
    case config::Transport::kTcp: return "tcp";
    case config::Transport::kTls: return "tls";
  }
  return "udp";
}

/// As zones do for calls: the zone's own listener, else those with the peer's transport.
std::vector<std::pair<sip::ListenerId, IpFamily>> listeners_for(const config::ControlPlane& configuration,
                                                                const std::vector<sip::ListenerId>& ids,
                                                                const config::Zone& zone, config::Transport transport) {
  std::vector<std::pair<sip::ListenerId, IpFamily>> found;
  for (std::size_t i = 0; i < configuration.listeners.size(); ++i) {
    const config::Listener& each = configuration.listeners[i];
    const bool fits = zone.listener.empty() ? each.transport == transport : each.name == zone.listener;
    if (fits) found.emplace_back(ids.at(i), each.address.family);
  }
  return found;
}

}  // namespace

PeerMonitor::PeerMonitor(Dependencies dependencies, const config::ControlPlane& configuration,
                         const std::vector<sip::ListenerId>& listeners)
    : deps_(std::move(dependencies)),
      settings_(configuration.timers),
      host_name_(configuration.node.host_name),
      user_agent_(configuration.node.user_agent) {
  for (const config::Zone& zone : configuration.zones) {
    for (const config::Peer& peer : zone.peers) {
      auto from = listeners_for(configuration, listeners, zone, peer.transport);
      if (from.empty()) continue;  // the validator refuses such a peer
      Watched watched;
      watched.zone = zone.name;
      watched.peer = peer;
      watched.target = {to_sip(peer.transport), {}, from.front().first, {}};
      watched.listeners = std::move(from);
      const auto numeric = IpAddress::parse(peer.host);
      const std::string named = peer.port == 0 ? peer.host : fmt::format("{}:{}", peer.host, peer.port);
      if (peer.transport == config::Transport::kTls) watched.target.peer_name = config::name_of(peer);
      watched.hop_count = zone.hop_count;
      watched.monitored = zone.monitor;
      watched.shown = {zone.name,
                       numeric ? to_string(SocketAddress{*numeric, config::port_of(peer)}) : named,
                       std::string(word_of(peer.transport)),
                       status::PeerState::kUnknown,
                       zone.monitor ? "not probed yet" : "not monitored",
                       deps_.wall_clock()};
      peers_.push_back(std::move(watched));
    }
  }
}

PeerMonitor::~PeerMonitor() { stop(); }

void PeerMonitor::start() {
  running_ = true;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i].monitored) continue;
    peers_[i].call_id = fmt::format("{:016x}{:016x}@{}", deps_.random.next_u64(), deps_.random.next_u64(), host_name_);
    peers_[i].from_tag = fmt::format("{:016x}", deps_.random.next_u64());
    again(i, event_loop::Duration::zero());
  }
}

void PeerMonitor::stop() {
  running_ = false;
  for (Watched& peer : peers_) deps_.timers.cancel(peer.timer);
  probes_.clear();
}

void PeerMonitor::again(std::size_t index, event_loop::Duration after) {
  if (!running_) return;
  peers_[index].timer = deps_.timers.start(after, [this, index] { probe(index); });
}

sip::Message PeerMonitor::make_options(Watched& peer) const {
  const std::string& host = peer.shown.address;
  const std::string parameter =
      peer.target.transport == sip::Transport::kUdp ? "" : ";transport=" + peer.shown.transport;
  const std::string uri = "sip:" + host + parameter;
  sip::Message options = sip::Message::request(sip::Method::kOptions, uri);
  options.add(sip::HeaderId::kMaxForwards, std::to_string(peer.hop_count));
  options.add(sip::HeaderId::kFrom, fmt::format("<sip:{}>;tag={}", host_name_, peer.from_tag));
  options.add(sip::HeaderId::kTo, fmt::format("<sip:{}>", host));
  options.add(sip::HeaderId::kCallId, peer.call_id);
  options.add(sip::HeaderId::kCSeq, fmt::format("{} OPTIONS", ++peer.cseq));
  options.add(sip::HeaderId::kContact, fmt::format("<sip:{}{}>", deps_.sent_by(peer.target.listener), parameter));
  options.add(sip::HeaderId::kAccept, "application/sdp");
  options.add(sip::HeaderId::kUserAgent, user_agent_);
  return options;
}

bool PeerMonitor::locate(Watched& peer) const {
  for (const SocketAddress& place : deps_.locate(peer.peer.host, peer.peer.port, peer.target.transport)) {
    for (const auto& [listener, family] : peer.listeners) {
      if (family != place.ip.family) continue;
      peer.target.address = place;
      peer.target.listener = listener;
      return true;
    }
  }
  return false;
}

void PeerMonitor::probe(std::size_t index) {
  if (!locate(peers_[index])) return on_miss(index, "its address is not known");
  const auto sent = deps_.send(make_options(peers_[index]), peers_[index].target);
  if (sent) {
    probes_[static_cast<std::uint64_t>(*sent)] = index;
  } else {
    on_miss(index, sent.error().message);
  }
}

bool PeerMonitor::on_answer(sip::ClientId transaction, const sip::Message& response) {
  const auto found = probes_.find(static_cast<std::uint64_t>(transaction));
  if (found == probes_.end()) return false;
  if (response.status() < 200) return true;
  const std::size_t index = found->second;
  probes_.erase(found);
  // 405 or 404 still come from somebody who listens; 408 and 5xx may come from a proxy that reaches nobody (R51).
  if (response.status() < 500 && response.status() != 408) {
    on_alive(index);
  } else {
    on_miss(index, fmt::format("answered {}", response.status()));
  }
  return true;
}

bool PeerMonitor::on_silence(sip::ClientId transaction, const std::string& cause) {
  const auto found = probes_.find(static_cast<std::uint64_t>(transaction));
  if (found == probes_.end()) return false;
  const std::size_t index = found->second;
  probes_.erase(found);
  on_miss(index, cause);
  return true;
}

void PeerMonitor::on_alive(std::size_t index) {
  Watched& peer = peers_[index];
  peer.misses = 0;
  if (peer.shown.state != status::PeerState::kAlive) {
    peer.shown.state = status::PeerState::kAlive;
    peer.shown.cause.clear();
    peer.shown.since = deps_.wall_clock();
    deps_.alarms.clear(status::kPeerFailed, peer.zone + " " + peer.shown.address);
  }
  again(index, settings_.monitor_interval);
}

void PeerMonitor::on_miss(std::size_t index, const std::string& cause) {
  Watched& peer = peers_[index];
  ++peer.misses;
  if (peer.shown.state != status::PeerState::kFailed) peer.shown.cause = cause;
  if (peer.misses >= settings_.monitor_failures) {
    if (peer.shown.state != status::PeerState::kFailed) {
      peer.shown.state = status::PeerState::kFailed;
      peer.shown.since = deps_.wall_clock();
    }
    peer.shown.cause = cause;
    deps_.alarms.raise(status::kPeerFailed, peer.zone + " " + peer.shown.address, status::Severity::kWarning,
                       "does not answer OPTIONS over " + peer.shown.transport + " (" + cause +
                           "); is it up, and does it take requests from this gateway");
  }
  again(index, settings_.monitor_retry_interval);
}

std::vector<status::Peer> PeerMonitor::peers() const {
  std::vector<status::Peer> all;
  all.reserve(peers_.size());
  for (const Watched& peer : peers_) all.push_back(peer.shown);
  return all;
}

}  // namespace isthmus::app
