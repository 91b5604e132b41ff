// RTCP of a peer ends here: its reports become figures of the leg, its feedback is translated for the other leg's peer.
// BYE ends nothing (threat model B2).

#include <algorithm>
#include <cmath>

#include "dataplane/payload/picture_request.h"
#include "dataplane/payload/report_extension.h"
#include "dataplane/pipeline/adapt.h"
#include "dataplane/pipeline/feedback.h"
#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtcp.h"

namespace isthmus::pipeline {
namespace {

using session::Leg;
using wire::RtcpPacket;
using wire::RtcpType;

constexpr std::size_t kFeedbackBytes = 8;        // RFC 4585 6.1: two SSRCs before the FCI
constexpr std::size_t kReceiverReportBytes = 4;  // RFC 3550 6.4: before the blocks
constexpr std::size_t kSenderReportBytes = 24;
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

bool is_microsoft(const Leg& leg) { return leg.config->feedback == contract::FeedbackDialect::kMicrosoft; }

/// Our stream, or with a Microsoft peer whatever it is that we send.
bool means_us(const Leg& leg, const RtcpPacket& packet) {
  const auto media = wire::feedback_media_ssrc(packet);
  return media == leg.transmit.ssrc || (media == payload::kSourceAny && is_microsoft(leg));
}

/// The peer says what it can show, again and again with the same id ([MS-RTP] 2.2.12.2). A key frame is asked for once.
/// False: it is one, and is malformed.
bool take_source_request(State& state, Leg& leg, const RtcpPacket& packet) {
  const Bytes fci = packet.body.subspan(std::min(kFeedbackBytes, packet.body.size()));
  const auto request = payload::read_source_request(fci);
  if (!request) return !payload::is_source_request(fci);
  session::LegFeedback& feedback = leg.feedback;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint64_t bit_rate = 0;
  for (std::size_t i = 0; i < request->entry_count; ++i) {
    width = std::max<std::uint32_t>(width, request->entries[i].max_width);
    height = std::max<std::uint32_t>(height, request->entries[i].max_height);
    bit_rate = std::max(bit_rate, request->entries[i].highest_bit_rate());
  }
  feedback.peer_max_width.set(width);
  feedback.peer_max_height.set(height);
  feedback.peer_max_bit_rate.set(bit_rate);
  const bool repeated = feedback.peer_request_id == request->request_id;
  feedback.peer_request_id = request->request_id;
  if (!request->key_frame || repeated) return true;
  Leg& far = *leg.receive.far;
  far.feedback.pli_wanted = true;
  wake_feedback(state, far);
  return true;
}

/// What follows the blocks of a Microsoft peer's report ([MS-RTP] 2.2.11); all but its estimate is passed over.
void take_extensions(Leg& leg, const RtcpPacket& packet) {
  const std::size_t info = packet.type == RtcpType::kSenderReport ? kSenderReportBytes : kReceiverReportBytes;
  const std::size_t begin = info + packet.count * wire::kReportBlockBytes;
  if (begin >= packet.body.size()) return;
  payload::ReportExtensionReader reader(packet.body.subspan(begin));
  payload::ReportExtension extension;
  while (reader.next(extension)) {
    const auto estimate = payload::read_estimated_bandwidth(extension);
    if (estimate) leg.feedback.peer_bandwidth.set(estimate->bits_per_second);
  }
}

/// False: malformed.
bool take_picture_request(State& state, Leg& leg, const RtcpPacket& packet) {
  Leg& far = *leg.receive.far;
  if (packet.count == wire::kFormatPli) {
    if (!means_us(leg, packet)) return true;
    far.feedback.pli_wanted = true;
    wake_feedback(state, far);
  } else if (packet.count == wire::kFormatFir) {
    constexpr std::size_t kMaxEntries = 8;
    for (std::size_t i = 0; i < kMaxEntries; ++i) {
      const auto entry = wire::read_fir(packet, i);
      if (!entry) return true;
      if (entry->ssrc != leg.transmit.ssrc) continue;
      far.feedback.fir_wanted = true;
      // A Microsoft peer says nothing of `ccm fir`; the far one may know `nack pli` alone.
      far.feedback.pli_wanted |= is_microsoft(leg);
      wake_feedback(state, far);
    }
  } else if (packet.count == payload::kFormatApplication && is_microsoft(leg)) {
    return take_source_request(state, leg, packet);
  }
  return true;
}

/// The peer names our sequence numbers; its source knows its own. Only those of the present mapping can be translated.
void take_nack(State& state, Leg& leg, const RtcpPacket& packet) {
  Leg& far = *leg.receive.far;
  session::LegFeedback& feedback = far.feedback;
  if (packet.count != wire::kFormatNack || wire::feedback_media_ssrc(packet) != leg.transmit.ssrc) return;
  for (std::size_t i = 0; i < feedback.nack.size() + 1; ++i) {
    const auto entry = wire::read_nack(packet, i);
    if (!entry) return;
    auto wanted = static_cast<std::uint16_t>(*entry >> 16U);
    if (far.receive.adapts != 0) wanted = place_of(*far.video, wanted).value_or(wanted);
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

/// False: something in it is malformed; the rest was taken.
bool take_compound(State& state, Leg& leg, Bytes compound) {
  wire::RtcpReader reader(compound);
  RtcpPacket packet;
  bool right = true;
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
        if (is_microsoft(leg)) take_extensions(leg, packet);
        break;
      case RtcpType::kPayloadFeedback: right &= take_picture_request(state, leg, packet); break;
      case RtcpType::kTransportFeedback: take_nack(state, leg, packet); break;
      default: break;
    }
  }
  return right;
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
    if (take_compound(state, *packet.leg, compound)) {
      state.consume(burst, packet);
    } else {
      state.drop(burst, packet, DropReason::kRtcpMalformed);
    }
  }
}

}  // namespace isthmus::pipeline
