#include "dataplane/io/dpdk/port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "dataplane/base/log.h"

namespace isthmus::io::dpdk {
namespace {

// The size that both kernel-socket drivers have by default.
constexpr std::uint16_t kDescriptors = 2048;
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);

const char* bus_of(std::string_view device) { return is_pci_address(device) ? "pci" : "vdev"; }

std::string reason(int error) { return rte_strerror(error < 0 ? -error : error); }

constexpr std::uint64_t kHashedUdp = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

/// Whether the device can be told by which bits it spreads packets.
bool can_steer(const rte_eth_dev_info& info, const PortSettings& settings, std::uint16_t queues) {
  return settings.workers > 1 && queues > 1 && info.hash_key_size >= kSmallestRssKey && info.reta_size > 1 &&
         std::has_single_bit(info.reta_size) && (info.flow_type_rss_offloads & kHashedUdp) != 0;
}

/// Fills the redirection table of a started device.
int fill_table(std::uint16_t number, std::uint16_t entries, std::size_t workers, std::uint16_t queues) {
  const std::vector<std::uint16_t> table = rss_table(entries, workers, queues);
  std::vector<rte_eth_rss_reta_entry64> groups((entries + RTE_ETH_RETA_GROUP_SIZE - 1U) / RTE_ETH_RETA_GROUP_SIZE);
  for (std::size_t i = 0; i < table.size(); ++i) {
    rte_eth_rss_reta_entry64& group = groups[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= std::uint64_t{1} << (i % RTE_ETH_RETA_GROUP_SIZE);
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = table[i];
  }
  return rte_eth_dev_rss_reta_update(number, groups.data(), entries);
}

Status set_up_queues(std::uint16_t number, const PortSettings& settings, std::uint16_t queues, rte_mempool* buffers) {
  std::uint16_t rx = kDescriptors;
  std::uint16_t tx = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(number, &rx, &tx);
  for (std::uint16_t queue = 0; queue < queues; ++queue) {
    int error = rte_eth_rx_queue_setup(number, queue, rx, kAnySocket, nullptr, buffers);
    if (error == 0) error = rte_eth_tx_queue_setup(number, queue, tx, kAnySocket, nullptr);
    if (error != 0) {
      return fail(ErrorKind::kUnavailable,
                  settings.device + " gives no queue " + std::to_string(queue) + ": " + reason(error));
    }
  }
  return {};
}

/// The queues that the device has now.
Result<std::uint16_t> configure(std::uint16_t number, const PortSettings& settings, rte_mempool* buffers) {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(number, &info); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " does not tell what it can: " + reason(error));
  }
  std::uint16_t queues = settings.queues;
  const std::uint16_t most = std::min(info.max_rx_queues, info.max_tx_queues);
  if (settings.fewer_queues && most > 0) queues = std::min(queues, most);
  if (queues > most) {
    return fail(ErrorKind::kUnavailable,
                settings.device + " has fewer than " + std::to_string(settings.queues) + " queues");
  }
  rte_eth_conf conf{};
  conf.rxmode.mtu = settings.mtu;
  const bool steers = can_steer(info, settings, queues);
  std::vector<std::uint8_t> key;
  if (steers) {
    key = rss_key(info.hash_key_size, info.reta_size, settings.families);
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_key = key.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<std::uint8_t>(key.size());
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kHashedUdp;
  }
  if (const int error = rte_eth_dev_configure(number, queues, queues, &conf); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " refuses its settings: " + reason(error));
  }
  if (auto made = set_up_queues(number, settings, queues, buffers); !made) return forward_error(made);
  if (const int error = rte_eth_dev_start(number); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " does not start: " + reason(error));
  }
  if (steers) {
    const int error = fill_table(number, info.reta_size, settings.workers, queues);
    log::info(error == 0 ? "io.steered" : "io.not_steered",
              {{"device", settings.device},
               {"queues", queues},
               {"reason", error == 0 ? "by port class" : reason(error) + "; workers hand over"}});
  }
  if (settings.all_multicast && rte_eth_allmulticast_enable(number) != 0) {
    // Drivers of kernel interfaces have no such switch, and hear everything.
    log::info("io.no_multicast_switch", {{"device", settings.device}});
  }
  return queues;
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
  if (const int unknown = rte_eth_dev_get_port_by_name(settings.device.c_str(), &port.number_); unknown != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " has no port: " + reason(unknown));
  }
  const auto configured = configure(port.number_, settings, buffers);
  if (!configured) return forward_error(configured);
  port.queues_ = *configured;
  rte_ether_addr mac{};
  rte_eth_macaddr_get(port.number_, &mac);
  std::memcpy(port.mac_.data(), mac.addr_bytes, port.mac_.size());
  return port;
}

bool Port::has_link(std::uint16_t number) {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(number, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

DriverLosses Port::losses() const {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(number_, &stats) != 0) return {};
  return {stats.imissed, stats.ierrors, stats.rx_nombuf, stats.oerrors};
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
