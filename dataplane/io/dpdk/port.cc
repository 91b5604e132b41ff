#include "dataplane/io/dpdk/port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "dataplane/base/log.h"
#include "dataplane/io/dpdk/port_plan.h"

namespace isthmus::io::dpdk {
namespace {

// The size that both kernel-socket drivers have by default.
constexpr std::uint16_t kDescriptors = 2048;
constexpr auto kAnySocket = static_cast<unsigned>(SOCKET_ID_ANY);

const char* bus_of(std::string_view device) { return is_pci_address(device) ? "pci" : "vdev"; }

std::string reason(int error) { return rte_strerror(error < 0 ? -error : error); }

/// Fills the redirection table of a started device.
int fill_table(std::uint16_t number, const PortPlan& plan, std::size_t workers) {
  const std::uint16_t entries = plan.table_entries;
  const std::vector<std::uint16_t> table = table_of(plan, workers);
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

void say_what_it_does(const PortSettings& settings, const PortPlan& plan, int table_error) {
  log::info("io.port", {{"device", settings.device},
                        {"queues", plan.queues},
                        {"checksums", plan.checks_sums ? "of received packets by the device" : "not looked at"},
                        {"checksums_sent", plan.makes_sums ? "by the device" : "by software"}});
  if (settings.workers < 2) return;
  const bool steers = plan.steers() && table_error == 0;
  const std::string why = table_error == 0 ? "the device has not the queues or no hash" : reason(table_error);
  log::info(steers ? "io.steered" : "io.not_steered",
            {{"device", settings.device},
             {"queues", plan.queues},
             {"reason", steers ? "by port class" : why + "; workers hand over"}});
}

/// What the device does now.
Result<PortPlan> configure(std::uint16_t number, const PortSettings& settings, rte_mempool* buffers) {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(number, &info); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " does not tell what it can: " + reason(error));
  }
  auto plan = plan_port(info, settings);
  if (!plan) return forward_error(plan);
  rte_eth_conf conf{};
  conf.rxmode.mtu = settings.mtu;
  conf.rxmode.offloads = plan->receive_offloads;
  conf.txmode.offloads = plan->send_offloads;
  if (plan->steers()) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_key = plan->rss_key.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = static_cast<std::uint8_t>(plan->rss_key.size());
    conf.rx_adv_conf.rss_conf.rss_hf = plan->hashed;
  }
  if (const int error = rte_eth_dev_configure(number, plan->queues, plan->queues, &conf); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " refuses its settings: " + reason(error));
  }
  if (auto made = set_up_queues(number, settings, plan->queues, buffers); !made) return forward_error(made);
  if (const int error = rte_eth_dev_start(number); error != 0) {
    return fail(ErrorKind::kUnavailable, settings.device + " does not start: " + reason(error));
  }
  say_what_it_does(settings, *plan, plan->steers() ? fill_table(number, *plan, settings.workers) : 0);
  if (settings.all_multicast && rte_eth_allmulticast_enable(number) != 0) {
    // Drivers of kernel interfaces have no such switch, and hear everything.
    log::info("io.no_multicast_switch", {{"device", settings.device}});
  }
  return plan;
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
  port.queues_ = configured->queues;
  port.checks_sums_ = configured->checks_sums;
  port.makes_sums_ = configured->makes_sums;
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
      checks_sums_(other.checks_sums_),
      makes_sums_(other.makes_sums_),
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
