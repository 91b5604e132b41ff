#pragma once

// The command line of isthmus-dataplane.

#include <span>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::app {

struct Options {
  std::string config = "/etc/isthmus/dataplane.toml";
  bool check_config = false;
  bool clean_up = false;
  bool help = false;
  bool version = false;
  int contract_fd = -1;         ///< -1: make a socket
  int index_memory_fd = -1;     ///< SRTP index state that outlives the process; -1: none
  std::string contract_socket;  ///< empty: the configuration's
};

/// Without the program's name. kInvalidArgument names the option.
Result<Options> parse_options(std::span<const std::string> arguments);

extern const char* const kHelp;

}  // namespace isthmus::app
