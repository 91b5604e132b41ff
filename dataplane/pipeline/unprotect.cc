// SRTP and SRTCP of a whole burst, across sessions. On a secured leg nothing is learnt or counted before this.

#include <cstring>

#include "dataplane/pipeline/leg_setup.h"
#include "dataplane/pipeline/srtp_drop.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {
namespace {

using crypto::SrtpJob;
using crypto::SrtpResult;

SrtpJob job_of(const io::Frame& frame, const Packet& packet, crypto::SrtpContext* context, std::size_t tag, bool rtcp) {
  SrtpJob job;
  job.context = context;
  job.packet = packet.payload;
  job.length = packet.length;
  job.tailroom = room_behind(frame, packet);
  job.rtcp = rtcp;
  job.tag = static_cast<std::uint8_t>(tag);
  return job;
}

/// For ten seconds after a re-key a packet may be under either key. Seldom, so one at a time.
SrtpJob try_both(State& state, const io::Frame& frame, const Packet& packet, std::size_t tag, bool rtcp) {
  std::array<std::uint8_t, 2048> copy;
  SrtpJob job = job_of(frame, packet, packet.leg->receive.context, tag, rtcp);
  if (packet.length > copy.size()) return job;
  std::memcpy(copy.data(), packet.payload, packet.length);
  state.engine.unprotect({&job, 1});
  if (job.result != SrtpResult::kAuthFailed) return job;
  std::memcpy(packet.payload, copy.data(), packet.length);
  job = job_of(frame, packet, packet.leg->previous_context, tag, rtcp);
  state.engine.unprotect({&job, 1});
  return job;
}

bool has_previous(const State& state, const session::Leg& leg) {
  if (!leg.receive.old_key) [[likely]]
    return false;
  return state.time.now.monotonic_ns < leg.previous_until_ns;
}

}  // namespace

void unprotect(State& state, io::Burst& burst, Batch& batch, bool rtcp) {
  if (!batch.secured_in) return;
  std::array<SrtpJob, io::kBurstSize> jobs;
  std::size_t count = 0;
  std::array<SrtpResult, io::kBurstSize> results;
  for (std::size_t i = 0; i < batch.count; ++i) {
    Packet& packet = batch.packets[i];
    const io::Frame& frame = burst.frames[packet.frame];
    results[i] = SrtpResult::kOk;
    if (packet.leg->receive.context == nullptr) [[likely]]
      continue;
    if (has_previous(state, *packet.leg)) {
      const SrtpJob job = try_both(state, frame, packet, i, rtcp);
      results[i] = job.result;
      packet.length = job.length;
      continue;
    }
    jobs[count++] = job_of(frame, packet, packet.leg->receive.context, i, rtcp);
  }
  state.engine.unprotect({jobs.data(), count});
  for (std::size_t i = 0; i < count; ++i) {
    Packet& packet = batch.packets[jobs[i].tag];
    results[jobs[i].tag] = jobs[i].result;
    packet.length = jobs[i].length;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    Packet& packet = batch.packets[i];
    if (results[i] != SrtpResult::kOk) {
      state.drop(burst, packet, drop_reason(results[i]));
      continue;
    }
    if (packet.latch) {
      const bool own_rtcp = packet.rtcp_port && packet.leg->receive.rtcp_mux == 0;
      const auto component = own_rtcp ? contract::Component::kRtcp : contract::Component::kRtp;
      // An earlier packet of this burst may have latched already; then this one comes from elsewhere, and is too late.
      if (packet.leg->latch[own_rtcp ? 1 : 0].waiting) {
        latch(state, *packet.leg, component, packet.source, burst.frames[packet.frame]);
      } else if (!packet.source.equals(own_rtcp ? packet.leg->rtcp_source : packet.leg->receive.source) &&
                 !takes_other_paths(state, *packet.leg)) {
        state.drop(burst, packet, DropReason::kWrongSource);
        continue;
      }
    }
    if (kept != i) batch.packets[kept] = packet;
    ++kept;
  }
  batch.count = kept;
}

}  // namespace isthmus::pipeline
