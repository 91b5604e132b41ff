#pragma once

// The long way through the map stage: first packets, new sources, other payload types, late packets, jumps, clocks that
// differ. Private to this folder.

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtp.h"

namespace isthmus::pipeline {

struct OutgoingRtp {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint8_t payload_type = 0;
  bool former_source = false;  ///< late packet of the source before: no measure of the present one
};

/// False: payload type or SSRC were not agreed (`reason`); nothing was changed.
bool map_source(State& state, session::Leg& leg, const Packet& packet, const wire::RtpHeader& header, OutgoingRtp& out,
                DropReason& reason);

}  // namespace isthmus::pipeline
