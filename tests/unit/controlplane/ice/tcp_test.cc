// Checks over TCP ([MS-ICE2], RFC 6544 6): we dial who listens, and answer who dials.

#include <gtest/gtest.h>

#include "tests/support/ice/agent_network.h"

namespace isthmus::ice {
namespace {

using namespace std::chrono_literals;
using sdp::CandidateTransport;
using Candidates = std::vector<sdp::Candidate>;

sdp::Candidate tcp(CandidateTransport transport, std::string_view address, std::uint16_t component = 1) {
  sdp::Candidate candidate = host(component, address, transport == CandidateTransport::kTcpActive ? 27643 : 26109);
  candidate.foundation = transport == CandidateTransport::kTcpActive ? "2" : "1";
  candidate.transport = transport;
  return candidate;
}
sdp::Candidate passive(std::string_view address) { return tcp(CandidateTransport::kTcpPassive, address); }
sdp::Candidate active(std::string_view address) { return tcp(CandidateTransport::kTcpActive, address); }
SocketAddress at(std::string_view text) { return SocketAddress::parse(text).value(); }

/// Ours, as the gateway has them: both directions from one port.
Candidates ours() { return {passive("10.0.0.1:5000"), active("10.0.0.1:5000")}; }

TEST(TcpChecklist, DialsWhoListensAndNobodyElse) {
  Checklist list(ours(), true);
  list.add_remote({passive("10.0.0.2:6000"), active("10.0.0.3:6000"), host(1, "10.0.0.4:6000")});
  ASSERT_EQ(list.pairs().size(), 1U);
  EXPECT_EQ(list.remote_of(list.pair(0)).address, at("10.0.0.2:6000"));
  EXPECT_EQ(list.local_of(list.pair(0)).transport, CandidateTransport::kTcpActive);
}

TEST(TcpChecklist, WhoDialsFormsAPairWithTheListener) {
  Checklist list(ours(), true);
  const auto pair = list.add_peer_reflexive(1, at("10.0.0.2:50123"), 7);
  ASSERT_TRUE(pair);
  EXPECT_EQ(list.local_of(list.pair(*pair)).transport, CandidateTransport::kTcpPassive);
  EXPECT_EQ(list.remote_of(list.pair(*pair)).transport, CandidateTransport::kTcpActive);
}

TEST(TcpChecklist, OneAddressMayListenAndDial) {
  Checklist list(ours(), true);
  list.add_remote({active("10.0.0.2:6000"), passive("10.0.0.2:6000")});
  EXPECT_EQ(list.remote().size(), 2U);
  EXPECT_EQ(list.pairs().size(), 1U);
}

class TcpAgents : public testing::TestWithParam<bool> {
 protected:
  /// `b` has these; whoever is controlling is the parameter.
  void run(Candidates b) {
    network_.a().candidates = ours();
    network_.b().candidates = std::move(b);
    network_.begin();
    EXPECT_TRUE(network_.run_for(1s));
  }
  AgentNetwork network_{{.controlling = GetParam(), .tie_breaker = 2}, {.controlling = !GetParam(), .tie_breaker = 1}};
};

TEST_P(TcpAgents, MeetWhereThePeerListens) {
  run({passive("10.0.0.2:6000")});
  ASSERT_TRUE(network_.both(Phase::kNominated));
  EXPECT_EQ(network_.a().agent.status(0).rtp, at("10.0.0.2:6000"));
  EXPECT_EQ(network_.b().agent.status(0).rtp, at("10.0.0.1:5000"));
  EXPECT_FALSE(network_.a().agent.status(0).rtcp.has_value());
}

TEST_P(TcpAgents, MeetWhereThePeerDials) {
  run({active("10.0.0.2:6000")});
  ASSERT_TRUE(network_.both(Phase::kNominated));
  EXPECT_EQ(network_.a().agent.status(0).rtp, at("10.0.0.2:6000"));
  EXPECT_EQ(network_.sent().front().destination, at("10.0.0.1:5000")) << "the first check is that of who dials";
}

TEST_P(TcpAgents, MeetWhereBothDoBoth) {
  run({passive("10.0.0.2:6000"), active("10.0.0.2:6000")});
  EXPECT_TRUE(network_.both(Phase::kNominated));
}

INSTANTIATE_TEST_SUITE_P(Roles, TcpAgents, testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "Controlling" : "Controlled"); });

TEST(TcpAgent, SecondComponentIsAnsweredAndHasNoPair) {
  AgentNetwork network({.controlling = false, .tie_breaker = 1});
  network.a().candidates = ours();
  network.b().candidates = {active("10.0.0.2:6000")};
  network.add_streams();
  network.describe(0);
  CheckRequest check;
  check.transaction = {1, 2, 3};
  check.username = "aaaa:bbbb";
  check.controlling = true;
  check.use_candidate = true;
  for (const std::uint32_t component : {2U, 1U}) {
    check.transaction[0] = static_cast<std::uint8_t>(component);
    check.priority = (110U << 24U) + (27643U << 8U) + (256U - component);
    const auto packet = write_request(check, wire::IntegrityForm::kPadded, network.a().credentials.password.view());
    const std::size_t sent = network.sent().size();
    network.inject(0, 0, Component::kRtp, at("10.0.0.2:6000"), packet);
    ASSERT_GT(network.sent().size(), sent);
    EXPECT_EQ(wire::parse_stun(network.sent()[sent].bytes)->transaction, check.transaction);
    EXPECT_EQ(network.a().agent.status(0).pairs, component == 2 ? 0U : 1U);
  }
}

}  // namespace
}  // namespace isthmus::ice
