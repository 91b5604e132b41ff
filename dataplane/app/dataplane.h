#pragma once

// The running data plane: all parts in the order in which they depend on each other. Main thread.

#include <memory>
#include <optional>
#include <vector>

#include "dataplane/agent/agent.h"
#include "dataplane/agent/next_hops.h"
#include "dataplane/app/config.h"
#include "dataplane/app/io_choice.h"
#include "dataplane/app/options.h"
#include "dataplane/base/random.h"
#include "dataplane/io/tcp/tcp_io.h"
#include "dataplane/session/session_table.h"
#include "dataplane/worker/worker.h"

namespace isthmus::app {

class Dataplane {
 public:
  /// Signals are blocked. `fd` of the options becomes ours.
  static Result<std::unique_ptr<Dataplane>> start(const Config& config, const Options& options);
  ~Dataplane();
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;

  /// Serves until a signal of `signal_fd` (signalfd(2)); which one.
  Result<int> serve(int signal_fd);
  /// Leave the kernel's drop rules in place: the next run follows at once.
  void keep_drop_rules() { keep_drop_rules_ = true; }

 private:
  /// What the session table calls when ports come into use.
  class EnginePorts final : public session::PortListener {
   public:
    EnginePorts(io::Engine& engine, io::tcp::TcpMedia* tcp) : engine_(engine), tcp_(tcp) {}
    Status open_port(const SocketAddress& local, std::size_t worker) override {
      return engine_.open_port(local, worker);
    }
    void close_port(const SocketAddress& local) override { engine_.close_port(local); }
    Status open_tcp_port(const SocketAddress& local, std::size_t worker) override {
      if (tcp_ == nullptr) return fail(ErrorKind::kUnavailable, "media over TCP is off", "transport");
      return tcp_->open_port(local, worker);
    }
    void serve_tcp_port(const SocketAddress& local) override {
      if (tcp_ != nullptr) tcp_->serve_port(local);
    }
    void close_tcp_port(const SocketAddress& local) override {
      if (tcp_ != nullptr) tcp_->close_port(local);
    }

   private:
    io::Engine& engine_;
    io::tcp::TcpMedia* const tcp_;
  };

  explicit Dataplane(const Config& config) : config_(config) {}
  Status guard_kernel();
  Status start_routes();
  Status start_workers(const Options& options);
  io::Io& io_of(std::size_t worker);
  Status start_agent(const Options& options);
  void read_routes(std::chrono::steady_clock::time_point now);

  const Config config_;
  bool keep_drop_rules_ = false;
  bool rules_installed_ = false;
  SystemRandom random_;
  ChosenIo io_;
  std::unique_ptr<agent::NetlinkKernel> kernel_;       // where the kernel does not route by itself
  std::unique_ptr<agent::MirroredNextHops> mirrored_;  // one of the three
  std::unique_ptr<agent::KernelRoutedNextHops> kernel_hops_;
  std::unique_ptr<agent::StaticNextHops> static_hops_;
  std::unique_ptr<io::tcp::TcpMedia> tcp_;               // null: off
  std::vector<std::unique_ptr<io::tcp::TcpIo>> tcp_io_;  // by worker
  std::unique_ptr<EnginePorts> ports_;
  crypto::Engines engines_;
  std::unique_ptr<crypto::SrtpEngine> srtp_;                       // of the main thread
  std::vector<std::unique_ptr<crypto::SrtpEngine>> workers_srtp_;  // one each
  std::vector<std::unique_ptr<session::WorkerLink>> links_;
  std::unique_ptr<session::SessionTable> table_;
  std::unique_ptr<worker::HandOver> hand_over_;           // several workers, frames that may move
  std::vector<std::unique_ptr<worker::Worker>> workers_;  // end before the table goes
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<contract::Server> server_;
};

/// --clean-up: what a killed run left behind. Needs the rights of a run.
Status clean_up(const Config& config);

}  // namespace isthmus::app
