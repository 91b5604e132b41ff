#pragma once

// Starting a plane with the user, rights, limits and descriptors it is to have, and no others.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "controlplane/supervisor/descriptor.h"
#include "controlplane/supervisor/privileges.h"
#include "controlplane/supervisor/syscall_filter.h"
#include "dataplane/base/result.h"

namespace isthmus::supervisor {

struct ChildSpec {
  std::string name;                      ///< in log lines
  std::string program;                   ///< path
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< "NAME=value", added to ours
  std::vector<int> descriptors;          ///< inherited under their numbers, besides standard output and error
  User user;
  std::vector<int> capabilities;
  bool filter_system_calls = true;
  FilterChoice filter;
};

struct Child {
  pid_t pid = -1;
  Descriptor pidfd;  ///< readable when the process has ended
};

/// What became of an ended child.
struct ExitStatus {
  int code = 0;    ///< valid when signal == 0
  int signal = 0;  ///< that ended it
};

inline constexpr std::size_t kMaxOpenFiles = 65536;

/// Returns when the program runs (exec succeeded) or with the step that failed. The child gets SIGTERM when we die, has
/// no core dumps, no_new_privs, a process group of its own and umask 077. Called by a process with one thread.
Result<Child> start_child(const ChildSpec& spec);

void send_signal(const Child& child, int signal);
/// None while it runs; once for each child.
std::optional<ExitStatus> reap(const Child& child);

}  // namespace isthmus::supervisor
