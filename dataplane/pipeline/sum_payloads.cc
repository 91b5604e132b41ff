// Sums of the payloads for the UDP checksums, the whole burst in one loop with the kernel inlined.

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/checksum_kernels.h"

namespace isthmus::pipeline {
namespace {

void sum_sse(Batch& batch) {
  for (std::size_t i = 0; i < batch.count; ++i) {
    Packet& packet = batch.packets[i];
    packet.sum = wire::fold_sum64(wire::add_words_sse(packet.payload, packet.length));
  }
}

ISTHMUS_AVX512 void sum_avx512(Batch& batch) {
  for (std::size_t i = 0; i < batch.count; ++i) {
    Packet& packet = batch.packets[i];
    packet.sum = wire::fold_sum64(wire::add_words_avx512(packet.payload, packet.length));
  }
}

}  // namespace

void sum_payloads(State& state) { state.avx512 ? sum_avx512(state.rtp) : sum_sse(state.rtp); }

}  // namespace isthmus::pipeline
