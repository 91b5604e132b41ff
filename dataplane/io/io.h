#pragma once

// One interface for all io modes. One instance serves one worker; its methods run on that worker's thread, without
// locks, allocations or strings.

#include <cstdint>

#include "dataplane/io/burst.h"

namespace isthmus::io {

/// Counts that the worker cannot see itself.
struct IoCounters {
  std::uint64_t tx_refused = 0;  ///< not taken by the driver; freed
  std::uint64_t no_buffer = 0;
  std::uint64_t left_to_kernel = 0;  ///< af_packet and pci hear all of the interface; what is no media packet to us
  std::uint64_t wrong_vlan = 0;      ///< freed: without the tag that the network has
  std::uint64_t bad_checksum = 0;    ///< freed: the device says that the checksum of IPv4 or UDP is wrong
};

/// What one worker sent on behalf of others.
struct SentForOthers {
  std::size_t taken = 0;    ///< from them
  std::size_t refused = 0;  ///< of these, by the driver; freed
};

class Io {
 public:
  virtual ~Io() = default;

  /// Adds to `burst` frames from all ports of this worker, as long as there is room; returns at once.
  virtual void receive(Burst& burst) = 0;
  /// Takes all frames: sends each by frame.port, frees what the driver refuses and counts it. `burst` is empty
  /// afterwards. Returns the number refused.
  virtual std::size_t send(Burst& burst) = 0;
  /// Once a turn where there are several workers: sends what those without a queue of their own left for ours.
  virtual SentForOthers send_for_others() { return {}; }
  /// Gives a frame back unsent.
  virtual void release(const Frame& frame) = 0;
  /// A fresh buffer for a packet of our own: length 0, headroom kMinHeadroomBytes at least, tailroom at least 1,600.
  /// handle == nullptr when there is none.
  virtual Frame allocate() = 0;
  /// Any thread.
  virtual IoCounters counters() const = 0;
  /// Bit n: whatever leaves by port n gets its UDP checksum behind us, from the device, and none need be written.
  /// Stays as it is. Any thread.
  virtual std::uint64_t ports_with_sums() const { return 0; }
  /// Called once by the worker's thread before its first receive().
  virtual void attach_thread() {}
};

}  // namespace isthmus::io
