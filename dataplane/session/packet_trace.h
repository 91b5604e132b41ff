#pragma once

// What a worker notes of one packet of the stream that is being traced, and how the control thread orders that. Plain
// values of a fixed size: they pass through a ring.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "dataplane/base/drop_reason.h"
#include "dataplane/base/stage.h"
#include "dataplane/contract/inspection.h"
#include "dataplane/io/spsc_ring.h"
#include "dataplane/session/figure.h"

namespace isthmus::session {

struct SourceBytes {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::uint32_t port_family = 0;
};

struct PacketTrace {
  std::uint32_t number = 0;  ///< TraceOrder::number
  contract::TraceFate fate{};
  contract::TracedKind kind = contract::TracedKind::kRtp;
  contract::Side side = contract::Side::kA;
  contract::TraceRule rule = contract::TraceRule::kNotAsked;
  contract::CryptoOutcome opened = contract::CryptoOutcome::kNotReached;
  contract::CryptoOutcome closed = contract::CryptoOutcome::kNotReached;
  Stage stage = Stage::kClassify;  ///< the last one it was in
  bool has_reason = false;
  DropReason reason{};
  bool marker = false;
  std::uint8_t port_in = 0;
  std::uint8_t queue_in = 0;
  std::uint8_t port_out = 0;
  std::uint8_t payload_type_in = 0;
  std::uint8_t payload_type_out = 0;
  std::uint8_t burst = 0;  ///< packets that were received together
  std::uint16_t bytes_in = 0;
  std::uint16_t bytes_out = 0;
  std::uint16_t sequence_in = 0;
  std::uint16_t sequence_out = 0;
  std::uint32_t ssrc_in = 0;
  std::uint32_t ssrc_out = 0;
  std::uint32_t timestamp_in = 0;
  std::uint32_t timestamp_out = 0;
  std::uint64_t unix_ns = 0;  ///< arrival
  std::uint64_t held_ns = 0;
  SourceBytes source;
  std::array<std::uint32_t, kStageCount> cycles{};  ///< of its burst, by Stage
};
static_assert(sizeof(PacketTrace) <= 192);

/// Control thread to worker, with a command.
struct TraceOrder {
  std::uint32_t number = 0;  ///< from 1; of this worker
  std::uint32_t packets = 0;
  std::uint32_t ms = 0;
  std::uint8_t sides = 0;  ///< bits 1 << Side: legs whose peer's packets are wanted
};

/// Worker to control thread.
struct TraceLink {
  static constexpr std::size_t kRecords = 1023;  ///< more than a stream sends between two looks of the control thread

  io::SpscRing<PacketTrace> records{kRecords};
  Figure<std::uint64_t> lost;  ///< records that found the ring full, ever; written by the worker
  /// number << 8 | contract::TraceEnd of the last one that ended; written by the worker behind its records.
  std::atomic<std::uint64_t> ended{0};
};

}  // namespace isthmus::session
