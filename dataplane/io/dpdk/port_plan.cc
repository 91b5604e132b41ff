#include "dataplane/io/dpdk/port_plan.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>

namespace isthmus::io::dpdk {
namespace {

constexpr std::uint64_t kHashedUdp = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
constexpr std::uint64_t kChecksums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;

/// Whether the device can be told by which bits it spreads packets.
bool can_steer(const rte_eth_dev_info& device, const PortSettings& settings, std::uint16_t queues) {
  return settings.workers > 1 && queues > 1 && device.hash_key_size >= kSmallestRssKey && device.reta_size > 1 &&
         std::has_single_bit(device.reta_size) && (device.flow_type_rss_offloads & kHashedUdp) != 0;
}

/// virtio offers both, but who asks allows the host to leave the checksums of its own packets unfinished (virtio 1.1
/// 5.1.6.4, VIRTIO_NET_F_GUEST_CSUM), and what is for the kernel's end would go on so: TCP would hang.
bool leaves_sums_unfinished(const rte_eth_dev_info& device) {
  return device.driver_name != nullptr && std::string_view(device.driver_name).find("virtio") != std::string_view::npos;
}

}  // namespace

Result<PortPlan> plan_port(const rte_eth_dev_info& device, const PortSettings& settings) {
  PortPlan plan;
  plan.queues = settings.queues;
  const std::uint16_t most = std::min(device.max_rx_queues, device.max_tx_queues);
  if (settings.fewer_queues && most > 0) plan.queues = std::min(plan.queues, most);
  if (plan.queues > most) {
    return fail(ErrorKind::kUnavailable,
                settings.device + " has fewer than " + std::to_string(settings.queues) + " queues");
  }
  if (can_steer(device, settings, plan.queues)) {
    plan.table_entries = device.reta_size;
    plan.rss_key = rss_key(device.hash_key_size, device.reta_size, settings.families);
    plan.hashed = device.flow_type_rss_offloads & kHashedUdp;
  }
  plan.checks_sums =
      settings.check_sums && (device.rx_offload_capa & kChecksums) == kChecksums && !leaves_sums_unfinished(device);
  if (plan.checks_sums) plan.receive_offloads = kChecksums;
  plan.makes_sums = settings.make_sums && (device.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
  if (plan.makes_sums) plan.send_offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  return plan;
}

std::vector<std::uint16_t> table_of(const PortPlan& plan, std::size_t workers) {
  return rss_table(plan.table_entries, workers, plan.queues);
}

}  // namespace isthmus::io::dpdk
