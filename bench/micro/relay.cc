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

void relay(benchmark::State& state, LoadOptions options) {
  const auto burst = static_cast<std::size_t>(state.range(0));
  Load load(options);
  for (std::size_t i = 0; i < 4 * options.sessions / burst; ++i) load.run(burst);  // every flow is mapped
  Rounds rounds;
  for (auto _ : state) rounds.add(load.run(burst), burst);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
  report(state, rounds, load, 2 * Load::kAddresses);
}

BENCHMARK_CAPTURE(relay, plain / 1024, {})->Name("micro.relay.plain.1024")->Arg(64)->Arg(32)->Arg(8)->Arg(1);
BENCHMARK_CAPTURE(relay, plain / 64, {.sessions = 64})->Name("micro.relay.plain.64")->Arg(64);
BENCHMARK_CAPTURE(relay, plain / 1200, {.payload_octets = 1200})->Name("micro.relay.plain.1024.1200")->Arg(64);
BENCHMARK_CAPTURE(relay, to_cm80,
                  {.sessions = 64,
                   .suite_in = contract::SrtpSuite::kAesCm128HmacSha1_80,
                   .suite_out = contract::SrtpSuite::kAesCm128HmacSha1_80})
    ->Name("micro.relay.to_cm80.64")
    ->Arg(64);
BENCHMARK_CAPTURE(relay, to_gcm,
                  {.sessions = 64,
                   .suite_in = contract::SrtpSuite::kAeadAes128Gcm,
                   .suite_out = contract::SrtpSuite::kAeadAes128Gcm})
    ->Name("micro.relay.to_gcm.64")
    ->Arg(64);

}  // namespace
}  // namespace isthmus::bench

BENCHMARK_MAIN();
