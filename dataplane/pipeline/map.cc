// Each leg is its own RTP session: payload type, SSRC, sequence number and timestamp of the outgoing stream are ours.
// What came is counted on the way (RFC 3550 A.1, A.8).

#include "dataplane/pipeline/leg_setup.h"
#include "dataplane/pipeline/map_source.h"
#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtp.h"

namespace isthmus::pipeline {
namespace {

using session::Leg;
using session::LegReceive;
using session::LegTransmit;

/// Media octets, or false when header or padding pass the end.
bool measure(Packet& packet) {
  std::size_t header = wire::kMinRtpBytes;
  if ((packet.payload[0] & 0x3fU) != 0) {  // padding, extension or CSRCs
    header = wire::rtp_header_bytes(packet.payload, packet.length);
    std::size_t octets = 0;
    if (header == 0 || !wire::rtp_payload_bytes(packet.payload, packet.length, header, octets)) return false;
    packet.octets = static_cast<std::uint16_t>(octets);
    return true;
  }
  packet.octets = static_cast<std::uint16_t>(packet.length - header);
  return true;
}

void measure_jitter(const BurstTime& time, LegReceive& receive, const wire::RtpHeader& header) {
  // RFC 3550 A.8, in integers: sixteenths of a tick.
  const std::uint32_t transit = time.ticks(receive.clock_hz.get()) - header.timestamp;
  const auto difference = static_cast<std::int32_t>(transit - receive.transit);
  receive.transit = transit;
  const auto distance =
      difference < 0 ? 0U - static_cast<std::uint32_t>(difference) : static_cast<std::uint32_t>(difference);
  const std::uint32_t jitter = receive.jitter_q4.get();
  receive.jitter_q4.set(jitter + distance - ((jitter + 8U) >> 4U));
}

}  // namespace

void map(State& state, io::Burst& burst) {
  Batch& batch = state.rtp;
  std::size_t kept = 0;
  bool secured = false;
  std::uint8_t adapts = 0;
  const BurstTime time = state.time;  // stores to packets could change anything but locals, for all the compiler knows
  const std::size_t count = batch.count;
  for (std::size_t i = 0; i < count; ++i) {
    Packet& packet = batch.packets[i];
    Leg& leg = *packet.leg;
    LegReceive& receive = leg.receive;
    if (!measure(packet)) [[unlikely]] {
      state.drop(burst, packet, DropReason::kRtpMalformed);
      continue;
    }
    const wire::RtpHeader header = wire::RtpHeader::read(packet.payload);
    const std::uint32_t highest = receive.highest.get();
    const auto ahead = static_cast<std::uint16_t>(header.sequence - highest);
    OutgoingRtp out;
    if (receive.slow == 0 && header.ssrc == receive.ssrc && header.payload_type == receive.payload_in.get() &&
        static_cast<std::uint16_t>(ahead - 1) < kMaxDropout - 1) [[likely]] {
      receive.highest.set(highest + ahead);
      out.sequence = static_cast<std::uint16_t>(header.sequence + receive.sequence_offset);
      out.timestamp = header.timestamp + receive.timestamp_offset;
      out.payload_type = receive.payload_out;
      receive.highest_out = out.sequence;
      receive.last_timestamp_out = out.timestamp;
    } else if (DropReason reason{}; !map_source(state, leg, packet, header, out, reason)) {
      state.drop(burst, packet, reason);
      continue;
    }
    receive.packets.add(1);
    receive.bytes.add(packet.octets);
    receive.last_ns.set(time.now.monotonic_ns);
    if (!out.former_source) [[likely]]
      measure_jitter(time, receive, header);
    LegTransmit& transmit = receive.far->transmit;
    if (transmit.state != LegTransmit::kOpen) [[unlikely]] {
      state.drop(burst, packet, why_closed(transmit.state));
      continue;
    }
    secured |= transmit.context != nullptr;
    __builtin_prefetch(transmit.context, 1);
    adapts |= receive.adapts;
    out.write(packet.payload, transmit.ssrc, header.marker);
    if (kept != i) [[unlikely]]
      batch.packets[kept] = packet;
    ++kept;
  }
  batch.count = kept;
  batch.secured_out = secured;
  batch.adapts = adapts != 0;
}

}  // namespace isthmus::pipeline
