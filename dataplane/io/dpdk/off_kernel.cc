#include "dataplane/io/dpdk/off_kernel.h"

namespace isthmus::io::dpdk {
namespace {

void add_argument(std::string& arguments, const std::string& argument) {
  arguments += (arguments.empty() ? "" : ",") + argument;
}

// infinite_rx: the driver reads the file into buffers at the start, and copies from there; how often is the gate's
// business. Without it each frame is read from the file by the worker. An empty capture is refused by the driver then.
std::string pcap_arguments(const Network& network, std::uint64_t captured) {
  std::string arguments;
  if (captured > 0) arguments = "rx_pcap=" + network.capture_in + ",infinite_rx=1";
  if (!network.capture_out.empty()) add_argument(arguments, "tx_pcap=" + network.capture_out);
  return arguments;
}

// Paths in the file system, not in Linux's abstract name space: rights of folders count.
std::string memif_arguments(const Memif& memif) {
  return std::string("role=") + (memif.server ? "server" : "client") + ",socket=" + memif.socket +
         ",socket-abstract=no,id=" + std::to_string(memif.id);
}

}  // namespace

PortSettings off_kernel_port(Mode mode, const Network& network, std::size_t index, std::uint64_t captured) {
  PortSettings settings;
  settings.fewer_queues = true;
  settings.mtu = network.mtu;
  if (mode == Mode::kMemif) {
    settings.device = "net_memif" + std::to_string(index);
    settings.arguments = memif_arguments(network.memif);
  } else if (mode == Mode::kRing) {
    settings.device = "net_ring" + std::to_string(index);
  } else if (captured > 0 || !network.capture_out.empty()) {
    settings.device = "net_pcap" + std::to_string(index);
    settings.arguments = pcap_arguments(network, captured);
  } else {
    settings.device = "net_null" + std::to_string(index);
    settings.arguments = "no-rx=1";  // else it makes up frames
  }
  return settings;
}

}  // namespace isthmus::io::dpdk
