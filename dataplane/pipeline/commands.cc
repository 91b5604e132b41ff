// What the control thread has changed since the last turn.

#include <algorithm>

#include "dataplane/pipeline/feedback.h"
#include "dataplane/pipeline/leg_setup.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {
namespace {

using session::Command;
using session::Leg;
using session::Stream;

constexpr std::size_t kCommandsATurn = 64;  // so that a flood of calls does not hold the media up

void open(State& state, Stream& stream, const session::StreamConfig& config) {
  adopt(state, stream, config);
  stream.open = true;
  stream.place = static_cast<std::uint32_t>(state.streams.size());
  state.streams.push_back(&stream);
  for (Leg& leg : stream.leg) state.tables.open(leg.config->local_rtp, leg.config->tcp, leg);
}

/// A leg that was undecided between UDP and TCP may not be so any more: what comes for it comes elsewhere from now on.
void update(State& state, Stream& stream, const session::StreamConfig& config) {
  for (std::size_t i = 0; i < 2; ++i) {
    const session::LegConfig& before = *stream.leg[i].config;
    const session::LegConfig& now = config.leg[i];
    if (before.tcp == now.tcp) continue;
    state.tables.close(before.local_rtp, before.tcp, state.time.now.monotonic_ns);
    state.tables.open(now.local_rtp, now.tcp, stream.leg[i]);
  }
  adopt(state, stream, config);
}

void close(State& state, Stream& stream) {
  for (Leg& leg : stream.leg) let_go(state, leg, true);
  if (state.trace.stream == &stream) end_trace(state, contract::TraceEnd::kClosed);
  stream.open = false;
  for (Leg& leg : stream.leg) {
    state.tables.close(leg.config->local_rtp, leg.config->tcp, state.time.now.monotonic_ns);
    const auto end = state.urgent.begin() + static_cast<std::ptrdiff_t>(state.urgent_count);
    state.urgent_count = static_cast<std::size_t>(std::remove(state.urgent.begin(), end, &leg) - state.urgent.begin());
  }
  state.streams[stream.place] = state.streams.back();
  state.streams[stream.place]->place = stream.place;
  state.streams.pop_back();
}

void apply(State& state, const Command& command) {
  Stream& stream = *command.stream;
  Leg& leg = stream.leg[index(command.side)];
  switch (command.kind) {
    case Command::Kind::kOpen: open(state, stream, *command.config); break;
    case Command::Kind::kUpdate: update(state, stream, *command.config); break;
    case Command::Kind::kClose: close(state, stream); break;
    case Command::Kind::kForgetOldKey:
      leg.previous_context = nullptr;
      leg.receive.old_key = false;
      break;
    case Command::Kind::kRequestPicture:
      leg.feedback.pli_wanted = true;
      wake_feedback(state, leg);
      break;
    case Command::Kind::kStopSending:
      leg.consent_lost[command.component == contract::Component::kRtp ? 0 : 1] = true;
      refresh(state, leg);
      break;
    case Command::Kind::kTrace: begin_trace(state, stream, command.trace); break;
    case Command::Kind::kStopTrace:
      if (state.trace.stream == &stream) end_trace(state, contract::TraceEnd::kClosed);
      break;
    case Command::Kind::kLatchedHop: use_latched_hop(state, leg, command.component, *command.next_hop); break;
  }
}

}  // namespace

bool apply_commands(State& state) {
  Command command;
  std::uint64_t done = 0;
  while (done < kCommandsATurn && state.link.commands.pop(command)) {
    apply(state, command);
    ++done;
  }
  if (done > 0) {
    const std::uint64_t before = state.link.commands_done.load(std::memory_order_relaxed);
    state.link.commands_done.store(before + done, std::memory_order_release);
  }
  return done == kCommandsATurn;
}

}  // namespace isthmus::pipeline
