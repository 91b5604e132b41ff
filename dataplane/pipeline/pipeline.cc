#include "dataplane/pipeline/pipeline.h"

#include <algorithm>
#include <cassert>

#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {
namespace {

std::uint32_t a_scan(std::uint32_t a_second) {
  return std::max(1U, static_cast<std::uint32_t>(std::uint64_t{a_second} * kScanNs / session::kNsPerSecond));
}

// Who looks at the stages. Instead of a flag that each of them would ask: code for packets that nobody looks at has
// none of it.

struct Unwatched {
  explicit Unwatched(State&, io::Burst&) {}
  template <typename Work>
  void run(Stage, const Batch&, Work work) {
    work();
  }
};

class Watched {
 public:
  Watched(State& state, io::Burst& burst) : state_(state), burst_(burst), measuring_(state.link.stages.measuring()) {
    if (state.trace.active()) begin_traced_burst(state, burst.count);
    state.clock.start();
  }
  ~Watched() {
    if (state_.trace.active()) end_traced_burst(state_);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  template <typename Work>
  void run(Stage stage, const Batch& batch, Work work) {
    const std::size_t packets = stage == Stage::kClassify ? burst_.count : batch.count;
    state_.trace.stage = stage;
    work();
    const std::uint64_t cycles = count(stage, packets);
    if (!state_.trace.active()) return;
    trace_stage(state_, burst_, stage, batch, cycles);
    state_.clock.start();  // tracing is no stage
  }

 private:
  std::uint64_t count(Stage stage, std::size_t packets) {
    return measuring_ ? state_.clock.count(state_.link.stages, stage, packets) : state_.clock.lap();
  }

  State& state_;
  io::Burst& burst_;
  const bool measuring_;
};

bool is_watched(const State& state) { return state.link.stages.measuring() || state.trace.active(); }

template <typename Watch>
void run_stages(State& state, io::Burst& burst) {
  Watch watch(state, burst);
  watch.run(Stage::kClassify, state.rtp, [&] { classify(state, burst); });
  watch.run(Stage::kAdmit, state.rtp, [&] { admit(state, burst, state.rtp); });
  watch.run(Stage::kUnprotect, state.rtp, [&] { unprotect(state, burst, state.rtp, false); });
  watch.run(Stage::kMap, state.rtp, [&] { map(state, burst); });
  if (state.rtp.adapts) watch.run(Stage::kAdapt, state.rtp, [&] { adapt(state, burst); });
  watch.run(Stage::kProtect, state.rtp, [&] { protect(state, burst); });
  // These look into frames of the burst, which write_headers() rearranges.
  if (state.rtcp.count > 0) {
    watch.run(Stage::kAdmit, state.rtcp, [&] { admit(state, burst, state.rtcp); });
    watch.run(Stage::kUnprotect, state.rtcp, [&] { unprotect(state, burst, state.rtcp, true); });
    watch.run(Stage::kTakeReports, state.rtcp, [&] { take_reports(state, burst); });
  }
  if (state.stun.count > 0) watch.run(Stage::kPunt, state.stun, [&] { punt(state, burst); });
  watch.run(Stage::kSumPayloads, state.rtp, [&] { sum_payloads(state); });
  watch.run(Stage::kWriteHeaders, state.rtp, [&] { write_headers(state, burst); });
}

/// The stages that are left for what the adapt stage made. True: there is more.
template <typename Watch>
bool send_adapted(State& state, io::Burst& out) {
  Watch watch(state, out);
  bool more = false;
  state.rtp.count = 0;
  watch.run(Stage::kAdapt, state.rtp, [&] { more = take_adapted(state, out); });
  watch.run(Stage::kProtect, state.rtp, [&] { protect(state, out); });
  watch.run(Stage::kSumPayloads, state.rtp, [&] { sum_payloads(state); });
  watch.run(Stage::kWriteHeaders, state.rtp, [&] { write_headers(state, out); });
  return more;
}

bool own_work(State& state, io::Burst& out) {
  const bool more = apply_commands(state);
  inject(state, out);
  send_feedback(state, out);
  scan(state, out);
  return more || out.full() || !state.adapted.empty();
}

std::size_t most_streams(const std::vector<session::LocalAddress>& addresses) {
  std::size_t ports = 0;
  for (const session::LocalAddress& address : addresses) ports += address.last_port - address.first_port + 1U;
  return ports / 4 + 1;  // a stream has two legs of two ports
}

}  // namespace

State::State(session::WorkerLink& worker_link, io::Io& worker_io, crypto::SrtpEngine& srtp,
             const PipelineConfig& wanted)
    : link(worker_link),
      io(worker_io),
      engine(srtp),
      config(wanted),
      packet_budget(a_scan(wanted.packets_per_port_per_second)),
      punt_budget(a_scan(wanted.punts_per_port_per_second)),
      tables(worker_link.addresses),
      ports_with_sums(worker_io.ports_with_sums()),
      random(wanted.report_seed) {
  streams.reserve(most_streams(worker_link.addresses));
  adapted.reserve(kAdaptedPackets);
  adapted_legs.reserve(kAdaptedPackets);
}

Pipeline::Pipeline(session::WorkerLink& link, io::Io& io, crypto::SrtpEngine& engine, const PipelineConfig& config)
    : state_(std::make_unique<State>(link, io, engine, config)) {}

Pipeline::~Pipeline() = default;

void Pipeline::run(io::Burst& burst, const session::Time& now) {
  State& state = *state_;
  if (burst.count == 0) return;
  state.time = BurstTime::of(now);
  follow_next_hops(state);
  state.rtp.count = state.rtcp.count = state.stun.count = 0;
  if (is_watched(state)) [[unlikely]] {
    run_stages<Watched>(state, burst);
  } else {
    run_stages<Unwatched>(state, burst);
  }
}

bool Pipeline::tick(io::Burst& out, const session::Time& now) {
  State& state = *state_;
  assert(out.count == 0);
  state.time = BurstTime::of(now);
  const bool watched = is_watched(state);
  // Before commands: what waits here still needs its leg.
  if (!state.adapted.empty()) {
    const bool more = watched ? send_adapted<Watched>(state, out) : send_adapted<Unwatched>(state, out);
    if (more) return true;
  }
  if (!watched) return own_work(state, out);
  check_trace(state);
  state.clock.start();
  const bool more = own_work(state, out);
  if (state.link.stages.measuring()) state.clock.count(state.link.stages, Stage::kTick, out.count);
  return more;
}

void Pipeline::count_refused(std::size_t frames) {
  state_->link.counters.dropped[static_cast<std::size_t>(DropReason::kTxRefused)].add(frames);
}

}  // namespace isthmus::pipeline
