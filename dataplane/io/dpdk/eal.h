#pragma once

// DPDK's environment: started once a process, on the main thread, with signals blocked.

#include <cstddef>
#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace isthmus::io::dpdk {

struct EalSettings {
  std::size_t memory_mb = 128;
  bool use_huge_pages = true;            ///< where they are free; tests say false
  std::vector<std::string> pci_devices;  ///< the only ones that DPDK may touch: "0000:03:00.0,..."; they need hugepages
  bool every_driver = false;  ///< loaded: the operator names devices, of any kind; else those of the other modes
};

/// What was started, for the status: "hugepages" or "ordinary pages".
Result<std::string> start_eal(const EalSettings& settings);
void stop_eal();

}  // namespace isthmus::io::dpdk
