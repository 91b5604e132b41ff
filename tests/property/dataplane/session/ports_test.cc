// Ports never leak and are never given twice, over random sequences of open, update and close.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

class Ports : public testing::TestWithParam<std::uint64_t> {};

using contract::LegTransport;

/// A leg with ICE whose transport an answer of its peer decides.
void make_undecided(contract::LegSpec& leg) {
  leg.transport = LegTransport::kUdpOrTcp;
  leg.remote_rtp.reset();
  contract::IceSpec& ice = leg.ice.emplace();
  ice.local_ufrag = "abcd";
  ice.local_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
}

/// Most of what is undecided is decided, by chance.
void decide_some(contract::SessionSpec& spec, const contract::SessionState& state, RandomSource& random) {
  for (std::size_t s = 0; s < state.streams.size(); ++s) {
    contract::LegSpec& leg = spec.streams[s].leg[0];
    if (leg.transport != LegTransport::kUdpOrTcp || random.below(4) == 0) continue;
    leg.transport = state.streams[s].leg[0].takes_tcp && random.below(2) == 0 ? LegTransport::kTcp : LegTransport::kUdp;
    leg.rtcp_mux = leg.transport == LegTransport::kTcp;
  }
}

/// What the states say is in use, by protocol.
struct Used {
  std::set<SocketAddress> udp;
  std::set<SocketAddress> tcp;
};

Used used_by(const std::map<std::uint64_t, contract::SessionSpec>& open,
             const std::map<std::uint64_t, contract::SessionState>& states) {
  Used used;
  for (const auto& [id, state] : states) {
    for (std::size_t s = 0; s < state.streams.size(); ++s) {
      for (std::size_t i = 0; i < 2; ++i) {
        const contract::LegState& leg = state.streams[s].leg[i];
        const bool is_tcp = open.at(id).streams[s].leg[i].transport == LegTransport::kTcp;
        if (is_tcp || leg.takes_tcp) {
          EXPECT_TRUE(used.tcp.insert(leg.local_rtp).second);
        }
        if (is_tcp) continue;
        EXPECT_TRUE(used.udp.insert(leg.local_rtp).second);
        EXPECT_TRUE(used.udp.insert(leg.local_rtcp).second);
      }
    }
  }
  return used;
}

TEST_P(Ports, NeverLeakOrDouble) {
  auto networks = RelayBench::default_networks();
  for (auto& network : networks) network.last_port = static_cast<std::uint16_t>(network.first_port + 40);
  RelayBench bench(networks, {}, GetParam());
  SeededRandom random(GetParam() * 77);
  std::map<std::uint64_t, contract::SessionSpec> open;
  std::map<std::uint64_t, contract::SessionState> states;
  std::size_t most_tcp = 0;
  for (int step = 0; step < 1500; ++step) {
    const std::uint64_t id = 1 + random.below(12);
    const std::uint32_t what = random.below(10);
    if (what < 4) {
      auto spec = open.contains(id) ? open[id] : bench.spec(id);
      spec.revision = open.contains(id) ? spec.revision + random.below(2) : 1;
      if (!open.contains(id) || spec.revision != open[id].revision) {
        while (spec.streams.size() < contract::kMaxStreams && random.below(2) == 0) {
          spec.streams.push_back(bench.spec(id).streams[0]);
          if (random.below(2) == 0) make_undecided(spec.streams.back().leg[0]);
        }
        if (open.contains(id)) decide_some(spec, states[id], random);
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
    const Used used = used_by(open, states);
    std::uint32_t udp = 0;
    std::uint32_t tcp = 0;
    for (const auto& pool : bench.table.pools(bench.now.monotonic_ns)) {
      (pool.transport == LegTransport::kTcp ? tcp : udp) += pool.in_use;
    }
    ASSERT_EQ(udp, used.udp.size());
    ASSERT_EQ(tcp, 2 * used.tcp.size());
    ASSERT_EQ(bench.ports.open, used.udp);
    ASSERT_EQ(bench.ports.open_tcp, used.tcp);
    for (const SocketAddress& served : bench.ports.served_tcp) ASSERT_TRUE(used.tcp.contains(served));
    most_tcp = std::max(most_tcp, used.tcp.size());
  }
  EXPECT_GT(most_tcp, 5U);
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
