#pragma once

// Where the cycles of a worker's turn go, stage by stage. Off it costs one load and one branch a burst.

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/base/cycles.h"
#include "dataplane/base/stage.h"
#include "dataplane/session/figure.h"

namespace isthmus::session {

/// Written by the worker, read by any thread; only grows.
struct StageCounter {
  Figure<std::uint64_t> cycles;
  Figure<std::uint64_t> packets;  ///< that entered the stage
  Figure<std::uint64_t> calls;    ///< a burst each
};

/// What a worker and those who look at it share.
struct alignas(64) StageCounters {
  std::atomic<bool> wanted{false};  ///< the switch; written by the control thread, read by the worker once a burst
  alignas(64) std::array<StageCounter, kStageCount> stage;

  bool measuring() const { return wanted.load(std::memory_order_relaxed); }
};

/// Takes the time between two stages. The worker's, for one run through its stages.
class StageClock {
 public:
  /// The next stage begins now.
  void start() { mark_ = cycles_now(); }
  /// A stage ends, and the next one begins: its cycles.
  std::uint64_t lap() {
    const std::uint64_t now = cycles_now();
    const std::uint64_t took = now - mark_;
    mark_ = now;
    return took;
  }
  /// The same, counted.
  std::uint64_t count(StageCounters& counters, Stage stage, std::size_t packets) {
    const std::uint64_t took = lap();
    StageCounter& counter = counters.stage[index(stage)];
    counter.cycles.add(took);
    counter.packets.add(packets);
    counter.calls.add(1);
    return took;
  }

 private:
  std::uint64_t mark_ = 0;
};

}  // namespace isthmus::session
