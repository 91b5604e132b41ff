#include "controlplane/ice/agent.h"

#include <gtest/gtest.h>

#include "tests/support/ice/agent_network.h"

namespace isthmus::ice {
namespace {

using namespace std::chrono_literals;
using wire::StunType;

std::size_t count_type(const AgentNetwork& network, StunType type) {
  return static_cast<std::size_t>(std::ranges::count_if(
      network.sent(), [type](const AgentNetwork::Packet& packet) { return wire::parse_stun(packet.bytes)->is(type); }));
}

TEST(Agent, BothSidesChooseTheSamePairs) {
  AgentNetwork network;
  network.begin();
  EXPECT_TRUE(network.run_for(1s));
  ASSERT_TRUE(network.both(Phase::kNominated));
  const StreamStatus a = network.a().agent.status(0);
  EXPECT_EQ(a.rtp, SocketAddress::parse("10.0.0.2:6000").value());
  EXPECT_EQ(a.rtcp, SocketAddress::parse("10.0.0.2:6001").value());
  const StreamStatus b = network.b().agent.status(0);
  EXPECT_EQ(b.rtp, SocketAddress::parse("10.0.0.1:5000").value());
  EXPECT_EQ(b.rtcp, SocketAddress::parse("10.0.0.1:5001").value());
}

TEST(Agent, AudioAndVideoAreUpWithinAThirdOfASecondOnALan) {
  AgentNetwork network;
  network.begin(2);
  EXPECT_TRUE(network.run_for(330ms));
  EXPECT_TRUE(network.both(Phase::kNominated, 0));
  EXPECT_TRUE(network.both(Phase::kNominated, 1));
}

TEST(Agent, MicrosoftFormWorksTheSame) {
  AgentNetwork network({.controlling = true, .tie_breaker = 2, .form = contract::StunForm::kMicrosoft},
                       {.controlling = false, .tie_breaker = 1, .form = contract::StunForm::kMicrosoft});
  network.begin();
  EXPECT_TRUE(network.run_for(1s));
  EXPECT_TRUE(network.both(Phase::kNominated));
  for (const auto& packet : network.sent()) {
    EXPECT_EQ(wire::read_stun(packet.bytes)->implementation_version, 2U);
  }
}

TEST(Agent, TakesUpTheFormThatThePeerWrites) {
  AgentNetwork network({.controlling = true, .tie_breaker = 2, .form = contract::StunForm::kMicrosoft});
  network.add_streams();
  network.describe(1);  // the one that writes the strict form speaks first
  network.run_for(5ms);
  network.describe(0);
  network.run_for(1s);
  EXPECT_TRUE(network.both(Phase::kNominated));
  for (const auto& packet : network.sent()) EXPECT_FALSE(wire::read_stun(packet.bytes)->implementation_version);
}

TEST(Agent, OneComponentIsEnoughWhereRtcpIsMultiplexed) {
  AgentNetwork network;
  network.a().candidates.pop_back();
  network.b().candidates.pop_back();
  network.begin();
  network.run_for(1s);
  EXPECT_TRUE(network.both(Phase::kNominated));
  EXPECT_FALSE(network.a().agent.status(0).rtcp);
}

TEST(Agent, AnswersAndRemembersChecksThatComeBeforeTheDescription) {
  AgentNetwork network;
  network.add_streams();
  network.describe(1);
  network.run_for(100ms);
  EXPECT_GT(count_type(network, StunType::kBindingSuccess), 0U);
  EXPECT_EQ(network.phase(0), Phase::kWaiting);
  network.describe(0);
  network.run_for(1s);
  EXPECT_TRUE(network.both(Phase::kNominated));
}

TEST(Agent, SendsNothingBeforeStart) {
  AgentNetwork network;
  network.add_streams();
  network.a().agent.set_remote(0, network.b().credentials, network.b().candidates, network.now());
  EXPECT_TRUE(network.a().agent.take_outgoing().empty());
  EXPECT_FALSE(network.a().agent.next_timer());
}

TEST(Agent, CopiesOfPacketsChangeNothing) {
  AgentNetwork network;
  network.set_fate([](const AgentNetwork::Packet&) { return AgentNetwork::Fate{2}; });
  network.begin();
  EXPECT_TRUE(network.run_for(1s));
  EXPECT_TRUE(network.both(Phase::kNominated));
}

TEST(Agent, APeerThatAnswersLateIsWaitedFor) {
  AgentNetwork network;
  network.set_fate([&](const AgentNetwork::Packet& packet) {
    return AgentNetwork::Fate{packet.to == 1 && network.elapsed() < 4s ? 0U : 1U};
  });
  network.add_streams();
  network.describe(0);
  network.run_for(4s);
  EXPECT_EQ(network.phase(0), Phase::kChecking);
  network.describe(1);
  network.run_for(1s);
  EXPECT_TRUE(network.both(Phase::kNominated));
}

TEST(Agent, FailsAfterTenSecondsWithoutAnAnswer) {
  AgentNetwork network;
  network.set_fate([](const AgentNetwork::Packet&) { return AgentNetwork::Fate{0}; });
  network.begin();
  EXPECT_TRUE(network.run_for(10s - 1ms));
  EXPECT_EQ(network.phase(0), Phase::kChecking);
  EXPECT_TRUE(network.run_for(1ms));
  EXPECT_EQ(network.phase(0), Phase::kFailed);
  EXPECT_EQ(network.a().agent.status(0).failure, Failure::kNoPair);
  EXPECT_FALSE(network.a().agent.next_timer());
}

TEST(Agent, SaysWhenOnlyOneComponentCameUp) {
  AgentNetwork network;
  network.set_fate([](const AgentNetwork::Packet& packet) {
    return AgentNetwork::Fate{packet.component == Component::kRtcp ? 0U : 1U};
  });
  network.begin();
  EXPECT_TRUE(network.run_for(11s));
  EXPECT_TRUE(network.both(Phase::kFailed));
  EXPECT_EQ(network.a().agent.status(0).failure, Failure::kOneComponent);
  EXPECT_EQ(network.b().agent.status(0).failure, Failure::kOneComponent);
}

TEST(Agent, SaysWhenThereWasNothingToCheck) {
  AgentNetwork network;
  network.b().candidates = {host(1, "127.0.0.1:6000"), host(2, "169.254.1.1:6001")};
  network.add_streams();
  network.describe(0);
  network.run_for(11s);
  EXPECT_EQ(network.a().agent.status(0).failure, Failure::kNoCandidates);
  EXPECT_TRUE(network.sent().empty());
}

TEST(Agent, KeepsThePaceWhateverHappens) {
  AgentNetwork network;
  for (int i = 0; i < 40; ++i) {  // addresses where nobody is
    network.b().candidates.push_back(host(1, "10.1.0." + std::to_string(i + 1) + ":7000", 60000));
  }
  network.begin(2);
  EXPECT_TRUE(network.run_for(3s));
  std::vector<TimePoint> requests;
  for (const auto& packet : network.sent()) {
    if (packet.to == 1 && wire::parse_stun(packet.bytes)->is(StunType::kBindingRequest)) requests.push_back(packet.at);
  }
  ASSERT_GT(requests.size(), 2U);
  for (std::size_t i = 1; i < requests.size(); ++i) EXPECT_GE(requests[i] - requests[i - 1], kPace);
}

TEST(Agent, CheckIsRepeatedAtHalfASecondAndThenTwiceAsLate) {
  AgentNetwork network;
  network.set_fate([](const AgentNetwork::Packet&) { return AgentNetwork::Fate{0}; });
  network.a().candidates.pop_back();
  network.b().candidates.pop_back();
  network.add_streams();
  network.describe(0);
  const TimePoint start = network.now();
  network.run_for(9s);
  std::vector<Duration> at;
  for (const auto& packet : network.sent()) at.push_back(packet.at - start);
  EXPECT_EQ(at, (std::vector<Duration>{0ms, 500ms, 1500ms, 3500ms, 7500ms}));
}

TEST(Agent, TakesNoMoreCandidatesOfThePeerThanItsBound) {
  for (const std::size_t extra : {std::size_t{0}, std::size_t{1}}) {
    AgentNetwork network;
    std::vector<sdp::Candidate> many;
    for (std::size_t i = 0; i < kMaxRemoteCandidates + extra; ++i) {
      many.push_back(host(1, "10.2.0." + std::to_string(i + 1) + ":7000"));
    }
    network.add_streams();
    network.a().agent.set_remote(0, network.b().credentials, many, network.now());
    EXPECT_EQ(network.a().agent.status(0).pairs, kMaxRemoteCandidates);
  }
}

TEST(Agent, NobodyWithoutThePasswordIsAnswered) {
  AgentNetwork network;
  network.begin();
  const auto stranger = SocketAddress::parse("192.0.2.9:999").value();
  CheckRequest forged{.transaction = {1, 2, 3}, .username = "aaaa:bbbb", .priority = 1, .foundation = "1"};
  const std::string_view guess = "password-of-c-0123456789";
  const Bytes key(reinterpret_cast<const std::uint8_t*>(guess.data()), guess.size());
  const std::size_t before = network.sent().size();
  network.inject(0, 0, Component::kRtp, stranger, write_request(forged, wire::IntegrityForm::kStrict, key));
  EXPECT_EQ(network.sent().size(), before);
  EXPECT_EQ(network.a().agent.counters().unauthenticated, 1U);
  // Right password, another user name: made for another description.
  forged.username = "aaaa:cccc";
  network.inject(0, 0, Component::kRtp, stranger,
                 write_request(forged, wire::IntegrityForm::kStrict, network.a().credentials.password.view()));
  EXPECT_EQ(network.sent().size(), before);
  EXPECT_EQ(network.a().agent.counters().unauthenticated, 2U);
  network.run_for(1s);
  EXPECT_TRUE(network.both(Phase::kNominated));
}

TEST(Agent, PeerReflexiveCandidatesHaveABound) {
  AgentNetwork network;
  network.begin();
  network.run_for(5ms);
  const std::size_t pairs = network.a().agent.status(0).pairs;
  for (std::size_t i = 0; i < kMaxPeerReflexive + 5; ++i) {
    CheckRequest check{
        .transaction = {static_cast<std::uint8_t>(i)}, .username = "aaaa:bbbb", .priority = 1, .foundation = "1"};
    const auto source = SocketAddress::parse("192.0.2.9:" + std::to_string(1000 + i)).value();
    network.inject(0, 0, Component::kRtp, source,
                   write_request(check, wire::IntegrityForm::kStrict, network.a().credentials.password.view()));
  }
  EXPECT_EQ(network.a().agent.status(0).pairs, pairs + kMaxPeerReflexive);
  EXPECT_EQ(network.a().agent.counters().refused_sources, 5U);
  network.run_for(2s);
  EXPECT_TRUE(network.both(Phase::kNominated));
}

TEST(Agent, EarlyChecksHaveABound) {
  AgentNetwork network;
  network.add_streams();
  for (std::size_t i = 0; i < kMaxEarlyChecks + 5; ++i) {
    CheckRequest check{
        .transaction = {static_cast<std::uint8_t>(i)}, .username = "aaaa:bbbb", .priority = 1, .foundation = "1"};
    const auto source = SocketAddress::parse("192.0.2.9:" + std::to_string(1000 + i)).value();
    network.inject(0, 0, Component::kRtp, source,
                   write_request(check, wire::IntegrityForm::kStrict, network.a().credentials.password.view()));
  }
  network.describe(0);
  EXPECT_EQ(network.a().agent.status(0).pairs, 2 + kMaxEarlyChecks);
}

TEST(Agent, ARestartFindsNewPairs) {
  AgentNetwork network;
  network.begin();
  network.run_for(1s);
  network.a().credentials = credentials("AAAA", "another-password-of-a-01");
  network.b().credentials = credentials("BBBB", "another-password-of-b-01");
  network.b().candidates = {host(1, "10.0.0.3:6000"), host(2, "10.0.0.3:6001")};
  network.begin();
  EXPECT_EQ(network.phase(0), Phase::kChecking);
  network.run_for(1s);
  ASSERT_TRUE(network.both(Phase::kNominated));
  EXPECT_EQ(network.a().agent.status(0).rtp, SocketAddress::parse("10.0.0.3:6000").value());
}

TEST(Agent, ControlledFollowsALaterNomination) {
  AgentNetwork network;
  network.begin();
  network.run_for(1s);
  ASSERT_TRUE(network.both(Phase::kNominated));
  network.run_for(2s);
  // The peer moves: a check with USE-CANDIDATE from another port of its own.
  network.a().candidates[0] = host(1, "10.0.0.1:5999");
  CheckRequest check{.transaction = {9},
                     .username = "bbbb:aaaa",
                     .priority = 1,
                     .controlling = true,
                     .tie_breaker = 2,
                     .use_candidate = true,
                     .foundation = "1"};
  network.inject(1, 0, Component::kRtp, network.a().candidates[0].address,
                 write_request(check, wire::IntegrityForm::kStrict, network.b().credentials.password.view()));
  network.run_for(1s);
  EXPECT_EQ(network.b().agent.status(0).rtp, SocketAddress::parse("10.0.0.1:5999").value());
  EXPECT_EQ(network.phase(1), Phase::kNominated);
}

TEST(Agent, OfPairsNominatedTogetherTheBestCounts) {
  AgentNetwork network;
  network.a().candidates = {host(1, "10.0.0.1:5000", 65535), host(1, "10.0.0.9:5000", 100)};
  network.b().candidates.pop_back();
  network.add_streams();
  network.describe(1);
  network.a().agent.set_remote(0, network.b().credentials, network.b().candidates, network.now());
  const auto nominate = [&](std::uint8_t id, std::size_t candidate) {
    CheckRequest check{.transaction = {id},
                       .username = "bbbb:aaaa",
                       .priority = 1,
                       .controlling = true,
                       .tie_breaker = 2,
                       .use_candidate = true,
                       .foundation = "1"};
    network.inject(1, 0, Component::kRtp, network.a().candidates[candidate].address,
                   write_request(check, wire::IntegrityForm::kStrict, network.b().credentials.password.view()));
    network.run_for(100ms);
  };
  nominate(1, 0);
  ASSERT_EQ(network.phase(1), Phase::kNominated);
  nominate(2, 1);
  EXPECT_EQ(network.b().agent.status(0).rtp, SocketAddress::parse("10.0.0.1:5000").value());
}

}  // namespace
}  // namespace isthmus::ice
