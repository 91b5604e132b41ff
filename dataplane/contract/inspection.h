#pragma once

// What the data plane shows of its packets' way, for people: where the cycles of a packet go. Nothing of it changes
// what happens to a packet.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/contract/messages.h"

namespace isthmus::contract {

inline constexpr std::size_t kMaxWorkers = 32;         ///< of one answer
inline constexpr std::size_t kMaxStages = 24;          ///< of one worker
inline constexpr std::size_t kMaxStageNameBytes = 24;  ///< all of them at their bounds fit one message

/// One stage of a worker's turn, since the data plane started, as long as measuring was on.
struct StageUse {
  std::string name;  ///< "unprotect"
  std::uint64_t cycles = 0;
  std::uint64_t packets = 0;  ///< that entered it
  std::uint64_t calls = 0;

  bool operator==(const StageUse&) const = default;
};

struct WorkerStages {
  std::uint32_t worker = 0;
  std::vector<StageUse> stages;  ///< in the order of a turn, at most kMaxStages

  bool operator==(const WorkerStages&) const = default;
};

struct StageFigures {
  bool measuring = false;
  std::uint64_t cycles_per_second = 0;  ///< of the time stamp counter; 0: not known yet
  std::vector<WorkerStages> workers;    ///< at most kMaxWorkers

  bool operator==(const StageFigures&) const = default;
};

/// The data plane as somebody who looks into it sees it. Threads and callbacks as Relay's.
class Inspection {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;

  virtual ~Inspection() = default;

  /// Figures of the stages. `measure` switches their counters on or off first; absent: leaves them.
  virtual void stages(std::optional<bool> measure, Callback<StageFigures> done) = 0;
};

}  // namespace isthmus::contract
