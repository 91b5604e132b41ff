// The messages of inspection.h to protobuf and back.

#include <span>
#include <string>

#include "contract.pb.h"
#include "dataplane/contract/field_reader.h"
#include "dataplane/contract/wire_form.h"

namespace isthmus::contract {
namespace {

std::string text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void put(const TraceRecord& from, pb::TraceRecord& to) {
  to.set_unix_ns(from.unix_ns);
  to.set_side(static_cast<std::uint32_t>(from.side));
  to.set_kind(static_cast<std::uint32_t>(from.kind));
  to.set_fate(static_cast<std::uint32_t>(from.fate));
  to.set_rule(static_cast<std::uint32_t>(from.rule));
  to.set_opened(static_cast<std::uint32_t>(from.opened));
  to.set_closed(static_cast<std::uint32_t>(from.closed));
  to.set_stage(from.stage);
  to.set_drop_reason(from.drop_reason);
  to.set_port_in(from.port_in);
  to.set_queue_in(from.queue_in);
  to.set_port_out(from.port_out);
  to.set_burst(from.burst);
  if (from.source) {
    to.mutable_source()->set_ip(text(std::span(from.source->ip.bytes).first(from.source->ip.is_v4() ? 4U : 16U)));
    to.mutable_source()->set_port(from.source->port);
  }
  to.set_bytes_in(from.bytes_in);
  to.set_bytes_out(from.bytes_out);
  to.set_marker(from.marker);
  to.set_payload_type_in(from.payload_type_in);
  to.set_payload_type_out(from.payload_type_out);
  to.set_sequence_in(from.sequence_in);
  to.set_sequence_out(from.sequence_out);
  to.set_ssrc_in(from.ssrc_in);
  to.set_ssrc_out(from.ssrc_out);
  to.set_timestamp_in(from.timestamp_in);
  to.set_timestamp_out(from.timestamp_out);
  to.set_held_ns(from.held_ns);
  for (const std::uint32_t ns : from.stage_ns) to.add_stage_ns(ns);
}

void get(FieldReader& read, const pb::TraceRecord& from, TraceRecord& to) {
  to.unix_ns = from.unix_ns();
  read.one_of(from.side(), Side::kA, Side::kB, to.side, "side");
  read.one_of(from.kind(), TracedKind::kRtp, TracedKind::kStun, to.kind, "kind");
  read.one_of(from.fate(), TraceFate::kForwarded, TraceFate::kGenerated, to.fate, "fate");
  read.one_of(from.rule(), TraceRule::kNotAsked, TraceRule::kSourceRule, to.rule, "rule");
  read.one_of(from.opened(), CryptoOutcome::kNotReached, CryptoOutcome::kFailed, to.opened, "opened");
  read.one_of(from.closed(), CryptoOutcome::kNotReached, CryptoOutcome::kFailed, to.closed, "closed");
  read.number(from.stage(), to.stage, "stage");
  read.text(from.drop_reason(), kMaxDropNameBytes, to.drop_reason, "drop_reason");
  read.number(from.port_in(), to.port_in, "port_in");
  read.number(from.queue_in(), to.queue_in, "queue_in");
  read.number(from.port_out(), to.port_out, "port_out");
  read.number(from.burst(), to.burst, "burst");
  if (from.has_source()) read.address(from.source(), to.source.emplace(), "source");
  read.number(from.bytes_in(), to.bytes_in, "bytes_in");
  read.number(from.bytes_out(), to.bytes_out, "bytes_out");
  to.marker = from.marker();
  read.number(from.payload_type_in(), to.payload_type_in, "payload_type_in");
  read.number(from.payload_type_out(), to.payload_type_out, "payload_type_out");
  read.number(from.sequence_in(), to.sequence_in, "sequence_in");
  read.number(from.sequence_out(), to.sequence_out, "sequence_out");
  to.ssrc_in = from.ssrc_in();
  to.ssrc_out = from.ssrc_out();
  to.timestamp_in = from.timestamp_in();
  to.timestamp_out = from.timestamp_out();
  to.held_ns = from.held_ns();
  read.count(from.stage_ns_size(), kMaxStages, "stage_ns");
  if (read.ok()) to.stage_ns.assign(from.stage_ns().begin(), from.stage_ns().end());
}

}  // namespace

void to_wire(const StagesRequest& from, pb::StagesRequest& to) {
  if (from.measure) to.set_measure(*from.measure);
}

void to_wire(const StageFigures& from, pb::StageFigures& to) {
  to.set_measuring(from.measuring);
  to.set_cycles_per_second(from.cycles_per_second);
  for (const WorkerStages& worker : from.workers) {
    pb::WorkerStages& made = *to.add_workers();
    made.set_worker(worker.worker);
    for (const StageUse& stage : worker.stages) {
      pb::StageUse& use = *made.add_stages();
      use.set_name(stage.name);
      use.set_cycles(stage.cycles);
      use.set_packets(stage.packets);
      use.set_calls(stage.calls);
    }
  }
}

Result<StagesRequest> from_wire(const pb::StagesRequest& from) {
  StagesRequest to;
  if (from.has_measure()) to.measure = from.measure();
  return to;
}

Result<StageFigures> from_wire(const pb::StageFigures& from) {
  FieldReader read;
  StageFigures to;
  to.measuring = from.measuring();
  to.cycles_per_second = from.cycles_per_second();
  read.count(from.workers_size(), kMaxWorkers, "workers");
  for (int i = 0; read.ok() && i < from.workers_size(); ++i) {
    WorkerStages& worker = to.workers.emplace_back();
    worker.worker = from.workers(i).worker();
    read.count(from.workers(i).stages_size(), kMaxStages, "workers.stages");
    for (int s = 0; read.ok() && s < from.workers(i).stages_size(); ++s) {
      const pb::StageUse& stage = from.workers(i).stages(s);
      StageUse& use = worker.stages.emplace_back();
      read.text(stage.name(), kMaxStageNameBytes, use.name, "workers.stages.name");
      use.cycles = stage.cycles();
      use.packets = stage.packets();
      use.calls = stage.calls();
    }
  }
  return read.result(std::move(to));
}

void to_wire(const TraceSpec& from, pb::TraceSpec& to) {
  to.set_session(from.session.value);
  to.set_stream(from.stream);
  if (from.side) to.set_side(static_cast<std::uint32_t>(*from.side));
  to.set_max_packets(from.max_packets);
  to.set_max_ms(from.max_ms);
}

void to_wire(const TraceReadRequest& from, pb::TraceReadRequest& to) {
  to.set_session(from.session.value);
  to.set_from(from.from);
}

void to_wire(const TracePage& from, pb::TracePage& to) {
  to.set_session(from.session.value);
  to.set_stream(from.stream);
  to.set_worker(from.worker);
  to.set_ended(static_cast<std::uint32_t>(from.ended));
  to.set_lost(from.lost);
  for (const std::string& stage : from.stages) to.add_stages(stage);
  to.set_first(from.first);
  for (const TraceRecord& record : from.records) put(record, *to.add_records());
  to.set_next(from.next);
}

Result<TraceStartRequest> from_wire(const pb::TraceSpec& from) {
  FieldReader read;
  TraceStartRequest to;
  to.spec.session.value = from.session();
  read.number(from.stream(), to.spec.stream, "stream");
  if (from.has_side()) read.one_of(from.side(), Side::kA, Side::kB, to.spec.side.emplace(), "side");
  to.spec.max_packets = from.max_packets();
  to.spec.max_ms = from.max_ms();
  return read.result(to);
}

Result<TraceReadRequest> from_wire(const pb::TraceReadRequest& from) {
  return TraceReadRequest{SessionId{from.session()}, from.from()};
}

Result<TracePage> from_wire(const pb::TracePage& from) {
  FieldReader read;
  TracePage to;
  to.session.value = from.session();
  read.number(from.stream(), to.stream, "stream");
  to.worker = from.worker();
  read.one_of(from.ended(), TraceEnd::kRuns, TraceEnd::kClosed, to.ended, "ended");
  to.lost = from.lost();
  read.count(from.stages_size(), kMaxStages, "stages");
  for (int i = 0; read.ok() && i < from.stages_size(); ++i) {
    read.text(from.stages(i), kMaxStageNameBytes, to.stages.emplace_back(), "stages");
  }
  to.first = from.first();
  read.count(from.records_size(), kMaxPageTraceRecords, "records");
  for (int i = 0; read.ok() && i < from.records_size(); ++i) get(read, from.records(i), to.records.emplace_back());
  to.next = from.next();
  return read.result(std::move(to));
}

}  // namespace isthmus::contract
