#include "dataplane/io/dpdk/dpdk_io.h"

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/base/bytes.h"
#include "dataplane/base/log.h"
#include "dataplane/io/dpdk/twin.h"
#include "dataplane/io/pool_filter.h"
#include "dataplane/wire/udp_frame.h"
#include "dataplane/wire/vlan_tag.h"

namespace isthmus::io::dpdk {
namespace {

// The pipeline may use all that is promised, and the tag comes in front of that.
static_assert(RTE_PKTMBUF_HEADROOM >= kMinHeadroomBytes + wire::kVlanTagBytes);

void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

rte_mbuf* mbuf_of(const Frame& frame) { return static_cast<rte_mbuf*>(frame.handle); }

Frame frame_of(rte_mbuf* mbuf, std::uint8_t port_index, std::uint8_t queue) {
  Frame frame;
  frame.data = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  frame.handle = mbuf;
  frame.length = rte_pktmbuf_data_len(mbuf);
  frame.headroom = rte_pktmbuf_headroom(mbuf);
  frame.tailroom = rte_pktmbuf_tailroom(mbuf);
  frame.port = port_index;
  frame.queue = queue;
  return frame;
}

// The pipeline may have moved the start and changed the length.
void take_back(rte_mbuf* mbuf, const Frame& frame) {
  mbuf->data_off = static_cast<std::uint16_t>(frame.data - static_cast<std::uint8_t*>(mbuf->buf_addr));
  mbuf->data_len = frame.length;
  mbuf->pkt_len = frame.length;
}

bool take_tag_off(rte_mbuf* mbuf, std::uint16_t vlan) {
  auto* const frame = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  if (!wire::has_vlan(frame, mbuf->data_len, vlan)) return false;
  wire::take_vlan_off(frame);
  rte_pktmbuf_adj(mbuf, wire::kVlanTagBytes);
  return true;
}

void put_tag_on(rte_mbuf* mbuf, std::uint16_t vlan) {
  wire::put_vlan_on(rte_pktmbuf_mtod(mbuf, std::uint8_t*), vlan);
  rte_pktmbuf_prepend(mbuf, wire::kVlanTagBytes);
}

/// Asks the device for the UDP checksum. It goes on from the pseudo header's, which has to be in its place
/// (rte_mbuf_core.h, RTE_MBUF_F_TX_UDP_CKSUM). `tag_bytes`: that will lie in front of the IP header beside Ethernet's.
void ask_for_sum(rte_mbuf* mbuf, std::size_t tag_bytes) {
  auto* const ip = rte_pktmbuf_mtod_offset(mbuf, std::uint8_t*, wire::kEthernetBytes);
  const bool v6 = (ip[0] >> 4U) == 6;
  const std::uint64_t asked = RTE_MBUF_F_TX_UDP_CKSUM | (v6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
  const std::uint16_t sum = v6 ? rte_ipv6_phdr_cksum(reinterpret_cast<const rte_ipv6_hdr*>(ip), asked)
                               : rte_ipv4_phdr_cksum(reinterpret_cast<const rte_ipv4_hdr*>(ip), asked);
  mbuf->ol_flags |= asked;
  const std::size_t ip_bytes = v6 ? wire::kIpv6Bytes : wire::kIpv4Bytes;
  mbuf->tx_offload = rte_mbuf_tx_offload(wire::kEthernetBytes + tag_bytes, ip_bytes, 0, 0, 0, 0, 0);
  std::memcpy(ip + ip_bytes + 6, &sum, sizeof sum);
}

/// A packet of the pipeline's, all of which are UDP.
void make_ready(rte_mbuf* mbuf, const WorkerPort& port) {
  if (port.makes_sums) ask_for_sum(mbuf, port.vlan != 0 ? wire::kVlanTagBytes : 0);
  if (port.vlan != 0) put_tag_on(mbuf, port.vlan);
}

bool is_media(const rte_mbuf* mbuf, const WorkerPort& port) {
  return is_pool_packet(rte_pktmbuf_mtod(mbuf, const std::uint8_t*), mbuf->data_len, port.mac, *port.only);
}

/// For a packet of a pool that has one of the flags. Each flag alone says bad; with its other half it says that the
/// driver does not know (rte_mbuf_core.h).
[[gnu::cold]] [[gnu::noinline]] bool has_bad_sum(const rte_mbuf* mbuf) {
  if ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD) return true;
  if ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_BAD) return false;
  // Over IPv4 the sender may leave it out (RFC 768), and there are NICs that call that bad.
  wire::UdpFrame udp;
  return !wire::parse_udp(rte_pktmbuf_mtod(mbuf, std::uint8_t*), mbuf->data_len, udp) || udp.v6 ||
         load_be16(udp.udp + 6) != 0;
}

}  // namespace

DpdkIo::DpdkIo(std::size_t worker, std::vector<WorkerPort> ports, rte_mempool* buffers,
               std::vector<OutgoingRing*> from_others)
    : worker_(worker), ports_(std::move(ports)), buffers_(buffers), from_others_(std::move(from_others)) {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].makes_sums) ports_with_sums_ |= std::uint64_t{1} << i;
  }
}

void DpdkIo::attach_thread() {
  if (rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() != 0) {
    log::warn("io.thread_not_registered", {{"effect", "buffers come from the shared pool, which is slower"}});
  }
}

void DpdkIo::receive(Burst& burst) {
  if (worker_ == 0) {
    for (WorkerPort& port : ports_) {
      if (port.twin != nullptr) send_for_kernel(port);
    }
  }
  for (std::size_t turn = 0; turn < ports_.size() && !burst.full(); ++turn) {
    const std::size_t index = (first_port_ + turn) % ports_.size();
    for (const std::uint16_t queue : ports_[index].receive_queues) {
      receive_queue(static_cast<std::uint8_t>(index), queue, burst);
    }
  }
  first_port_ = (first_port_ + 1) % ports_.size();
}

void DpdkIo::receive_queue(std::uint8_t port_index, std::uint16_t queue, Burst& burst) {
  if (burst.full()) return;
  const WorkerPort& port = ports_[port_index];
  std::size_t room = kBurstSize - burst.count;
  if (port.gate != nullptr) {
    if (!port.gate->open.load(std::memory_order_acquire)) return;
    room = std::min<std::uint64_t>(room, port.gate->frames_left);
  }
  std::array<rte_mbuf*, kBurstSize> mbufs;
  const std::uint16_t got = rte_eth_rx_burst(port.number, queue, mbufs.data(), static_cast<std::uint16_t>(room));
  if (port.gate != nullptr) port.gate->frames_left -= got;
  bool given = false;
  for (std::uint16_t i = 0; i < got; ++i) {
    if (port.vlan != 0 && !take_tag_off(mbufs[i], port.vlan)) {
      add(wrong_vlan_, 1);
      rte_pktmbuf_free(mbufs[i]);
      continue;
    }
    if (port.only == nullptr || is_media(mbufs[i], port)) {
      if ((mbufs[i]->ol_flags & port.bad_sum_flags) != 0 && has_bad_sum(mbufs[i])) [[unlikely]] {
        add(bad_checksum_, 1);
        rte_pktmbuf_free(mbufs[i]);
        continue;
      }
      burst.add(frame_of(mbufs[i], port_index, static_cast<std::uint8_t>(queue)));
      continue;
    }
    add(left_to_kernel_, 1);
    if (port.twin == nullptr) {
      rte_pktmbuf_free(mbufs[i]);
    } else {
      port.twin->give(worker_, mbufs[i]);
      given = true;
    }
  }
  if (given) port.twin->wake();
}

/// The media of the turn before has gone out already.
void DpdkIo::send_for_kernel(WorkerPort& port) {
  std::array<rte_mbuf*, kBurstSize> frames;
  const std::size_t count = port.twin->take(frames);
  if (count == 0) return;
  if (port.vlan != 0) {
    for (std::size_t i = 0; i < count; ++i) put_tag_on(frames[i], port.vlan);
  }
  const std::uint16_t sent =
      rte_eth_tx_burst(port.number, port.send_queue, frames.data(), static_cast<std::uint16_t>(count));
  if (sent == count) return;
  rte_pktmbuf_free_bulk(&frames[sent], static_cast<unsigned>(count - sent));
  add(tx_refused_, count - sent);
}

std::size_t DpdkIo::send(Burst& burst) {
  std::size_t refused = 0;
  std::size_t at = 0;
  while (at < burst.count) {
    // A run of frames that leave by the same port.
    const std::uint8_t port_index = burst.frames[at].port;
    std::array<rte_mbuf*, kBurstSize> mbufs;
    std::uint16_t length = 0;
    for (; at < burst.count && burst.frames[at].port == port_index; ++at) {
      rte_mbuf* mbuf = mbuf_of(burst.frames[at]);
      take_back(mbuf, burst.frames[at]);
      if (port_index < ports_.size()) make_ready(mbuf, ports_[port_index]);
      mbufs[length++] = mbuf;
    }
    if (port_index < ports_.size()) {
      refused += send_run(ports_[port_index], port_index, mbufs.data(), length);
    } else {
      rte_pktmbuf_free_bulk(mbufs.data(), length);
      refused += length;
    }
  }
  burst.count = 0;
  if (refused > 0) add(tx_refused_, refused);
  return refused;
}

/// Takes all; returns how many were refused.
std::size_t DpdkIo::send_run(const WorkerPort& port, std::uint8_t port_index, rte_mbuf** frames, std::uint16_t count) {
  std::uint16_t sent = 0;
  if (port.outgoing == nullptr) {
    // Some drivers have to write into the packets for it.
    const std::uint16_t ready =
        port.makes_sums ? rte_eth_tx_prepare(port.number, port.send_queue, frames, count) : count;
    sent = rte_eth_tx_burst(port.number, port.send_queue, frames, ready);
    if (sent == ready && ready < count) [[unlikely]] {  // the driver refuses this one: the others go on
      rte_pktmbuf_free(frames[ready]);
      return 1 + send_run(port, port_index, frames + ready + 1, static_cast<std::uint16_t>(count - ready - 1));
    }
  } else {
    while (sent < count && port.outgoing->push({frames[sent], port_index})) ++sent;
  }
  if (sent == count) return 0;
  rte_pktmbuf_free_bulk(&frames[sent], static_cast<unsigned>(count - sent));
  return static_cast<std::size_t>(count - sent);
}

SentForOthers DpdkIo::send_for_others() {
  SentForOthers sum;
  for (OutgoingRing* ring : from_others_) {
    std::array<rte_mbuf*, kBurstSize> frames;
    std::uint16_t length = 0;
    std::uint8_t port_index = 0;
    Outgoing next;
    // A burst from each a turn; the others' rings hold the rest.
    for (std::size_t i = 0; i < kBurstSize && ring->pop(next); ++i) {
      if (length > 0 && next.port != port_index) {
        sum.refused += send_run(ports_[port_index], port_index, frames.data(), length);
        length = 0;
      }
      port_index = next.port;
      frames[length++] = next.frame;
      ++sum.taken;
    }
    if (length > 0) sum.refused += send_run(ports_[port_index], port_index, frames.data(), length);
  }
  if (sum.refused > 0) add(tx_refused_, sum.refused);
  return sum;
}

void DpdkIo::release(const Frame& frame) { rte_pktmbuf_free(mbuf_of(frame)); }

Frame DpdkIo::allocate() {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(buffers_);
  if (mbuf == nullptr) {
    add(no_buffer_, 1);
    return {};
  }
  return frame_of(mbuf, 0, 0);
}

IoCounters DpdkIo::counters() const {
  IoCounters counters;
  counters.tx_refused = tx_refused_.load(std::memory_order_relaxed);
  counters.no_buffer = no_buffer_.load(std::memory_order_relaxed);
  counters.wrong_vlan = wrong_vlan_.load(std::memory_order_relaxed);
  counters.bad_checksum = bad_checksum_.load(std::memory_order_relaxed);
  counters.left_to_kernel = left_to_kernel_.load(std::memory_order_relaxed);
  return counters;
}

}  // namespace isthmus::io::dpdk
