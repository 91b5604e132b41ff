#pragma once

// Which rights a DPDK io mode needs, asked before anything is tried: the answer is a sentence instead of a library's
// error.

#include <cstdint>
#include <string>

#include "dataplane/io/engine.h"

namespace isthmus::app {

/// What this process may do: the effective capability set as bits of their numbers, and whether memory may be locked
/// without limit.
struct Rights {
  std::uint64_t capabilities = 0;
  bool unlimited_locked_memory = false;
};

Rights own_rights();

/// Names of what is missing, "CAP_NET_RAW, CAP_BPF"; empty when the mode may be tried.
std::string missing_rights(io::Mode mode, const Rights& rights);

}  // namespace isthmus::app
