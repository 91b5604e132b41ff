#include "controlplane/b2bua/ice_legs.h"

#include <algorithm>
#include <string>

#include "controlplane/media/stream_ice.h"

namespace isthmus::b2bua {
namespace {

// The copy of the media that the peers know: an answer of a 18x, else an offer that is out, else what was agreed.
const media::CallMedia& media_in_use(const Call& call) {
  if (call.calling.early) return *call.calling.early;
  if (call.calling.offered) return *call.calling.offered;
  return call.media;
}

ice::AgentSettings settings_of(const Call& call, Side side, const media::LegMedia& media,
                               const config::ControlPlane& configuration) {
  ice::AgentSettings settings;
  settings.controlling = media.ice_controlling;
  settings.tie_breaker = media.ice_tie_breaker;
  settings.form = media.settings.dialect == media::Dialect::kMicrosoft ? contract::StunForm::kMicrosoft
                                                                       : contract::StunForm::kRfc8489;
  if (const config::Zone* zone = configuration.find_zone(call.at(side).zone)) {
    settings.addresses.allow_loopback = zone->allow_loopback_media;
  }
  for (const config::Listener& listener : configuration.listeners) {
    settings.addresses.ours.push_back({listener.address, listener.port});
  }
  return settings;
}

bool wants_ice(const media::LegMedia& media, const media::StreamLeg& leg) {
  if (!leg.ice || !leg.local_rtp) return false;
  return leg.accepted || !media.written;  // an offer of ours may still be answered
}

std::string describe(const ice::StreamStatus& status) {
  std::string text = std::string(ice::to_string(status.failure)) + ", " + std::to_string(status.valid) + " of " +
                     std::to_string(status.pairs) + " pairs valid";
  if (status.last_error != 0) text += ", last error " + std::to_string(status.last_error);
  return text;
}

}  // namespace

void IceLegs::follow(const Call& call, const config::ControlPlane& configuration, RandomSource& random,
                     event_loop::TimePoint now) {
  const bool over = call.state == State::kEnding || call.state == State::kCancelling || call.state == State::kEnded;
  if (over) {
    known_.clear();
    agents_ = {};
    return;
  }
  const media::CallMedia& media = media_in_use(call);
  for (const Side side : {Side::kA, Side::kB}) {
    const media::LegMedia& leg_media = media.leg[contract::index(side)];
    for (std::size_t i = 0; i < media.streams.size(); ++i) {
      const Key key{side, static_cast<ice::StreamIndex>(i)};
      const media::StreamLeg& leg = media.streams[i].leg[contract::index(side)];
      const bool outstanding = side == Side::kB && call.calling.offered.has_value();
      if (!wants_ice(leg_media, leg) && !(outstanding && leg.ice && leg.local_rtp)) {
        if (known_.erase(key) != 0) agent_of(side)->remove_stream(key.second);
        continue;
      }
      if (leg.ice->is_nominated() && !known_.contains(key)) continue;  // the data plane keeps it up
      auto& agent = agents_[contract::index(side)];
      if (!agent) agent = std::make_unique<ice::Agent>(settings_of(call, side, leg_media, configuration), random);
      follow_stream(key, leg, now);
    }
    // Both know each other's description when ours is written and theirs is here.
    if (agent_of(side) != nullptr && leg_media.written) agent_of(side)->start(now);
  }
}

void IceLegs::follow_stream(const Key& key, const media::StreamLeg& leg, event_loop::TimePoint now) {
  ice::Agent& agent = *agent_of(key.first);
  const media::StreamIce& ice = *leg.ice;
  const ice::Credentials local{ice.local_ufrag, ice.local_pwd};
  const ice::Credentials remote{ice.remote_ufrag, ice.remote_pwd};
  std::vector<sdp::Candidate> candidates = media::local_candidates(leg);
  // One connection carries both components ([MS-ICE2]); a check of the second one is answered like any other.
  if (leg.is_over_tcp()) std::erase_if(candidates, [](const sdp::Candidate& one) { return one.component != 1; });
  // Whoever connects waits for the answer that decides; what comes before it comes by UDP.
  if (leg.undecided) std::erase_if(candidates, [](const sdp::Candidate& one) { return sdp::is_tcp(one.transport); });
  const auto found = known_.find(key);
  const bool same = found != known_.end() && found->second.local == local &&
                    found->second.local_candidates == candidates &&
                    (found->second.remote.ufrag.empty() || found->second.remote == remote);
  if (!same) {  // a new stream, or a restart (RFC 8445 9)
    agent.add_stream(key.second, {local, candidates});
    known_.insert_or_assign(key, Known{local, std::move(candidates)});
  }
  Known& known = known_.at(key);
  if (remote.ufrag.empty()) return;
  if (known.remote == remote && known.remote_candidates == ice.remote_candidates) return;
  known.remote = remote;
  known.remote_candidates = ice.remote_candidates;
  agent.set_remote(key.second, remote, ice.remote_candidates, now);
}

void IceLegs::on_packet(const contract::PuntEvent& punt, event_loop::TimePoint now) {
  if (ice::Agent* agent = agent_of(punt.side)) {
    agent->on_packet(punt.stream, punt.component, punt.source, punt.packet, now);
  }
}

void IceLegs::on_timer(event_loop::TimePoint now) {
  for (const auto& agent : agents_) {
    if (agent) agent->on_timer(now);
  }
}

std::optional<event_loop::TimePoint> IceLegs::next_timer() const {
  std::optional<event_loop::TimePoint> next;
  for (const auto& agent : agents_) {
    const auto timer = agent ? agent->next_timer() : std::nullopt;
    if (timer) next = next ? std::min(*next, *timer) : *timer;
  }
  return next;
}

std::vector<IceLegs::Packet> IceLegs::take_outgoing() {
  std::vector<Packet> packets;
  for (const Side side : {Side::kA, Side::kB}) {
    if (agent_of(side) == nullptr) continue;
    for (ice::Outgoing& outgoing : agent_of(side)->take_outgoing()) packets.push_back({side, std::move(outgoing)});
  }
  return packets;
}

std::vector<Event> IceLegs::take_events() {
  std::vector<Event> events;
  for (auto& [key, known] : known_) {
    const ice::Agent& agent = *agent_of(key.first);
    const ice::StreamStatus status = agent.status(key.second);
    if (status.phase == ice::Phase::kNominated && status.rtp) {
      if (known.reported.rtp == status.rtp && known.reported.rtcp == status.rtcp) continue;
      events.emplace_back(IceNominated{key.first, key.second, *status.rtp, status.rtcp, agent.is_controlling()});
    } else if (status.phase == ice::Phase::kFailed && known.reported.phase != ice::Phase::kFailed) {
      events.emplace_back(IceFailed{key.first, key.second, describe(status)});
    } else {
      continue;
    }
    known.reported = status;
  }
  return events;
}

}  // namespace isthmus::b2bua
