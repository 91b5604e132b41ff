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

// ---- the way of single packets ----

inline constexpr std::uint32_t kMaxTracePackets = 10'000;
inline constexpr std::uint32_t kMaxTraceMs = 600'000;
inline constexpr std::size_t kMaxPageTraceRecords = 256;
inline constexpr std::size_t kMaxDropNameBytes = 32;  ///< a page at its bounds fits one message

/// Packets of one stream are followed, until there were enough of them or the time is over. One trace at a time a
/// worker. Packets that find no leg (closed ports, foreign addresses) are in the drop counters alone.
struct TraceSpec {
  SessionId session;
  std::uint16_t stream = 0;
  std::optional<Side> side;           ///< those that come to this leg; absent: both
  std::uint32_t max_packets = 1'000;  ///< 1..kMaxTracePackets
  std::uint32_t max_ms = 10'000;      ///< 1..kMaxTraceMs

  bool operator==(const TraceSpec&) const = default;
};

enum class TracedKind : std::uint8_t { kRtp = 1, kRtcp = 2, kStun = 3 };

enum class TraceFate : std::uint8_t {
  kForwarded = 1,
  kDropped = 2,
  kConsumed = 3,   ///< RTCP taken, STUN handed on, video of which nothing goes on
  kAdapted = 4,    ///< taken to be packed anew: what becomes of it has records of its own
  kGenerated = 5,  ///< forwarded, made beside what was received
};

/// How its source was found to be right.
enum class TraceRule : std::uint8_t {
  kNotAsked = 0,        ///< it did not get there
  kExpectedSource = 1,  ///< the one in use
  kSourceRule = 2,      ///< another one, which the leg's rule let through
};

enum class CryptoOutcome : std::uint8_t {
  kNotReached = 0,
  kClear = 1,
  kOk = 2,
  kFailed = 3,  ///< the drop reason says how
};

/// Why a trace is over.
enum class TraceEnd : std::uint8_t { kRuns = 0, kPackets = 1, kTime = 2, kClosed = 3 };

/// No octet of media and no key is in it.
struct TraceRecord {
  std::uint64_t unix_ns = 0;  ///< arrival of the burst that it came with
  Side side = Side::kA;       ///< the leg that it came to
  TracedKind kind = TracedKind::kRtp;
  TraceFate fate = TraceFate::kForwarded;
  TraceRule rule = TraceRule::kNotAsked;
  CryptoOutcome opened = CryptoOutcome::kNotReached;
  CryptoOutcome closed = CryptoOutcome::kNotReached;
  std::uint8_t stage = 0;   ///< the last one that it was in: place in TracePage::stages
  std::string drop_reason;  ///< name of the drop counter; empty: not dropped
  std::uint8_t port_in = 0;
  std::uint8_t queue_in = 0;
  std::uint8_t port_out = 0;
  std::uint8_t burst = 0;               ///< packets that came together with it, itself included
  std::optional<SocketAddress> source;  ///< absent for what the adapt stage made
  std::uint16_t bytes_in = 0;           ///< UDP payload
  std::uint16_t bytes_out = 0;          ///< 0: nothing went out
  bool marker = false;                  ///< from here on RTP alone
  std::uint8_t payload_type_in = 0, payload_type_out = 0;
  std::uint16_t sequence_in = 0, sequence_out = 0;
  std::uint32_t ssrc_in = 0, ssrc_out = 0;
  std::uint32_t timestamp_in = 0, timestamp_out = 0;
  std::uint64_t held_ns = 0;            ///< waited for the rest of its picture
  std::vector<std::uint32_t> stage_ns;  ///< of its burst, by place in TracePage::stages

  bool operator==(const TraceRecord&) const = default;
};

struct TracePage {
  SessionId session;
  std::uint16_t stream = 0;
  std::uint32_t worker = 0;
  TraceEnd ended = TraceEnd::kRuns;
  std::uint64_t lost = 0;           ///< records that the worker had no room for
  std::vector<std::string> stages;  ///< at most kMaxStages
  std::uint64_t first = 0;          ///< place of the first record in the whole trace
  std::vector<TraceRecord> records;
  std::uint64_t next = 0;  ///< ask from here for what comes after

  bool operator==(const TracePage&) const = default;
};

/// The data plane as somebody who looks into it sees it. Threads and callbacks as Relay's.
class Inspection {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;

  virtual ~Inspection() = default;

  /// Figures of the stages. `measure` switches their counters on or off first; absent: leaves them.
  virtual void stages(std::optional<bool> measure, Callback<StageFigures> done) = 0;
  /// kExhausted (field "worker") while another trace runs on the worker of the session.
  virtual void start_trace(const TraceSpec& spec, Callback<void> done) = 0;
  /// Records from place `from` on, as far as they are there. Kept for a minute after the end; kInvalidArgument (field
  /// "trace") where there is none.
  virtual void read_trace(SessionId session, std::uint64_t from, Callback<TracePage> done) = 0;
  /// Ends it and forgets its records. One that is not there ends with success.
  virtual void stop_trace(SessionId session, Callback<void> done) = 0;
};

}  // namespace isthmus::contract
