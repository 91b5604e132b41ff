#include "dataplane/app/dataplane.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "dataplane/base/log.h"
#include "dataplane/io/kernel_guard.h"
#include "dataplane/pipeline/pipeline.h"
#if ISTHMUS_DPDK
#include "dataplane/io/dpdk/steering.h"
#endif

namespace isthmus::app {
namespace {

constexpr int kHeldAnswerPollMs = 1;  // a call waits for the answer
// Punts and events wait in rings for the main thread this long at most while there are sessions.
constexpr int kBusyPollMs = 5;
constexpr int kQuietPollMs = 100;

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * session::kNsPerSecond + static_cast<std::uint64_t>(time.tv_nsec);
}

const char* idle_name(worker::IdlePolicy policy) { return policy == worker::IdlePolicy::kNap ? "nap" : "poll"; }

}  // namespace

Result<std::unique_ptr<Dataplane>> Dataplane::start(const Config& config, const Options& options) {
  std::unique_ptr<Dataplane> dataplane(new Dataplane(config));
  if (auto there = check_addresses(config); !there) return forward_error(there);
  SystemIoOpener opener;
  auto chosen = choose_io(config, opener);
  if (!chosen) return forward_error(chosen);
  dataplane->io_ = std::move(*chosen);
  log::info("io.mode", {{"mode", to_string(dataplane->io_.engine->mode())}, {"reason", dataplane->io_.reason}});
  if (auto guarded = dataplane->guard_kernel(); !guarded) return forward_error(guarded);
  if (auto routes = dataplane->start_routes(); !routes) return forward_error(routes);
  if (auto workers = dataplane->start_workers(options); !workers) return forward_error(workers);
  if (auto agent = dataplane->start_agent(options); !agent) return forward_error(agent);
  return dataplane;
}

// A degraded guard (no right to change the host) is said, and tolerated where the relay works all the same.
Status Dataplane::guard_kernel() {
  if (!io::has_kernel_interface(io_.engine->mode())) return {};
  if (auto reserved = io::reserve_ports(config_.networks); !reserved) {
    log::warn("io.ports_not_reserved",
              {{"reason", to_string(reserved.error())}, {"effect", "other programs may be given ports of the pools"}});
  }
  const bool own_stack = !io_.engine->kernel_routes();
  for (const io::Network& network : config_.networks) {
    if (!own_stack) {
      static_cast<void>(
          io::remove_drop_rule(network));  // left by a run in another mode; without the right there is none
      continue;
    }
    const bool hears_all = io_.engine->mode() == io::Mode::kAfPacket;
    auto installed = io::install_drop_rule(network, hears_all);
    rules_installed_ = rules_installed_ || installed.has_value();
    if (installed) continue;
    if (hears_all) return installed;  // the kernel would answer every media packet with an ICMP error
    log::warn("io.drop_rule_missing", {{"network", network.name},
                                       {"reason", to_string(installed.error())},
                                       {"effect", "the kernel answers on media ports while the data plane restarts"}});
  }
  return {};
}

Status Dataplane::start_routes() {
  if (!io::has_kernel_interface(io_.engine->mode())) {
    static_hops_ = std::make_unique<agent::StaticNextHops>(config_.networks, io_.engine->ports());
    return {};
  }
  if (io_.engine->kernel_routes()) {
    kernel_hops_ = std::make_unique<agent::KernelRoutedNextHops>(io_.engine->ports());
    return {};
  }
  auto kernel = agent::NetlinkKernel::make();
  if (!kernel) return forward_error(kernel);
  kernel_ = std::move(*kernel);
  mirrored_ = std::make_unique<agent::MirroredNextHops>(*kernel_, io_.engine->ports());
  return {};
}

Status Dataplane::start_workers(const Options& options) {
  auto engines = crypto::Engines::open(config_.srtp_engine, options.index_memory_fd);
  if (!engines) return forward_error(engines);
  engines_ = std::move(*engines);
  srtp_ = engines_.make();
  log::info("srtp.engine", {{"engine", srtp_->name()}});
  if (config_.media_over_tcp) {
    auto tcp = io::tcp::TcpMedia::start(config_.workers);
    if (!tcp) return forward_error(tcp);
    tcp_ = std::move(*tcp);
  }
  ports_ = std::make_unique<EnginePorts>(*io_.engine, tcp_.get());
  std::vector<session::WorkerLink*> links;
  for (std::size_t i = 0; i < config_.workers; ++i) {
    links_.push_back(std::make_unique<session::WorkerLink>(config_.networks));
    links.push_back(links_.back().get());
  }
  session::NextHopListener* hops = mirrored_.get();
  if (hops == nullptr) hops = kernel_hops_.get();
  if (hops == nullptr) hops = static_hops_.get();
  table_ = std::make_unique<session::SessionTable>(
      config_.networks, session::SessionTableDependencies{random_, *srtp_, *hops, *ports_, links});
  if (config_.workers > 1 && io_.engine->shares_frames()) {
    hand_over_ = std::make_unique<worker::HandOver>(config_.workers);
  }
  for (std::size_t i = 0; i < config_.workers; ++i) {
    worker::WorkerConfig worker{i, config_.idle, std::nullopt, {}};
    if (i < config_.worker_cpus.size()) worker.cpu = config_.worker_cpus[i];
    worker.pipeline.report_seed = random_.next_u64();
    workers_srtp_.push_back(engines_.make());
    workers_.push_back(std::make_unique<worker::Worker>(
        worker, worker::WorkerDependencies{io_of(i), *links_[i], *workers_srtp_.back(), hand_over_.get()}));
    if (auto started = workers_.back()->start(); !started) return started;
  }
  return {};
}

/// With media over TCP beside it, where that is on.
io::Io& Dataplane::io_of(std::size_t worker) {
  io::Io& own = io_.engine->io(worker);
  if (tcp_ == nullptr) return own;
  tcp_io_.push_back(std::make_unique<io::tcp::TcpIo>(own, *tcp_, worker));
  return *tcp_io_.back();
}

Status Dataplane::start_agent(const Options& options) {
  agent::AgentConfig config;
  config.incarnation = random_.next_u64() | 1U;  // 0 means "none seen yet" to some
  config.started_unix_us = clock_ns(CLOCK_REALTIME) / 1000;
  config.io_reason = io_.reason;
  config.srtp_engine = srtp_->name();
  config.idle_policy = idle_name(config_.idle);
  config.control_plane_absent_ns = config_.control_plane_absent_minutes * 60 * session::kNsPerSecond;
  std::vector<const worker::WorkerFigures*> figures;
  figures.reserve(workers_.size());
  for (const auto& worker : workers_) figures.push_back(&worker->figures());
  agent_ = std::make_unique<agent::Agent>(
      config, agent::AgentDependencies{*io_.engine, *table_, random_, figures, tcp_.get()}, clock_ns(CLOCK_MONOTONIC));
  contract::ServerConfig server;
  server.listen_fd = options.contract_fd;
  server.path = options.contract_socket.empty() ? config_.contract_socket : options.contract_socket;
  server.incarnation = config.incarnation;
  auto made = contract::Server::make(server, *agent_);
  if (!made) return forward_error(made);
  server_ = std::move(*made);
  agent_->attach(*server_);
  return {};
}

Result<int> Dataplane::serve(int signal_fd) {
  std::array<pollfd, 3> waiting{{{signal_fd, POLLIN, 0},
                                 {server_->poll_fd(), POLLIN, 0},
                                 {kernel_ != nullptr ? kernel_->poll_fd() : -1, POLLIN, 0}}};
  while (true) {
    const int patience = server_->holds_answers() ? kHeldAnswerPollMs : agent_->quiet() ? kQuietPollMs : kBusyPollMs;
    const int ready = ::poll(waiting.data(), waiting.size(), patience);
    if (ready < 0 && errno != EINTR) {
      return fail(ErrorKind::kUnavailable, std::string("cannot wait: ") + std::strerror(errno));
    }
    if (ready > 0 && waiting[0].revents != 0) {
      signalfd_siginfo signal{};
      if (read(signal_fd, &signal, sizeof signal) == sizeof signal) return static_cast<int>(signal.ssi_signo);
    }
    if (kernel_ != nullptr) read_routes(std::chrono::steady_clock::now());
    agent_->poll(clock_ns(CLOCK_MONOTONIC));
    if (ready > 0 && waiting[1].revents != 0) server_->handle_ready();
  }
}

void Dataplane::read_routes(std::chrono::steady_clock::time_point now) {
  agent::RouteMirror& mirror = mirrored_->mirror();
  const bool lost = kernel_->read_news([&](const agent::NetlinkEvent& event) {
    mirror.take(event);
    const auto* change = std::get_if<agent::TopologyChange>(&event);
    if (change == nullptr || !change->link_gone) return;
    for (const io::PortInfo& port : io_.engine->ports()) {
      if (port.interface_index == change->interface_index) {
        log::error("io.interface_gone", {{"interface", port.interface}, {"do", "make it again and restart"}});
      }
    }
  });
  if (lost) mirror.distrust();
  mirror.tick(now);
}

Dataplane::~Dataplane() {
  server_.reset();
  agent_.reset();
  workers_.clear();
  engines_.leave_indices();  // the sessions go on in the next process
  table_.reset();
  links_.clear();
  workers_srtp_.clear();
  srtp_.reset();
  tcp_io_.clear();
  tcp_.reset();
  mirrored_.reset();  // lets the neighbours go
  const bool had_engine = io_.engine != nullptr;
  io_.engine.reset();
  if (rules_installed_ && !keep_drop_rules_) {
    for (const io::Network& network : config_.networks) {
      if (auto removed = io::remove_drop_rule(network); !removed) {
        log::warn("io.drop_rule_left", {{"network", network.name}, {"reason", to_string(removed.error())}});
      }
    }
  }
  if (had_engine) shut_down_io();
}

Status clean_up(const Config& config) {
  Status status;
  if (!io::has_kernel_interface(config.io_mode)) return status;
  for (const io::Network& network : config.networks) {
    if (auto removed = io::remove_drop_rule(network); !removed) status = removed;
#if ISTHMUS_DPDK
    if (network.interface.empty()) continue;
    auto claimed = io::dpdk::Steering::claim(network.interface, config.run_directory);
    if (!claimed) status = forward_error(claimed);
#endif
  }
  return status;
}

}  // namespace isthmus::app
