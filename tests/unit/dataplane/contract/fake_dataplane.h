#pragma once

// What the tests of server and client share: a handler that remembers what it was asked, and a socket folder.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dataplane/contract/server.h"
#include "samples.h"

namespace isthmus::contract {

/// A folder of its own, taken away at the end.
class SocketFolder {
 public:
  SocketFolder() {
    char made[] = "/tmp/isthmus-contract-XXXXXX";
    path_ = ::mkdtemp(made);
  }
  ~SocketFolder() { std::filesystem::remove_all(path_); }
  std::string socket() const { return path_ + "/dataplane.sock"; }

 private:
  std::string path_;
};

class FakeDataplane final : public Handler {
 public:
  Result<SessionState> open(const SessionSpec& spec) override {
    asked.push_back("open");
    if (error) return tl::unexpected<Error>(*error);
    specs[spec.id.value] = spec;
    return state_of(spec);
  }
  Result<SessionState> update(const SessionSpec& spec) override {
    asked.push_back("update");
    specs[spec.id.value] = spec;
    return state_of(spec);
  }
  bool in_force(SessionId session, Revision) override { return !late.contains(session.value); }
  Result<SessionStats> close(SessionId session) override {
    asked.push_back("close");
    specs.erase(session.value);
    return SessionStats{session, 1, {}};
  }
  Result<SessionStats> stats(SessionId session) override {
    asked.push_back("stats");
    return sample_stats(wrong_id ? session.value + 1 : session.value);
  }
  Result<SessionPage> list(std::optional<SessionId> from) override {
    asked.push_back("list");
    SessionPage page;
    for (auto at = specs.lower_bound(from ? from->value : 0); at != specs.end(); ++at) {
      if (page.sessions.size() == kMaxPageSessions) {
        page.next = SessionId{at->first};
        break;
      }
      page.sessions.push_back({SessionId{at->first}, at->second.revision});
    }
    return page;
  }
  Result<DataplaneStatus> status() override {
    asked.push_back("status");
    DataplaneStatus status = sample_status();
    if (absurd_status) status.counters.assign(kMaxCounters + 1, {"c", 1});
    return status;
  }
  Status send_packet(SessionId, std::uint16_t, Side, Component, const SocketAddress&,
                     std::span<const std::uint8_t> packet) override {
    asked.push_back("send_packet");
    sent.emplace_back(packet.begin(), packet.end());
    return {};
  }
  Status request_picture(SessionId, std::uint16_t, Side) override {
    asked.push_back("request_picture");
    return {};
  }
  Result<StageFigures> stages(std::optional<bool> measure) override {
    asked.push_back(measure ? *measure ? "stages on" : "stages off" : "stages");
    StageFigures figures = sample_stages();
    figures.measuring = measure.value_or(false) && !deaf;
    return figures;
  }
  Status start_trace(const TraceSpec&) override {
    asked.push_back("start_trace");
    if (error) return tl::unexpected<Error>(*error);
    return {};
  }
  Result<TracePage> read_trace(SessionId session, std::uint64_t from) override {
    asked.push_back("read_trace");
    TracePage page = sample_trace();
    page.session = wrong_id ? SessionId{session.value + 1} : session;
    page.first = from;
    page.next = from + page.records.size();
    return page;
  }
  Status stop_trace(SessionId) override {
    asked.push_back("stop_trace");
    return {};
  }
  void control_plane_changed(bool connected) override { changes.push_back(connected); }

  static SessionState state_of(const SessionSpec& spec) {
    SessionState state = sample_state(spec.id.value, spec.revision);
    state.streams.resize(spec.streams.size(), state.streams.front());
    return state;
  }

  std::vector<std::string> asked;
  std::vector<bool> changes;
  std::vector<std::vector<std::uint8_t>> sent;
  std::map<std::uint64_t, SessionSpec> specs;
  std::set<std::uint64_t> late;  ///< sessions whose last change is not in force yet
  std::optional<Error> error;
  bool wrong_id = false;
  bool absurd_status = false;
  bool deaf = false;  ///< does not do what it is told
};

}  // namespace isthmus::contract
