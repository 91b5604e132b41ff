#include "dataplane/session/stream_traces.h"

#include <algorithm>
#include <limits>

#include "dataplane/session/leg.h"

namespace isthmus::session {
namespace {

contract::TraceRecord to_contract(const PacketTrace& from, double cycles_per_ns) {
  contract::TraceRecord to;
  to.unix_ns = from.unix_ns;
  to.side = from.side;
  to.kind = from.kind;
  // A burst ends with a fate for each; a packet that some way around the stages took has none.
  to.fate = from.fate == contract::TraceFate{} ? contract::TraceFate::kConsumed : from.fate;
  to.rule = from.rule;
  to.opened = from.opened;
  to.closed = from.closed;
  to.stage = static_cast<std::uint8_t>(from.stage);
  if (from.has_reason) to.drop_reason = to_string(from.reason);
  to.port_in = from.port_in;
  to.queue_in = from.queue_in;
  to.port_out = from.port_out;
  to.burst = from.burst;
  if (from.source.port_family != 0) {
    to.source = SourceKey{from.source.low, from.source.high, from.source.port_family}.address();
  }
  to.bytes_in = from.bytes_in;
  to.bytes_out = from.bytes_out;
  to.marker = from.marker;
  to.payload_type_in = from.payload_type_in;
  to.payload_type_out = from.payload_type_out;
  to.sequence_in = from.sequence_in;
  to.sequence_out = from.sequence_out;
  to.ssrc_in = from.ssrc_in;
  to.ssrc_out = from.ssrc_out;
  to.timestamp_in = from.timestamp_in;
  to.timestamp_out = from.timestamp_out;
  to.held_ns = from.held_ns;
  for (const std::uint32_t cycles : from.cycles) {
    const double ns = cycles_per_ns > 0 ? cycles / cycles_per_ns : 0.0;
    to.stage_ns.push_back(
        static_cast<std::uint32_t>(std::min(ns, static_cast<double>(std::numeric_limits<std::uint32_t>::max()))));
  }
  return to;
}

}  // namespace

Result<TraceOrder> StreamTraces::start(std::size_t worker, const contract::TraceSpec& spec, const TraceLink& link,
                                       std::uint64_t now_ns) {
  One& one = traces_[worker];
  if (one.spec && one.ended == contract::TraceEnd::kRuns) {
    return fail(ErrorKind::kExhausted, "another trace runs on the worker of this session", "worker");
  }
  one.spec = spec;
  ++one.number;
  one.ended = contract::TraceEnd::kRuns;
  one.until_ns = now_ns + spec.max_ms * std::uint64_t{1'000'000} + kTraceGraceNs;
  one.lost_before = link.lost.get();
  one.lost = 0;
  one.records.clear();
  one.records.reserve(spec.max_packets);
  TraceOrder order;
  order.number = one.number;
  order.packets = spec.max_packets;
  order.ms = spec.max_ms;
  order.sides = spec.side ? static_cast<std::uint8_t>(1U << contract::index(*spec.side)) : std::uint8_t{3};
  return order;
}

void StreamTraces::drain(std::size_t worker, TraceLink& link, std::uint64_t now_ns) {
  One& one = traces_[worker];
  // First the end, then what lies before it.
  const std::uint64_t ended = link.ended.load(std::memory_order_acquire);
  PacketTrace record;
  for (std::size_t i = 0; i <= TraceLink::kRecords && link.records.pop(record); ++i) {
    if (one.spec && record.number == one.number && one.records.size() < one.spec->max_packets) {
      one.records.push_back(record);
    }
  }
  if (!one.spec) return;
  if (one.ended == contract::TraceEnd::kRuns) {
    one.lost = link.lost.get() - one.lost_before;
    const bool over = ended >> 8U == one.number;
    if (!over && now_ns < one.until_ns) return;
    one.ended = over ? static_cast<contract::TraceEnd>(ended & 0xffU) : contract::TraceEnd::kTime;
    one.until_ns = now_ns + kTraceKeptNs;
  } else if (now_ns >= one.until_ns) {
    one.spec.reset();
    one.records = {};
  }
}

Result<contract::TracePage> StreamTraces::read(contract::SessionId session, std::uint64_t from,
                                               double cycles_per_ns) const {
  for (std::size_t worker = 0; worker < traces_.size(); ++worker) {
    const One& one = traces_[worker];
    if (!one.spec || one.spec->session != session) continue;
    contract::TracePage page;
    page.session = session;
    page.stream = one.spec->stream;
    page.worker = static_cast<std::uint32_t>(worker);
    page.ended = one.ended;
    page.lost = one.lost;
    for (const std::string_view name : kStageNames) page.stages.emplace_back(name);
    page.first = std::min<std::uint64_t>(from, one.records.size());
    page.next = std::min<std::uint64_t>(page.first + contract::kMaxPageTraceRecords, one.records.size());
    for (std::uint64_t i = page.first; i < page.next; ++i) {
      page.records.push_back(to_contract(one.records[i], cycles_per_ns));
    }
    // Behind the last record a reader that goes on asking must not be told that all is over too early.
    if (page.next < one.records.size()) page.ended = contract::TraceEnd::kRuns;
    return page;
  }
  return fail(ErrorKind::kInvalidArgument, "the session is not being traced", "trace");
}

std::optional<std::size_t> StreamTraces::stop(contract::SessionId session) {
  for (std::size_t worker = 0; worker < traces_.size(); ++worker) {
    One& one = traces_[worker];
    if (!one.spec || one.spec->session != session) continue;
    const bool runs = one.ended == contract::TraceEnd::kRuns;
    one.spec.reset();
    one.records = {};
    return runs ? std::optional(worker) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace isthmus::session
