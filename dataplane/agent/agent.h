#pragma once

// The contract's server inside the data plane: operations onto the session table, the workers' events to the control
// plane, figures of everything, and the end of silent sessions when nobody is left to ask. One thread, never a
// worker's.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/agent/ice_keeper.h"
#include "dataplane/base/cycles.h"
#include "dataplane/contract/server.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/tcp/tcp_media.h"
#include "dataplane/session/session_table.h"
#include "dataplane/worker/worker.h"

namespace isthmus::agent {

struct AgentConfig {
  std::uint64_t incarnation = 0;  ///< drawn at this start
  std::uint64_t started_unix_us = 0;
  std::string io_reason;
  std::string srtp_engine;
  std::string idle_policy;
  std::uint64_t control_plane_absent_ns = 600 * session::kNsPerSecond;  ///< threat model B6: 10 min
};

struct AgentDependencies {
  io::Engine& engine;
  session::SessionTable& table;
  RandomSource& random;
  std::vector<const worker::WorkerFigures*> workers;  ///< read only
  io::tcp::TcpMedia* tcp = nullptr;                   ///< media over TCP, where it is on
  CycleReading (*read_cycles)() = isthmus::read_cycles;
};

class Agent final : public contract::Handler {
 public:
  static constexpr std::uint64_t kSilenceCheckNs = session::kNsPerSecond;

  /// `now_ns`: CLOCK_MONOTONIC, here and below.
  Agent(AgentConfig config, AgentDependencies dependencies, std::uint64_t now_ns);

  /// Set once, before the first request; events go there.
  void attach(contract::Server& server) { server_ = &server; }
  /// Before each round of requests and at least every few milliseconds while there are sessions.
  void poll(std::uint64_t now_ns);
  /// Nothing to do until a request comes: polls may be further apart.
  bool quiet() const;

  Result<contract::SessionState> open(const contract::SessionSpec& spec) override;
  Result<contract::SessionState> update(const contract::SessionSpec& spec) override;
  bool in_force(contract::SessionId session, contract::Revision revision) override;
  Result<contract::SessionStats> close(contract::SessionId session) override;
  Result<contract::SessionStats> stats(contract::SessionId session) override;
  Result<contract::SessionPage> list(std::optional<contract::SessionId> from) override;
  Result<contract::DataplaneStatus> status() override;
  Status send_packet(contract::SessionId session, std::uint16_t stream, contract::Side side,
                     contract::Component component, const SocketAddress& destination,
                     std::span<const std::uint8_t> packet) override;
  Status request_picture(contract::SessionId session, std::uint16_t stream, contract::Side side) override;
  Result<contract::StageFigures> stages(std::optional<bool> measure) override;
  Status start_trace(const contract::TraceSpec& spec) override;
  Result<contract::TracePage> read_trace(contract::SessionId session, std::uint64_t from) override;
  Status stop_trace(contract::SessionId session) override;
  void control_plane_changed(bool connected) override;

 private:
  void tell_without_tcp(const contract::SessionSpec& spec, const contract::SessionState& state) const;
  Result<contract::SessionState> opened(const contract::SessionSpec& spec, Result<contract::SessionState> state,
                                        const char* event);
  void end_silent_sessions();
  void publish(const contract::Event& event);
  std::vector<contract::Counter> counters();
  void add_driver_losses(std::vector<contract::Counter>& counters);
  void add_ice(std::vector<contract::Counter>& counters) const;

  AgentConfig config_;
  io::Engine& engine_;
  session::SessionTable& table_;
  std::vector<const worker::WorkerFigures*> workers_;
  io::tcp::TcpMedia* tcp_;
  IceKeeper ice_;
  CycleReading (*read_cycles_)();
  CycleReading first_cycles_;
  contract::Server* server_ = nullptr;
  std::uint64_t now_ns_;
  bool connected_ = false;
  std::uint64_t absent_since_ns_;  // while not connected
  std::uint64_t silence_checked_ns_;
  std::uint64_t sessions_ended_alone_ = 0;
  struct Known {
    contract::Revision revision = 0;
    std::uint32_t media_timeout_ms = 0;
  };
  std::map<contract::SessionId, Known> known_;
};

}  // namespace isthmus::agent
