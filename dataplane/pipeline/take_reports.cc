// RTCP of a peer ends here: its reports become figures of the leg, its feedback is translated for the other leg's peer.
// BYE ends nothing (threat model B2).

#include <cmath>

#include "dataplane/pipeline/own_packets.h"
#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtcp.h"

namespace isthmus::pipeline {
namespace {

using session::Leg;
using wire::RtcpPacket;
using wire::RtcpType;

constexpr std::uint32_t kMaxRoundTrip = 60U << 16U;  // a minute, in 1/65536 s; more is a peer's mistake

void take_block(const State& state, Leg& leg, const wire::ReportBlock& block) {
  if (block.ssrc != leg.transmit.ssrc) return;
  leg.reports.peer_lost.set(block.cumulative_lost);
  const std::uint32_t clock_hz = leg.receive.far->receive.clock_out_hz;
  if (clock_hz != 0) leg.reports.peer_jitter_ms.set(block.jitter * 1000.0 / clock_hz);
  if (block.last_sr == 0) return;
  // RFC 3550 6.4.1: round trip = A - LSR - DLSR.
  const std::uint32_t now = wire::ntp_middle(wire::ntp_from_unix_ns(state.time.now.unix_ns));
  const std::uint32_t round_trip = now - block.last_sr - block.delay_since_last_sr;
  if (round_trip < kMaxRoundTrip) leg.reports.round_trip_ms.set(round_trip * 1000.0 / 65536.0);
}

void take_picture_request(State& state, Leg& leg, const RtcpPacket& packet) {
  Leg& far = *leg.receive.far;
  if (packet.count == wire::kFormatPli) {
    if (wire::feedback_media_ssrc(packet) != leg.transmit.ssrc) return;
    far.feedback.pli_wanted = true;
    wake_feedback(state, far);
  } else if (packet.count == wire::kFormatFir) {
    constexpr std::size_t kMaxEntries = 8;
    for (std::size_t i = 0; i < kMaxEntries; ++i) {
      const auto entry = wire::read_fir(packet, i);
      if (!entry) return;
      if (entry->ssrc != leg.transmit.ssrc) continue;
      far.feedback.fir_wanted = true;
      wake_feedback(state, far);
    }
  }
}

/// The peer names our sequence numbers; its source knows its own. Only those of the present mapping can be translated.
void take_nack(State& state, Leg& leg, const RtcpPacket& packet) {
  Leg& far = *leg.receive.far;
  session::LegFeedback& feedback = far.feedback;
  if (packet.count != wire::kFormatNack || wire::feedback_media_ssrc(packet) != leg.transmit.ssrc) return;
  for (std::size_t i = 0; i < feedback.nack.size() + 1; ++i) {
    const auto entry = wire::read_nack(packet, i);
    if (!entry) return;
    const auto wanted = static_cast<std::uint16_t>(*entry >> 16U);
    const auto behind = static_cast<std::uint16_t>(far.receive.highest_out - wanted);
    const bool before_mapping =
        far.former.until_ns != 0 && static_cast<std::uint16_t>(wanted - far.former.end_out) >= 0x8000U;
    if (far.receive.slow & session::LegReceive::kNotMapped || behind >= kMaxDropout || before_mapping ||
        feedback.nack_count == feedback.nack.size()) {
      state.link.counters.feedback_lost.add(1);
      continue;
    }
    const auto theirs = static_cast<std::uint16_t>(wanted - far.receive.sequence_offset);
    feedback.nack[feedback.nack_count++] = (std::uint32_t{theirs} << 16U) | (*entry & 0xffffU);
    wake_feedback(state, far);
  }
}

void take_compound(State& state, Leg& leg, Bytes compound) {
  wire::RtcpReader reader(compound);
  RtcpPacket packet;
  while (reader.next(packet)) {
    switch (packet.type) {
      case RtcpType::kSenderReport:
        if (const auto info = wire::read_sender_info(packet)) {
          leg.reports.sr_ntp_middle = wire::ntp_middle(info->ntp);
          leg.reports.sr_arrival_ns = state.time.now.monotonic_ns;
          leg.reports.sr_ssrc = packet.sender_ssrc();
        }
        [[fallthrough]];
      case RtcpType::kReceiverReport:
        for (std::size_t i = 0; i < packet.count; ++i) {
          if (const auto block = wire::read_report_block(packet, i)) take_block(state, leg, *block);
        }
        break;
      case RtcpType::kPayloadFeedback: take_picture_request(state, leg, packet); break;
      case RtcpType::kTransportFeedback: take_nack(state, leg, packet); break;
      default: break;
    }
  }
}

}  // namespace

void take_reports(State& state, io::Burst& burst) {
  for (std::size_t i = 0; i < state.rtcp.count; ++i) {
    const Packet& packet = state.rtcp.packets[i];
    const Bytes compound(packet.payload, packet.length);
    if (!wire::RtcpReader::valid(compound)) {
      state.drop(burst, packet, DropReason::kRtcpMalformed);
      continue;
    }
    packet.leg->reports.received.add(1);
    take_compound(state, *packet.leg, compound);
    state.consume(burst, packet);
  }
}

}  // namespace isthmus::pipeline
