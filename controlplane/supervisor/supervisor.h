#pragma once

// Starts the two planes, keeps them running, ends them in order.
//
//   starting dataplane --READY--> starting controlplane --READY--> running --TERM--> stopping controlplane --> stopping
//   dataplane
//        a plane that ends while we are not stopping: [waiting] --delay--> started again, the other one goes on
//
// One thread; all waiting is in one epoll set (signalfd, pidfds, notify sockets) with the next deadline as its
// time-out.

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "controlplane/supervisor/child_process.h"
#include "controlplane/supervisor/options.h"
#include "controlplane/supervisor/restart_policy.h"
#include "controlplane/supervisor/run_folder.h"

namespace isthmus::supervisor {

/// Set in the data plane's environment: the user id that may connect to the contract socket
/// (dataplane/contract/server.h).
inline constexpr const char* kContractPeerVariable = "ISTHMUS_CONTRACT_PEER_UID";

// Exit statuses of the supervisor (sysexits.h).
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitConfig = 78;

/// Exit statuses of a plane that say: command line or configuration wrong, starting me again will not help.
inline constexpr std::array kRefusals = {2, 3, kExitUsage, kExitConfig};

inline constexpr std::chrono::seconds kDataplaneReadyWithin{60};  ///< DPDK and its memory
inline constexpr std::chrono::seconds kControlplaneReadyWithin{30};
/// A plane that does not end within --stop-seconds gets a second SIGTERM ("at once"), and SIGKILL after this time.
inline constexpr std::chrono::seconds kLastChance{2};
inline constexpr std::chrono::seconds kWatchdogWithin{30};  ///< of a plane that has said WATCHDOG=1 once; then SIGABRT
inline constexpr int kMaxFailedStarts = 3;  ///< a plane that was never ready and ends by itself this often ends us

class Supervisor {
 public:
  /// Prepares folders, memory and sockets; nothing runs yet. Blocks the signals it takes by signalfd.
  static Result<Supervisor> make(const Options& options);
  Supervisor(Supervisor&&) = default;

  /// Until a signal ends it or a plane cannot be started. The exit status.
  int run();

 private:
  struct Plane {
    ChildSpec spec;
    std::chrono::seconds ready_within{};
    Descriptor notify;
    Descriptor memory;            ///< journal or index state
    Descriptor memory_set_aside;  ///< the one that the brake gave up; readable in /proc for who wants to look
    std::size_t memory_bytes = 0;
    bool memory_used = false;  ///< an earlier process had it
    RestartPolicy policy{};
    std::optional<Child> child{};
    bool ready = false;
    bool was_ready = false;  ///< once, in the supervisor's life
    int stop_signals = 0;    ///< SIGTERMs sent
    int failed_starts = 0;
    TimePoint started_at{};
    std::optional<TimePoint> deadline{};  ///< for READY=1, or for the end of a stop
    std::optional<TimePoint> restart_at{};
    std::optional<TimePoint> watchdog_at{};
  };
  static constexpr std::size_t kDataplane = 0;
  static constexpr std::size_t kControlplane = 1;

  Supervisor(const Options& options, RunFolder folder);
  Status prepare();
  Status prepare_dataplane(const User& user, const User& peer);
  Status prepare_controlplane(const User& user);
  Status watch(int fd);

  void start(Plane& plane);
  void take_notices(Plane& plane, TimePoint now);
  void became_ready(Plane& plane, TimePoint now);
  void ended(Plane& plane, TimePoint now);
  void give_up_start(const Plane& plane, int code);
  void set_state_aside(Plane& plane);
  void take_signals();
  void begin_stop(int exit_code);
  void continue_stop();
  void ask_to_stop(Plane& plane, std::chrono::seconds within);
  void too_slow(Plane& plane);
  void check_deadlines(TimePoint now);
  void feed_watchdog(TimePoint now);
  int wait_ms(TimePoint now) const;
  bool finished() const;

  Options options_;
  RunFolder folder_;
  Descriptor epoll_;
  Descriptor signals_;
  Descriptor contract_;
  std::array<Plane, 2> planes_;
  bool stopping_ = false;
  int exit_code_ = 0;
  std::optional<std::chrono::microseconds> watchdog_interval_;  ///< of systemd, halved
  TimePoint watchdog_due_{};
};

}  // namespace isthmus::supervisor
