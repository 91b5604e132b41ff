// RFC 8445, section by section, on the agent.

#include <gtest/gtest.h>

#include "tests/support/ice/agent_network.h"

namespace isthmus::ice {
namespace {

using namespace std::chrono_literals;
using wire::IntegrityForm;
using wire::StunType;

// One agent against hand-made messages of "b".
class Rfc8445 : public testing::Test {
 protected:
  explicit Rfc8445(bool controlling = true) : network_({.controlling = controlling, .tie_breaker = 100}) {}

  void begin() {
    network_.set_fate([](const AgentNetwork::Packet&) { return AgentNetwork::Fate{0}; });  // "b" is the test
    network_.add_streams();
    network_.describe(0);
  }
  Agent& agent() { return network_.a().agent; }
  Bytes our_password() { return network_.a().credentials.password.view(); }
  Bytes their_password() { return network_.b().credentials.password.view(); }
  std::size_t sent() const { return network_.sent().size(); }
  const AgentNetwork::Packet& last() const { return network_.sent().back(); }
  wire::StunMessage last_message() const { return *wire::read_stun(last().bytes); }
  SocketAddress peer(std::size_t component = 1) { return network_.b().candidates[component - 1].address; }

  void answer(const AgentNetwork::Packet& request, std::optional<SocketAddress> from = std::nullopt) {
    const auto message = wire::read_stun(request.bytes);
    network_.inject(0, 0, request.component, from.value_or(request.destination),
                    write_success(message->header.transaction, request.source, *message->username,
                                  IntegrityForm::kStrict, their_password()));
  }
  void refuse(const AgentNetwork::Packet& request, std::uint16_t code) {
    network_.inject(
        0, 0, request.component, request.destination,
        write_error(*wire::read_stun(request.bytes), code, "Error", IntegrityForm::kStrict, their_password()));
  }
  void check(CheckRequest request, std::optional<SocketAddress> from = std::nullopt) {
    request.transaction[0] = ++transaction_;
    request.username = "aaaa:bbbb";
    if (request.priority == 0) request.priority = 77;
    network_.inject(0, 0, Component::kRtp, from.value_or(peer()),
                    write_request(request, IntegrityForm::kStrict, our_password()));
  }
  std::vector<AgentNetwork::Packet> requests_of(Component component) const {
    std::vector<AgentNetwork::Packet> found;
    for (const auto& packet : network_.sent()) {
      if (packet.component == component && wire::parse_stun(packet.bytes)->is(StunType::kBindingRequest)) {
        found.push_back(packet);
      }
    }
    return found;
  }

  AgentNetwork network_;
  std::uint8_t transaction_ = 0;
};

class Rfc8445Controlled : public Rfc8445 {
 protected:
  Rfc8445Controlled() : Rfc8445(false) {}
};

TEST_F(Rfc8445, Section6_1_2_6FirstComponentIsCheckedFirstAndTheOtherAfterIt) {
  begin();
  network_.run_for(400ms);
  ASSERT_EQ(sent(), 1U);
  EXPECT_EQ(last().component, Component::kRtp);
  answer(network_.sent()[0]);  // 7.2.5.3.3: the same foundation thaws
  network_.run_for(20ms);
  EXPECT_EQ(requests_of(Component::kRtcp).size(), 1U);
}

TEST_F(Rfc8445, Section7_1RequestCarriesPriorityRoleAndCredentials) {
  begin();
  const auto message = last_message();
  EXPECT_EQ(message.username, "bbbb:aaaa");
  EXPECT_EQ(message.priority, (110U << 24U) | (65535U << 8U) | 255U);  // 7.1.1: as a peer-reflexive candidate
  EXPECT_EQ(message.controlling, 100U);
  EXPECT_FALSE(message.controlled);
  EXPECT_FALSE(message.use_candidate);  // 8.1.1: regular nomination
  EXPECT_EQ(wire::verify_integrity(last().bytes, message, their_password()), IntegrityForm::kStrict);
  EXPECT_TRUE(wire::verify_fingerprint(last().bytes, message));
}

TEST_F(Rfc8445Controlled, Section7_1_2ControlledSaysSo) {
  begin();
  EXPECT_EQ(last_message().controlled, 100U);
  EXPECT_FALSE(last_message().controlling);
}

TEST_F(Rfc8445, Section7_2_5_1RoleConflictAnswerSwitchesAndRepeats) {
  begin();
  refuse(network_.sent()[0], 487);
  EXPECT_FALSE(agent().is_controlling());
  EXPECT_NE(agent().tie_breaker(), 100U);
  network_.run_for(20ms);
  EXPECT_TRUE(last_message().controlled);
  // The late answer to a request of the old role does not switch back.
  const auto old = network_.sent()[0];
  refuse(old, 487);
  EXPECT_FALSE(agent().is_controlling());
}

TEST_F(Rfc8445, Section7_2_5_2_1AnswerFromAThirdAddressFailsThePair) {
  begin();
  answer(network_.sent()[0], SocketAddress::parse("192.0.2.66:1").value());
  EXPECT_EQ(agent().counters().asymmetric_answers, 1U);
  EXPECT_EQ(agent().status(0).valid, 0U);
}

TEST_F(Rfc8445, Section7_2_5_2_3OtherErrorsFailThePair) {
  for (const std::uint16_t code : {std::uint16_t{400}, std::uint16_t{401}, std::uint16_t{500}}) {
    begin();
    refuse(network_.sent().back(), code);
    EXPECT_EQ(agent().status(0).last_error, code);
    network_.run_for(600ms);
    EXPECT_EQ(agent().status(0).valid, 0U);
  }
}

TEST_F(Rfc8445, Section7_2_5AnswersNobodyAskedForAreCounted) {
  begin();
  auto forged = network_.sent()[0];
  forged.bytes[10] ^= 1;
  network_.inject(0, 0, Component::kRtp, peer(),
                  write_success({9, 9, 9}, peer(), "bbbb:aaaa", IntegrityForm::kStrict, their_password()));
  EXPECT_EQ(agent().counters().unexpected_answers, 1U);
  answer(network_.sent()[0]);
  answer(network_.sent()[0]);  // a copy
  EXPECT_EQ(agent().counters().unexpected_answers, 2U);
  EXPECT_EQ(agent().status(0).valid, 1U);
}

TEST_F(Rfc8445, Section7_3AnswerMirrorsTheSource) {
  begin();
  check({.tie_breaker = 1});
  const auto message = last_message();
  EXPECT_TRUE(message.header.is(StunType::kBindingSuccess));
  EXPECT_EQ(message.mapped, peer());
  EXPECT_EQ(wire::verify_integrity(last().bytes, message, our_password()), IntegrityForm::kStrict);
}

TEST_F(Rfc8445, Section7_3_1_1TheLargerTieBreakerStaysControlling) {
  begin();
  check({.controlling = true, .tie_breaker = 99});
  EXPECT_EQ(last_message().error_code, 487);
  EXPECT_TRUE(agent().is_controlling());
  check({.controlling = true, .tie_breaker = 100});  // equal: ours stays
  EXPECT_EQ(last_message().error_code, 487);
  check({.controlling = true, .tie_breaker = 101});
  EXPECT_TRUE(last_message().header.is(StunType::kBindingSuccess));
  EXPECT_FALSE(agent().is_controlling());
}

TEST_F(Rfc8445Controlled, Section7_3_1_1TwoControlled) {
  begin();
  check({.controlling = false, .tie_breaker = 101});
  EXPECT_EQ(last_message().error_code, 487);
  EXPECT_FALSE(agent().is_controlling());
  check({.controlling = false, .tie_breaker = 100});
  EXPECT_TRUE(last_message().header.is(StunType::kBindingSuccess));
  EXPECT_TRUE(agent().is_controlling());
}

TEST_F(Rfc8445, Section7_3_1_3UnknownSourceIsAPeerReflexiveCandidate) {
  begin();
  const auto source = SocketAddress::parse("192.0.2.7:4000").value();
  check({.priority = 1234, .tie_breaker = 1}, source);
  network_.run_for(20ms);
  EXPECT_EQ(last().destination, source);  // 7.3.1.4: the triggered check
  EXPECT_TRUE(last_message().header.is(StunType::kBindingRequest));
}

TEST_F(Rfc8445, Section7_3_1_4CancelledChecksAreNotRepeatedButTheirAnswersCount) {
  begin();
  const auto first = network_.sent()[0];
  network_.run_for(100ms);
  check({.tie_breaker = 1});
  network_.run_for(20ms);
  const auto requests = requests_of(Component::kRtp);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_NE(wire::parse_stun(requests[0].bytes)->transaction, wire::parse_stun(requests[1].bytes)->transaction);
  answer(first);
  EXPECT_EQ(agent().status(0).valid, 1U);
}

TEST_F(Rfc8445, Section7_3_1_4AFailedPairIsCheckedAgain) {
  begin();
  refuse(network_.sent()[0], 500);
  const std::size_t before = requests_of(Component::kRtp).size();
  check({.tie_breaker = 1});
  network_.run_for(20ms);
  EXPECT_EQ(requests_of(Component::kRtp).size(), before + 1);
}

TEST_F(Rfc8445Controlled, Section7_3_1_5NominationWaitsForOurOwnCheck) {
  network_.a().candidates.pop_back();
  network_.b().candidates.pop_back();
  begin();
  check({.controlling = true, .tie_breaker = 1, .use_candidate = true});
  EXPECT_EQ(agent().status(0).phase, Phase::kChecking);
  answer(requests_of(Component::kRtp).back());
  EXPECT_EQ(agent().status(0).phase, Phase::kNominated);
}

TEST_F(Rfc8445Controlled, Section7_3_1_5ValidPairIsNominatedAtOnce) {
  network_.a().candidates.pop_back();
  network_.b().candidates.pop_back();
  begin();
  answer(network_.sent()[0]);
  EXPECT_EQ(agent().status(0).phase, Phase::kChecking);
  check({.controlling = true, .tie_breaker = 1, .use_candidate = true});
  EXPECT_EQ(agent().status(0).phase, Phase::kNominated);
}

TEST_F(Rfc8445, Section8_1_1NominationIsASecondCheckOfEachComponent) {
  begin();
  answer(requests_of(Component::kRtp)[0]);
  network_.run_for(20ms);
  answer(requests_of(Component::kRtcp)[0]);
  network_.run_for(60ms);
  const auto rtp = requests_of(Component::kRtp);
  const auto rtcp = requests_of(Component::kRtcp);
  ASSERT_EQ(rtp.size(), 2U);
  ASSERT_EQ(rtcp.size(), 2U);
  EXPECT_TRUE(wire::read_stun(rtp[1].bytes)->use_candidate);
  EXPECT_TRUE(wire::read_stun(rtcp[1].bytes)->use_candidate);
  answer(rtp[1]);
  EXPECT_EQ(agent().status(0).phase, Phase::kChecking);
  answer(rtcp[1]);
  EXPECT_EQ(agent().status(0).phase, Phase::kNominated);
}

TEST_F(Rfc8445, Section8_1_1BetterPairIsWaitedForButNotForEver) {
  network_.a().candidates.pop_back();
  network_.b().candidates = {host(1, "10.0.0.2:6000", 65535), host(1, "10.0.0.3:6000", 100)};
  network_.b().candidates[1].foundation = "2";
  begin();
  network_.run_for(20ms);
  ASSERT_EQ(sent(), 2U);
  answer(network_.sent()[1]);  // the lesser one
  network_.run_for(kNominationWait - 1ms);
  EXPECT_EQ(sent(), 2U);
  network_.run_for(30ms);
  EXPECT_EQ(last().destination, network_.b().candidates[1].address);
  EXPECT_TRUE(last_message().use_candidate);
}

TEST_F(Rfc8445, Section8_1_1FailedNominationTakesTheNextPair) {
  network_.a().candidates.pop_back();
  network_.b().candidates = {host(1, "10.0.0.2:6000", 65535), host(1, "10.0.0.3:6000", 100)};
  network_.b().candidates[1].foundation = "2";
  begin();
  network_.run_for(20ms);
  answer(network_.sent()[0]);
  answer(network_.sent()[1]);
  network_.run_for(20ms);
  ASSERT_TRUE(last_message().use_candidate);
  EXPECT_EQ(last().destination, network_.b().candidates[0].address);
  refuse(last(), 500);
  network_.run_for(40ms);
  EXPECT_EQ(last().destination, network_.b().candidates[1].address);
  EXPECT_TRUE(last_message().use_candidate);
  answer(last());
  EXPECT_EQ(agent().status(0).rtp, network_.b().candidates[1].address);
}

TEST_F(Rfc8445, Section8_1_2NoMoreChecksOnceNominated) {
  network_.a().candidates.pop_back();
  network_.b().candidates = {host(1, "10.0.0.2:6000", 65535), host(1, "10.0.0.3:6000", 100)};
  begin();
  answer(network_.sent()[0]);
  network_.run_for(20ms);
  answer(last());
  ASSERT_EQ(agent().status(0).phase, Phase::kNominated);
  const std::size_t before = sent();
  network_.run_for(5s);
  EXPECT_EQ(sent(), before);
}

TEST_F(Rfc8445, Section10KeepAlivesNeedNoAnswer) {
  begin();
  std::array<std::uint8_t, 28> bytes;
  wire::StunWriter indication(bytes, StunType::kBindingIndication, {});
  wire::fingerprint_stun(indication);
  const std::size_t before = sent();
  network_.inject(0, 0, Component::kRtp, peer(), indication.message());
  EXPECT_EQ(sent(), before);
  EXPECT_EQ(agent().counters().malformed, 0U);
}

TEST_F(Rfc8445, Section15UnknownAttributesAreNamed) {
  begin();
  std::array<std::uint8_t, 200> bytes;
  wire::StunWriter writer(bytes, StunType::kBindingRequest, {1});
  writer.add_text(wire::StunAttributeType::kUsername, "aaaa:bbbb")
      .add_u32(wire::StunAttributeType::kPriority, 1)
      .add_u64(wire::StunAttributeType::kIceControlled, 1)
      .add_u32(static_cast<wire::StunAttributeType>(0x7fff), 0);
  wire::sign_stun(writer, IntegrityForm::kStrict, our_password());
  network_.inject(0, 0, Component::kRtp, peer(), writer.message());
  EXPECT_EQ(last_message().error_code, 420);
}

TEST_F(Rfc8445, Section7_1RequestWithoutPriorityOrRoleIsBad) {
  begin();
  std::array<std::uint8_t, 200> bytes;
  wire::StunWriter writer(bytes, StunType::kBindingRequest, {1});
  writer.add_text(wire::StunAttributeType::kUsername, "aaaa:bbbb");
  wire::sign_stun(writer, IntegrityForm::kStrict, our_password());
  network_.inject(0, 0, Component::kRtp, peer(), writer.message());
  EXPECT_EQ(last_message().error_code, 400);
}

}  // namespace
}  // namespace isthmus::ice
