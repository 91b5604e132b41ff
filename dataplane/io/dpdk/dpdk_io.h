#pragma once

// One worker's queues of all DPDK ports.

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "dataplane/io/io.h"
#include "dataplane/io/port_slots.h"
#include "dataplane/io/spsc_ring.h"

struct rte_mbuf;
struct rte_mempool;

namespace isthmus::io::dpdk {

class Twin;

/// A frame on its way to the worker that has a queue to send it by.
struct Outgoing {
  rte_mbuf* frame = nullptr;
  std::uint8_t port = 0;
};
/// From one worker to one other.
using OutgoingRing = SpscRing<Outgoing>;

/// A capture on its way in (pcap mode).
struct Gate {
  std::atomic<bool> open{false};  ///< written by the main thread
  std::uint64_t frames_left = 0;  ///< the receiving worker's alone
};

/// One port as a worker uses it.
struct WorkerPort {
  std::uint16_t number = 0;  ///< DPDK's
  std::vector<std::uint16_t> receive_queues;
  std::uint16_t send_queue = 0;
  /// Set where the port has fewer queues than there are workers, and this one has none: to a worker that has one.
  OutgoingRing* outgoing = nullptr;
  /// Set where the port hears all of the interface (af_packet, pci): take only frames to `mac` and these pools.
  const PortSlots* only = nullptr;
  /// pci: the kernel's end of the port, to which all other frames go. Freed where there is none: the kernel has them.
  Twin* twin = nullptr;
  /// pcap: receive nothing before it is open, and no more than it lets pass.
  Gate* gate = nullptr;
  std::array<std::uint8_t, 6> mac{};
  /// The device's verdicts on checksums that are to be believed, in mbuf flags; 0 where it gives none.
  std::uint64_t bad_sum_flags = 0;
  bool makes_sums = false;  ///< the device makes the UDP checksums of all that is sent
  std::uint16_t vlan = 0;   ///< of all frames, to and from the kernel's end too; 0: none
};

class DpdkIo final : public Io {
 public:
  static constexpr std::size_t kOutgoingFrames = 1024;

  /// `from_others`: what other workers leave to be sent.
  DpdkIo(std::size_t worker, std::vector<WorkerPort> ports, rte_mempool* buffers,
         std::vector<OutgoingRing*> from_others);

  void receive(Burst& burst) override;
  std::size_t send(Burst& burst) override;
  SentForOthers send_for_others() override;
  void release(const Frame& frame) override;
  Frame allocate() override;
  IoCounters counters() const override;
  std::uint64_t ports_with_sums() const override { return ports_with_sums_; }
  /// Makes the thread known to DPDK, so that buffers come from a cache of its own.
  void attach_thread() override;

 private:
  void receive_queue(std::uint8_t port_index, std::uint16_t queue, Burst& burst);
  void send_for_kernel(WorkerPort& port);
  std::size_t send_run(const WorkerPort& port, std::uint8_t port_index, rte_mbuf** frames, std::uint16_t count);

  const std::size_t worker_;
  std::vector<WorkerPort> ports_;
  rte_mempool* buffers_;
  const std::vector<OutgoingRing*> from_others_;
  std::uint64_t ports_with_sums_ = 0;
  std::size_t first_port_ = 0;  // turns, so that a busy port does not starve the next
  // Written by the worker alone.
  std::atomic<std::uint64_t> tx_refused_{0};
  std::atomic<std::uint64_t> no_buffer_{0};
  std::atomic<std::uint64_t> left_to_kernel_{0};
  std::atomic<std::uint64_t> wrong_vlan_{0};
  std::atomic<std::uint64_t> bad_checksum_{0};
};

}  // namespace isthmus::io::dpdk
