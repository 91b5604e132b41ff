#include "dataplane/contract/checks.h"

namespace isthmus::contract {

Status check(const StageFigures& figures) {
  if (figures.workers.size() > kMaxWorkers) return refuse("workers", "has more than 32 entries");
  for (const WorkerStages& worker : figures.workers) {
    if (worker.stages.size() > kMaxStages) return refuse("workers.stages", "has more than 24 entries");
    for (const StageUse& stage : worker.stages) {
      if (!is_name(stage.name, kMaxStageNameBytes)) return refuse("workers.stages.name", "is no name");
    }
  }
  return {};
}

Status check(const TraceSpec& spec) {
  if (spec.session.value == 0) return refuse("session", "is zero");
  if (spec.stream >= kMaxStreams) return refuse("stream", "is beyond the streams a session may have");
  if (spec.side && !within(*spec.side, Side::kA, Side::kB)) return refuse("side", "is neither A nor B");
  if (spec.max_packets == 0 || spec.max_packets > kMaxTracePackets) return refuse("max_packets", "is not in 1..10000");
  if (spec.max_ms == 0 || spec.max_ms > kMaxTraceMs) return refuse("max_ms", "is not in 1..600000");
  return {};
}

namespace {

Status check(const TraceRecord& record, std::size_t stages) {
  if (!within(record.side, Side::kA, Side::kB)) return refuse("records.side", "is neither A nor B");
  if (!within(record.kind, TracedKind::kRtp, TracedKind::kStun)) return refuse("records.kind", "is unknown");
  if (!within(record.fate, TraceFate::kForwarded, TraceFate::kGenerated)) return refuse("records.fate", "is unknown");
  if (!within(record.rule, TraceRule::kNotAsked, TraceRule::kSourceRule)) return refuse("records.rule", "is unknown");
  for (const CryptoOutcome outcome : {record.opened, record.closed}) {
    if (!within(outcome, CryptoOutcome::kNotReached, CryptoOutcome::kFailed)) {
      return refuse("records.opened or closed", "is unknown");
    }
  }
  if (record.stage >= stages) return refuse("records.stage", "is none of the page's stages");
  if (record.stage_ns.size() > stages) return refuse("records.stage_ns", "has more entries than there are stages");
  const bool named = record.drop_reason.empty() || is_name(record.drop_reason, kMaxDropNameBytes);
  if (!named) return refuse("records.drop_reason", "is no name");
  if (record.source && !is_address(record.source->ip)) return refuse("records.source", "is no IP address");
  return {};
}

}  // namespace

Status check(const TracePage& page) {
  if (page.session.value == 0) return refuse("session", "is zero");
  if (page.stream >= kMaxStreams) return refuse("stream", "is beyond the streams a session may have");
  if (!within(page.ended, TraceEnd::kRuns, TraceEnd::kClosed)) return refuse("ended", "is unknown");
  if (page.stages.size() > kMaxStages) return refuse("stages", "has more than 24 entries");
  for (const std::string& stage : page.stages) {
    if (!is_name(stage, kMaxStageNameBytes)) return refuse("stages", "has one that is no name");
  }
  if (page.records.size() > kMaxPageTraceRecords) return refuse("records", "has more than 256 entries");
  // A page that points elsewhere would make its reader walk in circles.
  if (page.next < page.first || page.next - page.first != page.records.size()) {
    return refuse("next", "is not behind the last record of the page");
  }
  for (const TraceRecord& record : page.records) {
    if (const Status status = check(record, page.stages.size()); !status) return status;
  }
  return {};
}

}  // namespace isthmus::contract
