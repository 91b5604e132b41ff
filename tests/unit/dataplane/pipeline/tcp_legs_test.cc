// A leg over TCP beside one over UDP: its frames have a port of their own, which no packet of UDP reaches.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <variant>
#include <vector>

#include "dataplane/io/tcp_port.h"
#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

using contract::LegTransport;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

class TcpLegs : public testing::TestWithParam<IpFamily> {
 protected:
  TcpLegs() {
    peer_.set_keys(contract::SrtpSuite::kAesCm128HmacSha1_80, 1, {1});
    contract::LegSpec& leg = spec_.streams[0].leg[0];
    leg.family = GetParam();
    leg.remote_rtp.reset();
    leg.transport = contract::LegTransport::kTcp;
    leg.rtcp_mux = true;
    leg.receive_key = peer_.send_key();
    leg.send_key = peer_.receive_key();
    leg.source_rule = contract::SourceRule::kLatchAuthenticated;
    contract::IceSpec& ice = leg.ice.emplace();
    ice.local_ufrag = "abcd";
    ice.remote_ufrag = "efgh";
    ice.local_password = ice.remote_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
  }
  void TearDown() override {
    bench_.table.close({1}, bench_.now.monotonic_ns);
    bench_.tick();
    EXPECT_TRUE(bench_.balanced());
    EXPECT_EQ(bench_.io.outstanding(), 0U);
    EXPECT_TRUE(bench_.ports.open_tcp.empty());
    EXPECT_TRUE(bench_.ports.open.empty());
  }
  bool v4() const { return GetParam() == IpFamily::kV4; }
  SocketAddress peer_a() const { return at(v4() ? "192.0.2.10:4000" : "[2001:db8:a::10]:4000"); }
  const SocketAddress& in(std::size_t side) const { return state_.streams[0].leg[side].local_rtp; }
  std::vector<Sent> from_a(std::uint16_t sequence, std::uint8_t io_port) {
    return bench_.run({make_frame(peer_a(), in(0), peer_.protect(make_rtp(0, sequence, sequence * 160U, 3)))}, io_port);
  }

  const SocketAddress peer_b_ = at("198.51.100.20:5000");
  RelayBench bench_;
  SrtpPeer peer_;
  contract::SessionSpec spec_ = bench_.spec();
  contract::SessionState state_;
};

TEST_P(TcpLegs, MediaGoesBothWays) {
  state_ = bench_.open(spec_);
  const contract::LegState& own = state_.streams[0].leg[0];
  EXPECT_EQ(own.local_rtcp, own.local_rtp);  // one connection carries both
  EXPECT_EQ(bench_.ports.open_tcp, std::set<SocketAddress>{own.local_rtp});
  EXPECT_EQ(bench_.ports.open.size(), 2U);
  const auto to_b = from_a(1, io::kTcpPort);
  ASSERT_EQ(to_b.size(), 1U);
  EXPECT_EQ(to_b[0].to, peer_b_);
  EXPECT_EQ(to_b[0].port, 1);
  const auto to_a = bench_.send(peer_b_, in(1), make_rtp(0, 1, 2, 9));
  ASSERT_EQ(to_a.size(), 1U);
  EXPECT_EQ(to_a[0].to, peer_a());
  EXPECT_EQ(to_a[0].port, io::kTcpPort);
}

TEST_P(TcpLegs, DatagramsDoNotReachThem) {
  state_ = bench_.open(spec_);
  EXPECT_TRUE(from_a(1, 0).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kPortClosed), 1U);
  const auto other = bench_.run({make_frame(peer_b_, in(1), make_rtp(0, 1, 2, 9))}, io::kTcpPort);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(bench_.dropped(DropReason::kPortClosed), 2U);
}

TEST_P(TcpLegs, ReportsGoByTheSameConnection) {
  state_ = bench_.open(spec_);
  from_a(1, io::kTcpPort);
  bool found = false;
  for (const Sent& sent : bench_.pass_ms(8000)) {
    if (sent.port != io::kTcpPort) continue;
    found = true;
    EXPECT_EQ(sent.to, peer_a());
    EXPECT_EQ(sent.from, in(0));
  }
  EXPECT_TRUE(found);
}

TEST_P(TcpLegs, InjectedPacketsNeedNoNeighbour) {
  bench_.next_hops.known = false;
  state_ = bench_.open(spec_);
  const std::vector<std::uint8_t> stun(28, 0);
  ASSERT_TRUE(bench_.table.send_packet({1}, 0, contract::Side::kA, contract::Component::kRtp, peer_a(), stun));
  const auto sent = bench_.tick();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].port, io::kTcpPort);
  EXPECT_EQ(sent[0].to, peer_a());
  EXPECT_EQ(sent[0].payload.size(), 28U);
}

TEST_P(TcpLegs, TransportStays) {
  state_ = bench_.open(spec_);
  spec_.revision = 2;
  for (const auto other : {contract::LegTransport::kUdp, contract::LegTransport::kUdpOrTcp}) {
    spec_.streams[0].leg[0].transport = other;
    EXPECT_EQ(bench_.table.update(spec_, 0).error().field, "streams[0].leg[a].transport");
  }
}

TEST_P(TcpLegs, PortIsServedWhenTheWorkerKnowsIt) {
  const auto state = bench_.table.open(spec_, bench_.now.monotonic_ns);
  ASSERT_TRUE(state);
  EXPECT_EQ(bench_.ports.open_tcp.size(), 1U);
  bench_.poll();
  EXPECT_TRUE(bench_.ports.served_tcp.empty());
  bench_.tick();
  bench_.poll();
  EXPECT_EQ(bench_.ports.served_tcp, bench_.ports.open_tcp);
}

// R373: the same range, counted for each protocol.
TEST_P(TcpLegs, PortsAreCountedApart) {
  state_ = bench_.open(spec_);
  std::uint32_t tcp = 0;
  std::uint32_t udp = 0;
  for (const contract::PoolUse& pool : bench_.table.pools(bench_.now.monotonic_ns)) {
    EXPECT_EQ(pool.first_port, 56000);
    EXPECT_EQ(pool.last_port, 57000);
    const bool is_tcp = pool.transport == contract::LegTransport::kTcp;
    (is_tcp ? tcp : udp) += pool.in_use;
    const bool of_a = pool.network == "lan" && pool.address.family == GetParam();
    EXPECT_EQ(pool.in_use, (of_a && is_tcp) || (pool.network == "wan" && pool.address.is_v4() && !is_tcp) ? 2U : 0U);
  }
  EXPECT_EQ(tcp, 2U);
  EXPECT_EQ(udp, 2U);
  // The very number that the TCP leg has is free for UDP.
  contract::SessionSpec second = bench_.spec(2);
  second.streams[0].leg[0].family = GetParam();
  second.streams[0].leg[0].remote_rtp = peer_a();
  second.streams[0].leg[0].rtp_port = in(0).port;
  EXPECT_TRUE(bench_.table.open(second, bench_.now.monotonic_ns));
  bench_.tick();
  bench_.table.close({2}, bench_.now.monotonic_ns);
}

TEST_P(TcpLegs, ComeBackOnTheirPorts) {
  state_ = bench_.open(spec_);
  spec_.streams[0].leg[0].rtp_port = in(0).port;
  spec_.streams[0].leg[0].rtcp_port = state_.streams[0].leg[0].local_rtcp.port;
  spec_.revision = 2;
  EXPECT_EQ(bench_.update(spec_).streams[0].leg[0].local_rtp, in(0));
  bench_.table.close({1}, bench_.now.monotonic_ns);
  bench_.tick();
  spec_.streams[0].leg[0].send_key.reset();
  spec_.streams[0].leg[0].receive_key.reset();
  spec_.streams[0].leg[0].source_rule = contract::SourceRule::kSignalled;
  EXPECT_EQ(bench_.open(spec_).streams[0].leg[0].local_rtp, in(0));
}

TEST_P(TcpLegs, PortThatCannotBeHadIsGivenBack) {
  bench_.ports.fails_after = 0;
  const auto refused = bench_.table.open(spec_, bench_.now.monotonic_ns);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
  for (const contract::PoolUse& pool : bench_.table.pools(bench_.now.monotonic_ns)) EXPECT_EQ(pool.in_use, 0U);
}

/// A leg of an offer of ours, whose answer is not here yet.
class UndecidedLegs : public TcpLegs {
 protected:
  UndecidedLegs() {
    decided_ = leg();
    leg().transport = LegTransport::kUdpOrTcp;
    leg().rtcp_mux = false;
    leg().receive_key.reset();
    leg().send_key.reset();
    leg().source_rule = contract::SourceRule::kSignalled;
    leg().ice->remote_ufrag.clear();
    leg().ice->remote_password = {};
    spec_.streams[0].leg[1].receive = leg().send = false;
  }
  contract::LegSpec& leg() { return spec_.streams[0].leg[0]; }
  /// The next revision, as the answer decides.
  void decide(LegTransport transport) {
    leg() = decided_;
    leg().transport = transport;
    spec_.streams[0].leg[1].receive = true;
    ++spec_.revision;
  }
  std::uint32_t in_use(LegTransport transport, std::uint32_t contract::PoolUse::* figure = &contract::PoolUse::in_use) {
    std::uint32_t sum = 0;
    for (const contract::PoolUse& pool : bench_.table.pools(bench_.now.monotonic_ns)) {
      if (pool.transport == transport && pool.network == "lan") sum += pool.*figure;
    }
    return sum;
  }
  std::uint64_t counter(std::string_view name) const {
    for (const contract::Counter& one : bench_.table.counters()) {
      if (one.name == name) return one.value;
    }
    return ~0ULL;
  }
  std::vector<Sent> stun_from_a(std::uint8_t io_port) {
    Payload stun(28, 0);
    stun[1] = 1;
    stun[3] = 8;
    std::ranges::copy(std::array<std::uint8_t, 4>{0x21, 0x12, 0xa4, 0x42}, stun.begin() + 4);
    return bench_.run({make_frame(peer_a(), in(0), stun)}, io_port);
  }
  std::size_t punts() {
    const auto events = bench_.poll();
    return static_cast<std::size_t>(std::ranges::count_if(
        events, [](const contract::Event& event) { return std::holds_alternative<contract::PuntEvent>(event); }));
  }

  contract::LegSpec decided_;
};

TEST_P(UndecidedLegs, HavePairOverUdpAndTheSamePortOverTcp) {
  state_ = bench_.open(spec_);
  const contract::LegState& own = state_.streams[0].leg[0];
  EXPECT_TRUE(own.takes_tcp);
  EXPECT_FALSE(state_.streams[0].leg[1].takes_tcp);
  EXPECT_EQ(own.local_rtcp.port, own.local_rtp.port + 1);
  EXPECT_EQ(bench_.ports.open_tcp, std::set<SocketAddress>{own.local_rtp});
  EXPECT_TRUE(bench_.ports.open.contains(own.local_rtp));
  EXPECT_TRUE(bench_.ports.open.contains(own.local_rtcp));
  EXPECT_EQ(in_use(LegTransport::kUdp), 2U);
  EXPECT_EQ(in_use(LegTransport::kTcp), 2U);
  bench_.poll();
  EXPECT_TRUE(bench_.ports.served_tcp.empty());
  // Checks of a peer whose answer is on its way come by UDP.
  stun_from_a(0);
  EXPECT_EQ(punts(), 1U);
  EXPECT_EQ(counter("legs_without_tcp"), 0U);
}

TEST_P(UndecidedLegs, BecomeLegsOverTcp) {
  state_ = bench_.open(spec_);
  decide(LegTransport::kTcp);
  const auto update = bench_.table.update(spec_, bench_.now.monotonic_ns);
  ASSERT_TRUE(update);
  EXPECT_EQ(update->streams[0].leg[0].local_rtp, in(0));
  EXPECT_EQ(update->streams[0].leg[0].local_rtcp, in(0));
  EXPECT_FALSE(update->streams[0].leg[0].takes_tcp);
  EXPECT_EQ(in_use(LegTransport::kUdp), 0U);
  EXPECT_EQ(in_use(LegTransport::kUdp, &contract::PoolUse::resting), 2U);
  EXPECT_EQ(in_use(LegTransport::kTcp), 2U);
  EXPECT_EQ(bench_.ports.open.size(), 2U) << "those of the other leg";
  bench_.poll();
  EXPECT_TRUE(bench_.ports.served_tcp.empty()) << "the worker does not know yet";
  bench_.tick();
  bench_.poll();
  EXPECT_EQ(bench_.ports.served_tcp, std::set<SocketAddress>{in(0)});
  stun_from_a(io::kTcpPort);
  EXPECT_EQ(punts(), 1U);
  stun_from_a(0);
  EXPECT_EQ(punts(), 0U);
  EXPECT_EQ(bench_.dropped(DropReason::kPortResting), 1U);
  // Media both ways, by the connection.
  const auto to_b = from_a(1, io::kTcpPort);
  ASSERT_EQ(to_b.size(), 1U);
  EXPECT_EQ(to_b[0].to, peer_b_);
  const auto to_a = bench_.send(peer_b_, in(1), make_rtp(0, 1, 2, 9));
  ASSERT_EQ(to_a.size(), 1U);
  EXPECT_EQ(to_a[0].to, peer_a());
  EXPECT_EQ(to_a[0].port, io::kTcpPort);
}

TEST_P(UndecidedLegs, BecomeLegsOverUdpAndGiveTheTcpPortBack) {
  state_ = bench_.open(spec_);
  decide(LegTransport::kUdp);
  EXPECT_FALSE(bench_.update(spec_).streams[0].leg[0].takes_tcp);
  EXPECT_TRUE(bench_.ports.open_tcp.empty());
  EXPECT_EQ(in_use(LegTransport::kUdp), 2U);
  EXPECT_EQ(in_use(LegTransport::kTcp), 0U);
  EXPECT_EQ(in_use(LegTransport::kTcp, &contract::PoolUse::resting), 2U);
  EXPECT_EQ(from_a(1, 0).size(), 1U);
  EXPECT_TRUE(from_a(2, io::kTcpPort).empty());
  bench_.pass_ms(session::kPortRestNs / session::kNsPerMs);
  EXPECT_EQ(in_use(LegTransport::kTcp, &contract::PoolUse::resting), 0U);
}

TEST_P(UndecidedLegs, StayDecided) {
  for (const auto decision : {LegTransport::kUdp, LegTransport::kTcp}) {
    state_ = bench_.open(spec_);
    const contract::SessionSpec undecided = spec_;
    decide(decision);
    bench_.update(spec_);
    for (const auto other : {LegTransport::kUdp, LegTransport::kTcp, LegTransport::kUdpOrTcp}) {
      if (other == decision) continue;
      contract::SessionSpec back = other == LegTransport::kUdpOrTcp ? undecided : spec_;
      back.streams[0].leg[0].transport = other;
      back.revision = 3;
      const auto refused = bench_.table.update(back, bench_.now.monotonic_ns);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().field, "streams[0].leg[a].transport");
    }
    bench_.table.close({1}, bench_.now.monotonic_ns);
    bench_.tick();
    spec_ = undecided;
    decided_.send_key.reset();  // a key that was used comes back with its indices alone
    decided_.receive_key.reset();
    decided_.source_rule = contract::SourceRule::kSignalled;
  }
}

TEST_P(UndecidedLegs, StayUndecidedAsLongAsNothingIsSaid) {
  state_ = bench_.open(spec_);
  spec_.revision = 2;
  leg().rtp_port = in(0).port;
  leg().rtcp_port = static_cast<std::uint16_t>(in(0).port + 1);
  const auto again = bench_.update(spec_);
  EXPECT_TRUE(again.streams[0].leg[0].takes_tcp);
  EXPECT_EQ(again.streams[0].leg[0].local_rtp, in(0));
  EXPECT_EQ(in_use(LegTransport::kUdp), 2U);
  EXPECT_EQ(in_use(LegTransport::kTcp), 2U);
}

TEST_P(UndecidedLegs, DecidedBeforeItsWorkerHeardOfIt) {
  const auto opened = bench_.table.open(spec_, bench_.now.monotonic_ns);
  ASSERT_TRUE(opened);
  state_ = *opened;
  decide(LegTransport::kTcp);
  ASSERT_TRUE(bench_.table.update(spec_, bench_.now.monotonic_ns));
  bench_.tick();
  bench_.poll();
  EXPECT_EQ(bench_.ports.served_tcp.size(), 1U);
  EXPECT_EQ(from_a(1, io::kTcpPort).size(), 1U);
}

TEST_P(UndecidedLegs, ClosedBeforeItsPortIsServed) {
  state_ = bench_.open(spec_);
  decide(LegTransport::kTcp);
  ASSERT_TRUE(bench_.table.update(spec_, bench_.now.monotonic_ns));
  bench_.table.close({1}, bench_.now.monotonic_ns);
  bench_.tick();
  bench_.poll();
  EXPECT_TRUE(bench_.ports.served_tcp.empty());
  EXPECT_TRUE(bench_.ports.open_tcp.empty());
}

// The kernel gives the port away, or there is no media over TCP here: the call has UDP.
TEST_P(UndecidedLegs, WithoutThePortOverTcpThereIsUdp) {
  bench_.ports.no_tcp = true;
  const auto opened = bench_.table.open(spec_, bench_.now.monotonic_ns);
  ASSERT_TRUE(opened);
  state_ = *opened;
  bench_.tick();
  EXPECT_FALSE(state_.streams[0].leg[0].takes_tcp);
  EXPECT_EQ(counter("legs_without_tcp"), 1U);
  EXPECT_EQ(in_use(LegTransport::kUdp), 2U);
  EXPECT_EQ(in_use(LegTransport::kTcp), 0U);
  const contract::SessionSpec undecided = spec_;
  decide(LegTransport::kTcp);
  EXPECT_EQ(bench_.table.update(spec_, 0).error().field, "streams[0].leg[a].transport");
  spec_ = undecided;
  decide(LegTransport::kUdp);
  bench_.update(spec_);
  EXPECT_EQ(from_a(1, 0).size(), 1U);
  EXPECT_EQ(counter("legs_without_tcp"), 1U);
}

// A restarted data plane: the ports by name, also while they rest.
TEST_P(UndecidedLegs, ComeBackOnTheirPorts) {
  state_ = bench_.open(spec_);
  bench_.table.close({1}, bench_.now.monotonic_ns);
  bench_.tick();
  leg().rtp_port = in(0).port;
  leg().rtcp_port = static_cast<std::uint16_t>(in(0).port + 1);
  const auto again = bench_.open(spec_);
  EXPECT_EQ(again.streams[0].leg[0].local_rtp, in(0));
  EXPECT_TRUE(again.streams[0].leg[0].takes_tcp);
}

INSTANTIATE_TEST_SUITE_P(Families, TcpLegs, testing::Values(IpFamily::kV4, IpFamily::kV6),
                         [](const auto& test) { return std::string(test.param == IpFamily::kV4 ? "V4" : "V6"); });
INSTANTIATE_TEST_SUITE_P(Families, UndecidedLegs, testing::Values(IpFamily::kV4, IpFamily::kV6),
                         [](const auto& test) { return std::string(test.param == IpFamily::kV4 ? "V4" : "V6"); });

}  // namespace
}  // namespace isthmus::test
