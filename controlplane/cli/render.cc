#include "controlplane/cli/render.h"

#include <fmt/format.h>

#include "controlplane/cli/json_text.h"
#include "controlplane/cli/table.h"

namespace isthmus::cli {
namespace {

using Align = Table::Align;

std::string clock_text(const json::value& value) {
  return value.is_number() ? to_clock_text(value.to_number<double>()) : "-";
}

const json::value& leg(const json::value& value, std::size_t side) {
  static const json::value none;
  const json::array& legs = items(at(value, "legs"));
  return side < legs.size() ? legs[side] : none;
}

std::string media_text(const json::value& call) {
  std::string out;
  for (const json::value& stream : items(at(call, "streams"))) {
    if (const auto* active = at(stream, "active").if_bool(); active == nullptr || !*active) continue;
    out += (out.empty() ? "" : ", ") + text(stream, "kind") + " " + text(leg(stream, 0), "codec");
  }
  return out.empty() ? "-" : out;
}

void add_alarms(std::string& out, const json::value& status) {
  const json::array& alarms = items(at(status, "alarms"));
  if (alarms.empty()) {
    out += "\nNo alarms.\n";
    return;
  }
  Table table({{"ALARM"}, {"SEVERITY"}, {"OF"}, {"SINCE"}, {"WHAT"}});
  for (const json::value& alarm : alarms) {
    table.add({text(alarm, "id"), text(alarm, "severity"), text(alarm, "subject"), text(alarm, "since"),
               text(alarm, "text")});
  }
  out += "\n" + table.text();
}

void add_data_plane(std::string& out, const json::value& status) {
  const json::value& data_plane = at(status, "data_plane");
  if (!data_plane.is_object()) {
    out += "Data plane: away\n";
    return;
  }
  out += harmless(fmt::format("Data plane: {} ({}), SRTP by {}, {} worker(s), policy {}, {} session(s)",
                              text(data_plane, "io_mode"), text(data_plane, "io_reason"),
                              text(data_plane, "srtp_engine"), text(data_plane, "workers"),
                              text(data_plane, "idle_policy"), text(data_plane, "sessions"))) +
         "\n";
  Table pools({{"MEDIA POOL"},
               {"ADDRESS"},
               {"PORTS"},
               {"IN USE", Align::kRight},
               {"RESTING", Align::kRight},
               {"TAKEN", Align::kRight}});
  for (const json::value& pool : items(at(data_plane, "pools"))) {
    pools.add({text(pool, "network"), text(pool, "address"),
               text(pool, "first_port") + "-" + text(pool, "last_port") + "/" + text(pool, "protocol"),
               text(pool, "in_use"), text(pool, "resting"), text(pool, "percent") + " %"});
  }
  if (!pools.empty()) out += "\n" + pools.text();
}

}  // namespace

std::string to_clock_text(double seconds) {
  const auto whole = static_cast<long>(std::max(0.0, std::min(seconds, 1e9)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

Result<std::string> render_status(std::string_view answer) {
  const auto status = read(answer);
  if (!status) return forward_error(status);
  std::string out = harmless(fmt::format("Isthmus {} on {}, up {}, {} of at most {} calls{}", text(*status, "version"),
                                         text(*status, "node"), clock_text(at(*status, "uptime_s")),
                                         text(*status, "calls"), text(*status, "max_calls"),
                                         text(*status, "accepting_calls") == "no" ? ", draining: no new calls" : "")) +
                    "\n";
  add_data_plane(out, *status);
  Table listeners({{"LISTENER"}, {"TRANSPORT"}, {"ADDRESS"}});
  for (const json::value& each : items(at(*status, "listeners"))) {
    listeners.add({text(each, "name"), text(each, "transport"), text(each, "address")});
  }
  if (!listeners.empty()) out += "\n" + listeners.text();
  Table peers({{"ZONE"}, {"PEER"}, {"TRANSPORT"}, {"STATE"}, {"SINCE"}, {"CAUSE"}});
  for (const json::value& each : items(at(*status, "peers"))) {
    peers.add({text(each, "zone"), text(each, "address"), text(each, "transport"), text(each, "state"),
               text(each, "since"), text(each, "cause")});
  }
  if (!peers.empty()) out += "\n" + peers.text();
  add_alarms(out, *status);
  return out;
}

Result<std::string> render_calls(const std::vector<std::string>& pages) {
  Table table({{"ID"}, {"STATE"}, {"FROM"}, {"TO"}, {"ZONES"}, {"TIME", Align::kRight}, {"MEDIA"}});
  for (const std::string& page : pages) {
    const auto value = read(page);
    if (!value) return forward_error(value);
    for (const json::value& call : items(at(*value, "items"))) {
      table.add({text(call, "id"), text(call, "state"), text(leg(call, 0), "uri"), text(leg(call, 1), "uri"),
                 text(leg(call, 0), "zone") + " -> " + text(leg(call, 1), "zone"), clock_text(at(call, "duration_s")),
                 media_text(call)});
    }
  }
  return table.empty() ? "No calls.\n" : table.text();
}

Result<std::string> render_ended_calls(const std::vector<std::string>& pages) {
  Table table({{"ID"}, {"FROM"}, {"TO"}, {"BEGAN"}, {"TIME", Align::kRight}, {"STATUS", Align::kRight}, {"REASON"}});
  for (const std::string& page : pages) {
    const auto value = read(page);
    if (!value) return forward_error(value);
    for (const json::value& call : items(at(*value, "items"))) {
      table.add({text(call, "id"), text(leg(call, 0), "uri"), text(leg(call, 1), "uri"), text(call, "began"),
                 clock_text(at(call, "duration_s")), text(call, "end_status"), text(call, "end_reason")});
    }
  }
  return table.empty() ? "No calls have ended.\n" : table.text();
}

Result<std::string> render_call(std::string_view answer) {
  const auto call = read(answer);
  if (!call) return forward_error(call);
  std::string out = harmless(fmt::format("Call {}: {}, began {}, up for {}", text(*call, "id"), text(*call, "state"),
                                         text(*call, "began"), clock_text(at(*call, "duration_s")))) +
                    "\n\n";
  if (at(*call, "ended").is_string()) {
    out.pop_back();
    out += harmless(fmt::format("Ended {}: {} {}", text(*call, "ended"), text(*call, "end_status"),
                                text(*call, "end_reason"))) +
           "\n\n";
  }
  Table legs({{"SIDE"}, {"ZONE"}, {"PARTY"}, {"NAME"}, {"SIGNALLING"}, {"CALL-ID"}});
  for (const json::value& each : items(at(*call, "legs"))) {
    legs.add({text(each, "side"), text(each, "zone"), text(each, "uri"), text(each, "display_name"),
              text(each, "signalling"), text(each, "call_id")});
  }
  out += legs.text() + "\n";
  Table streams({{"STREAM"},
                 {"SIDE"},
                 {"CODEC"},
                 {"ENCRYPTION"},
                 {"RECEIVED", Align::kRight},
                 {"BYTES", Align::kRight},
                 {"LOST", Align::kRight},
                 {"JITTER ms", Align::kRight},
                 {"SENT", Align::kRight},
                 {"PEER LOST", Align::kRight},
                 {"RTT ms", Align::kRight},
                 {"DROPS", Align::kRight},
                 {"REMOTE"}});
  for (const json::value& stream : items(at(*call, "streams"))) {
    for (const json::value& each : items(at(stream, "legs"))) {
      const json::value& figures = at(each, "figures");
      streams.add({text(stream, "kind"), text(each, "side"), text(each, "codec"), text(each, "encryption"),
                   text(figures, "packets_received"), text(figures, "bytes_received"), text(figures, "lost"),
                   text(figures, "jitter_ms"), text(figures, "packets_sent"), text(figures, "peer_lost"),
                   text(figures, "round_trip_ms"), text(figures, "drops"), text(figures, "remote_address")});
    }
  }
  out += streams.empty() ? "No media.\n" : streams.text();
  if (at(*call, "figures_missing").is_string()) {
    out += harmless("\nNo figures: " + text(*call, "figures_missing")) + "\n";
  }
  const json::array& history = items(at(*call, "history"));
  if (!history.empty()) out += "\nRouting:\n";
  for (const json::value& step : history) out += "  " + harmless(text(step)) + "\n";
  return out;
}

Result<std::string> render_route(std::string_view answer) {
  const auto route = read(answer);
  if (!route) return forward_error(route);
  std::string out = harmless("Alias after the transforms: " + text(*route, "alias")) + "\n\n";
  Table targets({{"ZONE"}, {"AS"}, {"BY RULE"}});
  for (const json::value& each : items(at(*route, "targets"))) {
    targets.add({text(each, "zone"), text(each, "uri"), text(each, "rule")});
  }
  out += targets.empty() ? "Leads nowhere: the caller would get 404.\n" : targets.text();
  out += "\nSteps:\n";
  for (const json::value& step : items(at(*route, "history"))) out += "  " + harmless(text(step)) + "\n";
  return out;
}

std::string render_problem(unsigned status, std::string_view answer) {
  const auto problem = read(answer);
  if (!problem || !at(*problem, "title").is_string()) return fmt::format("the gateway answered {}", status);
  const json::value& detail = at(*problem, "detail");
  return harmless(detail.is_string() ? text(detail) : text(*problem, "title"));
}

Result<std::string> next_cursor_of(std::string_view page) {
  const auto value = read(page);
  if (!value) return forward_error(value);
  const auto* cursor = at(*value, "next_cursor").if_string();
  return cursor != nullptr ? std::string(*cursor) : std::string();
}

}  // namespace isthmus::cli
