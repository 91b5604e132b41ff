#include "controlplane/app/status_source.h"

#include "controlplane/app/version.h"
#include "controlplane/routing/alias.h"

namespace isthmus::app {
namespace {

void add_counters(std::vector<status::Figure>& figures, std::string_view prefix, std::string_view help,
                  const auto& counters) {
  counters.for_each([&](std::string_view name, std::uint64_t value) {
    figures.push_back(
        {std::string(prefix) + std::string(name) + "_total", std::string(help), "", static_cast<double>(value), true});
  });
}

void add_gauge(std::vector<status::Figure>& figures, std::string name, std::string help, std::size_t value) {
  figures.push_back({std::move(name), std::move(help), "", static_cast<double>(value), false});
}

}  // namespace

status::Call to_status(const b2bua::CallView& view) {
  status::Call call;
  call.id = view.id;
  call.state = view.state;
  call.began = view.began;
  call.answered = view.answered;
  call.ended = view.ended;
  call.end_status = view.end_status;
  call.end_reason = view.end_reason;
  call.session = view.session;
  call.history = view.history;
  call.last_figures = view.last_stats;
  for (std::size_t side = 0; side < view.leg.size(); ++side) {
    const b2bua::LegView& leg = view.leg[side];
    call.leg[side] = {leg.zone, leg.uri, leg.display_name, leg.call_id, leg.signalling, leg.user_agent};
  }
  for (const b2bua::StreamView& seen : view.streams) {
    status::CallStream stream;
    stream.kind = seen.kind;
    stream.active = seen.active;
    for (std::size_t side = 0; side < seen.leg.size(); ++side) {
      const b2bua::StreamLegView& leg = seen.leg[side];
      stream.leg[side] = {leg.codec, leg.encryption, leg.direction, leg.local};
    }
    call.streams.push_back(std::move(stream));
  }
  return call;
}

status::Gateway StatusSource::gateway() const {
  status::Gateway gateway;
  gateway.version = kVersion;
  gateway.node = parts_.calls.configuration().node.host_name;
  gateway.started = parts_.started;
  gateway.accepting = !parts_.calls.is_draining();
  gateway.calls = static_cast<std::uint32_t>(parts_.calls.calls());
  gateway.max_calls = parts_.calls.configuration().limits.max_calls;
  gateway.data_plane_connected = parts_.relay.connected();
  gateway.listeners = parts_.listeners;
  gateway.peers = parts_.monitor.peers();
  add_counters(gateway.figures, "sip_", "SIP transport and transactions.", parts_.transport.counters());
  add_counters(gateway.figures, "b2bua_", "Calls taken, ended and refused.", parts_.calls.counters());
  add_gauge(gateway.figures, "sip_connections", "Open SIP connections.", parts_.transport.connections());
  add_gauge(gateway.figures, "sip_server_transactions", "Server transactions.",
            parts_.transactions.server_transactions());
  add_gauge(gateway.figures, "sip_client_transactions", "Client transactions.",
            parts_.transactions.client_transactions());
  add_gauge(gateway.figures, "journal_records", "Calls in the journal.", parts_.journal.size());
  add_gauge(gateway.figures, "journal_bytes", "Bytes of live journal records.", parts_.journal.live_bytes());
  add_gauge(gateway.figures, "journal_capacity_bytes", "What journal_bytes may grow to.",
            parts_.journal.capacity_bytes());
  return gateway;
}

std::vector<status::Call> StatusSource::calls(std::string_view after, std::size_t limit) const {
  std::vector<status::Call> all;
  for (const b2bua::CallView& view : parts_.calls.views(after, limit)) all.push_back(to_status(view));
  return all;
}

std::vector<status::Call> StatusSource::ended_calls() const {
  std::vector<status::Call> all;
  const auto& ended = parts_.calls.ended();
  for (auto view = ended.rbegin(); view != ended.rend(); ++view) all.push_back(to_status(*view));
  return all;
}

std::optional<status::Call> StatusSource::call(std::string_view id) const {
  const auto view = parts_.calls.view(id);
  return view ? std::optional(to_status(*view)) : std::nullopt;
}

void StatusSource::data_plane(std::function<void(Result<contract::DataplaneStatus>)> done) {
  if (!parts_.relay.connected()) return done(fail(ErrorKind::kUnavailable, "no data plane is connected"));
  parts_.relay.status(std::move(done));
}

void StatusSource::media_figures(contract::SessionId session,
                                 std::function<void(Result<contract::SessionStats>)> done) {
  if (!parts_.relay.connected()) return done(fail(ErrorKind::kUnavailable, "no data plane is connected"));
  parts_.relay.stats(session, std::move(done));
}

void StatusSource::stages(std::optional<bool> measure, std::function<void(Result<contract::StageFigures>)> done) {
  if (!parts_.relay.connected()) return done(fail(ErrorKind::kUnavailable, "no data plane is connected"));
  parts_.inspection.stages(measure, std::move(done));
}

void StatusSource::start_trace(const contract::TraceSpec& spec, std::function<void(Result<void>)> done) {
  if (!parts_.relay.connected()) return done(fail(ErrorKind::kUnavailable, "no data plane is connected"));
  parts_.inspection.start_trace(spec, std::move(done));
}

void StatusSource::read_trace(contract::SessionId session, std::uint64_t from,
                              std::function<void(Result<contract::TracePage>)> done) {
  if (!parts_.relay.connected()) return done(fail(ErrorKind::kUnavailable, "no data plane is connected"));
  parts_.inspection.read_trace(session, from, std::move(done));
}

void StatusSource::stop_trace(contract::SessionId session, std::function<void(Result<void>)> done) {
  if (!parts_.relay.connected()) return done(fail(ErrorKind::kUnavailable, "no data plane is connected"));
  parts_.inspection.stop_trace(session, std::move(done));
}

Result<status::Source::RouteTest> StatusSource::test_route(std::string_view uri, std::string_view from_zone) const {
  if (!from_zone.empty() && parts_.calls.configuration().find_zone(from_zone) == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "there is no zone of this name", "from");
  }
  const std::string full = uri.find(':') == std::string_view::npos || uri.find("sip") == std::string_view::npos
                               ? "sip:" + std::string(uri)
                               : std::string(uri);
  const auto dialled = routing::parse_dialled_uri(full);
  if (!dialled) return forward_error(dialled);
  const routing::Route route = parts_.calls.test_route(dialled->alias, from_zone);
  RouteTest test;
  test.alias = route.alias;
  for (const routing::Target& target : route.targets) {
    test.targets.push_back({target.zone,
                            routing::make_uri(*dialled, target.alias, parts_.calls.configuration().node.host_name),
                            target.rule});
  }
  for (const routing::Step& step : route.history) test.history.push_back(b2bua::history_line(step));
  return test;
}

}  // namespace isthmus::app
