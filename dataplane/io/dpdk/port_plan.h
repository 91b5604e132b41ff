#pragma once

// What a port is asked to do, decided once at its start from what the device says it can. Pure.

#include <cstdint>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/io/dpdk/port.h"

struct rte_eth_dev_info;

namespace isthmus::io::dpdk {

struct PortPlan {
  std::uint16_t queues = 1;            ///< to receive, and as many to send
  std::uint16_t table_entries = 0;     ///< redirection table to fill; 0: the device does not steer, workers hand over
  std::vector<std::uint8_t> rss_key;   ///< where it steers
  std::uint64_t hashed = 0;            ///< where it steers: kinds of packets, DPDK's bits
  bool checks_sums = false;            ///< the device says which checksums are wrong
  bool makes_sums = false;             ///< the device makes UDP's on sending
  std::uint64_t receive_offloads = 0;  ///< DPDK's bits
  std::uint64_t send_offloads = 0;     ///< DPDK's bits

  bool steers() const { return table_entries > 0; }
};

Result<PortPlan> plan_port(const rte_eth_dev_info& device, const PortSettings& settings);

/// The queue of each entry of the plan's table.
std::vector<std::uint16_t> table_of(const PortPlan& plan, std::size_t workers);

}  // namespace isthmus::io::dpdk
