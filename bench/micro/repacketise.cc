// X-H264UC to H.264 and back beyond plain relay of the same packets, both ways at once; and the parsers alone.

#include <benchmark/benchmark.h>

#include "bench/micro/cycles.h"
#include "bench/micro/load.h"
#include "dataplane/payload/microsoft_sei.h"
#include "dataplane/payload/pacsi.h"
#include "dataplane/payload/parameter_set.h"
#include "dataplane/payload/picture_request.h"

namespace isthmus::bench {
namespace {

constexpr std::size_t kBurst = 64;

// In turns, so that both see the same machine.
void repacketise(benchmark::State& state) {
  Load plain({.sessions = 64, .payload_octets = 1200});
  Load adapted({.sessions = 64, .payload_octets = 1200, .video = true});
  for (int i = 0; i < 64; ++i) {
    plain.run(kBurst);
    adapted.run(kBurst);
  }
  Rounds plain_rounds;
  Rounds adapted_rounds;
  for (auto _ : state) {
    plain_rounds.add(plain.run(kBurst), kBurst);
    adapted_rounds.add(adapted.run(kBurst), kBurst);
  }
  const session::WorkerCounters& counters = adapted.link.counters;
  if (counters.forwarded.get() + counters.held.get() != counters.received.get())
    state.SkipWithError("packets are missing");
  if (counters.generated.get() < counters.received.get() / 20) state.SkipWithError("no PACSI was made");
  state.counters["cycles"] = adapted_rounds.quantile(0.5);
  state.counters["extra_cycles"] = adapted_rounds.quantile(0.5) - plain_rounds.quantile(0.5);
}

void read_pacsi(benchmark::State& state) {
  const auto layout = payload::write_stream_layout({});
  const auto info = payload::write_bitstream_info({});
  payload::Pacsi pacsi;
  pacsi.add(layout);
  pacsi.add(info);
  std::array<std::uint8_t, 128> nal;
  const std::size_t bytes = payload::write_pacsi(pacsi, nal);
  for (auto _ : state) benchmark::DoNotOptimize(payload::read_pacsi({nal.data(), bytes}));
}

void read_sps(benchmark::State& state) {
  constexpr std::array<std::uint8_t, 15> kSps{0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50,
                                              0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a};
  for (auto _ : state) benchmark::DoNotOptimize(payload::read_sps(kSps));
}

void read_source_request(benchmark::State& state) {
  payload::SourceRequest request;
  request.entry_count = 1;
  std::array<std::uint8_t, payload::kSourceRequestBytes + payload::kSourceEntryBytes> fci;
  payload::write_source_request(request, fci);
  for (auto _ : state) benchmark::DoNotOptimize(payload::read_source_request(fci));
}

BENCHMARK(repacketise)->Name("micro.repacketise");
BENCHMARK(read_pacsi)->Name("micro.parse.pacsi");
BENCHMARK(read_sps)->Name("micro.parse.sps");
BENCHMARK(read_source_request)->Name("micro.parse.source_request");

}  // namespace
}  // namespace isthmus::bench
