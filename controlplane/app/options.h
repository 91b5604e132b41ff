#pragma once

// The command line of isthmus-controlplane.

#include <string>
#include <variant>

namespace isthmus::app {

struct Options {
  std::string config = "/etc/isthmus/controlplane.toml";
  std::string contract_socket = "/run/isthmus/dataplane.sock";
  std::string state_dir = "/var/lib/isthmus";
  int journal_fd = -1;  ///< memory file from the supervisor; -1: calls do not outlive this process
  bool check_config = false;
  bool list_config_keys = false;
};

/// Help, version, or a mistake: what to print and how to end.
struct Ending {
  int exit_code = 0;
  std::string text;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitBadConfig = 3;

std::variant<Options, Ending> read_options(int argc, const char* const* argv);

}  // namespace isthmus::app
