#pragma once

// The kernel's end of a port that DPDK has taken over (io mode pci): a TAP interface with the port's MAC and the
// addresses of the networks. All that is no media goes there, so that ARP, ND, ICMP, SIP and REST stay the kernel's.
//
//   worker: give() -> ring a worker -> thread -> write(tun)      kernel
//   worker 0: take() <- ring <- thread <- read(tun)              kernel
//
// Media comes first: a full ring towards the kernel drops (TCP copes), a full ring from it stops reading, and the
// kernel's own queue pushes back.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/spsc_ring.h"

struct rte_mbuf;
struct rte_mempool;

namespace isthmus::io::dpdk {

/// Opens the TAP interface of that name, which the host set-up has made, and gives it the port's MAC and MTU. The
/// descriptor is the caller's.
Result<int> open_tap(const PortInfo& info);

class Twin {
 public:
  static constexpr std::size_t kRingFrames = 1024;  ///< each way
  static constexpr int kLinkCheckMs = 100;

  /// Takes the descriptor (non-blocking, a frame a read or write). `carrier` is asked every kLinkCheckMs on the twin's
  /// thread, and told to the kernel when it changes; may be empty.
  Twin(int tap_fd, std::size_t workers, rte_mempool* buffers, std::function<bool()> carrier);
  ~Twin();
  Twin(const Twin&) = delete;
  Twin& operator=(const Twin&) = delete;

  /// That worker's thread: takes the frame, or frees it and counts it.
  void give(std::size_t worker, rte_mbuf* frame);
  /// A worker's thread, once behind a burst in which something was given: wakes the twin's thread if it sleeps.
  void wake();
  /// Worker 0's thread: frames that the kernel sends. Returns how many were put into `into`.
  std::size_t take(std::span<rte_mbuf*> into);
  /// Any thread.
  ExceptionCounters counters() const;

 private:
  void run();
  bool write_frames();
  bool read_frames();
  void sleep(bool idle);
  void follow_carrier();

  const int tap_fd_;
  const int wake_fd_;
  rte_mempool* const buffers_;
  const std::function<bool()> carrier_;
  bool carrier_known_ = false;  // the twin's thread
  bool carrier_up_ = false;
  std::uint64_t carrier_checked_ms_ = 0;
  rte_mbuf* read_ahead_ = nullptr;                               // read, and the ring was full
  std::vector<std::unique_ptr<SpscRing<rte_mbuf*>>> to_kernel_;  // by worker
  SpscRing<rte_mbuf*> from_kernel_{kRingFrames};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stop_{false};
  // One writer each.
  std::vector<std::atomic<std::uint64_t>> full_;  // by worker
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> read_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace isthmus::io::dpdk
