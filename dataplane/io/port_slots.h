#pragma once

// The media pools as one flat table.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/io/engine.h"

namespace isthmus::io {

/// Immutable. Where a pool port of any local address has its place in flat tables: the addresses' pools behind each
/// other.
class PortSlots {
 public:
  explicit PortSlots(std::span<const Network> networks);
  std::optional<std::size_t> find(const SocketAddress& local) const;
  /// Place in the configuration of the network that has the slot.
  std::uint16_t network_of(std::size_t slot) const;
  std::size_t size() const { return total_; }

 private:
  struct Pool {
    IpAddress address;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::uint16_t network = 0;
    std::size_t base = 0;
  };
  std::vector<Pool> pools_;
  std::size_t total_ = 0;
};

}  // namespace isthmus::io
