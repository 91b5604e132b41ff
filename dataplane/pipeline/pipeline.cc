#include "dataplane/pipeline/pipeline.h"

#include <algorithm>
#include <cassert>

#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {
namespace {

std::uint32_t a_scan(std::uint32_t a_second) {
  return std::max(1U, static_cast<std::uint32_t>(std::uint64_t{a_second} * kScanNs / session::kNsPerSecond));
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

  classify(state, burst);
  admit(state, burst, state.rtp);
  unprotect(state, burst, state.rtp, false);
  map(state, burst);
  if (state.rtp.adapts) adapt(state, burst);
  protect(state, burst);
  // These look into frames of the burst, which write_headers() rearranges.
  if (state.rtcp.count > 0) {
    admit(state, burst, state.rtcp);
    unprotect(state, burst, state.rtcp, true);
    take_reports(state, burst);
  }
  if (state.stun.count > 0) punt(state, burst);
  sum_payloads(state);
  write_headers(state, burst);
}

bool Pipeline::tick(io::Burst& out, const session::Time& now) {
  State& state = *state_;
  assert(out.count == 0);
  state.time = BurstTime::of(now);
  // Before commands: what waits here still needs its leg.
  if (send_adapted(state, out)) return true;
  const bool more = apply_commands(state);
  inject(state, out);
  send_feedback(state, out);
  scan(state, out);
  return more || out.full() || !state.adapted.empty();
}

void Pipeline::count_refused(std::size_t frames) {
  state_->link.counters.dropped[static_cast<std::size_t>(DropReason::kTxRefused)].add(frames);
}

}  // namespace isthmus::pipeline
