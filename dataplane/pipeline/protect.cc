// SRTP of a whole burst, across sessions.

#include "dataplane/pipeline/srtp_drop.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {

void protect(State& state, io::Burst& burst) {
  Batch& batch = state.rtp;
  if (!batch.secured_out) return;
  std::array<crypto::SrtpJob, io::kBurstSize> jobs;
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    const Packet& packet = batch.packets[i];
    crypto::SrtpContext* context = packet.leg->receive.far->transmit.context;
    if (context == nullptr) [[likely]]
      continue;
    crypto::SrtpJob& job = jobs[count++];
    job.context = context;
    job.packet = packet.payload;
    job.length = packet.length;
    job.tailroom = room_behind(burst.frames[packet.frame], packet);
    job.rtcp = false;
    job.tag = static_cast<std::uint8_t>(i);
  }
  state.engine.protect({jobs.data(), count});
  std::size_t kept = 0;
  std::size_t next_job = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    Packet& packet = batch.packets[i];
    if (next_job < count && jobs[next_job].tag == i) {
      const crypto::SrtpJob& job = jobs[next_job++];
      packet.length = job.length;
      if (job.result != crypto::SrtpResult::kOk) {
        // Late or twice on a clear leg: its index has gone out already and must not go again.
        const bool used = job.result == crypto::SrtpResult::kReplayed;
        state.drop(burst, packet, used ? DropReason::kIndexUsed : drop_reason(job.result));
        continue;
      }
    }
    if (kept != i) batch.packets[kept] = packet;
    ++kept;
  }
  batch.count = kept;
}

}  // namespace isthmus::pipeline
