// Frame -> local address -> port -> leg, and what kind of packet it is.

#include <cstring>

#include "dataplane/io/tcp_port.h"
#include "dataplane/pipeline/state.h"
#include "dataplane/wire/demux.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::pipeline {
namespace {

// Both halves of an address as they lie in the header; IPv4 has its four bytes in the low one.
template <bool kV6>
void load_address(const std::uint8_t* from, std::uint64_t& low, std::uint64_t& high) {
  if constexpr (kV6) {
    std::memcpy(&low, from, 8);
    std::memcpy(&high, from + 8, 8);
    return;
  }
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  low = word;
  high = 0;
}

DropReason why_no_leg(const State& state, const AddressRow& row, std::uint32_t port) {
  return state.tables.resting(row, port, state.time.now.monotonic_ns) ? DropReason::kPortResting
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

// One family at a time, so that the compiler drops the other one's branches.
template <bool kV6>
session::Leg* find_leg(const State& state, const wire::UdpFrame& udp, std::uint8_t io_port, DropReason& reason) {
  AddressKey to;
  load_address<kV6>(udp.ip + (kV6 ? 24 : 16), to.low, to.high);
  to.family = (kV6 ? 6U : 4U) | (io_port == io::kTcpPort ? kOverTcp : 0U);
  const AddressRow* row = state.tables.find(to);
  if (row == nullptr) [[unlikely]] {
    reason = DropReason::kNotOurAddress;
    return nullptr;
  }
  const std::uint32_t port = udp.destination_port();
  if (port - row->first_port >= row->ports) [[unlikely]] {
    reason = DropReason::kNotOurPort;
    return nullptr;
  }
  session::Leg* leg = state.tables.leg(*row, port);
  if (leg == nullptr) [[unlikely]]
    reason = why_no_leg(state, *row, port);
  return leg;
}

template <bool kV6>
bool fill(const State& state, const wire::UdpFrame& udp, const io::Frame& frame, std::size_t place, Packet& packet,
          DropReason& reason) {
  session::Leg* leg = find_leg<kV6>(state, udp, frame.port, reason);
  if (leg == nullptr) [[unlikely]]
    return false;
  __builtin_prefetch(&leg->receive);
  __builtin_prefetch(&leg->receive.packets, 1);
  packet.payload = udp.payload();
  packet.leg = leg;
  load_address<kV6>(udp.ip + (kV6 ? 8 : 12), packet.source.low, packet.source.high);
  std::uint16_t source_port = 0;
  std::memcpy(&source_port, udp.udp, sizeof source_port);
  packet.source.port_family = source_port | (kV6 ? 6U << 16U : 4U << 16U);
  packet.length = udp.payload_bytes;
  packet.frame = static_cast<std::uint8_t>(place);
  packet.rtcp_port = (udp.udp[3] & 1U) != 0;
  packet.latch = false;
  packet.generated = false;
  packet.dscp = wire::dscp_of<kV6>(udp.ip);
  return true;
}

bool parse(const State& state, const io::Frame& frame, std::size_t place, Packet& packet, DropReason& reason) {
  wire::UdpFrame udp;
  if (frame.length >= wire::kHeadersV4) [[likely]] {
    const std::uint16_t type = load_be16(frame.data + 12);
    if (type == wire::kEtherTypeIpv4) [[likely]] {
      if (wire::parse_udp_v4(frame.data, frame.length, udp)) [[likely]]
        return fill<false>(state, udp, frame, place, packet, reason);
    } else if (type == wire::kEtherTypeIpv6 && wire::parse_udp_v6(frame.data, frame.length, udp)) {
      return fill<true>(state, udp, frame, place, packet, reason);
    }
  }
  reason = wire::why_not_udp(frame.data, frame.length);
  return false;
}

/// Everything that is not RTP on an RTP port.
void divert(State& state, io::Burst& burst, const Packet& packet) {
  DropReason reason{};
  if (Batch* batch = sort_out(state, packet, reason); batch != nullptr) {
    batch->add() = packet;
  } else {
    state.drop(burst, packet, reason);
  }
}

}  // namespace

void classify(State& state, io::Burst& burst) {
  constexpr std::size_t kAhead = 4;
  const std::size_t count = burst.count;
  std::size_t rtp = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count && i < kAhead; ++i) __builtin_prefetch(burst.frames[i].data);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) {
      const std::uint8_t* ahead = burst.frames[i + kAhead].data;
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + 64);
      __builtin_prefetch(ahead + 128);
    }
    const io::Frame& frame = burst.frames[i];
    bytes += frame.length;
    Packet& packet = state.rtp.packets[rtp];
    DropReason reason{};
    if (!parse(state, frame, i, packet, reason)) [[unlikely]] {
      state.drop_frame(frame, reason);
    } else if (is_plain_rtp(packet)) [[likely]] {
      ++rtp;
    } else {
      divert(state, burst, packet);
    }
  }
  state.rtp.count = rtp;
  state.link.counters.received.add(count);
  state.link.counters.received_bytes.add(bytes);
}

}  // namespace isthmus::pipeline
