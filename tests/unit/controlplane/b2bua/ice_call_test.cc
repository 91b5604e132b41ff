// Calls with a Microsoft leg whose peer is a second agent of ours: descriptions, checks, outcome, re-INVITE.

#include <gtest/gtest.h>

#include "controlplane/ice/agent.h"
#include "controlplane/sdp/reader.h"
#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::b2bua {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUfrag = "peer";
constexpr const char* kPassword = "peerpasswordpeerpassword";

config::ControlPlane configuration_with_microsoft(std::size_t zone) {
  config::ControlPlane configuration = GatewayBench::gateway_configuration();
  configuration.zones[zone].dialect = config::Dialect::kMicrosoft;
  return configuration;
}

/// The agent of a Microsoft peer on `side`, one stream, ports 7000 and 7001.
class IceCall : public testing::Test {
 protected:
  explicit IceCall(Side side = Side::kA)
      : side_(side),
        bench_(configuration_with_microsoft(side == Side::kA ? 0 : 1)),
        ip_(side == Side::kA ? "198.51.100.1" : "203.0.113.1"),
        agent_({.controlling = side == Side::kA, .tie_breaker = 1, .form = contract::StunForm::kMicrosoft}, random_) {
    new_peer();
  }

  void new_peer() {
    std::vector<sdp::Candidate> candidates;
    for (const std::uint16_t component : {std::uint16_t{1}, std::uint16_t{2}}) {
      sdp::Candidate candidate;
      candidate.foundation = "1";
      candidate.component = component;
      candidate.priority = 2130706432U - component;
      candidate.address = SocketAddress::parse(ip_ + ":" + std::to_string(6999 + component)).value();
      candidates.push_back(candidate);
    }
    const std::string_view password = kPassword;
    agent_.add_stream(
        0, {{kUfrag, SecretBytes(std::span(reinterpret_cast<const std::uint8_t*>(password.data()), password.size()))},
            candidates});
  }

  std::string peer_sdp(const std::string& more = "") const {
    return audio_sdp(ip_, 7000) + "a=candidate:1 1 UDP 2130706431 " + ip_ + " 7000 typ host \r\na=candidate:1 2 UDP " +
           "2130706430 " + ip_ + " 7001 typ host \r\na=ice-ufrag:" + kUfrag + "\r\na=ice-pwd:" + kPassword + "\r\n" +
           more;
  }
  std::string plain_sdp() const {
    return side_ == Side::kA ? audio_sdp("203.0.113.1", 5000) : audio_sdp("198.51.100.1", 4000);
  }
  const char* peer() const { return side_ == Side::kA ? GatewayBench::kAnn : GatewayBench::kBob; }
  const char* other_peer() const { return side_ == Side::kA ? GatewayBench::kBob : GatewayBench::kAnn; }

  /// Up to the ACK of both sides; the peer's agent has our description and begins.
  void up() {
    if (side_ == Side::kA) {
      bench_.up(peer_sdp(), plain_sdp());
      hear(bench_.ok_a.body());
    } else {
      bench_.up(plain_sdp(), peer_sdp());
      hear(bench_.invite_b.body());
    }
  }
  void hear(std::string_view body) {
    const auto description = sdp::parse(body).value();
    const sdp::MediaSection& section = description.media.at(0);
    agent_.set_remote(0, {section.ice_ufrag, section.ice_pwd}, section.candidates, bench_.timers.now());
    agent_.start(bench_.timers.now());
  }
  /// Lets time pass in steps, carrying packets between data plane and peer.
  void run(event_loop::Duration span) {
    for (event_loop::Duration passed{}; passed < span; passed += 5ms) {
      bench_.advance(5ms);
      for (contract::PuntEvent& packet : std::exchange(bench_.relay.packets, {})) {
        ++to_peer_;
        const auto component = packet.source.port == 7001 ? contract::Component::kRtcp : contract::Component::kRtp;
        if (!deaf_) agent_.on_packet(0, component, ours(packet.component), packet.packet, bench_.timers.now());
      }
      if (agent_.next_timer() && *agent_.next_timer() <= bench_.timers.now()) agent_.on_timer(bench_.timers.now());
      for (ice::Outgoing& out : agent_.take_outgoing()) {
        if (deaf_ || !bench_.relay.event) continue;
        contract::PuntEvent punt{session().id, 0, side_, out.component, {}, std::move(out.packet)};
        punt.source =
            SocketAddress::parse(ip_ + (out.component == contract::Component::kRtcp ? ":7001" : ":7000")).value();
        bench_.relay.event(punt);
      }
    }
  }
  const contract::SessionSpec& session() const { return bench_.relay.sessions.begin()->second; }
  const contract::LegSpec& leg() const { return session().streams.at(0).leg[contract::index(side_)]; }
  SocketAddress ours(contract::Component component) const {
    const IpAddress ip = IpAddress::v4(10, 0, 0, side_ == Side::kA ? 1 : 2);
    const bool rtcp = component == contract::Component::kRtcp;
    return {ip, static_cast<std::uint16_t>(leg().rtp_port + (rtcp ? 1 : 0))};
  }
  std::string state() const {
    const auto views = bench_.b2bua->views("", 10);
    return views.empty() ? "gone" : views[0].state;
  }

  Side side_;
  GatewayBench bench_;
  SeededRandom random_{99};
  std::string ip_;
  ice::Agent agent_;
  bool deaf_ = false;
  std::size_t to_peer_ = 0;
};

class IceCallToMicrosoft : public IceCall {
 protected:
  IceCallToMicrosoft() : IceCall(Side::kB) {}
};

TEST_F(IceCall, PairsReachTheDataPlaneWithinASecond) {
  up();
  EXPECT_FALSE(leg().ice->nominated);
  run(990ms);
  EXPECT_EQ(agent_.status(0).phase, ice::Phase::kNominated);
  ASSERT_TRUE(leg().ice);
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_FALSE(leg().ice->controlling);
  EXPECT_EQ(leg().remote_rtp, SocketAddress::parse("198.51.100.1:7000").value());
  EXPECT_EQ(leg().remote_rtcp, SocketAddress::parse("198.51.100.1:7001").value());
  EXPECT_EQ(leg().source_rule, contract::SourceRule::kSignalled);
  EXPECT_EQ(state(), "up");
  EXPECT_EQ(bench_.waiting(peer()), 0U);  // the controlling side is the one to send the second offer
}

TEST_F(IceCall, NoCheckLeavesBeforeTheAnswer) {
  bench_.send(GatewayBench::kAnn, bench_.request("INVITE", 1, peer_sdp()));
  bench_.next(GatewayBench::kBob);
  run(5s);
  EXPECT_EQ(to_peer_, 0U);
}

TEST_F(IceCall, CandidateReinviteIsAnsweredWithoutNewChecks) {
  up();
  run(1s);
  const std::size_t before = to_peer_;
  bench_.send(peer(), bench_.request("INVITE", 2,
                                     peer_sdp("a=remote-candidates:1 10.0.0.1 " + std::to_string(leg().rtp_port) +
                                              " 2 10.0.0.1 " + std::to_string(leg().rtp_port + 1) + " \r\n"),
                                     "", bench_.our_tag()));
  const sip::Message answer = bench_.next(peer());
  EXPECT_EQ(answer.status(), 200);
  EXPECT_NE(answer.body().find("a=remote-candidates:1 198.51.100.1 7000 2 198.51.100.1 7001"), std::string::npos)
      << answer.body();
  EXPECT_EQ(bench_.waiting(other_peer()), 0U);
  bench_.send(peer(), bench_.request("ACK", 2, "", "", bench_.our_tag()));
  run(1s);
  EXPECT_EQ(to_peer_, before);
  EXPECT_TRUE(leg().ice->nominated);
}

TEST_F(IceCallToMicrosoft, SecondOfferNamesThePairs) {
  up();
  run(400ms);  // before its first copy
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_TRUE(leg().ice->controlling);
  const sip::Message offer = bench_.next(peer());
  ASSERT_EQ(GatewayBench::what(offer), "INVITE");
  EXPECT_NE(offer.body().find("a=remote-candidates:1 203.0.113.1 7000 2 203.0.113.1 7001"), std::string::npos);
  bench_.send(peer(), GatewayBench::response(offer, 200, peer_sdp()));
  EXPECT_EQ(bench_.next_what(peer()), "ACK");
  run(100ms);
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_EQ(state(), "up");
}

/// The client has candidates over TCP alone, or such ones as well.
class IceCallToTcpClient : public IceCallToMicrosoft {
 protected:
  static constexpr std::string_view kUdpLines =
      "a=candidate:3 1 UDP 2130706431 203.0.113.1 7000 typ host \r\n"
      "a=candidate:3 2 UDP 2130706430 203.0.113.1 7001 typ host \r\n";

  static std::string tcp_sdp(std::string_view more = "") {
    return audio_sdp("203.0.113.1", 7000) + "a=candidate:1 1 TCP-PASS 2120613375 203.0.113.1 7000 typ host \r\n" +
           "a=candidate:2 1 TCP-ACT 2121006079 203.0.113.1 7000 typ host \r\n" + std::string(more) +
           "a=ice-ufrag:" + kUfrag + "\r\na=ice-pwd:" + kPassword + "\r\n";
  }
  void has_tcp() {
    std::vector<sdp::Candidate> candidates;
    for (const auto transport : {sdp::CandidateTransport::kTcpPassive, sdp::CandidateTransport::kTcpActive}) {
      sdp::Candidate candidate;
      candidate.foundation = transport == sdp::CandidateTransport::kTcpActive ? "2" : "1";
      candidate.component = 1;
      candidate.transport = transport;
      candidate.priority = 2120613375U - static_cast<std::uint32_t>(transport);
      candidate.address = SocketAddress::parse("203.0.113.1:7000").value();
      candidates.push_back(candidate);
    }
    const std::string_view password = kPassword;
    agent_.add_stream(
        0, {{kUfrag, SecretBytes(std::span(reinterpret_cast<const std::uint8_t*>(password.data()), password.size()))},
            candidates});
  }
};

TEST_F(IceCallToTcpClient, AnswerWithTcpAloneIsCheckedOverTcp) {
  has_tcp();
  bench_.up(plain_sdp(), tcp_sdp());
  EXPECT_NE(bench_.invite_b.body().find(" UDP "), std::string::npos);
  EXPECT_NE(bench_.invite_b.body().find("TCP-PASS"), std::string::npos);
  EXPECT_EQ(leg().transport, contract::LegTransport::kTcp);
  EXPECT_EQ(leg().rtcp_port, leg().rtp_port);
  hear(bench_.invite_b.body());
  run(990ms);
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_EQ(leg().remote_rtp, SocketAddress::parse("203.0.113.1:7000").value());
  const sip::Message offer = bench_.next(peer());
  ASSERT_EQ(GatewayBench::what(offer), "INVITE");
  EXPECT_NE(offer.body().find("a=remote-candidates:1 203.0.113.1 7000 2 203.0.113.1 7000"), std::string::npos)
      << offer.body();
  EXPECT_EQ(offer.body().find(" UDP "), std::string::npos);
}

TEST_F(IceCallToTcpClient, WhoHasUdpTooIsCheckedOverUdp) {
  bench_.up(plain_sdp(), tcp_sdp(kUdpLines));
  EXPECT_EQ(leg().transport, contract::LegTransport::kUdp);
  hear(bench_.invite_b.body());
  run(990ms);
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_EQ(leg().remote_rtcp, SocketAddress::parse("203.0.113.1:7001").value());
}

// The data plane gave the other transport up with the first answer.
TEST_F(IceCallToTcpClient, FirstForkDecides) {
  bench_.send(GatewayBench::kAnn, bench_.request("INVITE", 1, plain_sdp()));
  const sip::Message invite = bench_.next(GatewayBench::kBob);
  EXPECT_EQ(leg().transport, contract::LegTransport::kUdpOrTcp);
  bench_.send(GatewayBench::kBob, GatewayBench::response(invite, 183, tcp_sdp(), "", "fork-1"));
  bench_.advance(5ms);
  EXPECT_EQ(leg().transport, contract::LegTransport::kTcp);
  bench_.send(GatewayBench::kBob, GatewayBench::response(invite, 200, tcp_sdp(kUdpLines), "", "fork-2"));
  bench_.advance(5ms);
  EXPECT_EQ(leg().transport, contract::LegTransport::kTcp);
  EXPECT_EQ(bench_.next_what(GatewayBench::kBob), "ACK");
}

TEST_F(IceCallToMicrosoft, SecondOfferMayBeRefused) {
  up();
  run(1s);
  const sip::Message offer = bench_.next(peer());
  bench_.send(peer(), GatewayBench::response(offer, 488));
  run(100ms);
  EXPECT_EQ(state(), "up");
  EXPECT_TRUE(leg().ice->nominated);
}

TEST_F(IceCallToMicrosoft, SecondOfferMayStayWithoutAnAnswer) {
  up();
  run(40s);
  EXPECT_EQ(state(), "up");
  EXPECT_TRUE(leg().ice->nominated);
}

TEST_F(IceCall, FailureEndsTheCallAndSaysWhy) {
  deaf_ = true;
  up();
  run(9s);
  EXPECT_EQ(state(), "up");
  run(2s);
  const sip::Message to_microsoft = bench_.next(peer());
  const sip::Message to_standards = bench_.next(other_peer());
  ASSERT_EQ(GatewayBench::what(to_microsoft), "BYE");
  ASSERT_EQ(GatewayBench::what(to_standards), "BYE");
  EXPECT_NE(to_microsoft.text().find("ms-client-diagnostics: 22;"), std::string::npos);
  EXPECT_NE(to_microsoft.text().find("No media connectivity"), std::string::npos);
  EXPECT_NE(to_standards.text().find("No media connectivity"), std::string::npos);
  EXPECT_EQ(to_standards.text().find("ms-client"), std::string::npos);
  bench_.send(peer(), GatewayBench::response(to_microsoft, 200));
  bench_.send(other_peer(), GatewayBench::response(to_standards, 200));
  ASSERT_EQ(bench_.b2bua->ended().size(), 1U);
  EXPECT_NE(bench_.b2bua->ended()[0].end_reason.find("ice processing failed"), std::string::npos);
  EXPECT_NE(bench_.b2bua->ended()[0].end_reason.find("no-pair"), std::string::npos);
}

TEST_F(IceCall, ARestartedControlPlaneKeepsThePairs) {
  up();
  run(1s);
  bench_.restart();
  const std::size_t before = to_peer_;
  run(1s);
  EXPECT_EQ(state(), "up");
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_EQ(leg().remote_rtp, SocketAddress::parse("198.51.100.1:7000").value());
  EXPECT_EQ(to_peer_, before);
}

TEST_F(IceCall, ARestartInTheMidstOfChecksBeginsThemAnew) {
  deaf_ = true;
  up();
  run(500ms);
  bench_.restart();
  deaf_ = false;
  new_peer();  // the old one gave up while nobody was there
  hear(bench_.ok_a.body());
  run(3s);
  EXPECT_EQ(state(), "up");
  EXPECT_TRUE(leg().ice->nominated);
}

TEST_F(IceCall, ARestartedDataPlaneIsToldThePairsAgain) {
  up();
  run(1s);
  bench_.relay.restart();
  run(1s);
  EXPECT_TRUE(leg().ice->nominated);
  EXPECT_EQ(leg().remote_rtp, SocketAddress::parse("198.51.100.1:7000").value());
}

TEST_F(IceCall, LostConsentEndsTheCallOnlyWhenMediaStopAsWell) {
  up();
  run(1s);
  bench_.relay.event(contract::ConsentLostEvent{session().id, 0, side_, contract::Component::kRtp});
  bench_.settle();
  EXPECT_EQ(state(), "up");
  bench_.relay.event(contract::MediaTimedOutEvent{session().id, 0, side_});
  bench_.settle();
  EXPECT_EQ(bench_.next_what(peer()), "BYE");
}

TEST_F(IceCall, APeerWithoutCandidatesIsServedByItsAddress) {  // R150
  bench_.up(audio_sdp(ip_, 7000), plain_sdp());
  run(11s);
  EXPECT_EQ(state(), "up");
  EXPECT_FALSE(leg().ice);
  EXPECT_EQ(leg().remote_rtp, SocketAddress::parse("198.51.100.1:7000").value());
}

TEST_F(IceCall, PuntsOfStrangersMeanNothing) {
  up();
  bench_.relay.event(contract::PuntEvent{{12345}, 0, side_, contract::Component::kRtp, {}, {1, 2, 3}});
  bench_.relay.event(contract::PuntEvent{session().id, 77, Side::kB, contract::Component::kRtp, {}, {1, 2, 3}});
  run(1s);
  EXPECT_TRUE(leg().ice->nominated);
}

}  // namespace
}  // namespace isthmus::b2bua
