#include "dataplane/io/dpdk/kernel_sockets.h"

#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

namespace isthmus::io::dpdk {

void KernelSockets::find() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    int domain = 0;
    socklen_t length = sizeof domain;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) continue;
    if (domain == AF_PACKET) packet_.push_back(fd);
    if (domain == AF_XDP) xdp_.push_back(fd);
  }
}

std::uint64_t KernelSockets::lost() {
  for (const int fd : packet_) {
    tpacket_stats statistics{};
    socklen_t length = sizeof statistics;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) == 0) packet_lost_ += statistics.tp_drops;
  }
  std::uint64_t sum = packet_lost_;
  for (const int fd : xdp_) {
    xdp_statistics statistics{};
    socklen_t length = sizeof statistics;
    if (getsockopt(fd, SOL_XDP, XDP_STATISTICS, &statistics, &length) == 0) sum += statistics.rx_ring_full;
  }
  return sum;
}

}  // namespace isthmus::io::dpdk
