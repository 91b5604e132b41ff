#include "dataplane/pipeline/trace.h"

#include <algorithm>
#include <limits>

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtp.h"

namespace isthmus::pipeline {
namespace {

using contract::CryptoOutcome;
using contract::TracedKind;
using contract::TraceEnd;
using contract::TraceFate;
using contract::TraceRule;
using session::PacketTrace;

constexpr TraceFate kUndecided{};

std::uint64_t bit(const Packet& packet) { return std::uint64_t{1} << packet.frame; }

PacketTrace* find(Trace& trace, const Packet& packet) {
  return (trace.open & bit(packet)) != 0 ? &trace.records[packet.frame] : nullptr;
}

void tell(State& state, const PacketTrace& record) {
  Trace& trace = state.trace;
  if (trace.left == 0) return;
  --trace.left;
  if (!state.link.trace.records.push(record)) state.link.trace.lost.add(1);
}

void finish(State& state, PacketTrace& record) {
  // A packet waits for its whole burst; what came behind its last stage is not its time.
  for (std::size_t i = 0; i <= index(record.stage); ++i) record.cycles[i] = state.trace.cycles[i];
  tell(state, record);
}

/// A record for the packet's frame. One of a frame that was dropped and whose place another one has taken goes first.
PacketTrace& open(State& state, const Packet& packet) {
  Trace& trace = state.trace;
  PacketTrace& record = trace.records[packet.frame];
  if ((trace.open & bit(packet)) != 0) finish(state, record);
  trace.open |= bit(packet);
  record = PacketTrace{};
  record.number = trace.number;
  record.side = packet.leg->side;
  record.unix_ns = state.time.now.unix_ns;
  record.burst = trace.burst;
  record.stage = trace.stage;
  return record;
}

PacketTrace& open_received(State& state, const io::Burst& burst, const Packet& packet, TracedKind kind) {
  PacketTrace& record = open(state, packet);
  const io::Frame& frame = burst.frames[packet.frame];
  record.kind = kind;
  record.port_in = frame.port;
  record.queue_in = frame.queue;
  record.source = {packet.source.low, packet.source.high, packet.source.port_family};
  record.bytes_in = packet.length;
  if (kind != TracedKind::kRtp || packet.length < wire::kMinRtpBytes) return record;
  const wire::RtpHeader header = wire::RtpHeader::read(packet.payload);
  record.marker = header.marker;
  record.payload_type_in = header.payload_type;
  record.sequence_in = header.sequence;
  record.timestamp_in = header.timestamp;
  record.ssrc_in = header.ssrc;
  return record;
}

void note_outgoing(PacketTrace& record, const std::uint8_t* payload) {
  const wire::RtpHeader header = wire::RtpHeader::read(payload);
  record.marker = header.marker;
  record.payload_type_out = header.payload_type;
  record.sequence_out = header.sequence;
  record.timestamp_out = header.timestamp;
  record.ssrc_out = header.ssrc;
}

TraceRule rule_of(const Packet& packet) {
  const session::Leg& leg = *packet.leg;
  const bool own_rtcp = packet.rtcp_port && leg.receive.rtcp_mux == 0;
  const bool expected = packet.source.equals(own_rtcp ? leg.rtcp_source : leg.receive.source);
  return expected && !packet.latch ? TraceRule::kExpectedSource : TraceRule::kSourceRule;
}

/// The packet has passed the stage.
void note(PacketTrace& record, Stage stage, const Packet& packet) {
  record.stage = stage;
  const session::LegTransmit& transmit = packet.leg->receive.far->transmit;
  switch (stage) {
    case Stage::kAdmit: record.rule = rule_of(packet); break;
    case Stage::kUnprotect:
      record.opened = packet.leg->receive.context != nullptr ? CryptoOutcome::kOk : CryptoOutcome::kClear;
      break;
    case Stage::kMap: note_outgoing(record, packet.payload); break;
    case Stage::kProtect:
      record.closed = transmit.context != nullptr ? CryptoOutcome::kOk : CryptoOutcome::kClear;
      break;
    case Stage::kWriteHeaders:
      if (record.fate != kUndecided) break;
      record.fate = packet.generated ? TraceFate::kGenerated : TraceFate::kForwarded;
      record.bytes_out = packet.length;
      record.port_out = static_cast<std::uint8_t>(transmit.io_port);
      break;
    case Stage::kTakeReports:
    case Stage::kPunt:
      if (record.fate == kUndecided) record.fate = TraceFate::kConsumed;
      break;
    default: break;
  }
}

void open_classified(State& state, const io::Burst& burst, const Batch& batch, TracedKind kind) {
  for (std::size_t i = 0; i < batch.count; ++i) {
    if (batch.packets[i].leg->traced) open_received(state, burst, batch.packets[i], kind);
  }
}

/// Those that were in the batch before the adapt stage and are not any more.
void note_taken(Trace& trace, const Batch& batch) {
  std::uint64_t left = 0;
  for (std::size_t i = 0; i < batch.count; ++i) left |= bit(batch.packets[i]);
  for (std::size_t frame = 0; frame < io::kBurstSize; ++frame) {
    PacketTrace& record = trace.records[frame];
    const std::uint64_t mask = std::uint64_t{1} << frame;
    if ((trace.open & ~left & mask) == 0) continue;
    if (record.kind != TracedKind::kRtp || record.fate != kUndecided) continue;
    record.stage = Stage::kAdapt;
    record.fate = TraceFate::kAdapted;
  }
}

bool is_crypto(DropReason reason) {
  return reason == DropReason::kSrtpAuthFailed || reason == DropReason::kSrtpReplayed ||
         reason == DropReason::kSrtpKeyExpired || reason == DropReason::kSsrcTableFull ||
         reason == DropReason::kIndexUsed;
}

}  // namespace

void begin_trace(State& state, session::Stream& stream, const session::TraceOrder& order) {
  if (state.trace.active()) end_trace(state, TraceEnd::kClosed);
  Trace& trace = state.trace;
  trace.stream = &stream;
  trace.number = order.number;
  trace.left = order.packets;
  trace.until_ns = state.time.now.monotonic_ns + order.ms * session::kNsPerMs;
  trace.open = 0;
  for (session::Leg& leg : stream.leg) leg.traced = ((order.sides >> index(leg.side)) & 1U) != 0;
  if (!stream.open) end_trace(state, TraceEnd::kClosed);
}

void end_trace(State& state, TraceEnd why) {
  Trace& trace = state.trace;
  if (!trace.active()) return;
  for (session::Leg& leg : trace.stream->leg) leg.traced = false;
  trace.stream = nullptr;
  trace.open = 0;
  state.link.trace.ended.store(std::uint64_t{trace.number} << 8U | static_cast<std::uint64_t>(why),
                               std::memory_order_release);
}

void check_trace(State& state) {
  if (!state.trace.active()) return;
  if (state.trace.left == 0) {
    end_trace(state, TraceEnd::kPackets);
  } else if (state.time.now.monotonic_ns >= state.trace.until_ns) {
    end_trace(state, TraceEnd::kTime);
  }
}

void begin_traced_burst(State& state, std::size_t packets) {
  state.trace.cycles = {};
  state.trace.open = 0;
  state.trace.burst = static_cast<std::uint8_t>(packets);
}

void end_traced_burst(State& state) {
  Trace& trace = state.trace;
  for (std::size_t frame = 0; trace.open != 0 && frame < io::kBurstSize; ++frame) {
    if ((trace.open >> frame & 1U) != 0) finish(state, trace.records[frame]);
  }
  trace.open = 0;
  if (trace.left == 0) end_trace(state, TraceEnd::kPackets);
}

void trace_stage(State& state, const io::Burst& burst, Stage stage, const Batch& batch, std::uint64_t cycles) {
  Trace& trace = state.trace;
  std::uint32_t& sum = trace.cycles[index(stage)];
  sum = static_cast<std::uint32_t>(std::min<std::uint64_t>(sum + cycles, std::numeric_limits<std::uint32_t>::max()));
  if (stage == Stage::kClassify) {
    open_classified(state, burst, state.rtp, TracedKind::kRtp);
    open_classified(state, burst, state.rtcp, TracedKind::kRtcp);
    open_classified(state, burst, state.stun, TracedKind::kStun);
    return;
  }
  for (std::size_t i = 0; i < batch.count; ++i) {
    if (PacketTrace* record = find(trace, batch.packets[i])) note(*record, stage, batch.packets[i]);
  }
  if (stage == Stage::kAdapt) note_taken(trace, batch);
}

void trace_drop(State& state, const io::Burst& burst, const Packet& packet, DropReason reason) {
  if (!state.trace.active()) return;
  PacketTrace* record = find(state.trace, packet);
  // Dropped by the classify stage itself: it is of a kind that the port does not take.
  if (record == nullptr) record = &open_received(state, burst, packet, TracedKind::kRtp);
  record->stage = state.trace.stage;
  record->fate = TraceFate::kDropped;
  record->has_reason = true;
  record->reason = reason;
  if (!is_crypto(reason)) return;
  (record->stage == Stage::kProtect ? record->closed : record->opened) = CryptoOutcome::kFailed;
}

void trace_adapted(State& state, const Packet& packet, const DropReason* reason) {
  PacketTrace* record = state.trace.active() ? find(state.trace, packet) : nullptr;
  if (record == nullptr) return;
  record->stage = Stage::kAdapt;
  record->fate = reason != nullptr ? TraceFate::kDropped : TraceFate::kConsumed;
  if (reason == nullptr) return;
  record->has_reason = true;
  record->reason = *reason;
}

/// It has left its burst, so no stage's time is its own.
void trace_held_drop(State& state, const session::Leg& leg, const session::HeldPacket& packet, DropReason reason) {
  if (!state.trace.active()) return;
  PacketTrace record;
  record.number = state.trace.number;
  record.side = leg.side;
  record.stage = Stage::kAdapt;
  record.fate = TraceFate::kDropped;
  record.has_reason = true;
  record.reason = reason;
  record.sequence_in = packet.sequence_in;
  record.held_ns = state.time.now.monotonic_ns - packet.arrived_ns;
  record.unix_ns = state.time.now.unix_ns - record.held_ns;
  note_outgoing(record, packet.payload);
  tell(state, record);
}

void trace_made(State& state, const session::HeldPacket& made, const Packet& packet) {
  if (!state.trace.active()) return;
  PacketTrace& record = open(state, packet);
  record.kind = TracedKind::kRtp;
  record.sequence_in = made.sequence_in;
  record.held_ns = state.time.now.monotonic_ns - made.arrived_ns;
  record.unix_ns -= record.held_ns;
  note_outgoing(record, packet.payload);
}

}  // namespace isthmus::pipeline
