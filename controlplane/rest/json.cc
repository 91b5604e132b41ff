#include "controlplane/rest/json.h"

#include <fmt/chrono.h>

#include <boost/json.hpp>
#include <chrono>

#include "controlplane/status/pool_watch.h"

namespace isthmus::rest {
namespace {

namespace json = boost::json;
using std::chrono::duration_cast;

constexpr std::array kSideNames = {"a", "b"};

double seconds_between(status::WallTime from, status::WallTime to) {
  return static_cast<double>(duration_cast<std::chrono::milliseconds>(to - from).count()) / 1000.0;
}

json::value time_or_null(const std::optional<status::WallTime>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

/// The contract says "not known yet" by a negative number.
json::value known_or_null(double value) { return value < 0 ? json::value(nullptr) : json::value(value); }

json::object alarm_object(const status::Alarm& alarm) {
  return {{"id", alarm.id},
          {"subject", alarm.subject},
          {"severity", to_string(alarm.severity)},
          {"text", alarm.text},
          {"since", to_rfc3339(alarm.since)}};
}

json::object pool_object(const contract::PoolUse& pool) {
  return {{"network", pool.network},
          {"protocol", status::protocol_of(pool)},
          {"address", to_string(pool.address)},
          {"first_port", pool.first_port},
          {"last_port", pool.last_port},
          {"usable", status::usable_ports(pool)},
          {"in_use", pool.in_use},
          {"resting", pool.resting},
          {"percent", status::use_percent(pool)}};
}

json::object data_plane_object(const contract::DataplaneStatus& data_plane) {
  json::array pools;
  for (const auto& pool : data_plane.pools) pools.push_back(pool_object(pool));
  return {{"io_mode", data_plane.io_mode},
          {"io_reason", data_plane.io_reason},
          {"srtp_engine", data_plane.srtp_engine},
          {"idle_policy", data_plane.idle_policy},
          {"started", to_rfc3339(status::WallTime(std::chrono::microseconds(data_plane.started_unix_us)))},
          {"workers", data_plane.workers},
          {"sessions", data_plane.sessions},
          {"pools", std::move(pools)}};
}

json::object call_object(const status::Call& call, status::WallTime now) {
  json::array legs;
  for (std::size_t side = 0; side < call.leg.size(); ++side) {
    const status::CallLeg& leg = call.leg[side];
    legs.push_back(json::object{{"side", kSideNames[side]},
                                {"zone", leg.zone},
                                {"uri", leg.uri},
                                {"display_name", leg.display_name},
                                {"call_id", leg.call_id},
                                {"signalling", leg.signalling},
                                {"user_agent", leg.user_agent}});
  }
  return {{"id", call.id},
          {"state", call.state},
          {"began", to_rfc3339(call.began)},
          {"answered", time_or_null(call.answered)},
          {"ended", time_or_null(call.ended)},
          {"end_status", call.end_status == 0 ? json::value(nullptr) : json::value(call.end_status)},
          {"end_reason", call.end_reason},
          {"duration_s", call.answered ? json::value(seconds_between(*call.answered, call.ended.value_or(now)))
                                       : json::value(nullptr)},
          {"legs", std::move(legs)}};
}

json::object figures_object(const contract::LegStats& stats) {
  return {{"packets_received", stats.packets_received},
          {"bytes_received", stats.bytes_received},
          {"packets_sent", stats.packets_sent},
          {"bytes_sent", stats.bytes_sent},
          {"rtcp_received", stats.rtcp_received},
          {"rtcp_sent", stats.rtcp_sent},
          {"lost", stats.packets_lost},
          {"jitter_ms", stats.jitter_ms},
          {"peer_lost", stats.peer_packets_lost < 0 ? json::value(nullptr) : json::value(stats.peer_packets_lost)},
          {"peer_jitter_ms", known_or_null(stats.peer_jitter_ms)},
          {"round_trip_ms", known_or_null(stats.round_trip_ms)},
          {"drops", stats.drops},
          {"payload_type", stats.payload_type > 127 ? json::value(nullptr) : json::value(stats.payload_type)},
          {"remote_address", stats.remote_rtp ? json::value(to_string(*stats.remote_rtp)) : json::value(nullptr)},
          {"encrypted", stats.encrypted}};
}

json::object stream_object(const status::CallStream& stream, const contract::StreamStats* stats) {
  json::array legs;
  for (std::size_t side = 0; side < stream.leg.size(); ++side) {
    const status::StreamMedia& media = stream.leg[side];
    json::object leg{{"side", kSideNames[side]},     {"codec", media.codec},         {"encryption", media.encryption},
                     {"direction", media.direction}, {"local_address", media.local}, {"figures", nullptr}};
    if (stats != nullptr) leg["figures"] = figures_object(stats->leg[side]);
    legs.push_back(std::move(leg));
  }
  return {{"kind", name_of(stream.kind)}, {"active", stream.active}, {"legs", std::move(legs)}};
}

}  // namespace

std::string_view name_of(contract::MediaKind kind) { return kind == contract::MediaKind::kAudio ? "audio" : "video"; }

std::string to_rfc3339(status::WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto ms = duration_cast<std::chrono::milliseconds>(time - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), ms);
}

std::string problem_to_json(unsigned status, std::string_view title, std::string_view code, std::string_view detail) {
  json::object object{{"type", "urn:isthmus:problem:" + std::string(code)}, {"title", title}, {"status", status}};
  if (!detail.empty()) object["detail"] = detail;
  return json::serialize(object);
}

std::string state_to_json(std::string_view state) { return json::serialize(json::object{{"status", state}}); }

std::string to_json(const status::Gateway& gateway, const std::vector<status::Alarm>& alarms,
                    const Result<contract::DataplaneStatus>& data_plane, status::WallTime now) {
  json::array listeners;
  for (const auto& each : gateway.listeners) {
    listeners.push_back(json::object{{"name", each.name}, {"transport", each.transport}, {"address", each.address}});
  }
  json::array peers;
  for (const auto& each : gateway.peers) {
    peers.push_back(json::object{{"zone", each.zone},
                                 {"address", each.address},
                                 {"transport", each.transport},
                                 {"state", to_string(each.state)},
                                 {"cause", each.cause},
                                 {"since", to_rfc3339(each.since)}});
  }
  json::array alarm_list;
  for (const auto& each : alarms) alarm_list.push_back(alarm_object(each));
  json::object object{{"version", gateway.version},
                      {"node", gateway.node},
                      {"started", to_rfc3339(gateway.started)},
                      {"uptime_s", seconds_between(gateway.started, now)},
                      {"accepting_calls", gateway.accepting},
                      {"calls", gateway.calls},
                      {"max_calls", gateway.max_calls},
                      {"data_plane_connected", gateway.data_plane_connected},
                      {"data_plane", nullptr},
                      {"listeners", std::move(listeners)},
                      {"peers", std::move(peers)},
                      {"alarms", std::move(alarm_list)}};
  if (data_plane) object["data_plane"] = data_plane_object(*data_plane);
  return json::serialize(object);
}

std::string to_json(const std::vector<status::Call>& calls, std::string_view next_cursor, status::WallTime now) {
  json::array items;
  for (const auto& call : calls) {
    json::object object = call_object(call, now);
    json::array streams;
    for (const auto& stream : call.streams) streams.push_back(stream_object(stream, nullptr));
    object["streams"] = std::move(streams);
    items.push_back(std::move(object));
  }
  return json::serialize(
      json::object{{"items", std::move(items)},
                   {"next_cursor", next_cursor.empty() ? json::value(nullptr) : json::value(next_cursor)}});
}

std::string to_json(const status::Call& call, const Result<contract::SessionStats>& figures, status::WallTime now) {
  json::object object = call_object(call, now);
  json::array streams;
  for (std::size_t i = 0; i < call.streams.size(); ++i) {
    const bool known = figures.has_value() && i < figures->streams.size();
    streams.push_back(stream_object(call.streams[i], known ? &figures->streams[i] : nullptr));
  }
  object["streams"] = std::move(streams);
  object["figures_missing"] = figures ? json::value(nullptr) : json::value(figures.error().message);
  object["history"] = json::value_from(call.history);
  return json::serialize(object);
}

std::string to_json(const status::Source::RouteTest& route) {
  json::array targets;
  for (const auto& each : route.targets) {
    targets.push_back(json::object{{"zone", each.zone}, {"uri", each.uri}, {"rule", each.rule}});
  }
  return json::serialize(json::object{
      {"alias", route.alias}, {"targets", std::move(targets)}, {"history", json::value_from(route.history)}});
}

}  // namespace isthmus::rest
