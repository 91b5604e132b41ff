#pragma once

// Follows the packets of one stream through the stages. Private to this folder. Nothing of it runs, and no stage asks
// for it, unless somebody traces a stream of this worker (pipeline.cc, Watched); then one burst has a record for each
// of its frames, which goes to the control thread through a ring of fixed size.

#include <array>
#include <cstdint>

#include "dataplane/io/burst.h"
#include "dataplane/session/packet_trace.h"
#include "dataplane/session/worker_link.h"

namespace isthmus::pipeline {

struct Batch;
struct Packet;
struct State;

struct Trace {
  session::Stream* stream = nullptr;  ///< nullptr: none is traced
  std::uint32_t number = 0;
  std::uint32_t left = 0;  ///< packets
  std::uint64_t until_ns = 0;

  // Of the present burst.
  Stage stage = Stage::kClassify;  ///< that runs
  std::uint8_t burst = 0;
  std::array<std::uint32_t, kStageCount> cycles{};
  std::uint64_t open = 0;  ///< bits by frame: `records` has one
  std::array<session::PacketTrace, io::kBurstSize> records;

  bool active() const { return stream != nullptr; }
};
static_assert(io::kBurstSize <= 64);

void begin_trace(State& state, session::Stream& stream, const session::TraceOrder& order);
void end_trace(State& state, contract::TraceEnd why);
/// Ends one whose time is over.
void check_trace(State& state);

/// Around each burst.
void begin_traced_burst(State& state, std::size_t packets);
void end_traced_burst(State& state);
/// `batch` is what is left in it behind the stage.
void trace_stage(State& state, const io::Burst& burst, Stage stage, const Batch& batch, std::uint64_t cycles);
/// From State::drop(), of a leg that is traced.
void trace_drop(State& state, const io::Burst& burst, const Packet& packet, DropReason reason);
/// Nothing of a packet went on from the adapt stage; `reason` nullptr: that is as it should be.
void trace_adapted(State& state, const Packet& packet, const DropReason* reason);
/// What the adapt stage made or held is dropped after all, be it in a burst or between two.
void trace_held_drop(State& state, const session::Leg& leg, const session::HeldPacket& packet, DropReason reason);
/// What the adapt stage made goes on.
void trace_made(State& state, const session::HeldPacket& made, const Packet& packet);

}  // namespace isthmus::pipeline
