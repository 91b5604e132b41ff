// May this source send here? (threat model B2)

#include "dataplane/pipeline/leg_setup.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {
namespace {

using contract::Component;
using contract::SourceRule;
using session::Leg;
using session::SourceKey;

enum class Answer : std::uint8_t { kYes, kYesIfAuthentic, kNo };

Component component_of(const Leg& leg, const Packet& packet) {
  return packet.rtcp_port && leg.receive.rtcp_mux == 0 ? Component::kRtcp : Component::kRtp;
}

// Clear RTP has nothing that proves who sent it. So: within three seconds of the revision, the signalled address wins
// whenever it speaks; another one is used until then and stays when the time is over.
Answer ask_plain_latch(State& state, Leg& leg, Component component, const Packet& packet, const io::Frame& frame) {
  session::Latch& latch_state = leg.latch[component == Component::kRtp ? 0 : 1];
  const auto& signalled = component == Component::kRtp ? leg.config->remote_rtp : leg.config->remote_rtcp;
  const SourceKey expected = signalled ? SourceKey::of(*signalled) : SourceKey{};
  if (packet.source.equals(expected)) {
    latch(state, leg, component, packet.source, frame);
    return Answer::kYes;
  }
  const bool over = state.time.now.monotonic_ns - latch_state.opened_ns >= kLatchPlainNs;
  if (latch_state.tentative.port_family == 0) {
    if (over) {
      latch_state.waiting = false;
      (component == Component::kRtp ? leg.receive.source : leg.rtcp_source) = expected;
      return Answer::kNo;
    }
    latch(state, leg, component, packet.source, frame);
    latch_state.tentative = packet.source;
    latch_state.waiting = !packet.source.equals(expected);
    (component == Component::kRtp ? leg.receive.source : leg.rtcp_source) = {};  // ask again: the signalled one wins
    return Answer::kYes;
  }
  const bool same = packet.source.equals(latch_state.tentative);
  if (over) {
    latch_state.waiting = false;
    (component == Component::kRtp ? leg.receive.source : leg.rtcp_source) = latch_state.tentative;
  }
  return same ? Answer::kYes : Answer::kNo;
}

/// The source is not the one that the leg expects.
Answer ask(State& state, Leg& leg, const Packet& packet, const io::Frame& frame) {
  const Component component = component_of(leg, packet);
  const SourceKey& accepted = component == Component::kRtp ? leg.receive.source : leg.rtcp_source;
  if (packet.source.equals(accepted)) return Answer::kYes;  // RTCP comes here by itself
  const session::Latch& latch_state = leg.latch[component == Component::kRtp ? 0 : 1];
  if (!latch_state.waiting) return takes_other_paths(state, leg) ? Answer::kYesIfAuthentic : Answer::kNo;
  if (leg.config->source_rule == SourceRule::kLatchPlain) {
    return ask_plain_latch(state, leg, component, packet, frame);
  }
  return leg.receive.context != nullptr ? Answer::kYesIfAuthentic : Answer::kNo;
}

void note_refused(State& state, Leg& leg, const SourceKey& source) {
  leg.refused.add(1);
  leg.refused_source = source;
  const std::uint64_t now = state.time.now.monotonic_ns;
  if (leg.refused_reported != 0 && now - leg.refused_event_ns < kRefusedEventNs) return;
  session::WorkerEvent event;
  event.kind = session::WorkerEvent::Kind::kSourceRefused;
  event.session = leg.stream->config->session;
  event.stream = leg.stream->config->stream;
  event.side = leg.side;
  event.source = source.address();
  event.packets = leg.refused.get() - leg.refused_reported;
  leg.refused_reported = leg.refused.get();
  leg.refused_event_ns = now;
  state.event(event);
}

}  // namespace

void admit(State& state, io::Burst& burst, Batch& batch) {
  std::size_t kept = 0;
  bool secured = false;
  const std::size_t count = batch.count;
  for (std::size_t i = 0; i < count; ++i) {
    Packet& packet = batch.packets[i];
    Leg& leg = *packet.leg;
    session::LegReceive& receive = leg.receive;
    if (packet.rtcp_port || !packet.source.equals(receive.source)) [[unlikely]] {
      const Answer answer = ask(state, leg, packet, burst.frames[packet.frame]);
      if (answer == Answer::kNo) {
        note_refused(state, leg, packet.source);
        state.drop(burst, packet, DropReason::kWrongSource);
        continue;
      }
      packet.latch = answer == Answer::kYesIfAuthentic;
    }
    if (receive.budget == 0) [[unlikely]] {
      state.drop(burst, packet, DropReason::kPortOverBudget);
      continue;
    }
    --receive.budget;
    secured |= receive.context != nullptr;
    __builtin_prefetch(receive.context, 1);
    const session::LegTransmit& transmit = receive.far->transmit;
    __builtin_prefetch(&transmit.header);
    __builtin_prefetch(static_cast<const void*>(&transmit.next_hop), 1);
    if (kept != i) [[unlikely]]
      batch.packets[kept] = packet;
    ++kept;
  }
  batch.count = kept;
  batch.secured_in = secured;
}

}  // namespace isthmus::pipeline
