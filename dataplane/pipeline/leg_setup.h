#pragma once

// How a leg takes on a configuration, an address or a next hop. Worker; seldom. Private to this folder.

#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {

/// `config` becomes the stream's; state that goes on (counters, maps, indices, latches) stays.
void adopt(State& state, session::Stream& stream, const session::StreamConfig& config);
/// From now on media (or RTCP) goes to this address.
void set_transmit(State& state, session::Leg& leg, contract::Component component, const session::SourceKey& to);
/// An authenticated packet, or one that the rule for clear legs takes: where it came from becomes the transmit address.
void latch(State& state, session::Leg& leg, contract::Component component, const session::SourceKey& from,
           const io::Frame& frame);
void use_latched_hop(State& state, session::Leg& leg, contract::Component component, const session::NextHop& hop);
/// Copies the next hop into the header template when it has moved, and works out LegTransmit::state. False: it is being
/// written just now.
bool refresh(State& state, session::Leg& leg);
/// On a secured leg with ICE the peer may send on any valid pair until one is nominated, and its last packets on
/// another one arrive afterwards (RFC 8445 12.1). What authenticates is taken from there as well; it changes no
/// address.
bool takes_other_paths(const State& state, const session::Leg& leg);
/// Why nothing can be sent by this leg.
DropReason why_closed(std::uint8_t transmit_state);
/// Where RTCP of the leg leaves, by value; not valid while unknown.
session::NextHopValue rtcp_hop(const session::Leg& leg);

}  // namespace isthmus::pipeline
