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

  /// The first byte (version, padding, extension, CSRC count) stays.
  void write(std::uint8_t* packet, std::uint32_t ssrc, bool marker) const {
    const std::uint32_t second = payload_type | (marker ? 0x80U : 0U);
    store_be32(packet, (std::uint32_t{packet[0]} << 24U) | (second << 16U) | sequence);
    store_be32(packet + 4, timestamp);
    store_be32(packet + 8, ssrc);
  }
};

/// False: nothing was changed, and the packet is dropped for `reason`.
bool map_source(State& state, session::Leg& leg, const Packet& packet, const wire::RtpHeader& header, OutgoingRtp& out,
                DropReason& reason);

}  // namespace isthmus::pipeline
