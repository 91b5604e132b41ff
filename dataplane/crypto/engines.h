#pragma once

// Which engine a process has, and one instance of it for each of its threads.

#include <memory>

#include "dataplane/base/result.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {

enum class EngineChoice : std::uint8_t {
  kAuto,      ///< ipsec-mb where the processor carries it, else libsrtp2
  kIpsecMb,   ///< or an error
  kLibsrtp2,  ///< the reference
};

/// Makes engines that share their contexts and index memory. Control thread; it may go before its engines.
class Engines {
 public:
  /// `index_memory_fd`: the supervisor's memory file, -1: none. libsrtp2 keeps its indices to itself, so that after a
  /// restart secured streams take new SSRCs.
  static Result<Engines> open(EngineChoice choice, int index_memory_fd);

  /// From now on contexts leave their indices in the memory when they go: the process ends, its sessions do not.
  void leave_indices() const;
  /// For one more thread.
  std::unique_ptr<SrtpEngine> make() const;

 private:
  std::shared_ptr<IpsecMbShared> shared_;  // nullptr: libsrtp2
};

}  // namespace isthmus::crypto
