// Ports never leak and are never given twice, over random sequences of open, update and close.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

class Ports : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Ports, NeverLeakOrDouble) {
  auto networks = RelayBench::default_networks();
  for (auto& network : networks) network.last_port = static_cast<std::uint16_t>(network.first_port + 40);
  RelayBench bench(networks, {}, GetParam());
  SeededRandom random(GetParam() * 77);
  std::map<std::uint64_t, contract::SessionSpec> open;
  std::map<std::uint64_t, contract::SessionState> states;
  for (int step = 0; step < 1500; ++step) {
    const std::uint64_t id = 1 + random.below(12);
    const std::uint32_t what = random.below(10);
    if (what < 4) {
      auto spec = open.contains(id) ? open[id] : bench.spec(id);
      spec.revision = open.contains(id) ? spec.revision + random.below(2) : 1;
      if (!open.contains(id) || spec.revision != open[id].revision) {
        while (spec.streams.size() < contract::kMaxStreams && random.below(2) == 0) {
          spec.streams.push_back(spec.streams[0]);
        }
        if (random.below(5) == 0) spec.streams.back().leg[1].network = "nowhere";
        if (random.below(5) == 0) bench.ports.fails_after = static_cast<int>(random.below(6));
      }
      const auto state = bench.table.open(spec, bench.now.monotonic_ns);
      bench.ports.fails_after = -1;
      if (state) {
        open[id] = spec;
        states[id] = *state;
      }
    } else if (what < 7) {
      bench.table.close({id}, bench.now.monotonic_ns);
      open.erase(id);
      states.erase(id);
    } else if (what < 9) {
      bench.pass_ms(random.below(1500));
    } else {
      bench.poll();
    }
    std::set<SocketAddress> used;
    for (const auto& [key, state] : states) {
      for (const auto& stream : state.streams) {
        for (const auto& leg : stream.leg) {
          ASSERT_TRUE(used.insert(leg.local_rtp).second);
          ASSERT_TRUE(used.insert(leg.local_rtcp).second);
        }
      }
    }
    std::uint32_t in_use = 0;
    for (const auto& pool : bench.table.pools(bench.now.monotonic_ns)) in_use += pool.in_use;
    ASSERT_EQ(in_use, used.size());
    ASSERT_EQ(bench.ports.open, used);
  }
  for (std::uint64_t id = 1; id <= 12; ++id) bench.table.close({id}, bench.now.monotonic_ns);
  bench.pass_ms(2001);
  bench.poll();
  EXPECT_EQ(bench.table.retired(), 0U);
  EXPECT_EQ(bench.next_hops.count, 0);
  for (const auto& pool : bench.table.pools(bench.now.monotonic_ns)) EXPECT_EQ(pool.in_use + pool.resting, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Ports, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace isthmus::test
