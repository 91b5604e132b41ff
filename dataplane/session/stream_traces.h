#pragma once

// Traces of streams as the control thread keeps them: one a worker. It orders them, takes the workers' records out of
// their rings and gives them out in pages.

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/contract/inspection.h"
#include "dataplane/session/packet_trace.h"

namespace isthmus::session {

inline constexpr std::uint64_t kTraceKeptNs = 60'000'000'000;  ///< behind its end, then it is forgotten
inline constexpr std::uint64_t kTraceGraceNs = 5'000'000'000;  ///< a worker that does not end it in time

/// Control thread.
class StreamTraces {
 public:
  explicit StreamTraces(std::size_t workers) : traces_(workers) {}

  /// What to tell the worker. kExhausted (field "worker") while another one runs there.
  Result<TraceOrder> start(std::size_t worker, const contract::TraceSpec& spec, const TraceLink& link,
                           std::uint64_t now_ns);
  /// Takes what the worker has noted, and forgets what was kept long enough.
  void drain(std::size_t worker, TraceLink& link, std::uint64_t now_ns);
  /// kInvalidArgument (field "trace") where there is none of this session.
  Result<contract::TracePage> read(contract::SessionId session, std::uint64_t from, double cycles_per_ns) const;
  /// Forgets it; the worker that has to be told, if it still runs there.
  std::optional<std::size_t> stop(contract::SessionId session);

 private:
  struct One {
    std::optional<contract::TraceSpec> spec;  ///< absent: none
    std::uint32_t number = 0;                 ///< of the last one
    contract::TraceEnd ended = contract::TraceEnd::kRuns;
    std::uint64_t until_ns = 0;  ///< it has ended by then, or is forgotten then
    std::uint64_t lost_before = 0;
    std::uint64_t lost = 0;
    std::vector<PacketTrace> records;
  };
  std::vector<One> traces_;  ///< by worker
};

}  // namespace isthmus::session
