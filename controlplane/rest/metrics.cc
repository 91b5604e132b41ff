#include "controlplane/rest/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "controlplane/status/pool_watch.h"

namespace isthmus::rest {
namespace {

std::string escape_label(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

/// Counter names of the data plane come over the contract: anything that is no metric name is made one.
std::string metric_name(std::string_view name) {
  std::string out(name);
  std::ranges::replace_if(
      out, [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'); }, '_');
  return out;
}

/// Samples of one metric must stand together below its HELP and TYPE.
class Page {
 public:
  void add(std::string_view name, std::string_view type, std::string_view help, std::string_view labels, double value) {
    const auto [at, is_new] = index_.try_emplace(std::string(name), families_.size());
    if (is_new) {
      families_.push_back(fmt::format("# HELP isthmus_{0} {1}\n# TYPE isthmus_{0} {2}\n", name, help, type));
    }
    families_[at->second] += labels.empty() ? fmt::format("isthmus_{} {}\n", name, value)
                                            : fmt::format("isthmus_{}{{{}}} {}\n", name, labels, value);
  }
  void gauge(std::string_view name, std::string_view help, double value, std::string_view labels = {}) {
    add(name, "gauge", help, labels, value);
  }
  void counter(std::string_view name, std::string_view help, double value, std::string_view labels = {}) {
    add(name, "counter", help, labels, value);
  }
  std::string text() const {
    std::string all;
    for (const std::string& family : families_) all += family;
    return all;
  }

 private:
  std::map<std::string, std::size_t> index_;
  std::vector<std::string> families_;
};

void add_pools(Page& page, const contract::DataplaneStatus& data_plane) {
  for (const auto& pool : data_plane.pools) {
    const std::string labels = fmt::format(R"(network="{}",address="{}",protocol="{}")", escape_label(pool.network),
                                           to_string(pool.address), status::protocol_of(pool));
    page.gauge("media_ports_usable", "Media ports of the pool, whole pairs only.", status::usable_ports(pool), labels);
    page.gauge("media_ports_in_use", "Media ports that sessions hold.", pool.in_use, labels);
    page.gauge("media_ports_resting", "Media ports freed less than two seconds ago.", pool.resting, labels);
  }
}

/// "worker.3.packets_received" -> "3", "packets_received"; empty: no counter of one worker.
std::pair<std::string_view, std::string_view> split_worker(std::string_view name) {
  constexpr std::string_view kWorker = "worker.";
  if (!name.starts_with(kWorker)) return {};
  name.remove_prefix(kWorker.size());
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

void add_counters(Page& page, const contract::DataplaneStatus& data_plane) {
  constexpr std::string_view kDrop = "drop_";
  for (const auto& counter : data_plane.counters) {
    const auto value = static_cast<double>(counter.value);
    if (counter.name.starts_with(kDrop)) {
      page.counter("data_plane_drops_total", "Packets dropped, by reason.", value,
                   fmt::format(R"(reason="{}")", escape_label(counter.name.substr(kDrop.size()))));
    } else if (const auto [worker, name] = split_worker(counter.name); !worker.empty()) {
      page.counter("data_plane_per_worker_" + metric_name(name) + "_total", "Counter of one packet worker.", value,
                   fmt::format(R"(worker="{}")", escape_label(worker)));
    } else {
      page.counter("data_plane_" + metric_name(counter.name) + "_total", "Counter of the data plane.", value);
    }
  }
}

void add_stages(Page& page, const contract::StageFigures& figures) {
  page.gauge("data_plane_cycles_per_second", "Of the counter that stages are measured in.",
             static_cast<double>(figures.cycles_per_second));
  for (const contract::WorkerStages& worker : figures.workers) {
    for (const contract::StageUse& stage : worker.stages) {
      const std::string labels = fmt::format(R"(worker="{}",stage="{}")", worker.worker, escape_label(stage.name));
      page.counter("data_plane_stage_cycles_total", "Cycles of one stage of the packet path, while it is measured.",
                   static_cast<double>(stage.cycles), labels);
      page.counter("data_plane_stage_packets_total", "Packets that entered the stage.",
                   static_cast<double>(stage.packets), labels);
      page.counter("data_plane_stage_calls_total", "Bursts that entered the stage.", static_cast<double>(stage.calls),
                   labels);
    }
  }
}

}  // namespace

std::string to_prometheus(const status::Gateway& gateway, const std::vector<status::Alarm>& alarms,
                          const Result<contract::DataplaneStatus>& data_plane,
                          const Result<contract::StageFigures>& stages) {
  Page page;
  page.gauge("info", "Always 1; the version is a label.", 1,
             fmt::format(R"(version="{}",node="{}")", escape_label(gateway.version), escape_label(gateway.node)));
  page.gauge("start_time_seconds", "When the control plane started, Unix time.",
             std::chrono::duration<double>(gateway.started.time_since_epoch()).count());
  page.gauge("calls", "Calls now.", gateway.calls);
  page.gauge("calls_limit", "Calls at once that are let in.", gateway.max_calls);
  page.gauge("accepting_calls", "0 while the gateway drains.", gateway.accepting ? 1 : 0);
  page.gauge("data_plane_up", "1 while a data plane is connected.", gateway.data_plane_connected ? 1 : 0);
  for (const auto& alarm : alarms) {
    page.gauge("alarm", "1 for each alarm that stands.", 1,
               fmt::format(R"(id="{}",subject="{}",severity="{}")", escape_label(alarm.id), escape_label(alarm.subject),
                           to_string(alarm.severity)));
  }
  for (const auto& peer : gateway.peers) {
    if (peer.state == status::PeerState::kUnknown) continue;
    page.gauge("peer_alive", "1 while the peer answers OPTIONS; absent while not known.",
               peer.state == status::PeerState::kAlive ? 1 : 0,
               fmt::format(R"(zone="{}",peer="{}",transport="{}")", escape_label(peer.zone), escape_label(peer.address),
                           escape_label(peer.transport)));
  }
  for (const auto& figure : gateway.figures) {
    page.add(figure.name, figure.is_counter ? "counter" : "gauge", figure.help, figure.labels, figure.value);
  }
  if (data_plane) {
    page.gauge("data_plane_sessions", "Sessions that the data plane holds.", data_plane->sessions);
    page.gauge("data_plane_workers", "Packet workers.", data_plane->workers);
    add_pools(page, *data_plane);
    add_counters(page, *data_plane);
  }
  if (stages && stages->measuring) add_stages(page, *stages);
  return page.text();
}

}  // namespace isthmus::rest
