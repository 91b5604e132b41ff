#include "dataplane/io/port_slots.h"

namespace isthmus::io {

PortSlots::PortSlots(std::span<const Network> networks) {
  for (std::size_t n = 0; n < networks.size(); ++n) {
    for (const IpAddress& address : networks[n].addresses) {
      pools_.push_back({address, networks[n].first_port, networks[n].last_port, static_cast<std::uint16_t>(n), total_});
      total_ += static_cast<std::size_t>(networks[n].last_port - networks[n].first_port) + 1;
    }
  }
}

std::optional<std::size_t> PortSlots::find(const SocketAddress& local) const {
  for (const Pool& pool : pools_) {
    if (pool.address == local.ip && local.port >= pool.first && local.port <= pool.last) {
      return pool.base + static_cast<std::size_t>(local.port - pool.first);
    }
  }
  return std::nullopt;
}

std::uint16_t PortSlots::network_of(std::size_t slot) const {
  std::uint16_t network = 0;
  for (const Pool& pool : pools_) {
    if (pool.base <= slot) network = pool.network;
  }
  return network;
}

}  // namespace isthmus::io
