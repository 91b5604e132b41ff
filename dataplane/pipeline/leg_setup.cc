#include "dataplane/pipeline/leg_setup.h"

#include <algorithm>

#include "dataplane/pipeline/adapt.h"
#include "dataplane/pipeline/feedback.h"

namespace isthmus::pipeline {
namespace {

using contract::Component;
using contract::SourceRule;
using session::Leg;
using session::LegConfig;
using session::LegReceive;
using session::LegTransmit;
using session::SourceKey;

std::size_t place(Component component) { return component == Component::kRtp ? 0 : 1; }

SourceKey key_of(const std::optional<SocketAddress>& address) {
  return address ? SourceKey::of(*address) : SourceKey{};
}

bool same_ip(const SourceKey& left, const SourceKey& right) {
  return left.low == right.low && left.high == right.high && left.port_family >> 16U == right.port_family >> 16U;
}

/// The packet template for the transmit address; MAC addresses come with refresh().
void rebuild(Leg& leg) {
  LegTransmit& transmit = leg.transmit;
  if (leg.transmit_rtp.port_family == 0) return;
  const std::uint8_t dscp = transmit.follows_dscp != 0 ? std::uint8_t{0} : leg.config->dscp;
  const wire::HeaderTemplate made = wire::make_template(leg.config->local_rtp, leg.transmit_rtp.address(), dscp);
  transmit.header = made.bytes;
  transmit.header_bytes = made.header_bytes;
  transmit.ip_sum = made.ip_sum;
  transmit.udp_sum = made.udp_sum;
}

void store_hop(LegTransmit& transmit, const session::NextHopValue& value) {
  wire::store_macs(transmit.header.data(), value.destination_mac, value.source_mac);
  transmit.io_port = value.io_port;
  const std::uint32_t frame_bytes = value.mtu + std::uint32_t{wire::kEthernetBytes};
  const bool usable = value.valid && frame_bytes > transmit.header_bytes;
  transmit.max_payload = usable ? static_cast<std::uint16_t>(frame_bytes - transmit.header_bytes) : 0;
}

// After a new revision the peer may be somewhere else, so a latch opens once more. What is in use goes on until then,
// unless the signalled address moved.
void adopt_source(State& state, Leg& leg, Component component, const std::optional<SocketAddress>& before,
                  const std::optional<SocketAddress>& now, bool moved) {
  session::Latch& latch = leg.latch[place(component)];
  SourceKey& source = component == Component::kRtp ? leg.receive.source : leg.rtcp_source;
  const SourceKey signalled = key_of(now);
  const bool latches = leg.config->source_rule != SourceRule::kSignalled;
  latch.waiting = latches;
  latch.tentative = {};
  latch.opened_ns = state.time.now.monotonic_ns;
  source = latches ? SourceKey{} : signalled;
  if (moved || before != now || !latches) set_transmit(state, leg, component, signalled);
}

void adopt_keys(State& state, Leg& leg, const LegConfig& config) {
  const auto carry = [&](crypto::SrtpContext* fresh, crypto::SrtpContext* old) {
    if (fresh != nullptr && old != nullptr && fresh != old) state.engine.carry_over(*fresh, *old);
  };
  carry(config.receive_context, leg.receive.context);
  carry(config.send_context, leg.transmit.context);
  if (leg.previous_context != config.previous_receive_context) {
    leg.previous_until_ns = state.time.now.monotonic_ns + session::kOldKeyNs;
  }
  leg.previous_context = config.previous_receive_context;
  leg.receive.old_key = leg.previous_context != nullptr;
  leg.receive.context = config.receive_context;
  leg.transmit.context = config.send_context;
}

/// Does this change start media anew, so that the control plane wants to hear of the first packet?
bool restarts(const LegConfig* before, const LegConfig& now) {
  return before == nullptr || (now.receive && !before->receive) || before->remote_rtp != now.remote_rtp ||
         before->receive_context != now.receive_context;
}

void adopt_leg(State& state, Leg& leg, const LegConfig& config) {
  const LegConfig* before = leg.config;
  const bool first = before == nullptr;
  leg.config = &config;
  if (restarts(before, config)) {
    leg.receive.slow |= LegReceive::kAnnounce;
    leg.opened_ns = state.time.now.monotonic_ns;
    leg.media_timed_out = false;
  }
  if (first) {
    leg.receive.budget = state.packet_budget;
    leg.punt_budget = leg.pair_punt_budget = state.punt_budget;
    leg.reports.next_report_ns =
        state.time.now.monotonic_ns + session::kNsPerSecond / 2 + state.next_random() % session::kNsPerSecond;
    leg.transmit.next_hop = &state.no_hop;
    leg.transmit.state = LegTransmit::kNoAddress;
  }
  if (!config.keeps_pair) leg.consent_lost = {};
  adopt_keys(state, leg, config);
  leg.receive.slow = static_cast<std::uint8_t>(config.receive ? leg.receive.slow & ~LegReceive::kHeld
                                                              : leg.receive.slow | LegReceive::kHeld);
  leg.receive.rtcp_mux = config.rtcp_mux ? 1 : 0;
  leg.receive.payload_in.set(session::kNoPayloadType);  // its rule may have changed
  if (leg.transmit.ssrc != config.ssrc) {
    leg.transmit.ssrc = config.ssrc;
    leg.first_mapping = true;
    leg.receive.far->receive.slow |= LegReceive::kNotMapped;
  }
  if (first || !config.follows_dscp) leg.transmit.last_dscp = config.dscp;
  leg.transmit.follows_dscp = config.follows_dscp ? 1 : 0;
  const bool moved = first || before->tcp != config.tcp;  // nothing learnt by the one goes for the other
  if (moved) {
    leg.latched_hops = {};
    leg.latched_hop = {};
  }
  rebuild(leg);  // DSCP
  adopt_source(state, leg, Component::kRtp, first ? std::nullopt : before->remote_rtp, config.remote_rtp, moved);
  adopt_source(state, leg, Component::kRtcp, first ? std::nullopt : before->remote_rtcp, config.remote_rtcp, moved);
  // The pointers of the former configuration end here, also where the address stayed.
  set_transmit(state, leg, Component::kRtp, leg.transmit_rtp);
  set_transmit(state, leg, Component::kRtcp, leg.transmit_rtcp);
}

/// Numbers that the adapt stage moved become those of the map stage, where it is not needed any more.
void fold_numbers(Leg& leg) {
  LegReceive& receive = leg.receive;
  receive.sequence_offset = static_cast<std::uint16_t>(receive.sequence_offset + leg.video->shift);
  receive.highest_out = static_cast<std::uint16_t>(receive.highest_out + leg.video->shift);
  leg.former.until_ns = 0;
  reset_numbers(*leg.video);
}

/// What the media received on `leg` needs on its way. `restarted`: the far peer sees another stream from now on.
void adopt_video(State& state, Leg& leg, const session::StreamConfig& config, const LegConfig* before, bool restarted) {
  const contract::VideoSpec& from = leg.config->video;
  const contract::VideoSpec& to = leg.receive.far->config->video;
  const bool adapts = config.kind == contract::MediaKind::kVideo && session::needs_adapting(from, to);
  if (leg.video != nullptr && (restarted || !adapts)) {
    let_go(state, leg, true);
    if (restarted) {
      reset_numbers(*leg.video);
    } else {
      fold_numbers(leg);
    }
  }
  const bool knew = leg.video != nullptr && before != nullptr;
  leg.video = adapts ? &config.video->leg[index(leg.side)] : nullptr;
  leg.receive.adapts = adapts ? 1 : 0;
  if (!adapts) return;
  session::VideoLeg& video = *leg.video;
  video.from = from.format;
  video.to = to.format;
  video.fragments = to.packetization_mode != 0;
  video.limit = to.max_payload_bytes;
  video.max_temporal_id = to.max_temporal_id;
  if (knew && before->video.parameter_sets == from.parameter_sets) return;
  for (const auto& set : from.parameter_sets) learn_set(video, set);
}

}  // namespace

void adopt(State& state, session::Stream& stream, const session::StreamConfig& config) {
  stream.config = &config;
  for (const contract::Side side : {contract::Side::kA, contract::Side::kB}) {
    Leg& leg = stream.leg[index(side)];
    leg.stream = &stream;
    leg.side = side;
    leg.receive.far = &stream.leg[index(other(side))];
  }
  const std::array<const LegConfig*, 2> before{stream.leg[0].config, stream.leg[1].config};
  const std::array<std::uint32_t, 2> ssrc{stream.leg[0].transmit.ssrc, stream.leg[1].transmit.ssrc};
  for (std::size_t i = 0; i < 2; ++i) adopt_leg(state, stream.leg[i], config.leg[i]);
  for (std::size_t i = 0; i < 2; ++i) {
    adopt_video(state, stream.leg[i], config, before[i], ssrc[1 - i] != config.leg[1 - i].ssrc);
  }
}

void set_transmit(State& state, Leg& leg, Component component, const SourceKey& to) {
  const LegConfig& config = *leg.config;
  const bool rtp = component == Component::kRtp;
  const SourceKey signalled = key_of(rtp ? config.remote_rtp : config.remote_rtcp);
  session::NextHop* signalled_hop = rtp ? config.rtp_hop : config.rtcp_hop;
  const session::NextHop* hop = to.port_family != 0 && same_ip(to, signalled)   ? signalled_hop
                                : leg.latched_hops[place(component)] != nullptr ? leg.latched_hops[place(component)]
                                                                                : &state.no_hop;
  if (!rtp) {
    leg.transmit_rtcp = to;
    leg.rtcp_hop = hop;
    return;
  }
  leg.transmit_rtp = to;
  leg.transmit.next_hop = hop;
  leg.transmit.next_hop_version = 0;
  rebuild(leg);
  const bool learnt = hop == &state.no_hop || hop == leg.latched_hops[0];
  store_hop(leg.transmit, learnt ? leg.latched_hop : session::NextHopValue{});
  session::publish_remote(leg, to);
  refresh(state, leg);
}

void latch(State& state, Leg& leg, Component component, const SourceKey& from, const io::Frame& frame) {
  session::Latch& latch = leg.latch[place(component)];
  latch.waiting = false;
  (component == Component::kRtp ? leg.receive.source : leg.rtcp_source) = from;
  const SourceKey& present = component == Component::kRtp ? leg.transmit_rtp : leg.transmit_rtcp;
  if (present.equals(from)) return;
  // Back the way it came, until the agent has looked the address up.
  std::copy_n(frame.data + 6, 6, leg.latched_hop.destination_mac.begin());
  std::copy_n(frame.data, 6, leg.latched_hop.source_mac.begin());
  leg.latched_hop.io_port = frame.port;
  leg.latched_hop.valid = true;
  leg.latched_hops[place(component)] = nullptr;
  set_transmit(state, leg, component, from);
  const bool mux = component == Component::kRtp && leg.config->rtcp_mux;
  if (mux) set_transmit(state, leg, Component::kRtcp, from);
  session::WorkerEvent event;
  event.kind = session::WorkerEvent::Kind::kLatched;
  event.session = leg.stream->config->session;
  event.stream = leg.stream->config->stream;
  event.side = leg.side;
  event.component = component;
  event.source = from.address();
  state.event(event);
}

void use_latched_hop(State& state, Leg& leg, Component component, const session::NextHop& hop) {
  // The control thread gives up the one before as soon as this command is done, so nothing may point there any more.
  const session::NextHop* before = leg.latched_hops[place(component)];
  leg.latched_hops[place(component)] = &hop;
  if (component == Component::kRtp && (leg.config->rtcp_mux || leg.latched_hops[1] == before)) {
    leg.latched_hops[1] = &hop;
  }
  set_transmit(state, leg, Component::kRtp, leg.transmit_rtp);
  set_transmit(state, leg, Component::kRtcp, leg.transmit_rtcp);
}

void follow_next_hops(State& state) {
  if (state.link.next_hop_changes == nullptr) return;
  const std::uint32_t changes = state.link.next_hop_changes->load(std::memory_order_acquire);
  if (changes == state.next_hop_changes) [[likely]]
    return;
  bool all = true;
  for (session::Stream* stream : state.streams) {
    for (Leg& leg : stream->leg) all &= refresh(state, leg);
  }
  if (all) state.next_hop_changes = changes;  // else one was being written: again with the next burst
}

bool refresh(State& state, Leg& leg) {
  LegTransmit& transmit = leg.transmit;
  session::NextHopValue value;
  std::uint32_t version = transmit.next_hop_version;
  const bool known = transmit.next_hop == &state.no_hop || transmit.next_hop->read(value, version);
  if (known && version != transmit.next_hop_version) {
    // A latched address keeps the way it came until the agent knows a better one.
    if (value.valid || transmit.next_hop != leg.latched_hops[0] || !leg.latched_hop.valid) store_hop(transmit, value);
    transmit.next_hop_version = version;
  }
  const std::uint8_t before = transmit.state;
  transmit.state = !leg.config->send                   ? LegTransmit::kClosed
                   : leg.consent_lost[0]               ? LegTransmit::kNoConsent
                   : leg.transmit_rtp.port_family == 0 ? LegTransmit::kNoAddress
                   : transmit.max_payload == 0         ? LegTransmit::kNoNextHop
                                                       : LegTransmit::kOpen;
  const bool opened = transmit.state == LegTransmit::kOpen && before != LegTransmit::kOpen;
  if (opened && leg.stream->config->kind == contract::MediaKind::kVideo) {
    leg.feedback.start_wanted = true;
    wake_feedback(state, leg);
  }
  return known;
}

bool takes_other_paths(const State& state, const Leg& leg) {
  if (!leg.config->ice || leg.receive.context == nullptr) return false;
  return !leg.config->nominated || state.time.now.monotonic_ns - leg.latch[0].opened_ns < kPathChangeNs;
}

DropReason why_closed(std::uint8_t transmit_state) {
  switch (transmit_state) {
    case LegTransmit::kClosed: return DropReason::kDirectionClosed;
    case LegTransmit::kNoConsent: return DropReason::kConsentLost;
    case LegTransmit::kNoAddress: return DropReason::kNoFarEndpoint;
    default: return DropReason::kNoRoute;
  }
}

session::NextHopValue rtcp_hop(const Leg& leg) {
  session::NextHopValue value;
  std::uint32_t version = 0;
  if (leg.rtcp_hop != nullptr && leg.rtcp_hop->read(value, version) && value.valid) return value;
  return leg.rtcp_hop == leg.latched_hops[1] || leg.rtcp_hop == nullptr || leg.rtcp_hop->version() == 0
             ? leg.latched_hop
             : session::NextHopValue{};
}

}  // namespace isthmus::pipeline
