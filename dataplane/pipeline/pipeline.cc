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
  explicit Unwatched(State&) {}
  void after(Stage, std::size_t) {}
};

class Watched {
 public:
  explicit Watched(State& state) : state_(state) { state.clock.start(); }
  /// `packets` entered it.
  void after(Stage stage, std::size_t packets) { state_.clock.count(state_.link.stages, stage, packets); }

 private:
  State& state_;
};

bool is_watched(const State& state) { return state.link.stages.measuring(); }

template <typename Watch>
void run_rtcp(State& state, io::Burst& burst, Watch& watch) {
  std::size_t packets = state.rtcp.count;
  admit(state, burst, state.rtcp);
  watch.after(Stage::kAdmit, packets);
  packets = state.rtcp.count;
  unprotect(state, burst, state.rtcp, true);
  watch.after(Stage::kUnprotect, packets);
  packets = state.rtcp.count;
  take_reports(state, burst);
  watch.after(Stage::kTakeReports, packets);
}

template <typename Watch>
void run_stages(State& state, io::Burst& burst) {
  Watch watch(state);
  const std::size_t received = burst.count;
  classify(state, burst);
  watch.after(Stage::kClassify, received);
  std::size_t packets = state.rtp.count;
  admit(state, burst, state.rtp);
  watch.after(Stage::kAdmit, packets);
  packets = state.rtp.count;
  unprotect(state, burst, state.rtp, false);
  watch.after(Stage::kUnprotect, packets);
  packets = state.rtp.count;
  map(state, burst);
  watch.after(Stage::kMap, packets);
  if (state.rtp.adapts) {
    packets = state.rtp.count;
    adapt(state, burst);
    watch.after(Stage::kAdapt, packets);
  }
  packets = state.rtp.count;
  protect(state, burst);
  watch.after(Stage::kProtect, packets);
  // These look into frames of the burst, which write_headers() rearranges.
  if (state.rtcp.count > 0) run_rtcp(state, burst, watch);
  if (state.stun.count > 0) {
    packets = state.stun.count;
    punt(state, burst);
    watch.after(Stage::kPunt, packets);
  }
  packets = state.rtp.count;
  sum_payloads(state);
  watch.after(Stage::kSumPayloads, packets);
  write_headers(state, burst);
  watch.after(Stage::kWriteHeaders, packets);
}

/// The stages that are left for what the adapt stage made. True: there is more.
template <typename Watch>
bool send_adapted(State& state, io::Burst& out) {
  Watch watch(state);
  const bool more = take_adapted(state, out);
  watch.after(Stage::kAdapt, 0);  // counted when it came
  const std::size_t packets = state.rtp.count;
  protect(state, out);
  watch.after(Stage::kProtect, packets);
  sum_payloads(state);
  watch.after(Stage::kSumPayloads, state.rtp.count);
  write_headers(state, out);
  watch.after(Stage::kWriteHeaders, state.rtp.count);
  return more;
}

template <typename Watch>
bool own_work(State& state, io::Burst& out) {
  Watch watch(state);
  const bool more = apply_commands(state);
  inject(state, out);
  send_feedback(state, out);
  scan(state, out);
  watch.after(Stage::kTick, out.count);
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
  return watched ? own_work<Watched>(state, out) : own_work<Unwatched>(state, out);
}

void Pipeline::count_refused(std::size_t frames) {
  state_->link.counters.dropped[static_cast<std::size_t>(DropReason::kTxRefused)].add(frames);
}

}  // namespace isthmus::pipeline
