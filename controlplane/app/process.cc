#include "controlplane/app/process.h"

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <utility>

#include "controlplane/app/configuration.h"
#include "controlplane/app/sip_users.h"
#include "controlplane/app/standing_alarms.h"
#include "controlplane/app/status_source.h"
#include "controlplane/app/version.h"
#include "controlplane/event_loop/event_loop.h"
#include "controlplane/resolver/cares_dns.h"
#include "controlplane/resolver/directory.h"
#include "controlplane/rest/api.h"
#include "controlplane/rest/server.h"
#include "controlplane/sip/asio_network.h"
#include "dataplane/base/log.h"
#include "dataplane/base/random_pool.h"
#include "dataplane/base/service_notify.h"
#include "dataplane/contract/client.h"

namespace isthmus::app {
namespace {

constexpr std::size_t kOwnJournalBytes = std::size_t{16} * 1024 * 1024;  // where no memory file is given

sip::TransportSettings transport_settings(const config::ControlPlane& config) {
  sip::TransportSettings settings;
  settings.source.max_connections = config.limits.connections_per_source;
  const double rate = config.limits.calls_per_second_per_source;
  settings.source.known_new_requests = {rate, 2 * rate};
  settings.user_agent = config.node.user_agent;
  return settings;
}

sip::Transport to_sip(config::Transport transport) {
  switch (transport) {
    case config::Transport::kUdp: return sip::Transport::kUdp;
    case config::Transport::kTcp: return sip::Transport::kTcp;
    case config::Transport::kTls: return sip::Transport::kTls;
  }
  return sip::Transport::kUdp;
}

/// Peers, where they are now.
std::vector<IpAddress> known_sources(const config::ControlPlane& config, const b2bua::Locate& locate) {
  std::vector<IpAddress> known;
  for (const config::Zone& zone : config.zones) {
    for (const config::Peer& peer : zone.peers) {
      for (const SocketAddress& place : locate(peer.host, peer.port, to_sip(peer.transport))) known.push_back(place.ip);
    }
  }
  return known;
}

/// Trusted hosts; "anybody" is no range of known ones.
std::vector<IpPrefix> known_ranges(const config::ControlPlane& config) {
  std::vector<IpPrefix> known;
  for (const config::TrustedHost& host : config.trusted_hosts) {
    const auto range = IpPrefix::parse(host.network);
    if (range && range->bits > 0) known.push_back(*range);
  }
  return known;
}

sip::TransactionSettings transaction_settings(const config::Timers& timers) {
  sip::TransactionSettings settings;
  settings.t1 = timers.t1;
  settings.t2 = timers.t2;
  settings.t4 = timers.t4;
  return settings;
}

/// Who may come from any address, with a certificate: as the trust table lists them.
std::vector<std::string> known_names(const config::ControlPlane& config) {
  std::vector<std::string> known;
  for (const config::Zone& zone : config.zones) {
    for (const config::Peer& peer : zone.peers) {
      if (peer.transport == config::Transport::kTls) known.push_back(config::name_of(peer));
    }
  }
  for (const config::TrustedHost& host : config.trusted_hosts) {
    if (!host.certificate_name.empty()) known.push_back(host.certificate_name);
  }
  return known;
}

Result<journal::MappedMedium> open_medium(int journal_fd) {
  if (journal_fd >= 0) return journal::MappedMedium::map(journal_fd);
  log::warn("journal.in_process", {{"text", "no --journal-fd: calls do not outlive this process"}});
  return journal::MappedMedium::in_process(kOwnJournalBytes);
}

}  // namespace

class Process::Impl {
 public:
  Impl(const Options& options, const config::ControlPlane& configuration, journal::MappedMedium medium)
      : options_(options),
        config_(configuration),
        medium_(std::move(medium)),
        client_(loop_.context(), {.path = options.contract_socket}),
        relay_(client_),
        network_(loop_),
        transport_(network_, loop_.timers(), random_, transport_settings(configuration)),
        signals_(loop_.context()) {}

  ~Impl() { client_.stop(); }

  Status start() {
    if (Status status = open_journal(); !status) return status;
    find_peers();
    if (Status status = listen(); !status) return status;
    if (Status status = start_calls(); !status) return status;
    if (Status status = start_rest(); !status) return status;
    await_signal();
    relay_.watch([this](bool connected, std::uint64_t) { on_data_plane(connected); });
    client_.start();
    monitor_->start();
    alarms_watch_->start();
    return {};
  }

  void run() { loop_.run(); }
  SocketAddress rest_address() const { return rest_->local_address(); }

 private:
  Status open_journal() {
    auto opened = journal::Journal::open(medium_);
    if (!opened) {
      // Better without the calls of before than not at all; they end by their session timers.
      log::error("journal.set_aside", {{"reason", to_string(opened.error())}});
      alarms_.raise(status::kStateSetAside, "", status::Severity::kWarning,
                    "the journal of calls could not be read and starts empty: calls of before the restart are lost");
      opened = journal::Journal::format(medium_);
    }
    if (!opened) return forward_error(opened);
    journal_ = std::make_unique<journal::Journal>(std::move(*opened));
    return {};
  }

  /// Begins to look for peers that are known by name; calls and probes see what is known at their time.
  void find_peers() {
    auto dns = resolver::CaresDns::open(loop_);
    if (!dns) {
      log::error("dns.unavailable", {{"why", to_string(dns.error())}});
      return;
    }
    dns_ = std::move(*dns);
    directory_ = std::make_unique<resolver::Directory>(*dns_, loop_.timers(), random_);
    locate_ = [this](const std::string& host, std::uint16_t port, sip::Transport transport) {
      return directory_->locate({host, port, transport});
    };
    directory_->on_change([this] {
      if (calls_) calls_->refresh_sources();
      transport_.set_known_sources(known_sources(config_, locate_), known_ranges(config_));
    });
    for (const config::Zone& zone : config_.zones) {
      for (const config::Peer& peer : zone.peers) directory_->watch({peer.host, peer.port, to_sip(peer.transport)});
    }
  }

  Status listen() {
    for (const config::Listener& listener : config_.listeners) {
      sip::ListenerSettings settings{listener.name,
                                     to_sip(listener.transport),
                                     {listener.address, listener.port},
                                     config_.advertised_host(listener),
                                     {}};
      if (listener.transport == config::Transport::kTls) {
        auto tls = load_tls(listener);
        if (!tls) return fail(tls.error().kind, tls.error().message, "listener \"" + listener.name + "\"");
        settings.tls = std::move(*tls);
      }
      const auto id = transport_.listen(settings);
      if (!id) {
        return fail(id.error().kind, "cannot listen on " + to_string(settings.address) + ": " + id.error().message,
                    "listener \"" + listener.name + "\"");
      }
      listeners_.push_back(*id);
      log::info("sip.listening", {{"listener", listener.name}, {"address", transport_.sent_by(*id)}});
    }
    transport_.set_known_sources(known_sources(config_, locate_), known_ranges(config_));
    transport_.set_known_names(known_names(config_));
    return {};
  }

  Status start_calls() {
    auto calls = b2bua::B2bua::create({.transport = transport_,
                                       .relay = relay_,
                                       .journal = *journal_,
                                       .timers = loop_.timers(),
                                       .random = random_,
                                       .locate = locate_},
                                      config_, listeners_);
    if (!calls) return forward_error(calls);
    calls_ = std::move(*calls);
    const auto send = [this](sip::Message message, const sip::Target& target) {
      return transactions_->send_request(std::move(message), target);
    };
    const auto sent_by = [this](sip::ListenerId id) { return transport_.sent_by(id); };
    monitor_ = std::make_unique<PeerMonitor>(PeerMonitor::Dependencies{.timers = loop_.timers(),
                                                                       .random = random_,
                                                                       .alarms = alarms_,
                                                                       .send = send,
                                                                       .sent_by = sent_by,
                                                                       .locate = locate_},
                                             config_, listeners_);
    users_.set(*calls_, *monitor_);
    transactions_ = std::make_unique<sip::TransactionLayer>(transport_, loop_.timers(), random_, users_,
                                                            transaction_settings(config_.timers));
    calls_->attach(*transactions_);
    calls_->start();
    alarms_watch_ = std::make_unique<StandingAlarms>(alarms_, relay_, *calls_, loop_.timers());
    return {};
  }

  Status start_rest() {
    const auto token = rest::load_or_make_token(options_.state_dir, random_);
    if (!token) return forward_error(token);
    std::vector<status::Listener> listeners;
    listeners.reserve(listeners_.size());
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      listeners.push_back({config_.listeners[i].name, std::string(to_string(to_sip(config_.listeners[i].transport))),
                           to_string(transport_.local_address(listeners_[i]))});
    }
    source_ = std::make_unique<StatusSource>(StatusSource::Parts{*calls_, relay_, client_, transport_, *transactions_,
                                                                 *journal_, *monitor_, alarms_, std::move(listeners),
                                                                 std::chrono::system_clock::now()});
    gatekeeper_ = std::make_unique<rest::Gatekeeper>(*token);
    api_ = std::make_unique<rest::Api>(rest::Api::Config{.allowed_hosts = config_.rest.allowed_hosts}, *gatekeeper_,
                                       *source_);
    rest::ServerConfig server;
    server.listen = {config_.rest.address, config_.rest.port};
    auto started = rest::Server::start(
        loop_.context(), server,
        [this](const rest::Request& request, const rest::Respond& respond) { api_->handle(request, respond); });
    if (!started) return forward_error(started);
    rest_ = std::move(*started);
    log::info("rest.listening",
              {{"address", to_string(rest_->local_address())}, {"token", options_.state_dir + "/" + rest::kTokenFile}});
    return {};
  }

  void on_data_plane(bool connected) {
    log::write(connected ? log::Level::kInfo : log::Level::kWarn,
               connected ? "data_plane.connected" : "data_plane.away", {{"socket", options_.contract_socket}});
    if (!connected || std::exchange(ready_, true)) return;
    log::info("control_plane.ready", {{"version", kVersion}});
    if (const Status told = notify_service("READY=1"); !told) {
      log::warn("control_plane.notify_failed", {{"reason", to_string(told.error())}});
    }
  }

  void await_signal() {
    boost::system::error_code ignored;
    signals_.add(SIGTERM, ignored);
    signals_.add(SIGINT, ignored);
    signals_.add(SIGHUP, ignored);
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      await_signal();
    });
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) return reload_certificates();
    log::info("control_plane.stopping", {{"signal", signal}, {"calls", calls_->calls()}});
    (void)notify_service("STOPPING=1");  // whoever asked for the stop knows
    if (calls_->is_draining()) return end_calls();
    calls_->drain(false);
    monitor_->stop();
    end_by_ = loop_.timers().now() + config_.timers.drain;
    drain();
  }

  /// Connections to come get what the files hold now; a listener whose files are wrong keeps what it has.
  void reload_certificates() {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      const config::Listener& listener = config_.listeners[i];
      if (listener.transport != config::Transport::kTls) continue;
      auto tls = load_tls(listener);
      const Status taken = tls ? transport_.set_tls(listeners_[i], std::move(*tls)) : forward_error(tls);
      if (taken) {
        log::info("sip.certificate_loaded", {{"listener", listener.name}, {"file", listener.certificate}});
      } else {
        log::error("sip.certificate_kept", {{"listener", listener.name}, {"why", to_string(taken.error())}});
      }
    }
  }

  /// Looks again until no call is left or the time is up.
  void drain() {
    if (ending_) return;
    if (calls_->calls() == 0 || loop_.timers().now() >= end_by_) return end_calls();
    loop_.timers().start(kLookAgain, [this] { drain(); });
  }

  void end_calls() {
    if (std::exchange(ending_, true)) return;
    calls_->drain(true);
    end_by_ = loop_.timers().now() + kGoodbye;
    await_goodbyes();
  }

  void await_goodbyes() {
    if (calls_->calls() == 0 || loop_.timers().now() >= end_by_) {
      log::info("control_plane.stopped", {{"calls_left", calls_->calls()}});
      return loop_.stop();
    }
    loop_.timers().start(kLookAgain, [this] { await_goodbyes(); });
  }

  static constexpr std::chrono::milliseconds kLookAgain{50};

  const Options options_;
  const config::ControlPlane config_;
  event_loop::EventLoop loop_;
  SystemRandom system_random_;
  RandomPool random_{system_random_};
  status::Alarms alarms_;
  journal::MappedMedium medium_;
  std::unique_ptr<journal::Journal> journal_;
  contract::Client client_;
  WatchedRelay relay_;
  std::unique_ptr<resolver::CaresDns> dns_;
  std::unique_ptr<resolver::Directory> directory_;
  b2bua::Locate locate_ = b2bua::locate_numeric;
  sip::AsioNetwork network_;
  sip::TransportLayer transport_;
  std::vector<sip::ListenerId> listeners_;
  SipUsers users_;
  std::unique_ptr<b2bua::B2bua> calls_;
  std::unique_ptr<PeerMonitor> monitor_;
  std::unique_ptr<sip::TransactionLayer> transactions_;
  std::unique_ptr<StandingAlarms> alarms_watch_;
  std::unique_ptr<StatusSource> source_;
  std::unique_ptr<rest::Gatekeeper> gatekeeper_;
  std::unique_ptr<rest::Api> api_;
  std::unique_ptr<rest::Server> rest_;
  boost::asio::signal_set signals_;
  event_loop::TimePoint end_by_{};
  bool ready_ = false;
  bool ending_ = false;
};

Result<std::unique_ptr<Process>> Process::start(const Options& options, const config::ControlPlane& configuration) {
  auto medium = open_medium(options.journal_fd);
  if (!medium) return forward_error(medium);
  auto impl = std::make_unique<Impl>(options, configuration, std::move(*medium));
  if (Status status = impl->start(); !status) return forward_error(status);
  return std::unique_ptr<Process>(new Process(std::move(impl)));
}

Process::Process(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Process::~Process() = default;
SocketAddress Process::rest_address() const { return impl_->rest_address(); }
void Process::run() { impl_->run(); }

}  // namespace isthmus::app
