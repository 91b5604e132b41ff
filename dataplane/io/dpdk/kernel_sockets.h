#pragma once

// What the kernel lost in front of the drivers that live on its sockets. Neither driver tells it: net_af_packet counts
// nothing of the kind, net_af_xdp leaves out frames for which its ring had no place. Main thread.

#include <cstdint>
#include <vector>

namespace isthmus::io::dpdk {

class KernelSockets {
 public:
  /// Finds the packet and AF_XDP sockets among this process's descriptors: the drivers keep theirs to themselves.
  /// After the ports were opened.
  void find();
  /// Since find(). PACKET_STATISTICS begins anew with each look (packet(7)), so nobody else may look.
  std::uint64_t lost();

 private:
  std::vector<int> packet_;
  std::vector<int> xdp_;
  std::uint64_t packet_lost_ = 0;
};

}  // namespace isthmus::io::dpdk
