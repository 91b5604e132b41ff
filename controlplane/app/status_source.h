#pragma once

// What REST shows, gathered from the parts of the running control plane.

#include <string>
#include <vector>

#include "controlplane/app/peer_monitor.h"
#include "controlplane/app/watched_relay.h"
#include "controlplane/b2bua/b2bua.h"
#include "controlplane/status/gateway.h"

namespace isthmus::app {

/// Event-loop thread. What it is given outlives it.
class StatusSource final : public status::Source {
 public:
  struct Parts {
    b2bua::B2bua& calls;
    WatchedRelay& relay;
    contract::Inspection& inspection;
    const sip::TransportLayer& transport;
    const sip::TransactionLayer& transactions;
    const journal::Journal& journal;
    const PeerMonitor& monitor;
    const status::Alarms& alarms;
    std::vector<status::Listener> listeners;
    status::WallTime started;
  };

  explicit StatusSource(Parts parts) : parts_(std::move(parts)) {}

  status::Gateway gateway() const override;
  std::vector<status::Alarm> alarms() const override { return parts_.alarms.standing(); }
  std::vector<status::Call> calls(std::string_view after, std::size_t limit) const override;
  std::vector<status::Call> ended_calls() const override;
  std::optional<status::Call> call(std::string_view id) const override;
  bool hang_up(std::string_view id) override { return parts_.calls.hang_up(id); }
  void data_plane(std::function<void(Result<contract::DataplaneStatus>)> done) override;
  void media_figures(contract::SessionId session, std::function<void(Result<contract::SessionStats>)> done) override;
  void stages(std::optional<bool> measure, std::function<void(Result<contract::StageFigures>)> done) override;
  void start_trace(const contract::TraceSpec& spec, std::function<void(Result<void>)> done) override;
  void read_trace(contract::SessionId session, std::uint64_t from,
                  std::function<void(Result<contract::TracePage>)> done) override;
  void stop_trace(contract::SessionId session, std::function<void(Result<void>)> done) override;
  Result<RouteTest> test_route(std::string_view uri, std::string_view from_zone) const override;

 private:
  Parts parts_;
};

/// The same call in the words of `status`.
status::Call to_status(const b2bua::CallView& view);

}  // namespace isthmus::app
