#pragma once

// Which io mode runs, and why: the configured one or, with "auto", the best that this host allows.

#include <memory>
#include <string>

#include "dataplane/app/config.h"
#include "dataplane/io/engine.h"

namespace isthmus::app {

/// What opens the engines; the product's tries for real, tests bring their own.
class IoOpener {
 public:
  virtual ~IoOpener() = default;
  virtual Result<std::unique_ptr<io::Engine>> open(io::Mode mode, const Config& config) = 0;
};

/// With DPDK where it is built. The EAL is started by the first DPDK mode that is tried.
class SystemIoOpener final : public IoOpener {
 public:
  Result<std::unique_ptr<io::Engine>> open(io::Mode mode, const Config& config) override;
};

struct ChosenIo {
  std::unique_ptr<io::Engine> engine;
  std::string reason;  ///< for the status and the log
};

/// A mode that was named is that mode or an error; "auto" goes from the best to the simplest.
Result<ChosenIo> choose_io(const Config& config, IoOpener& opener);

/// Every media address is on this host (and on its network's interface, where it names one). In the modes without a
/// kernel interface they are the configuration's alone.
Status check_addresses(const Config& config);

/// After the engines: DPDK's own end.
void shut_down_io();

}  // namespace isthmus::app
