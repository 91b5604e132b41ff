#include "dataplane/pipeline/map_source.h"

#include <algorithm>

namespace isthmus::pipeline {
namespace {

using session::Leg;
using session::LegReceive;
using session::PayloadRule;

/// Where the outgoing timestamps go on after a break: as much later as the clock says, and at least one tick.
std::uint32_t next_timestamp(const State& state, const Leg& leg) {
  const LegReceive& receive = leg.receive;
  const std::uint64_t silent_ns = state.time.now.monotonic_ns - receive.last_ns.get();
  const std::uint64_t ticks = silent_ns / 1000 * receive.clock_out_hz / 1'000'000;
  return receive.last_timestamp_out + std::max(static_cast<std::uint32_t>(ticks), 1U);
}

void start_clock(Leg& leg, const PayloadRule& rule, std::uint32_t timestamp_in, std::uint32_t timestamp_out) {
  LegReceive& receive = leg.receive;
  receive.clock_hz.set(rule.from_clock_hz);
  receive.clock_out_hz = rule.to_clock_hz;
  receive.timestamp_offset = timestamp_out - timestamp_in;
  const bool scaled = rule.from_clock_hz != rule.to_clock_hz;
  leg.scale = {scaled, timestamp_in, 0, timestamp_out, rule.from_clock_hz, rule.to_clock_hz};
  receive.slow =
      static_cast<std::uint8_t>(scaled ? receive.slow | LegReceive::kScale : receive.slow & ~LegReceive::kScale);
}

std::uint32_t scaled_timestamp(session::ClockScale& scale, std::uint32_t timestamp_in) {
  scale.ticks_in += static_cast<std::int32_t>(timestamp_in - scale.last_in);
  scale.last_in = timestamp_in;
  // Whole seconds and the rest apart, so that nothing overflows and no rounding adds up.
  const std::int64_t seconds = scale.ticks_in / scale.from_hz;
  const std::int64_t rest = scale.ticks_in % scale.from_hz;
  return scale.base_out + static_cast<std::uint32_t>(seconds * scale.to_hz + rest * scale.to_hz / scale.from_hz);
}

/// A source begins (or begins again): its first packet takes the next number of the outgoing stream.
void start_source(const State& state, Leg& leg, const wire::RtpHeader& header, const PayloadRule& rule) {
  LegReceive& receive = leg.receive;
  Leg& far = *receive.far;
  const std::uint64_t received = receive.packets.get();
  leg.reports.lost_before.set(session::packets_lost(leg));
  leg.former = {receive.ssrc, receive.sequence_offset, receive.timestamp_offset, 0, 0};
  std::uint16_t sequence = far.config->initial_sequence;
  std::uint32_t timestamp = far.config->initial_timestamp;
  if (!far.first_mapping) {
    sequence = static_cast<std::uint16_t>(receive.highest_out + 1);
    timestamp = next_timestamp(state, leg);
    leg.former.end_out = sequence;
    leg.former.until_ns = leg.scale.used ? 0 : state.time.now.monotonic_ns + kLatePacketNs;
  }
  far.first_mapping = false;
  receive.ssrc = header.ssrc;
  receive.sequence_offset = static_cast<std::uint16_t>(sequence - header.sequence);
  receive.highest_out = static_cast<std::uint16_t>(sequence - 1);
  start_clock(leg, rule, header.timestamp, timestamp);
  receive.highest.set(header.sequence);
  receive.jitter_q4.set(0);
  receive.transit = state.time.ticks(rule.from_clock_hz) - header.timestamp;
  leg.reports.base.set(header.sequence);
  leg.reports.received_base.set(received);
  leg.reports.expected_prior = 0;
  leg.reports.received_prior = 0;
  receive.slow &= static_cast<std::uint8_t>(~LegReceive::kNotMapped);
}

/// A packet of the source before, overtaken by the first ones of the present source.
bool map_former(const State& state, const Leg& leg, const wire::RtpHeader& header, OutgoingRtp& out) {
  const session::FormerMapping& former = leg.former;
  if (header.ssrc != former.ssrc || state.time.now.monotonic_ns >= former.until_ns) return false;
  out.sequence = static_cast<std::uint16_t>(header.sequence + former.sequence_offset);
  out.timestamp = header.timestamp + former.timestamp_offset;
  const auto behind = static_cast<std::uint16_t>(former.end_out - out.sequence);
  return behind != 0 && behind < kMaxDropout;
}

void announce(State& state, Leg& leg, const Packet& packet) {
  leg.receive.slow &= static_cast<std::uint8_t>(~LegReceive::kAnnounce);
  session::WorkerEvent event;
  event.kind = session::WorkerEvent::Kind::kMediaStarted;
  event.session = leg.stream->config->session;
  event.stream = leg.stream->config->stream;
  event.side = leg.side;
  event.source = packet.source.address();
  state.event(event);
}

}  // namespace

bool map_source(State& state, Leg& leg, const Packet& packet, const wire::RtpHeader& header, OutgoingRtp& out,
                DropReason& reason) {
  LegReceive& receive = leg.receive;
  if ((receive.slow & LegReceive::kHeld) != 0) {
    reason = DropReason::kDirectionClosed;
    return false;
  }
  const PayloadRule* const found = leg.config->rule(header.payload_type);
  reason = found != nullptr ? DropReason::kSsrcOutOfRange : DropReason::kPayloadTypeUnknown;
  if (found == nullptr || !leg.config->peer_ssrcs.contains(header.ssrc)) return false;
  const PayloadRule& rule = *found;
  out.payload_type = rule.to;
  if ((receive.slow & LegReceive::kAnnounce) != 0) announce(state, leg, packet);

  const auto ahead = static_cast<std::uint16_t>(header.sequence - receive.highest.get());
  const auto behind = static_cast<std::uint16_t>(0U - ahead);
  const bool mapped = (receive.slow & LegReceive::kNotMapped) == 0;
  if (mapped && header.ssrc != receive.ssrc && map_former(state, leg, header, out)) {
    leg.reports.received_base.add(1);  // it counts as received, but not of the present source
    leg.reports.lost_before.add(-1);
    out.former_source = true;
    return true;
  }
  if (!mapped || header.ssrc != receive.ssrc || (ahead >= kMaxDropout && behind >= kMaxDropout)) {
    start_source(state, leg, header, rule);
  } else if (rule.from_clock_hz != leg.scale.from_hz || rule.to_clock_hz != leg.scale.to_hz) {
    // RFC 7160: another clock within one source; the outgoing timestamps go on from the arrival time.
    start_clock(leg, rule, header.timestamp, next_timestamp(state, leg));
    receive.transit = state.time.ticks(rule.from_clock_hz) - header.timestamp;
  } else if (ahead < kMaxDropout) {
    receive.highest.set(receive.highest.get() + ahead);
  }
  receive.payload_in.set(header.payload_type);
  receive.payload_out = rule.to;
  out.sequence = static_cast<std::uint16_t>(header.sequence + receive.sequence_offset);
  out.timestamp =
      leg.scale.used ? scaled_timestamp(leg.scale, header.timestamp) : header.timestamp + receive.timestamp_offset;
  if (static_cast<std::uint16_t>(out.sequence - receive.highest_out) < 0x8000U) {
    receive.highest_out = out.sequence;
    receive.last_timestamp_out = out.timestamp;
  }
  return true;
}

}  // namespace isthmus::pipeline
