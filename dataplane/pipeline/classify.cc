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

bool is_plain_rtp(const Packet& packet) {
  return packet.length >= wire::kMinRtpBytes && (packet.payload[0] >> 6U) == 2 &&
         !wire::is_rtcp_type(packet.payload[1]) && !packet.rtcp_port;
}

/// What a frame is to us: the leg that has its port, or why there is none.
session::Leg* find_leg(const State& state, const wire::UdpFrame& udp, DropReason& reason) {
  AddressKey to;
  load_address(udp.destination(), udp.v6, to.low, to.high);
  to.family = udp.v6 ? 6 : 4;
  const AddressRow* row = state.tables.find(to);
  if (row == nullptr) [[unlikely]] {
    reason = DropReason::kNotOurAddress;
    return nullptr;
  }
  const std::uint32_t offset = std::uint32_t{udp.destination_port()} - row->first_port;
  if (offset >= row->ports) [[unlikely]] {
    reason = DropReason::kNotOurPort;
    return nullptr;
  }
  session::Leg* leg = state.tables.leg(*row, offset);
  if (leg == nullptr) [[unlikely]]
    reason = why_no_leg(state, *row, offset);
  return leg;
}

void fill(Packet& packet, const io::Frame& frame, const wire::UdpFrame& udp, session::Leg* leg, std::size_t place) {
  packet.payload = udp.payload();
  packet.leg = leg;
  load_address(udp.source(), udp.v6, packet.source.low, packet.source.high);
  std::uint16_t source_port = 0;
  std::memcpy(&source_port, udp.udp, sizeof source_port);
  packet.source.port_family = source_port | (udp.v6 ? 6U << 16U : 4U << 16U);
  packet.length = udp.payload_bytes;
  // Padding behind the IP packet is room as well.
  packet.tailroom =
      static_cast<std::uint16_t>(frame.data + frame.length + frame.tailroom - packet.payload - udp.payload_bytes);
  packet.frame = static_cast<std::uint8_t>(place);
  packet.rtcp_port = udp.destination_port() % 2 != 0;
  packet.latch = false;
}

}  // namespace

void classify(State& state, io::Burst& burst) {
  constexpr std::size_t kAhead = 4;
  const std::size_t count = burst.count;
  std::size_t rtp = 0;
  for (std::size_t i = 0; i < count && i < kAhead; ++i) __builtin_prefetch(burst.frames[i].data);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(burst.frames[i + kAhead].data);
    const io::Frame& frame = burst.frames[i];
    wire::UdpFrame udp;
    if (!wire::parse_udp(frame.data, frame.length, udp)) [[unlikely]] {
      state.drop_frame(frame, wire::why_not_udp(frame.data, frame.length));
      continue;
    }
    DropReason reason{};
    session::Leg* leg = find_leg(state, udp, reason);
    if (leg == nullptr) [[unlikely]] {
      state.drop_frame(frame, reason);
      continue;
    }
    __builtin_prefetch(&leg->receive);
    __builtin_prefetch(&leg->receive.packets, 1);
    Packet& packet = state.rtp.packets[rtp];
    fill(packet, frame, udp, leg, i);
    if (is_plain_rtp(packet)) [[likely]] {
      ++rtp;
      continue;
    }
    if (Batch* batch = sort_out(state, packet, reason); batch != nullptr) {
      batch->add() = packet;
    } else {
      state.drop(burst, packet, reason);
    }
  }
  state.rtp.count = rtp;
}

}  // namespace isthmus::pipeline
