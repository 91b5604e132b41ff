#include "dataplane/io/dpdk/port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <cstring>
#include <utility>

#include "dataplane/base/log.h"

namespace isthmus::io::dpdk {
namespace {

// The size that both kernel-socket drivers have by default.
constexpr std::uint16_t kDescriptors = 2048;
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);

const char* bus_of(std::string_view device) { return is_pci_address(device) ? "pci" : "vdev"; }

std::string reason(int error) { return rte_strerror(error < 0 ? -error : error); }

Status configure(std::uint16_t number, const PortSettings& settings, rte_mempool* buffers) {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(number, &info); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " does not tell what it can: " + reason(error));
  }
  if (settings.queues > info.max_rx_queues || settings.queues > info.max_tx_queues) {
    return fail(ErrorKind::kUnavailable,
                settings.device + " has fewer than " + std::to_string(settings.queues) + " queues");
  }
  rte_eth_conf conf{};
  conf.rxmode.mtu = settings.mtu;
  if (const int error = rte_eth_dev_configure(number, settings.queues, settings.queues, &conf); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " refuses its settings: " + reason(error));
  }
  std::uint16_t rx = kDescriptors;
  std::uint16_t tx = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(number, &rx, &tx);
  for (std::uint16_t queue = 0; queue < settings.queues; ++queue) {
    int error = rte_eth_rx_queue_setup(number, queue, rx, kAnySocket, nullptr, buffers);
    if (error == 0) error = rte_eth_tx_queue_setup(number, queue, tx, kAnySocket, nullptr);
    if (error != 0) {
      return fail(ErrorKind::kUnavailable,
                  settings.device + " gives no queue " + std::to_string(queue) + ": " + reason(error));
    }
  }
  if (const int error = rte_eth_dev_start(number); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " does not start: " + reason(error));
  }
  if (settings.all_multicast && rte_eth_allmulticast_enable(number) != 0) {
    // Drivers of kernel interfaces have no such switch, and hear everything.
    log::info("io.no_multicast_switch", {{"device", settings.device}});
  }
  return {};
}

}  // namespace

bool is_pci_address(std::string_view device) {
  return device.find(':') != std::string_view::npos && device.find('.') != std::string_view::npos &&
         device.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

Result<Port> Port::open(const PortSettings& settings, rte_mempool* buffers) {
  std::uint16_t found = 0;
  // A PCI device that the EAL was allowed is there since its start.
  const bool is_there = rte_eth_dev_get_port_by_name(settings.device.c_str(), &found) == 0;
  const int error =
      is_there ? 0 : rte_eal_hotplug_add(bus_of(settings.device), settings.device.c_str(), settings.arguments.c_str());
  if (error != 0) {
    const bool is_pci = is_pci_address(settings.device);
    return fail(ErrorKind::kUnavailable,
                "DPDK makes no " + settings.device + ": " + reason(error) +
                    (is_pci ? "; is it bound to vfio-pci (hwconfig/bind), and may this user open /dev/vfio?" : ""));
  }
  Port port;
  port.device_ = settings.device;
  port.open_ = true;
  port.queues_ = settings.queues;
  if (const int unknown = rte_eth_dev_get_port_by_name(settings.device.c_str(), &port.number_); unknown != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " has no port: " + reason(unknown));
  }
  if (auto configured = configure(port.number_, settings, buffers); !configured) return forward_error(configured);
  rte_ether_addr mac{};
  rte_eth_macaddr_get(port.number_, &mac);
  std::memcpy(port.mac_.data(), mac.addr_bytes, port.mac_.size());
  return port;
}

bool Port::has_link(std::uint16_t number) {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(number, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

std::uint64_t Port::missed() const {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(number_, &stats) != 0) return 0;
  return stats.imissed + stats.ierrors + stats.rx_nombuf;
}

Port::Port(Port&& other) noexcept
    : device_(std::move(other.device_)),
      number_(other.number_),
      queues_(other.queues_),
      mac_(other.mac_),
      open_(std::exchange(other.open_, false)) {}

Port::~Port() {
  if (!open_) return;
  // Closing detaches the XDP program; unplugging alone would do so too, but says less when it goes wrong.
  if (rte_eth_dev_stop(number_) != 0) log::warn("io.port_stop_failed", {{"device", device_}});
  rte_eth_dev_close(number_);
  rte_eal_hotplug_remove(bus_of(device_), device_.c_str());
}

}  // namespace isthmus::io::dpdk
