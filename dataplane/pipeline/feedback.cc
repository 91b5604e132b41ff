#include "dataplane/pipeline/feedback.h"

#include <algorithm>
#include <array>

#include "dataplane/payload/picture_request.h"
#include "dataplane/pipeline/own_packets.h"

namespace isthmus::pipeline {
namespace {

using session::Leg;

bool is_video(const Leg& leg) { return leg.stream->config->kind == contract::MediaKind::kVideo; }

struct PictureSize {
  std::uint16_t width;
  std::uint16_t height;
  constexpr std::uint32_t macroblocks() const { return (width + 15U) / 16U * ((height + 15U) / 16U); }
};
// Sizes that Microsoft clients list themselves (a=x-caps, [MS-SDPEXT] 3.1.5.24), up to what is forwarded at most.
constexpr std::array kSizes = {PictureSize{1280, 720}, PictureSize{640, 480}, PictureSize{640, 360},
                               PictureSize{352, 288}, PictureSize{176, 144}};
constexpr std::uint32_t kFramesPerSecond = 30;

/// The largest size that the peer decodes (RFC 6184 8.1: level, max-fs; 0: not known), at 15 pictures a second at
/// least.
PictureSize largest_size(const contract::VideoSpec& peer) {
  for (const PictureSize size : kSizes) {
    const bool fits = peer.max_frame_macroblocks == 0 || size.macroblocks() <= peer.max_frame_macroblocks;
    const bool in_time = peer.max_macroblocks_per_second == 0 ||
                         size.macroblocks() * (kFramesPerSecond / 2) <= peer.max_macroblocks_per_second;
    if (fits && in_time) return size;
  }
  return kSizes.back();  // every level decodes it
}

// What the far peer of a converted call can show: 720p at 15 or 30 fps, or less by its limits. Pictures of constrained
// baseline, since that is what every H.264 peer decodes; one entry, as no more than one stream is forwarded.
payload::SourceEntry wanted_entry(const Leg& leg) {
  constexpr std::uint8_t kUsualPayloadType = 122;
  payload::SourceEntry entry;
  entry.payload_type = kUsualPayloadType;
  if (!leg.config->payload.empty()) entry.payload_type = leg.config->payload.front().from;
  entry.mode = 1;
  entry.flags = payload::kConstrainedBaselineOnly;
  entry.aspect_ratios = payload::kAspect4x3 | payload::kAspect16x9;
  const contract::VideoSpec& far = leg.receive.far->config->video;
  const PictureSize size = largest_size(far);
  entry.max_width = size.width;
  entry.max_height = size.height;
  entry.min_bit_rate = 300'000;
  entry.bit_rate_per_level = 120'000;
  entry.bit_rates.back() = 1;  // 1.38 to 1.5 Mbit/s
  entry.frame_rates = payload::kRate15;
  if (far.max_macroblocks_per_second == 0 || size.macroblocks() * kFramesPerSecond <= far.max_macroblocks_per_second) {
    entry.frame_rates |= payload::kRate30;
  }
  entry.may_instances = 1;
  entry.qualities[0] = 1;
  entry.max_pixels = std::uint32_t{size.width} * size.height;
  return entry;
}

/// Feedback alone in its packet ([MS-RTP] 2.2.12), and the source request with the same wish behind it.
void ask_microsoft(State& state, Leg& leg, io::Burst& out) {
  session::LegFeedback& feedback = leg.feedback;
  feedback.pli_wanted = feedback.fir_wanted = false;
  feedback.last_picture_request_ns = state.time.now.monotonic_ns;
  const auto send = [&](auto write) {
    if (out.full()) return;
    OwnFrame own = allocate_own(state);
    if (own.payload == nullptr) return;
    wire::RtcpWriter writer(MutableBytes(own.payload, own.room));
    write(writer);
    send_rtcp(state, leg, out, own, writer);
  };
  if (leg.receive.packets.get() > 0) {
    send([&](wire::RtcpWriter& writer) {
      const auto fci = payload::write_extended_pli({++feedback.pli_id, 1});
      writer.payload_feedback(wire::kFormatPli, leg.transmit.ssrc, leg.receive.ssrc, fci);
    });
  }
  send([&](wire::RtcpWriter& writer) { request_source(leg, writer, true); });
}

/// Media to the peer can go from now on. Its source is asked for a key frame, and if the peer is one that has to be
/// asked for its own media, that goes with a report at once (R83: media flows right after the answer).
void start(State& state, Leg& leg) {
  leg.feedback.start_wanted = false;
  Leg& far = *leg.receive.far;
  if (!is_video(leg)) return;
  if (asks_for_source(leg)) leg.reports.next_report_ns = state.time.now.monotonic_ns;
  if (far.receive.adapts == 0) return;
  far.video->had_idr = false;
  if (far.video->to == contract::VideoFormat::kH264Uc) {
    leg.feedback.asks_left = kStartAsks;
    leg.feedback.repeats_left = kAskRepeats;
    leg.feedback.asked_ns = state.time.now.monotonic_ns;
    leg.feedback.ask_again_ns = state.time.now.monotonic_ns + kAskRepeatNs;
    leg.feedback.key_pictures_at_ask = far.video->key_pictures;
  }
  // A peer that has sent nothing yet begins with a key frame by itself.
  if (far.receive.packets.get() == 0 && far.config->feedback == contract::FeedbackDialect::kRfc4585) return;
  far.feedback.pli_wanted = true;
  wake_feedback(state, far);
}

/// Not by RTCP: the control plane asks by SIP INFO, at most once a second a leg (contract).
void tell_picture_wanted(State& state, Leg& leg) {
  session::LegFeedback& feedback = leg.feedback;
  const std::uint64_t now = state.time.now.monotonic_ns;
  if (feedback.last_wanted_event_ns != 0 && now - feedback.last_wanted_event_ns < kPictureWantedEventNs) return;
  feedback.last_wanted_event_ns = now;
  session::WorkerEvent event;
  event.kind = session::WorkerEvent::Kind::kPictureWanted;
  event.session = leg.stream->config->session;
  event.stream = leg.stream->config->stream;
  event.side = leg.side;
  state.event(event);
}

}  // namespace

void ask_again(State& state, Leg& leg) {
  session::LegFeedback& feedback = leg.feedback;
  const std::uint64_t now = state.time.now.monotonic_ns;
  if ((feedback.asks_left == 0 && feedback.repeats_left == 0) || now - feedback.asked_ns < kAskRepeatNs) return;
  Leg& far = *leg.receive.far;
  if (far.receive.adapts == 0 || far.receive.packets.get() == 0) return;
  const bool answered = far.video->key_pictures != feedback.key_pictures_at_ask;
  if (!answered && feedback.repeats_left > 0) {
    --feedback.repeats_left;
  } else if (feedback.asks_left > 0 && now >= feedback.ask_again_ns) {
    --feedback.asks_left;
  } else {
    return;
  }
  feedback.asked_ns = now;
  feedback.ask_again_ns = now + kStartAskNs;
  feedback.key_pictures_at_ask = far.video->key_pictures;
  far.feedback.pli_wanted = true;
  wake_feedback(state, far);
}

bool asks_for_source(const Leg& leg) {
  return leg.config->feedback == contract::FeedbackDialect::kMicrosoft && is_video(leg);
}

void request_source(Leg& leg, wire::RtcpWriter& writer, bool key_frame) {
  session::LegFeedback& feedback = leg.feedback;
  const bool wanted = leg.config->receive && leg.receive.far->config->send;
  if (key_frame || feedback.source_request_id == 0 || wanted != feedback.source_requested) {
    ++feedback.source_request_id;
    feedback.source_requested = wanted;
    feedback.key_frame_wanted = key_frame;
  }
  payload::SourceRequest request;
  request.source = wanted ? payload::kSourceAny : payload::kSourceNone;
  request.request_id = feedback.source_request_id;
  request.key_frame = feedback.key_frame_wanted;
  if (wanted) request.entries[request.entry_count++] = wanted_entry(leg);
  std::array<std::uint8_t, payload::kSourceRequestBytes + payload::kSourceEntryBytes> fci;
  const std::size_t bytes = payload::write_source_request(request, fci);
  writer.payload_feedback(payload::kFormatApplication, leg.transmit.ssrc, request.source, Bytes(fci).first(bytes));
}

void send_leg_feedback(State& state, Leg& leg, io::Burst& out) {
  session::LegFeedback& feedback = leg.feedback;
  const std::uint64_t now = state.time.now.monotonic_ns;
  if (feedback.start_wanted) start(state, leg);
  const bool picture =
      (feedback.pli_wanted || feedback.fir_wanted) && now - feedback.last_picture_request_ns >= kPictureRequestNs;
  if (!picture && feedback.nack_count == 0) return;  // too early; the scan comes back to it
  // Where only ICE can tell the peer's address, it is asked as soon as that is known.
  if (picture && leg.config->ice && leg.transmit_rtcp.port_family == 0) return;
  if (picture && (leg.config->feedback == contract::FeedbackDialect::kNone || !can_send_rtcp(leg))) {
    tell_picture_wanted(state, leg);
  }
  if (picture && asks_for_source(leg) && can_send_rtcp(leg)) {
    ask_microsoft(state, leg, out);
    return;
  }
  if (leg.receive.packets.get() == 0 || leg.config->feedback == contract::FeedbackDialect::kNone ||
      !can_send_rtcp(leg)) {
    state.link.counters.feedback_lost.add(1);
    feedback.pli_wanted = feedback.fir_wanted = false;
    feedback.nack_count = 0;
    return;
  }
  OwnFrame own = allocate_own(state);
  if (own.payload == nullptr) return;
  wire::RtcpWriter writer(MutableBytes(own.payload, own.room));
  const std::uint32_t ours = leg.transmit.ssrc;
  // RFC 4585 3.1: feedback travels behind a report; an empty one leaves the intervals of the real ones alone.
  writer.receiver_report(ours, {});
  writer.cname(ours, cname(leg));
  if (picture) {
    if (feedback.pli_wanted) writer.pli(ours, leg.receive.ssrc);
    if (feedback.fir_wanted) writer.fir(ours, leg.receive.ssrc, ++feedback.fir_sequence);
    feedback.pli_wanted = feedback.fir_wanted = false;
    feedback.last_picture_request_ns = now;
  }
  if (feedback.nack_count > 0) {
    writer.nack(ours, leg.receive.ssrc, {feedback.nack.data(), feedback.nack_count});
    feedback.nack_count = 0;
  }
  send_rtcp(state, leg, out, own, writer);
}

void wake_feedback(State& state, Leg& leg) {
  for (std::size_t i = 0; i < state.urgent_count; ++i) {
    if (state.urgent[i] == &leg) return;
  }
  if (state.urgent_count < kMaxUrgent) state.urgent[state.urgent_count++] = &leg;
}

void send_feedback(State& state, io::Burst& out) {
  while (state.urgent_count > 0 && !out.full()) {
    Leg& leg = *state.urgent[--state.urgent_count];  // it may wake its far leg
    send_leg_feedback(state, leg, out);
  }
}

}  // namespace isthmus::pipeline
