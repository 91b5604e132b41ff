#pragma once

// How packets that came to the wrong worker get to the right one: a ring from each worker to each other, one producer
// and one consumer each. Where the NIC steers by port class (io/rss.h) they stay empty.
//
// What waits in a ring is held: received by nobody's pipeline yet, and lost by nobody.

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/io/burst.h"
#include "dataplane/io/spsc_ring.h"

namespace isthmus::worker {

/// The worker that has the frame's media port. `self` for all that is no UDP with plain headers: its drop is counted
/// where it arrived.
std::size_t owner_of(const io::Frame& frame, std::size_t workers, std::size_t self);

/// What give() did.
struct Given {
  std::size_t frames = 0;  ///< now in the rings of others
  std::uint64_t full_bytes = 0;
  io::Burst full;  ///< for a ring that was full; still the caller's
};

/// Shared by all workers; each calls with its own number, on its own thread.
class HandOver {
 public:
  static constexpr std::size_t kRingFrames = 1024;

  explicit HandOver(std::size_t workers);
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  std::size_t workers() const { return workers_; }
  /// Leaves in `burst` what is `self`'s, in order. `given` is overwritten.
  void give(std::size_t self, io::Burst& burst, Given& given);
  /// Adds to `burst` what others have for `self`, while there is room; how many.
  std::size_t take(std::size_t self, io::Burst& burst);

 private:
  io::SpscRing<io::Frame>& ring(std::size_t from, std::size_t to) { return *rings_[to * workers_ + from]; }

  struct alignas(64) Turn {
    std::size_t first = 0;  // whose ring is looked at first, so that a busy one does not starve the next
  };
  const std::size_t workers_;
  std::vector<std::unique_ptr<io::SpscRing<io::Frame>>> rings_;
  std::vector<Turn> turns_;  // by worker, its own
};

}  // namespace isthmus::worker
