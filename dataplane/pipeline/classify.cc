// Frame -> local address -> port -> leg, and what kind of packet it is.

#include <cstring>

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/demux.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::pipeline {
namespace {

// Both halves of an address as they lie in the header; IPv4 has its four bytes in the low one.
void load_address(const std::uint8_t* from, bool v6, std::uint64_t& low, std::uint64_t& high) {
  if (v6) {
    std::memcpy(&low, from, 8);
    std::memcpy(&high, from + 8, 8);
    return;
  }
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  low = word;
  high = 0;
}

DropReason why_no_leg(const State& state, const AddressRow& row, std::uint32_t offset) {
  return state.tables.resting(row, offset, state.time.now.monotonic_ns) ? DropReason::kPortResting
                                                                        : DropReason::kPortClosed;
}

/// The list for everything that is not plain RTP on an RTP port; nullptr: `reason` says why it is dropped.
Batch* sort_out(State& state, const Packet& packet, DropReason& reason) {
  const wire::PacketClass kind = wire::classify_payload(Bytes(packet.payload, packet.length));
  switch (kind) {
    case wire::PacketClass::kStun: return &state.stun;
    case wire::PacketClass::kRtcp:
      if (packet.length < wire::kMinRtcpBytes) break;
      if (packet.rtcp_port || packet.leg->receive.rtcp_mux != 0) return &state.rtcp;
      reason = DropReason::kRtcpOnRtpPort;
      return nullptr;
    case wire::PacketClass::kRtp:
      if (packet.rtcp_port) {
        reason = DropReason::kRtpOnRtcpPort;
        return nullptr;
      }
      break;  // too short for a header
    default: break;
  }
  reason = DropReason::kNotRtp;
  return nullptr;
}

bool is_plain_rtp(const std::uint8_t* payload, std::size_t length, std::uint32_t port) {
  return length >= wire::kMinRtpBytes && (payload[0] >> 6U) == 2 && !wire::is_rtcp_type(payload[1]) && port % 2 == 0;
}

}  // namespace

void classify(State& state, io::Burst& burst) {
  constexpr std::size_t kAhead = 4;
  const std::size_t count = burst.count;
  for (std::size_t i = 0; i < count && i < kAhead; ++i) __builtin_prefetch(burst.frames[i].data);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(burst.frames[i + kAhead].data);
    io::Frame& frame = burst.frames[i];
    wire::UdpFrame udp;
    if (!wire::parse_udp(frame.data, frame.length, udp)) [[unlikely]] {
      state.drop_frame(frame, wire::why_not_udp(frame.data, frame.length));
      continue;
    }
    AddressKey to;
    load_address(udp.destination(), udp.v6, to.low, to.high);
    to.family = udp.v6 ? 6 : 4;
    const AddressRow* row = state.tables.find(to);
    if (row == nullptr) [[unlikely]] {
      state.drop_frame(frame, DropReason::kNotOurAddress);
      continue;
    }
    const std::uint32_t port = udp.destination_port();
    const std::uint32_t offset = port - row->first_port;
    if (offset >= row->ports) [[unlikely]] {
      state.drop_frame(frame, DropReason::kNotOurPort);
      continue;
    }
    session::Leg* leg = state.tables.leg(*row, offset);
    if (leg == nullptr) [[unlikely]] {
      state.drop_frame(frame, why_no_leg(state, *row, offset));
      continue;
    }
    __builtin_prefetch(&leg->receive);
    __builtin_prefetch(&leg->receive.packets, 1);
    std::uint8_t* payload = udp.payload();
    const bool plain = is_plain_rtp(payload, udp.payload_bytes, port);
    Packet other;
    Packet& packet = plain ? state.rtp.add() : other;
    packet.payload = payload;
    packet.leg = leg;
    load_address(udp.source(), udp.v6, packet.source.low, packet.source.high);
    std::uint16_t source_port = 0;
    std::memcpy(&source_port, udp.udp, sizeof source_port);
    packet.source.port_family = source_port | (udp.v6 ? 6U << 16U : 4U << 16U);
    packet.length = udp.payload_bytes;
    // Padding behind the IP packet is room as well.
    packet.tailroom =
        static_cast<std::uint16_t>(frame.data + frame.length + frame.tailroom - payload - udp.payload_bytes);
    packet.frame = static_cast<std::uint8_t>(i);
    packet.rtcp_port = port % 2 != 0;
    packet.latch = false;
    if (!plain) [[unlikely]] {
      DropReason reason{};
      Batch* batch = sort_out(state, packet, reason);
      if (batch != nullptr) {
        batch->add() = packet;
      } else {
        state.drop(burst, packet, reason);
      }
    }
  }
}

}  // namespace isthmus::pipeline
