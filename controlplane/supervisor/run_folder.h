#pragma once

// The folder of sockets and process ids:
//
//   RUN_DIR/lock                     held while a supervisor runs
//   RUN_DIR/{dataplane,controlplane}.pid     "pid start-time": a later supervisor ends what a killed one left
//   RUN_DIR/{dataplane,controlplane}.notify  where a plane says READY=1; its user's, 0600
//   RUN_DIR/dataplane/               the data plane's own, 0700
//   RUN_DIR/contract/dataplane.sock  the contract; only the control plane's user may enter the folder and connect

#include <sys/types.h>

#include <chrono>
#include <string>

#include "controlplane/supervisor/descriptor.h"
#include "controlplane/supervisor/privileges.h"
#include "dataplane/base/result.h"

namespace isthmus::supervisor {

class RunFolder {
 public:
  /// How long a process left by a killed supervisor may take to end by itself (it got SIGTERM when that one died).
  static constexpr std::chrono::milliseconds kLeftoverGrace{3000};

  /// Makes the folder if it is missing, takes the lock, ends left-over planes and removes their files. kUnavailable
  /// when another supervisor runs here.
  static Result<RunFolder> take(const std::string& path);

  RunFolder(RunFolder&&) = default;
  RunFolder& operator=(RunFolder&&) = default;
  /// Removes what this supervisor made in it.
  ~RunFolder();

  std::string contract_socket() const { return path_ + "/contract/dataplane.sock"; }
  std::string notify_socket(const std::string& plane) const { return path_ + "/" + plane + ".notify"; }

  /// A listening seqpacket socket that only `connecting` may reach.
  Result<Descriptor> make_contract_socket(const User& connecting) const;
  /// A datagram socket that tells who sent; only `sender` may send.
  Result<Descriptor> make_notify_socket(const std::string& plane, const User& sender) const;
  /// A folder of the plane's own, for what its libraries leave at run time (DPDK asks for RUNTIME_DIRECTORY).
  Result<std::string> make_plane_folder(const std::string& plane, const User& owner) const;
  Status record_process(const std::string& plane, pid_t pid) const;
  void forget_process(const std::string& plane) const;

 private:
  RunFolder(std::string path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  void clear() const;
  std::string pid_file(const std::string& plane) const { return path_ + "/" + plane + ".pid"; }

  std::string path_;
  Descriptor lock_;  ///< empty: moved from
};

/// The folder that the control plane keeps things in; its own, 0700 when we make it.
Status prepare_state_folder(const std::string& path, const User& owner);

/// Clock ticks since boot at which `pid` started: tells a process from a later one with the same id. 0: there is none.
unsigned long long process_start_time(pid_t pid);

}  // namespace isthmus::supervisor
