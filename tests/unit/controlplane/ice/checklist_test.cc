#include "controlplane/ice/checklist.h"

#include <gtest/gtest.h>

#include "tests/support/ice/agent_network.h"

namespace isthmus::ice {
namespace {

std::vector<sdp::Candidate> ours() { return {host(1, "10.0.0.1:5000"), host(2, "10.0.0.1:5001")}; }

TEST(Checklist, PairsEqualComponentsAndFamilies) {
  Checklist list(ours(), true);
  list.add_remote({host(1, "10.0.0.2:1"), host(2, "10.0.0.2:2"), host(1, "[2001:db8::2]:1"), host(3, "10.0.0.2:3")});
  EXPECT_EQ(list.pairs().size(), 2U);
  EXPECT_TRUE(list.find(1, SocketAddress::parse("10.0.0.2:1").value()));
  EXPECT_FALSE(list.find(2, SocketAddress::parse("10.0.0.2:1").value()));
}

TEST(Checklist, OverlooksTcp) {
  Checklist list(ours(), true);
  auto tcp = host(1, "10.0.0.2:1");
  tcp.transport = sdp::CandidateTransport::kTcpActive;
  list.add_remote({tcp});
  EXPECT_TRUE(list.pairs().empty());
}

TEST(Checklist, KeepsTheBestUpToItsBound) {
  // Two candidates of ours for one component, so that 64 of the peer make 128 pairs.
  Checklist list({host(1, "10.0.0.1:5000", 65535), host(1, "10.0.0.9:5000", 65533)}, true);
  std::vector<sdp::Candidate> many;
  for (std::uint32_t i = 0; i < kMaxRemoteCandidates; ++i) {
    many.push_back(host(1, "10.3.0." + std::to_string(i + 1) + ":7", 1000 + i));
  }
  list.add_remote(many);
  EXPECT_EQ(list.pairs().size(), kMaxPairs);
  EXPECT_TRUE(list.find(1, many.back().address));
  EXPECT_FALSE(list.find(1, many.front().address));
  EXPECT_FALSE(list.add_peer_reflexive(1, SocketAddress::parse("10.4.0.1:1").value(), 1));
}

TEST(Checklist, TriggersEachPairOnce) {
  Checklist list(ours(), true);
  list.add_remote({host(1, "10.0.0.2:1")});
  list.trigger(0);
  list.trigger(0);
  EXPECT_EQ(list.take_triggered(), PairIndex{0});
  EXPECT_FALSE(list.take_triggered());
}

TEST(Checklist, ALearntCandidateTakesWhatIsSaidOfItLater) {
  Checklist list(ours(), true);
  const auto address = SocketAddress::parse("10.0.0.2:1").value();
  ASSERT_TRUE(list.add_peer_reflexive(1, address, 7));
  list.add_remote({host(1, "10.0.0.2:1")});
  EXPECT_EQ(list.pairs().size(), 1U);
  EXPECT_EQ(list.remote()[0].type, sdp::CandidateType::kHost);
  EXPECT_EQ(list.pairs()[0].priority, pair_priority(ours()[0].priority, host(1, "10.0.0.2:1").priority));
}

TEST(Checklist, OrderFollowsTheRole) {
  EXPECT_EQ(pair_priority(2, 1), (std::uint64_t{1} << 32U) + 4 + 1);
  EXPECT_EQ(pair_priority(1, 2), (std::uint64_t{1} << 32U) + 4);
}

}  // namespace
}  // namespace isthmus::ice
