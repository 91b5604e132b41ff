#include "dataplane/session/worker_link.h"

namespace isthmus::session {

std::vector<LocalAddress> local_addresses(std::span<const io::Network> networks) {
  std::vector<LocalAddress> addresses;
  for (const bool tcp : {false, true}) {
    for (std::size_t i = 0; i < networks.size(); ++i) {
      for (const IpAddress& address : networks[i].addresses) {
        addresses.push_back(
            {address, static_cast<std::uint16_t>(i), networks[i].first_port, networks[i].last_port, tcp});
      }
    }
  }
  return addresses;
}

WorkerLink::WorkerLink(std::span<const io::Network> networks) : addresses(local_addresses(networks)) {}

}  // namespace isthmus::session
