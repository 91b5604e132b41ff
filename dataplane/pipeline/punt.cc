// STUN is not the poll loop's: well-formed messages on legs with ICE go to the agent, within a budget a leg.

#include <algorithm>

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/stun.h"

namespace isthmus::pipeline {
namespace {

bool from_pair(const session::Leg& leg, const Packet& packet) {
  return leg.config->nominated && (packet.source.equals(leg.transmit_rtp) || packet.source.equals(leg.transmit_rtcp));
}

}  // namespace

void punt(State& state, io::Burst& burst) {
  for (std::size_t i = 0; i < state.stun.count; ++i) {
    const Packet& packet = state.stun.packets[i];
    session::Leg& leg = *packet.leg;
    if (!leg.config->ice) {
      state.drop(burst, packet, DropReason::kStunNotExpected);
      continue;
    }
    if (packet.length > contract::kMaxPacketBytes || !wire::parse_stun(Bytes(packet.payload, packet.length))) {
      state.drop(burst, packet, DropReason::kNotRtp);
      continue;
    }
    std::uint32_t& budget = from_pair(leg, packet) ? leg.pair_punt_budget : leg.punt_budget;
    if (budget == 0) {
      state.drop(burst, packet, DropReason::kPuntBudget);
      continue;
    }
    --budget;
    session::PuntPacket out;
    out.session = leg.stream->config->session;
    out.stream = leg.stream->config->stream;
    out.side = leg.side;
    out.component = packet.rtcp_port ? contract::Component::kRtcp : contract::Component::kRtp;
    out.source = packet.source.address();
    out.length = packet.length;
    std::copy_n(packet.payload, packet.length, out.packet.begin());
    if (!state.link.punts.push(out)) {
      state.drop(burst, packet, DropReason::kPuntBudget);
      continue;
    }
    state.consume(burst, packet);
  }
}

}  // namespace isthmus::pipeline
