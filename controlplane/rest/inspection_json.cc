// What the data plane shows of its packets' way, as JSON.

#include <fmt/chrono.h>

#include <boost/json.hpp>
#include <chrono>

#include "controlplane/rest/json.h"

namespace isthmus::rest {
namespace {

namespace json = boost::json;

json::object stage_object(const contract::StageUse& stage, std::uint64_t cycles_per_second) {
  json::object object{{"stage", stage.name},  {"cycles", stage.cycles},       {"packets", stage.packets},
                      {"calls", stage.calls}, {"cycles_per_packet", nullptr}, {"ns_per_packet", nullptr}};
  if (stage.packets == 0) return object;
  const double cycles = static_cast<double>(stage.cycles) / static_cast<double>(stage.packets);
  object["cycles_per_packet"] = cycles;
  if (cycles_per_second > 0) object["ns_per_packet"] = cycles * 1e9 / static_cast<double>(cycles_per_second);
  return object;
}

std::string_view name_of(contract::TracedKind kind) {
  return kind == contract::TracedKind::kRtp ? "rtp" : kind == contract::TracedKind::kRtcp ? "rtcp" : "stun";
}

std::string_view name_of(contract::TraceFate fate) {
  switch (fate) {
    case contract::TraceFate::kForwarded: return "forwarded";
    case contract::TraceFate::kDropped: return "dropped";
    case contract::TraceFate::kConsumed: return "consumed";
    case contract::TraceFate::kAdapted: return "adapted";
    case contract::TraceFate::kGenerated: return "generated";
  }
  return "unknown";
}

std::string_view name_of(contract::TraceEnd end) {
  switch (end) {
    case contract::TraceEnd::kRuns: break;
    case contract::TraceEnd::kPackets: return "packets";
    case contract::TraceEnd::kTime: return "time";
    case contract::TraceEnd::kClosed: return "closed";
  }
  return "runs";
}

json::value rule_value(contract::TraceRule rule) {
  if (rule == contract::TraceRule::kNotAsked) return nullptr;
  return rule == contract::TraceRule::kExpectedSource ? "expected_source" : "source_rule";
}

json::value crypto_value(contract::CryptoOutcome outcome) {
  switch (outcome) {
    case contract::CryptoOutcome::kNotReached: return nullptr;
    case contract::CryptoOutcome::kClear: return "clear";
    case contract::CryptoOutcome::kOk: return "ok";
    case contract::CryptoOutcome::kFailed: return "failed";
  }
  return nullptr;
}

std::string microseconds_text(std::uint64_t unix_ns) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(static_cast<std::time_t>(unix_ns / 1'000'000'000)),
                     unix_ns % 1'000'000'000 / 1000);
}

json::object rtp_object(std::uint8_t payload_type, std::uint16_t sequence, std::uint32_t timestamp,
                        std::uint32_t ssrc) {
  return {{"payload_type", payload_type}, {"sequence", sequence}, {"timestamp", timestamp}, {"ssrc", ssrc}};
}

json::object record_object(const contract::TraceRecord& record, const std::vector<std::string>& stages) {
  double total_ns = 0;
  json::array times;
  for (std::size_t i = 0; i < record.stage_ns.size(); ++i) {
    total_ns += record.stage_ns[i];
    if (record.stage_ns[i] > 0) times.push_back(json::object{{"stage", stages[i]}, {"ns", record.stage_ns[i]}});
  }
  const bool rtp = record.kind == contract::TracedKind::kRtp;
  const bool out = record.bytes_out > 0;
  json::object object{
      {"time", microseconds_text(record.unix_ns)},
      {"side", record.side == contract::Side::kA ? "a" : "b"},
      {"kind", name_of(record.kind)},
      {"fate", name_of(record.fate)},
      {"stage", stages[record.stage]},
      {"drop_reason", record.drop_reason.empty() ? json::value(nullptr) : json::value(record.drop_reason)},
      {"source", record.source ? json::value(to_string(*record.source)) : json::value(nullptr)},
      {"rule", rule_value(record.rule)},
      {"opened", crypto_value(record.opened)},
      {"closed", crypto_value(record.closed)},
      {"port_in", record.port_in},
      {"queue_in", record.queue_in},
      {"port_out", out ? json::value(record.port_out) : json::value(nullptr)},
      {"burst", record.burst},
      {"bytes_in", record.bytes_in},
      {"bytes_out", out ? json::value(record.bytes_out) : json::value(nullptr)},
      {"marker", record.marker},
      {"rtp_in", nullptr},
      {"rtp_out", nullptr},
      {"held_us", static_cast<double>(record.held_ns) / 1000.0},
      {"took_us", total_ns / 1000.0},
      {"stages", std::move(times)}};
  if (rtp) {
    object["rtp_in"] = rtp_object(record.payload_type_in, record.sequence_in, record.timestamp_in, record.ssrc_in);
    if (record.ssrc_out != 0) {
      object["rtp_out"] =
          rtp_object(record.payload_type_out, record.sequence_out, record.timestamp_out, record.ssrc_out);
    }
  }
  return object;
}

}  // namespace

std::string to_json(const status::Call& call, const contract::TracePage& page) {
  json::array records;
  for (const contract::TraceRecord& record : page.records) records.push_back(record_object(record, page.stages));
  const bool known = page.stream < call.streams.size();
  return json::serialize(json::object{
      {"stream", page.stream},
      {"kind", known ? json::value(name_of(call.streams[page.stream].kind)) : json::value(nullptr)},
      {"zones", json::array{json::value(call.leg[0].zone), json::value(call.leg[1].zone)}},
      {"worker", page.worker},
      {"running", page.ended == contract::TraceEnd::kRuns},
      {"ended_by", page.ended == contract::TraceEnd::kRuns ? json::value(nullptr) : json::value(name_of(page.ended))},
      {"lost", page.lost},
      {"first", page.first},
      {"next", page.next},
      {"records", std::move(records)}});
}

std::string to_json(const contract::StageFigures& figures) {
  json::array workers;
  for (const contract::WorkerStages& worker : figures.workers) {
    json::array stages;
    for (const contract::StageUse& stage : worker.stages) {
      stages.push_back(stage_object(stage, figures.cycles_per_second));
    }
    workers.push_back(json::object{{"worker", worker.worker}, {"stages", std::move(stages)}});
  }
  return json::serialize(json::object{{"measuring", figures.measuring},
                                      {"cycles_per_second", figures.cycles_per_second},
                                      {"workers", std::move(workers)}});
}

}  // namespace isthmus::rest
