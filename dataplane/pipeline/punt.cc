// STUN is the control plane's: well-formed messages go to it, within a budget a port.

#include <algorithm>

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/stun.h"

namespace isthmus::pipeline {

void punt(State& state, io::Burst& burst) {
  for (std::size_t i = 0; i < state.stun.count; ++i) {
    const Packet& packet = state.stun.packets[i];
    session::Leg& leg = *packet.leg;
    if (packet.length > contract::kMaxPacketBytes || !wire::parse_stun(Bytes(packet.payload, packet.length))) {
      state.drop(burst, packet, DropReason::kNotRtp);
      continue;
    }
    if (leg.punt_budget == 0) {
      state.drop(burst, packet, DropReason::kPuntBudget);
      continue;
    }
    --leg.punt_budget;
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
