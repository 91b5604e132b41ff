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

/// Where some leave by a port whose device makes the sums.
void sum_others(State& state) {
  for (std::size_t i = 0; i < state.rtp.count; ++i) {
    Packet& packet = state.rtp.packets[i];
    const std::uint16_t port = packet.leg->receive.far->transmit.io_port;
    const bool by_device = port < 64 && ((state.ports_with_sums >> port) & 1U) != 0;
    packet.sum = by_device ? 0 : wire::fold_sum64(state.sum(packet.payload, packet.length));
  }
}

}  // namespace

void sum_payloads(State& state) {
  if (state.ports_with_sums != 0) {
    sum_others(state);
  } else {
    state.avx512 ? sum_avx512(state.rtp) : sum_sse(state.rtp);
  }
}

}  // namespace isthmus::pipeline
