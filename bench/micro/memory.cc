// What a stream of two legs costs in memory, from the allocations of opening many: what the control thread and the
// worker know of it, key schedules and index lines.

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "bench/micro/load.h"
#include "dataplane/crypto/index_store.h"
#include "dataplane/crypto/ipsec_mb_context.h"

namespace isthmus::bench {
namespace {

std::size_t allocated() {
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

void stream_bytes(benchmark::State& state, std::optional<contract::SrtpSuite> suite) {
  constexpr std::uint64_t kBefore = 50;  // tables have grown to their size
  constexpr std::uint64_t kStreams = 400;
  double bytes = 0;
  for (auto _ : state) {
    auto shared = crypto::make_ipsec_mb_shared(std::move(*crypto::IndexStore::open(-1)));
    test::RelayBench bench(test::RelayBench::default_networks(), {}, 1, crypto::make_ipsec_mb_engine(shared));
    SeededRandom random(7);
    std::size_t begin = 0;
    for (std::uint64_t i = 1; i <= kBefore + kStreams; ++i) {
      auto spec = bench.spec(i);
      for (contract::LegSpec& leg : spec.streams[0].leg) {
        if (!suite) break;
        leg.send_key = key_of(*suite, random);
        leg.receive_key = key_of(*suite, random);
      }
      bench.open(spec);
      if (i == kBefore) begin = allocated() + shared->arena.taken();
    }
    bytes = static_cast<double>(allocated() + shared->arena.taken() - begin) / kStreams;
    // One SSRC each way on each leg; their lines are taken with the first packet.
    if (suite) bytes += 4.0 * (sizeof(crypto::IndexSlot) + sizeof(std::uint64_t) + sizeof(std::uint32_t));
  }
  state.counters["bytes"] = bytes;
}

BENCHMARK_CAPTURE(stream_bytes, plain, std::nullopt)->Name("micro.stream.plain");
BENCHMARK_CAPTURE(stream_bytes, cm80, contract::SrtpSuite::kAesCm128HmacSha1_80)->Name("micro.stream.cm80");
BENCHMARK_CAPTURE(stream_bytes, gcm128, contract::SrtpSuite::kAeadAes128Gcm)->Name("micro.stream.gcm128");

}  // namespace
}  // namespace isthmus::bench
