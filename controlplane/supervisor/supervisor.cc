#include "controlplane/supervisor/supervisor.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "controlplane/supervisor/memory_file.h"
#include "controlplane/supervisor/notify_listener.h"
#include "controlplane/supervisor/system_error.h"
#include "dataplane/base/log.h"
#include "dataplane/base/service_notify.h"

namespace isthmus::supervisor {
namespace {

/// The data plane's legs and contexts are touched at random with each packet (glibc, "Memory Allocation Tunables").
constexpr std::string_view kHeapOnLargePages = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1";

constexpr std::size_t kMib = std::size_t{1024} * 1024;
constexpr int kLongestWaitMs = 60'000;

std::chrono::milliseconds since(TimePoint start, TimePoint now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - start);
}

/// Half of what systemd allows, if it watches us.
std::optional<std::chrono::microseconds> watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  if (text == nullptr) return std::nullopt;
  const std::string_view view = text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size() || value < 2) return std::nullopt;
  return std::chrono::microseconds(value / 2);
}

std::string describe(const ExitStatus& status) {
  if (status.signal != 0) return std::string("signal ") + ::strsignal(status.signal);
  return "status " + std::to_string(status.code);
}

}  // namespace

Supervisor::Supervisor(const Options& options, RunFolder folder)
    : options_(options), folder_(std::move(folder)), watchdog_interval_(watchdog_interval()) {}

Result<Supervisor> Supervisor::make(const Options& options) {
  if (::geteuid() != 0 && !options.same_user) {
    return fail(ErrorKind::kDenied, "starting the planes as their own users needs root; without it give --same-user");
  }
  Result<RunFolder> folder = RunFolder::take(options.run_dir);
  if (!folder) return forward_error(folder);
  Supervisor supervisor(options, *std::move(folder));
  if (const Status status = supervisor.prepare(); !status) return forward_error(status);
  return supervisor;
}

Status Supervisor::prepare() {
  Result<User> dataplane = current_user();
  Result<User> controlplane = current_user();
  if (!options_.same_user) {
    dataplane = find_user(options_.dataplane_user);
    controlplane = find_user(options_.controlplane_user);
    if (!dataplane) return forward_error(dataplane);
    if (!controlplane) return forward_error(controlplane);
  }
  sigset_t taken;
  ::sigemptyset(&taken);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&taken, signal);
  if (::sigprocmask(SIG_BLOCK, &taken, nullptr) != 0) return system_failure("signals");
  ::signal(SIGPIPE, SIG_IGN);  // a log reader that went away must not end the calls
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  signals_ = Descriptor(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!epoll_ || !signals_) return system_failure("epoll or signalfd");
  if (const Status status = watch(signals_.get()); !status) return status;
  Result<Descriptor> contract = folder_.make_contract_socket(*controlplane);
  if (!contract) return forward_error(contract);
  contract_ = *std::move(contract);
  if (const Status status = prepare_state_folder(options_.state_dir, *controlplane); !status) return status;
  if (const Status status = prepare_dataplane(*dataplane, *controlplane); !status) return status;
  return prepare_controlplane(*controlplane);
}

Status Supervisor::prepare_dataplane(const User& user, const User& peer) {
  Plane& plane = planes_[kDataplane];
  plane.ready_within = kDataplaneReadyWithin;
  plane.memory_bytes = options_.index_memory_mib * kMib;
  ChildSpec& spec = plane.spec;
  spec.name = "dataplane";
  spec.program = options_.bin_dir + "/isthmus-dataplane";
  spec.user = user;
  const std::vector<int> wanted = dataplane_capabilities();
  spec.capabilities = available_capabilities(wanted);
  if (spec.capabilities.size() < wanted.size()) {
    log::warn("supervisor.capabilities", {{"plane", spec.name},
                                          {"wanted", capability_names(wanted)},
                                          {"available", capability_names(spec.capabilities)}});
  }
  spec.filter_system_calls = options_.filter_system_calls;
  spec.filter.allow_bpf = true;
  const Result<std::string> own_folder = folder_.make_plane_folder(spec.name, user);
  if (!own_folder) return forward_error(own_folder);
  spec.environment = {"NOTIFY_SOCKET=" + folder_.notify_socket(spec.name), "RUNTIME_DIRECTORY=" + *own_folder,
                      std::string(kContractPeerVariable) + "=" + std::to_string(peer.uid)};
  // What the host's administrator has set comes first.
  if (::getenv("GLIBC_TUNABLES") == nullptr) spec.environment.emplace_back(kHeapOnLargePages);
  Result<Descriptor> memory = make_memory_file("isthmus-index-state", plane.memory_bytes);
  if (!memory) return forward_error(memory);
  plane.memory = *std::move(memory);
  Result<Descriptor> notify = folder_.make_notify_socket(spec.name, user);
  if (!notify) return forward_error(notify);
  plane.notify = *std::move(notify);
  return watch(plane.notify.get());
}

Status Supervisor::prepare_controlplane(const User& user) {
  Plane& plane = planes_[kControlplane];
  plane.ready_within = kControlplaneReadyWithin;
  plane.memory_bytes = options_.journal_mib * kMib;
  ChildSpec& spec = plane.spec;
  spec.name = "controlplane";
  spec.program = options_.bin_dir + "/isthmus-controlplane";
  spec.user = user;
  spec.filter_system_calls = options_.filter_system_calls;
  spec.environment = {"NOTIFY_SOCKET=" + folder_.notify_socket(spec.name)};
  Result<Descriptor> memory = make_memory_file("isthmus-journal", plane.memory_bytes);
  if (!memory) return forward_error(memory);
  plane.memory = *std::move(memory);
  Result<Descriptor> notify = folder_.make_notify_socket(spec.name, user);
  if (!notify) return forward_error(notify);
  plane.notify = *std::move(notify);
  return watch(plane.notify.get());
}

Status Supervisor::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_failure("epoll");
  return {};
}

int Supervisor::run() {
  log::info("supervisor.start", {{"run-dir", options_.run_dir},
                                 {"state-dir", options_.state_dir},
                                 {"same-user", options_.same_user},
                                 {"capabilities", capability_names(planes_[kDataplane].spec.capabilities)}});
  if (!options_.filter_system_calls) log::warn("supervisor.no_seccomp", {{"advice", "not for service"}});
  start(planes_[kDataplane]);
  while (!finished()) {
    std::array<epoll_event, 8> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms(Clock::now()));
    const TimePoint now = Clock::now();
    const auto is_ready = [&](const Descriptor& descriptor) {
      return std::any_of(events.begin(), events.begin() + std::max(count, 0),
                         [&](const epoll_event& event) { return event.data.fd == descriptor.get(); });
    };
    if (is_ready(signals_)) take_signals();
    for (Plane& plane : planes_) {
      if (is_ready(plane.notify)) take_notices(plane, now);
      if (plane.child && is_ready(plane.child->pidfd)) ended(plane, now);
    }
    check_deadlines(now);
    feed_watchdog(now);
  }
  log::info("supervisor.end", {{"status", exit_code_}});
  return exit_code_;
}

void Supervisor::start(Plane& plane) {
  const TimePoint now = Clock::now();
  plane.restart_at.reset();
  plane.ready = false;
  plane.watchdog_at.reset();
  const bool is_dataplane = &plane == &planes_[kDataplane];
  const std::string memory = std::to_string(plane.memory.get());
  if (is_dataplane) {
    plane.spec.arguments = {"--contract-fd", std::to_string(contract_.get()), "--index-memory-fd", memory,
                            "--config",      options_.dataplane_config};
    plane.spec.descriptors = {contract_.get(), plane.memory.get()};
  } else {
    plane.spec.arguments = {"--contract-socket", folder_.contract_socket(),    "--journal-fd", memory,
                            "--config",          options_.controlplane_config, "--state-dir",  options_.state_dir};
    plane.spec.descriptors = {plane.memory.get()};
  }
  plane.policy.started(now, plane.memory_used);
  Result<Child> child = start_child(plane.spec);
  if (child) {
    if (const Status status = watch(child->pidfd.get()); !status) child = forward_error(status);
  }
  if (!child) {
    log::error("child.not_started", {{"plane", plane.spec.name}, {"error", to_string(child.error())}});
    if (!plane.was_ready) return begin_stop(kExitFailure);
    plane.restart_at = now + plane.policy.ended(now).delay;
    return;
  }
  plane.child = *std::move(child);
  plane.started_at = now;
  plane.deadline = now + plane.ready_within;
  log::info("child.started", {{"plane", plane.spec.name},
                              {"pid", plane.child->pid},
                              {"uid", plane.spec.user.uid},
                              {"restored", plane.memory_used}});
  plane.memory_used = true;
  if (const Status status = folder_.record_process(plane.spec.name, plane.child->pid); !status) {
    log::warn("supervisor.pid_file", {{"error", to_string(status.error())}});
  }
}

void Supervisor::take_notices(Plane& plane, TimePoint now) {
  const Notice notice = receive_notices(plane.notify.get(), plane.child ? plane.child->pid : -1);
  if (notice.watchdog && plane.stop_signals == 0) plane.watchdog_at = now + kWatchdogWithin;
  if (notice.ready && !plane.ready && plane.stop_signals == 0) became_ready(plane, now);
}

void Supervisor::became_ready(Plane& plane, TimePoint now) {
  const bool first = !plane.was_ready;
  plane.ready = plane.was_ready = true;
  plane.deadline.reset();
  log::info("child.ready", {{"plane", plane.spec.name}, {"took_ms", since(plane.started_at, now).count()}});
  if (!first) return;
  if (&plane == &planes_[kDataplane]) {
    start(planes_[kControlplane]);
    return;
  }
  if (const Status status = notify_service("READY=1"); !status) {
    log::warn("supervisor.notify", {{"error", to_string(status.error())}});
  }
  log::info("supervisor.ready", {});
}

void Supervisor::ended(Plane& plane, TimePoint now) {
  take_notices(plane, now);  // it may have said READY=1 just before
  if (!plane.child) return;
  const std::optional<ExitStatus> status = reap(*plane.child);
  if (!status) return;
  plane.child.reset();
  plane.deadline.reset();
  plane.watchdog_at.reset();
  folder_.forget_process(plane.spec.name);
  const bool as_asked = plane.stop_signals > 0;
  log::write(
      as_asked ? log::Level::kInfo : log::Level::kError, "child.ended",
      {{"plane", plane.spec.name}, {"how", describe(*status)}, {"ran_ms", since(plane.started_at, now).count()}});
  if (stopping_) return continue_stop();
  if (!plane.was_ready && status->signal == 0) {
    if (std::ranges::find(kRefusals, status->code) != kRefusals.end() || ++plane.failed_starts >= kMaxFailedStarts) {
      return give_up_start(plane, status->code);
    }
  }
  const RestartPolicy::Decision decision = plane.policy.ended(now);
  if (decision.set_state_aside) set_state_aside(plane);
  plane.restart_at = now + decision.delay;
  log::warn("child.restart", {{"plane", plane.spec.name}, {"delay_ms", decision.delay.count()}});
}

void Supervisor::give_up_start(const Plane& plane, int code) {
  log::error("supervisor.gives_up", {{"plane", plane.spec.name},
                                     {"status", code},
                                     {"advice", "the plane's own last lines above say why it cannot start"}});
  begin_stop(std::ranges::find(kRefusals, code) != kRefusals.end() ? kExitConfig : kExitFailure);
}

/// What made it crash again and again may be the state itself. The old memory is kept until the next time.
void Supervisor::set_state_aside(Plane& plane) {
  Result<Descriptor> memory = make_memory_file("isthmus-after-brake", plane.memory_bytes);
  log::error("supervisor.state_set_aside", {{"plane", plane.spec.name},
                                            {"crashes", RestartPolicy::kBrakeCrashes},
                                            {"within_s", RestartPolicy::kBrakeWindow.count()},
                                            {"error", memory ? "" : to_string(memory.error())}});
  if (!memory) return;
  plane.memory_set_aside = std::move(plane.memory);
  plane.memory = *std::move(memory);
  plane.memory_used = false;
}

void Supervisor::take_signals() {
  signalfd_siginfo taken{};
  while (::read(signals_.get(), &taken, sizeof taken) == static_cast<ssize_t>(sizeof taken)) {
    const int signal = static_cast<int>(taken.ssi_signo);
    if (signal == SIGTERM || signal == SIGINT) {
      log::info("supervisor.stop", {{"signal", ::strsignal(signal)}});
      begin_stop(0);
    } else if (signal == SIGHUP) {
      for (const Plane& plane : planes_) {
        if (plane.child && plane.stop_signals == 0) send_signal(*plane.child, SIGHUP);
      }
    }
  }
}

void Supervisor::begin_stop(int exit_code) {
  if (stopping_) {  // asked twice: whoever is still ending shall do so at once
    for (Plane& plane : planes_) {
      if (plane.child && plane.stop_signals == 1) ask_to_stop(plane, kLastChance);
    }
    return;
  }
  stopping_ = true;
  exit_code_ = exit_code;
  for (Plane& plane : planes_) plane.restart_at.reset();
  if (const Status status = notify_service("STOPPING=1"); !status) {
    log::warn("supervisor.notify", {{"error", to_string(status.error())}});
  }
  continue_stop();
}

/// The control plane first: it ends its calls while the data plane still answers.
void Supervisor::continue_stop() {
  for (const std::size_t which : {kControlplane, kDataplane}) {
    Plane& plane = planes_[which];
    if (!plane.child) continue;
    if (plane.stop_signals == 0) ask_to_stop(plane, std::chrono::seconds(options_.stop_seconds));
    return;
  }
}

void Supervisor::ask_to_stop(Plane& plane, std::chrono::seconds within) {
  if (!plane.child) return;
  ++plane.stop_signals;
  plane.watchdog_at.reset();
  plane.deadline = Clock::now() + within;
  send_signal(*plane.child, SIGTERM);
}

void Supervisor::too_slow(Plane& plane) {
  if (!plane.child) return;
  const bool stopping = plane.stop_signals > 0;
  log::error("child.too_slow", {{"plane", plane.spec.name}, {"to", stopping || plane.ready ? "end" : "become ready"}});
  if (plane.stop_signals == 1) return ask_to_stop(plane, kLastChance);
  plane.deadline.reset();
  send_signal(*plane.child, SIGKILL);
}

void Supervisor::check_deadlines(TimePoint now) {
  for (Plane& plane : planes_) {
    if (plane.child && plane.deadline && *plane.deadline <= now) too_slow(plane);
    if (plane.child && plane.watchdog_at && *plane.watchdog_at <= now) {
      log::error("child.hangs", {{"plane", plane.spec.name}, {"silent_s", kWatchdogWithin.count()}});
      plane.watchdog_at.reset();
      plane.deadline = now + std::chrono::seconds(options_.stop_seconds);
      send_signal(*plane.child, SIGABRT);
    }
    if (!stopping_ && plane.restart_at && *plane.restart_at <= now) start(plane);
  }
}

void Supervisor::feed_watchdog(TimePoint now) {
  if (!watchdog_interval_ || now < watchdog_due_) return;
  watchdog_due_ = now + *watchdog_interval_;
  if (const Status status = notify_service("WATCHDOG=1"); !status) {
    log::debug("supervisor.notify", {{"error", to_string(status.error())}});
  }
}

int Supervisor::wait_ms(TimePoint now) const {
  TimePoint next = now + std::chrono::milliseconds(kLongestWaitMs);
  for (const Plane& plane : planes_) {
    for (const std::optional<TimePoint>& each : {plane.deadline, plane.restart_at, plane.watchdog_at}) {
      if (each) next = std::min(next, *each);
    }
  }
  if (watchdog_interval_) next = std::min(next, watchdog_due_);
  return std::max(0, static_cast<int>(since(now, next).count()) + 1);
}

bool Supervisor::finished() const {
  return stopping_ && std::ranges::none_of(planes_, [](const Plane& plane) { return plane.child.has_value(); });
}

}  // namespace isthmus::supervisor
