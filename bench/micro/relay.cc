// The whole packet path on bursts in memory: all stages with map and accounting, without any io.

#include <benchmark/benchmark.h>

#include "bench/micro/cycles.h"
#include "bench/micro/load.h"

namespace isthmus::bench {
namespace {

void report(benchmark::State& state, Rounds& rounds, const Load& load, std::size_t addresses) {
  if (load.forwarded() != load.received()) state.SkipWithError("not every packet was forwarded");
  state.counters["cycles"] = rounds.quantile(0.5);
  state.counters["cycles_p10"] = rounds.quantile(0.1);
  state.counters["cycles_p90"] = rounds.quantile(0.9);
  state.counters["local_addresses"] = static_cast<double>(addresses);
}

void relay(benchmark::State& state, LoadOptions options, std::size_t burst) {
  Load load(options);
  for (std::size_t i = 0; i < 4 * options.sessions / burst; ++i) load.run(burst);  // every flow is mapped
  Rounds rounds;
  for (auto _ : state) rounds.add(load.run(burst), burst);
  state.SetItemsProcessed(static_cast<std::int64_t>(static_cast<std::size_t>(state.iterations()) * burst));
  report(state, rounds, load, 2 * Load::kAddresses);
}

constexpr LoadOptions secured(contract::SrtpSuite suite) {
  return {.sessions = 64, .suite_in = suite, .suite_out = suite};
}

BENCHMARK_CAPTURE(relay, plain, {}, 64)->Name("micro.relay.plain.1024");
BENCHMARK_CAPTURE(relay, plain_32, {}, 32)->Name("micro.relay.plain.1024.burst32");
BENCHMARK_CAPTURE(relay, plain_8, {}, 8)->Name("micro.relay.plain.1024.burst8");
BENCHMARK_CAPTURE(relay, plain_1, {}, 1)->Name("micro.relay.plain.1024.burst1");
BENCHMARK_CAPTURE(relay, plain_64, {.sessions = 64}, 64)->Name("micro.relay.plain.64");
BENCHMARK_CAPTURE(relay, plain_1200, {.payload_octets = 1200}, 64)->Name("micro.relay.plain.1024.octets1200");
BENCHMARK_CAPTURE(relay, cm80, secured(contract::SrtpSuite::kAesCm128HmacSha1_80), 64)->Name("micro.relay.to_cm80.64");
BENCHMARK_CAPTURE(relay, gcm, secured(contract::SrtpSuite::kAeadAes128Gcm), 64)->Name("micro.relay.to_gcm.64");

}  // namespace
}  // namespace isthmus::bench

BENCHMARK_MAIN();
