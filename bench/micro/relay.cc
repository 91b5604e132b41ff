// The whole packet path on bursts in memory: all stages with map and accounting, without any io.

#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <utility>

#include "bench/micro/cycles.h"
#include "bench/micro/floor.h"
#include "bench/micro/load.h"

namespace isthmus::bench {
namespace {

void report(benchmark::State& state, Rounds& rounds, const Load& load) {
  if (load.forwarded() != load.received()) state.SkipWithError("not every packet was forwarded");
  state.counters["cycles"] = rounds.quantile(0.5);
  state.counters["cycles_p10"] = rounds.quantile(0.1);
  state.counters["cycles_p90"] = rounds.quantile(0.9);
  state.counters["local_addresses"] = static_cast<double>(load.local_addresses());
}

void relay(benchmark::State& state, LoadOptions options, std::size_t burst) {
  Load load(options);
  load.link.stages.wanted = options.measured;
  for (std::size_t i = 0; i < 4 * options.sessions / burst; ++i) load.run(burst);  // every flow is mapped
  Rounds rounds;
  for (auto _ : state) rounds.add(load.run(burst), burst);
  state.SetItemsProcessed(static_cast<std::int64_t>(static_cast<std::size_t>(state.iterations()) * burst));
  report(state, rounds, load);
}

/// The same path with its stages measured: cycles a packet that enters each of them.
void stages(benchmark::State& state, const LoadOptions& options) {
  constexpr std::size_t kBurst = 64;
  Load load(options);
  load.link.stages.wanted = true;
  for (std::size_t i = 0; i < 4 * options.sessions / kBurst; ++i) load.run(kBurst);
  std::array<Rounds, kStageCount> rounds;
  const auto counted = [&load](std::size_t stage) {
    const session::StageCounter& counter = load.link.stages.stage[stage];
    return std::pair(counter.cycles.get(), counter.packets.get());
  };
  for (auto _ : state) {
    std::array<std::pair<std::uint64_t, std::uint64_t>, kStageCount> before;
    for (std::size_t i = 0; i < kStageCount; ++i) before[i] = counted(i);
    load.run(kBurst);
    for (std::size_t i = 0; i < kStageCount; ++i) {
      const auto [cycles, packets] = counted(i);
      if (packets > before[i].second) rounds[i].add(cycles - before[i].first, packets - before[i].second);
    }
  }
  if (load.forwarded() != load.received()) state.SkipWithError("not every packet was forwarded");
  for (std::size_t i = 0; i < kStageCount; ++i) {
    if (const double median = rounds[i].quantile(0.5); median > 0) {
      state.counters[std::string(kStageNames[i]) + ".cycles"] = median;
    }
  }
}

/// Opened and closed again, and the same by the library alone, in turns.
void recrypt(benchmark::State& state, contract::SrtpSuite suite, std::size_t octets) {
  constexpr std::size_t kBurst = 64;
  LoadOptions options;
  options.payload_octets = octets;
  options.suite = suite;
  Load load(options);
  Floor floor(options.sessions, octets, suite);
  for (std::size_t i = 0; i < 4 * options.sessions / kBurst; ++i) load.run(kBurst);
  Rounds rounds;
  Rounds floors;
  for (auto _ : state) {
    rounds.add(load.run(kBurst), kBurst);
    floors.add(floor.run(kBurst), kBurst);
  }
  state.counters["floor_cycles"] = floors.quantile(0.5);
  state.counters["over_floor"] = rounds.quantile(0.5) / floors.quantile(0.5);
  report(state, rounds, load);
}

/// The same traffic over ten sessions and over ten thousand with as many more local addresses as their ports need, in
/// turns.
void growth(benchmark::State& state) {
  constexpr std::size_t kBurst = 64;
  LoadOptions options;
  options.suite = contract::SrtpSuite::kAesCm128HmacSha1_80;
  options.sessions = 10;
  options.addresses = 1;
  Load few(options);
  options.sessions = 10'000;
  options.addresses = 24;
  Load many(options);
  for (std::size_t i = 0; i < 4 * options.sessions / kBurst; ++i) {
    few.run(kBurst);
    many.run(kBurst);
  }
  Rounds few_rounds;
  Rounds many_rounds;
  for (auto _ : state) {
    few_rounds.add(few.run(kBurst), kBurst);
    many_rounds.add(many.run(kBurst), kBurst);
  }
  if (few.forwarded() != few.received()) state.SkipWithError("not every packet was forwarded");
  if (many.forwarded() != many.received()) state.SkipWithError("not every packet was forwarded");
  state.counters["growth_10_to_10000"] = many_rounds.quantile(0.5) / few_rounds.quantile(0.5);
}

BENCHMARK_CAPTURE(relay, plain, {}, 64)->Name("micro.relay.plain.1024");
BENCHMARK_CAPTURE(relay, plain_measured, {.measured = true}, 64)->Name("micro.relay.plain.1024.measured");
BENCHMARK_CAPTURE(relay, plain_32, {}, 32)->Name("micro.relay.plain.1024.burst32");
BENCHMARK_CAPTURE(relay, plain_8, {}, 8)->Name("micro.relay.plain.1024.burst8");
BENCHMARK_CAPTURE(relay, plain_1, {}, 1)->Name("micro.relay.plain.1024.burst1");
BENCHMARK_CAPTURE(relay, plain_64, {.sessions = 64}, 64)->Name("micro.relay.plain.64");
BENCHMARK_CAPTURE(relay, plain_1200, {.payload_octets = 1200}, 64)->Name("micro.relay.plain.1024.octets1200");
BENCHMARK_CAPTURE(relay, plain_sums, {.device_sums = true}, 64)->Name("micro.relay.plain.1024.device_sums");
BENCHMARK_CAPTURE(relay, plain_1200_sums, {.payload_octets = 1200, .device_sums = true}, 64)
    ->Name("micro.relay.plain.1024.octets1200.device_sums");
BENCHMARK_CAPTURE(recrypt, cm80_160, contract::SrtpSuite::kAesCm128HmacSha1_80, 160)->Name("micro.relay.cm80.160");
BENCHMARK_CAPTURE(recrypt, cm80_1200, contract::SrtpSuite::kAesCm128HmacSha1_80, 1200)->Name("micro.relay.cm80.1200");
BENCHMARK_CAPTURE(recrypt, gcm_160, contract::SrtpSuite::kAeadAes128Gcm, 160)->Name("micro.relay.gcm128.160");
BENCHMARK_CAPTURE(recrypt, gcm_1200, contract::SrtpSuite::kAeadAes128Gcm, 1200)->Name("micro.relay.gcm128.1200");
BENCHMARK_CAPTURE(stages, plain, {})->Name("micro.pipeline");
BENCHMARK_CAPTURE(stages, cm80_160, {.suite = contract::SrtpSuite::kAesCm128HmacSha1_80})
    ->Name("micro.relay.cm80.160.stage");
BENCHMARK_CAPTURE(stages, cm80_1200, {.payload_octets = 1200, .suite = contract::SrtpSuite::kAesCm128HmacSha1_80})
    ->Name("micro.relay.cm80.1200.stage");
BENCHMARK_CAPTURE(stages, gcm_160, {.suite = contract::SrtpSuite::kAeadAes128Gcm})
    ->Name("micro.relay.gcm128.160.stage");
BENCHMARK_CAPTURE(stages, gcm_1200, {.payload_octets = 1200, .suite = contract::SrtpSuite::kAeadAes128Gcm})
    ->Name("micro.relay.gcm128.1200.stage");
BENCHMARK_CAPTURE(stages, cm80_10, {.sessions = 10, .addresses = 1, .suite = contract::SrtpSuite::kAesCm128HmacSha1_80})
    ->Name("micro.relay.cm80.160.sessions10.stage");
BENCHMARK_CAPTURE(stages, cm80_10000,
                  {.sessions = 10'000, .addresses = 24, .suite = contract::SrtpSuite::kAesCm128HmacSha1_80})
    ->Name("micro.relay.cm80.160.sessions10000.stage");
BENCHMARK(growth)->Name("micro.relay.cm80.160");

}  // namespace
}  // namespace isthmus::bench

BENCHMARK_MAIN();
