#pragma once

// DPDK's environment: started once a process, on the main thread, with signals blocked.

#include <cstddef>
#include <string>

#include "dataplane/base/result.h"

namespace isthmus::io::dpdk {

struct EalSettings {
  std::size_t memory_mb = 128;
  bool use_huge_pages = true;  ///< where they are free; tests say false
};

/// What was started, for the status: "hugepages" or "ordinary pages".
Result<std::string> start_eal(const EalSettings& settings);
void stop_eal();

}  // namespace isthmus::io::dpdk
