#if ISTHMUS_DPDK

#include "dataplane/io/dpdk/port_plan.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include "dataplane/io/port_class.h"

namespace isthmus::io::dpdk {
namespace {

rte_eth_dev_info nic() {
  rte_eth_dev_info device{};
  device.driver_name = "net_some_nic";
  device.max_rx_queues = 8;
  device.max_tx_queues = 8;
  device.hash_key_size = 52;
  device.reta_size = 128;
  device.flow_type_rss_offloads =
      RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV4_TCP;
  device.rx_offload_capa = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_LRO;
  return device;
}

PortSettings of_workers(std::size_t workers) {
  PortSettings settings;
  settings.device = "0000:03:00.0";
  settings.queues = static_cast<std::uint16_t>(workers);
  settings.fewer_queues = true;
  settings.workers = workers;
  settings.families = {true, true};
  settings.check_sums = true;
  return settings;
}

TEST(PortPlan, ANicThatHashesSteersByPortClass) {
  const auto plan = plan_port(nic(), of_workers(3));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->queues, 3);
  ASSERT_TRUE(plan->steers());
  EXPECT_EQ(plan->table_entries, 128);
  EXPECT_EQ(plan->rss_key, rss_key(52, 128, {true, true}));
  // UDP alone: all else has hash 0, and comes by the first queue.
  EXPECT_EQ(plan->hashed, RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP);
  EXPECT_EQ(table_of(*plan, 3), rss_table(128, 3, 3));
}

TEST(PortPlan, OneFamilyThatIsHashedIsEnough) {
  rte_eth_dev_info device = nic();
  device.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
  const auto plan = plan_port(device, of_workers(2));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->hashed, RTE_ETH_RSS_NONFRAG_IPV4_UDP);
}

TEST(PortPlan, WhatADeviceLacksLeavesTheShareToTheWorkers) {
  const auto steers = [](auto change, std::size_t workers = 2) {
    rte_eth_dev_info device = nic();
    change(device);
    const auto plan = plan_port(device, of_workers(workers));
    EXPECT_TRUE(plan);
    return plan && (plan->steers() || !plan->rss_key.empty() || plan->hashed != 0);
  };
  EXPECT_TRUE(steers([](rte_eth_dev_info&) {}));
  EXPECT_FALSE(steers([](rte_eth_dev_info&) {}, 1));
  EXPECT_TRUE(steers([](rte_eth_dev_info& device) { device.hash_key_size = kSmallestRssKey; }));
  EXPECT_FALSE(steers([](rte_eth_dev_info& device) { device.hash_key_size = kSmallestRssKey - 1; }));
  EXPECT_TRUE(steers([](rte_eth_dev_info& device) { device.reta_size = 2; }));
  EXPECT_FALSE(steers([](rte_eth_dev_info& device) { device.reta_size = 1; }));
  EXPECT_FALSE(steers([](rte_eth_dev_info& device) { device.reta_size = 0; }));
  EXPECT_FALSE(steers([](rte_eth_dev_info& device) { device.reta_size = 100; }));
  EXPECT_FALSE(steers([](rte_eth_dev_info& device) { device.max_tx_queues = 1; }));
  EXPECT_FALSE(steers([](rte_eth_dev_info& device) { device.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP; }));
}

TEST(PortPlan, FewerQueuesThanWorkersWhereThatIsAllowed) {
  rte_eth_dev_info device = nic();
  device.max_rx_queues = 2;
  PortSettings settings = of_workers(4);
  const auto plan = plan_port(device, settings);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->queues, 2);
  for (const std::uint16_t queue : table_of(*plan, 4)) EXPECT_LT(queue, 2);
  settings.fewer_queues = false;
  EXPECT_EQ(plan_port(device, settings).error().kind, ErrorKind::kUnavailable);
  device.max_rx_queues = 0;
  settings.fewer_queues = true;
  EXPECT_EQ(plan_port(device, settings).error().kind, ErrorKind::kUnavailable);
}

TEST(PortPlan, ChecksumsAreTheDevicesWhereItOffersBoth) {
  constexpr std::uint64_t kBoth = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
  rte_eth_dev_info device = nic();
  auto plan = plan_port(device, of_workers(1));
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->checks_sums);
  EXPECT_EQ(plan->receive_offloads, kBoth);  // and nothing else that it offers
  for (const std::uint64_t offers :
       {std::uint64_t{0}, kBoth & ~RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, kBoth & ~RTE_ETH_RX_OFFLOAD_UDP_CKSUM}) {
    device.rx_offload_capa = offers;
    plan = plan_port(device, of_workers(1));
    ASSERT_TRUE(plan);
    EXPECT_FALSE(plan->checks_sums);
    EXPECT_EQ(plan->receive_offloads, 0U);
  }
}

TEST(PortPlan, ChecksumsAreNotAskedOfWhatWouldLeaveThemUnfinished) {
  rte_eth_dev_info device = nic();
  for (const char* driver : {"net_virtio", "net_virtio_user"}) {
    device.driver_name = driver;
    const auto plan = plan_port(device, of_workers(1));
    ASSERT_TRUE(plan);
    EXPECT_FALSE(plan->checks_sums);
    EXPECT_EQ(plan->receive_offloads, 0U);
  }
}

TEST(PortPlan, SumsOfSentPacketsAreTheDevicesWhereItOffersThemAndTheyAreWanted) {
  rte_eth_dev_info device = nic();
  device.tx_offload_capa = RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;
  PortSettings settings = of_workers(1);
  EXPECT_FALSE(plan_port(device, settings)->makes_sums);
  EXPECT_EQ(plan_port(device, settings)->send_offloads, 0U);
  settings.make_sums = true;
  EXPECT_TRUE(plan_port(device, settings)->makes_sums);
  EXPECT_EQ(plan_port(device, settings)->send_offloads, RTE_ETH_TX_OFFLOAD_UDP_CKSUM);  // and nothing else
  device.tx_offload_capa = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;
  EXPECT_FALSE(plan_port(device, settings)->makes_sums);
  EXPECT_EQ(plan_port(device, settings)->send_offloads, 0U);
}

TEST(PortPlan, ChecksumsAreNotAskedWhereTheModeDoesNotWantThem) {
  PortSettings settings = of_workers(1);
  settings.check_sums = false;
  const auto plan = plan_port(nic(), settings);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->checks_sums);
}

}  // namespace
}  // namespace isthmus::io::dpdk

#endif
