// Laws of two agents over networks that lose, copy, delay and disorder.

#include <gtest/gtest.h>

#include "tests/support/ice/agent_network.h"

namespace isthmus::ice {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kNetworks = 400;

bool is_over(Phase phase) { return phase == Phase::kNominated || phase == Phase::kFailed; }

// Chosen by one agent and chosen by the other are the ends of one pair.
bool is_one_pair(AgentNetwork& network, StreamIndex stream) {
  const StreamStatus a = network.a().agent.status(stream);
  const StreamStatus b = network.b().agent.status(stream);
  return a.rtp == network.b().candidates[0].address && b.rtp == network.a().candidates[0].address;
}

TEST(Agents, AnyOrderOfPacketsEndsInNominatedOrFailed) {
  std::size_t nominated = 0;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    SeededRandom random(seed);
    const std::uint32_t loss = random.below(90);
    const std::uint32_t max_delay_ms = 1 + random.below(400);
    AgentNetwork network({.controlling = random.below(4) != 0, .tie_breaker = random.next_u64()},
                         {.controlling = random.below(4) == 0, .tie_breaker = random.next_u64()}, seed);
    network.set_fate([&](const AgentNetwork::Packet&) {
      if (random.below(100) < loss) return AgentNetwork::Fate{0};
      return AgentNetwork::Fate{1 + random.below(2), std::chrono::milliseconds(random.below(max_delay_ms))};
    });
    network.add_streams(2);
    network.describe(random.below(2));
    ASSERT_TRUE(network.run_for(std::chrono::milliseconds(random.below(2000)))) << "seed " << seed;
    network.describe(0);
    network.describe(1);
    ASSERT_TRUE(network.run_for(45s)) << "seed " << seed << ": an agent spins";
    for (const StreamIndex stream : {StreamIndex{0}, StreamIndex{1}}) {
      ASSERT_TRUE(is_over(network.phase(0, stream)) && is_over(network.phase(1, stream))) << "seed " << seed;
      if (network.both(Phase::kNominated, stream)) {
        ++nominated;
        EXPECT_TRUE(is_one_pair(network, stream)) << "seed " << seed;
      }
    }
    // Nothing is left to wait for: an agent at rest asks for no timer.
    EXPECT_FALSE(network.a().agent.next_timer()) << "seed " << seed;
    EXPECT_FALSE(network.b().agent.next_timer()) << "seed " << seed;
  }
  EXPECT_GT(nominated, kNetworks / 2);
}

TEST(Agents, OneLostPacketInSixHarmsNoCall) {
  std::size_t connected = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededRandom random(seed);
    AgentNetwork network({.controlling = true, .tie_breaker = 2}, {.controlling = false, .tie_breaker = 1}, seed);
    network.set_fate([&](const AgentNetwork::Packet&) { return AgentNetwork::Fate{random.below(6) == 0 ? 0U : 1U}; });
    network.begin();
    ASSERT_TRUE(network.run_for(15s));
    if (network.both(Phase::kNominated)) ++connected;
  }
  EXPECT_GE(connected, 95U);
}

TEST(Agents, EqualRolesAlwaysResolve) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random(seed);
    const bool role = random.below(2) == 0;
    AgentNetwork network({.controlling = role, .tie_breaker = random.next_u64()},
                         {.controlling = role, .tie_breaker = random.next_u64()}, seed);
    network.set_fate([&](const AgentNetwork::Packet&) {
      return AgentNetwork::Fate{1, std::chrono::milliseconds(random.below(60))};
    });
    network.begin();
    ASSERT_TRUE(network.run_for(3s));
    EXPECT_TRUE(network.both(Phase::kNominated)) << "seed " << seed;
    EXPECT_NE(network.a().agent.is_controlling(), network.b().agent.is_controlling()) << "seed " << seed;
  }
}

TEST(Agents, SentMessagesStayWithinThePace) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random(seed);
    AgentNetwork network({.controlling = true, .tie_breaker = 2}, {.controlling = false, .tie_breaker = 1}, seed);
    network.set_fate([&](const AgentNetwork::Packet&) { return AgentNetwork::Fate{random.below(3)}; });
    network.begin(2);
    network.run_for(12s);
    for (const std::size_t to : {std::size_t{0}, std::size_t{1}}) {
      std::optional<TimePoint> before;
      for (const auto& packet : network.sent()) {
        if (packet.to != to || !wire::parse_stun(packet.bytes)->is(wire::StunType::kBindingRequest)) continue;
        EXPECT_TRUE(!before || packet.at - *before >= kPace);
        before = packet.at;
      }
    }
  }
}

}  // namespace
}  // namespace isthmus::ice
