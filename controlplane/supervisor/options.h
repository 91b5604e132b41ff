#pragma once

// The command line. There is no configuration file: the supervisor reads nothing that others write.

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::supervisor {

struct Options {
  std::string dataplane_config;     ///< default: CONFIG_DIR/dataplane.toml
  std::string controlplane_config;  ///< default: CONFIG_DIR/controlplane.toml
  std::string run_dir = "/run/isthmus";
  std::string state_dir = "/var/lib/isthmus";
  std::string bin_dir;     ///< default: where the supervisor's own program is
  bool same_user = false;  ///< the planes keep our user: laptops, socket mode without root
  std::string dataplane_user = "isthmus-dataplane";
  std::string controlplane_user = "isthmus-controlplane";
  std::size_t journal_mib = 64;
  std::size_t index_memory_mib = 64;
  std::size_t stop_seconds = 10;  ///< each plane, after SIGTERM; then SIGKILL
  bool filter_system_calls = true;
  bool debug = false;
};

struct Parsed {
  Options options;
  std::optional<std::string> print;  ///< --help or --version: print this and end well
};

inline constexpr std::size_t kMaxNumber = 4096;  ///< of MiB or seconds

/// kInvalidArgument with the option as field. `arguments` without the program's name; `own_dir` is the default of
/// bin_dir.
Result<Parsed> parse_options(std::span<const char* const> arguments, const std::string& own_dir);

std::string usage();

}  // namespace isthmus::supervisor
