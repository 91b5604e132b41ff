// A clear call through the whole pipeline.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

using contract::Side;

constexpr std::uint32_t kSourceSsrc = 0x11111111;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

class Relay : public testing::Test {
 protected:
  const SocketAddress peer_a_ = at("192.0.2.10:4000");
  const SocketAddress peer_b_ = at("198.51.100.20:5000");
  RelayBench bench_;

  void TearDown() override {
    EXPECT_TRUE(bench_.balanced());
    EXPECT_EQ(bench_.io.outstanding(), 0U);
    EXPECT_EQ(bench_.io.double_releases, 0U);
  }
};

TEST_F(Relay, ForwardsAudioBothWays) {
  const contract::SessionState state = bench_.open(bench_.spec());
  const contract::LegState& a = state.streams[0].leg[0];
  const contract::LegState& b = state.streams[0].leg[1];
  const auto to_b = bench_.send(peer_a_, a.local_rtp, make_rtp(0, 100, 8000, kSourceSsrc));
  ASSERT_EQ(to_b.size(), 1U);
  EXPECT_EQ(to_b[0].from, b.local_rtp);
  EXPECT_EQ(to_b[0].to, peer_b_);
  EXPECT_EQ(to_b[0].rtp().ssrc, b.ssrc);
  EXPECT_EQ(to_b[0].destination_mac[5], 20);
  EXPECT_EQ(to_b[0].port, 1);
  EXPECT_TRUE(to_b[0].good_checksums);
  EXPECT_EQ(to_b[0].payload.size(), 172U);
  EXPECT_TRUE(std::equal(to_b[0].payload.begin() + 12, to_b[0].payload.end(),
                         make_rtp(0, 100, 8000, kSourceSsrc).begin() + 12));

  const auto to_a = bench_.send(peer_b_, b.local_rtp, make_rtp(0, 7, 1, 0x22222222));
  ASSERT_EQ(to_a.size(), 1U);
  EXPECT_EQ(to_a[0].to, peer_a_);
  EXPECT_EQ(to_a[0].rtp().ssrc, a.ssrc);
}

TEST_F(Relay, PreservesGapsOrderAndMarker) {
  const auto state = bench_.open(bench_.spec());
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  std::vector<Sent> sent;
  for (const int sequence : {65534, 65535, 2, 1, 3}) {
    const auto number = static_cast<std::uint16_t>(sequence);
    const auto part = bench_.send(peer_a_, in, make_rtp(0, number, number * 160U, kSourceSsrc, 160, sequence == 2));
    ASSERT_EQ(part.size(), 1U);
    sent.push_back(part[0]);
  }
  const std::uint16_t first = sent[0].rtp().sequence;
  const std::vector<int> expected{0, 1, 4, 3, 5};
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(static_cast<std::uint16_t>(sent[i].rtp().sequence - first), expected[i]);
    EXPECT_EQ(sent[i].rtp().marker, i == 2);
  }
  EXPECT_EQ(sent[1].rtp().timestamp - sent[0].rtp().timestamp, 160U);
  const auto stats = bench_.table.stats({1});
  EXPECT_EQ(stats->streams[0].leg[0].packets_received, 5U);
  EXPECT_EQ(stats->streams[0].leg[0].bytes_received, 800U);
  EXPECT_EQ(stats->streams[0].leg[0].packets_lost, 1);
  EXPECT_EQ(stats->streams[0].leg[1].packets_sent, 5U);
}

TEST_F(Relay, MapsPayloadTypes) {
  auto spec = bench_.spec();
  spec.streams[0].a_to_b = {{8, 97, 8000, 8000}, {101, 96, 8000, 8000}};
  const auto state = bench_.open(spec);
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(8, 1, 160, kSourceSsrc)).at(0).rtp().payload_type, 97);
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(101, 2, 320, kSourceSsrc)).at(0).rtp().payload_type, 96);
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(8, 3, 480, kSourceSsrc)).at(0).rtp().payload_type, 97);
  EXPECT_TRUE(bench_.send(peer_a_, in, make_rtp(9, 4, 640, kSourceSsrc)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kPayloadTypeUnknown), 1U);
}

TEST_F(Relay, CrossesAddressFamilies) {
  auto spec = bench_.spec();
  spec.streams[0].leg[1].family = IpFamily::kV6;
  spec.streams[0].leg[1].remote_rtp = at("[2001:db8:b::20]:5000");
  spec.streams[0].leg[1].dscp = 46;
  const auto state = bench_.open(spec);
  const auto to_b = bench_.send(peer_a_, state.streams[0].leg[0].local_rtp, make_rtp(0, 1, 2, kSourceSsrc));
  ASSERT_EQ(to_b.size(), 1U);
  EXPECT_EQ(to_b[0].to, at("[2001:db8:b::20]:5000"));
  EXPECT_EQ(to_b[0].dscp, 46);
  EXPECT_TRUE(to_b[0].good_checksums);
  const auto to_a =
      bench_.send(at("[2001:db8:b::20]:5000"), state.streams[0].leg[1].local_rtp, make_rtp(0, 1, 2, kSourceSsrc, 33));
  ASSERT_EQ(to_a.size(), 1U);
  EXPECT_EQ(to_a[0].to, peer_a_);
  EXPECT_TRUE(to_a[0].good_checksums);
}

TEST_F(Relay, RefusesAnotherSource) {
  const auto state = bench_.open(bench_.spec());
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  bench_.poll();
  EXPECT_TRUE(bench_.send(at("192.0.2.11:4000"), in, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_TRUE(bench_.send(at("192.0.2.10:4001"), in, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kWrongSource), 2U);
  const auto events = bench_.poll();
  ASSERT_EQ(events.size(), 1U);  // one a second
  EXPECT_EQ(std::get<contract::SourceRefusedEvent>(events[0]).source, at("192.0.2.11:4000"));
  EXPECT_EQ(bench_.table.stats({1})->streams[0].leg[0].packets_received, 0U);
}

TEST_F(Relay, HoldsADirection) {
  auto spec = bench_.spec();
  const auto state = bench_.open(spec);
  spec.revision = 2;
  spec.streams[0].leg[1].send = false;
  bench_.update(spec);
  EXPECT_TRUE(bench_.send(peer_a_, state.streams[0].leg[0].local_rtp, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_EQ(bench_.send(peer_b_, state.streams[0].leg[1].local_rtp, make_rtp(0, 1, 2, 3)).size(), 1U);
  spec.revision = 3;
  spec.streams[0].leg[1].send = true;
  spec.streams[0].leg[1].receive = false;
  bench_.update(spec);
  EXPECT_EQ(bench_.send(peer_a_, state.streams[0].leg[0].local_rtp, make_rtp(0, 2, 2, 3)).size(), 1U);
  EXPECT_TRUE(bench_.send(peer_b_, state.streams[0].leg[1].local_rtp, make_rtp(0, 2, 2, 3)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kDirectionClosed), 2U);
}

TEST_F(Relay, ContinuesTheOutgoingStreamOverANewSource) {
  const auto state = bench_.open(bench_.spec());
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  const auto first = bench_.send(peer_a_, in, make_rtp(0, 1000, 50'000, 1)).at(0).rtp();
  bench_.pass_ms(20);
  const auto second = bench_.send(peer_a_, in, make_rtp(0, 40'000, 7, 2)).at(0).rtp();
  EXPECT_EQ(second.ssrc, first.ssrc);
  EXPECT_EQ(static_cast<std::uint16_t>(second.sequence - first.sequence), 1);
  EXPECT_EQ(second.timestamp - first.timestamp, 160U);
  // What the first source sent late keeps its old numbers.
  const auto late = bench_.send(peer_a_, in, make_rtp(0, 999, 49'840, 1)).at(0).rtp();
  EXPECT_EQ(static_cast<std::uint16_t>(first.sequence - late.sequence), 1);
  const auto third = bench_.send(peer_a_, in, make_rtp(0, 40'001, 167, 2)).at(0).rtp();
  EXPECT_EQ(static_cast<std::uint16_t>(third.sequence - second.sequence), 1);
}

TEST_F(Relay, ScalesClocks) {
  auto spec = bench_.spec();
  spec.streams[0].a_to_b = {{9, 97, 8000, 48'000}};
  const auto state = bench_.open(spec);
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  const auto first = bench_.send(peer_a_, in, make_rtp(9, 1, 0xffffff00, 1)).at(0).rtp();
  const auto second = bench_.send(peer_a_, in, make_rtp(9, 2, 0xffffff00U + 320, 1)).at(0).rtp();
  EXPECT_EQ(second.timestamp - first.timestamp, 1920U);
}

TEST_F(Relay, NamesWhyItDrops) {
  const auto state = bench_.open(bench_.spec());
  const contract::LegState& a = state.streams[0].leg[0];
  const auto drop = [&](const Payload& frame, DropReason reason) {
    const std::uint64_t before = bench_.dropped(reason);
    EXPECT_TRUE(bench_.run({frame}).empty());
    EXPECT_EQ(bench_.dropped(reason), before + 1) << to_string(reason);
  };
  const Payload good = make_frame(peer_a_, a.local_rtp, make_rtp(0, 1, 2, 3));
  const auto changed = [&](std::size_t place, std::uint8_t value) {
    Payload frame = good;
    frame[place] = value;
    return frame;
  };
  drop({1, 2, 3}, DropReason::kNotIp);
  drop(changed(12, 0x86), DropReason::kNotIp);
  drop(changed(12, 0x81), DropReason::kWrongVlan);  // a tag that io has not taken off
  drop(changed(14, 0x46), DropReason::kIpMalformed);
  drop(changed(16, 0x40), DropReason::kIpMalformed);
  drop(changed(20, 0x20), DropReason::kIpFragment);
  drop(changed(23, 6), DropReason::kNotUdp);
  drop(changed(38, 0xff), DropReason::kUdpMalformed);
  drop(changed(33, 77), DropReason::kNotOurAddress);
  drop(changed(36, 1), DropReason::kNotOurPort);
  const auto to = [&](std::uint16_t port, const Payload& payload) {
    return make_frame(peer_a_, {a.local_rtp.ip, port}, payload);
  };
  const std::uint16_t other = a.local_rtp.port == 56'000 ? 56'002 : 56'000;
  drop(to(other, make_rtp(0, 1, 2, 3)), DropReason::kPortClosed);
  drop(to(a.local_rtp.port, {}), DropReason::kNotRtp);
  drop(to(a.local_rtp.port, {0x80, 0, 0}), DropReason::kNotRtp);
  drop(to(a.local_rtp.port, Payload(40, 22)), DropReason::kNotRtp);  // DTLS
  drop(to(a.local_rtcp.port, make_rtp(0, 1, 2, 3)), DropReason::kRtpOnRtcpPort);
  drop(to(a.local_rtp.port, {0x80, 201, 0, 1, 0, 0, 0, 1}), DropReason::kRtcpOnRtpPort);
  Payload padded = make_rtp(0, 1, 2, 3, 4);
  padded[0] = 0xa0;
  padded.back() = 5;
  drop(to(a.local_rtp.port, padded), DropReason::kRtpMalformed);
  bench_.table.close({1}, bench_.now.monotonic_ns);
  bench_.tick();
  drop(good, DropReason::kPortResting);
  bench_.pass_ms(2000);
  drop(good, DropReason::kPortClosed);
}

TEST_F(Relay, KeepsABudgetAPort) {
  pipeline::PipelineConfig config;
  config.packets_per_port_per_second = 50;
  RelayBench small(RelayBench::default_networks(), config);
  const auto state = small.open(small.spec());
  std::vector<Payload> frames;
  for (std::uint16_t i = 0; i < 7; ++i) {
    frames.push_back(make_frame(peer_a_, state.streams[0].leg[0].local_rtp, make_rtp(0, i, i, 3)));
  }
  EXPECT_EQ(small.run(frames).size(), 5U);
  EXPECT_EQ(small.dropped(DropReason::kPortOverBudget), 2U);
  small.pass_ms(200);
  EXPECT_EQ(small.run(frames).size(), 5U);
  EXPECT_TRUE(small.balanced());
}

TEST_F(Relay, WaitsForTheNeighbour) {
  bench_.next_hops.known = false;
  const auto state = bench_.open(bench_.spec());
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  EXPECT_TRUE(bench_.send(peer_a_, in, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kNoRoute), 1U);
  for (auto& [key, hop] : bench_.next_hops.keys) hop->set(InstantNextHops::value_for(key));
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(0, 2, 2, 3)).size(), 1U);
  // The neighbour changes its card.
  for (auto& [key, hop] : bench_.next_hops.keys) {
    session::NextHopValue value = hop->value();
    value.destination_mac[5] = 99;
    hop->set(value);
  }
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(0, 3, 2, 3)).at(0).destination_mac[5], 99);
}

TEST_F(Relay, HasNoFarEndpointBeforeTheAnswer) {
  auto spec = bench_.spec();
  spec.streams[0].leg[1].remote_rtp.reset();
  const auto state = bench_.open(spec);
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  EXPECT_TRUE(bench_.send(peer_a_, in, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kNoFarEndpoint), 1U);
  spec.revision = 2;
  spec.streams[0].leg[1].remote_rtp = peer_b_;
  bench_.update(spec);
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(0, 2, 2, 3)).size(), 1U);
}

TEST_F(Relay, TellsWhenMediaStartsAndStops) {
  const auto state = bench_.open(bench_.spec());
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  bench_.send(peer_a_, in, make_rtp(0, 1, 2, 3));
  bench_.send(peer_a_, in, make_rtp(0, 2, 2, 3));
  auto events = bench_.poll();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<contract::MediaStartedEvent>(events[0]).source, peer_a_);
  bench_.pass_ms(29'000);
  EXPECT_TRUE(bench_.poll().empty());
  bench_.pass_ms(1'500);
  events = bench_.poll();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<contract::MediaTimedOutEvent>(events[0]));
  bench_.pass_ms(40'000);
  EXPECT_TRUE(bench_.poll().empty());  // once
  bench_.send(peer_a_, in, make_rtp(0, 3, 2, 3));
  bench_.pass_ms(31'000);
  events = bench_.poll();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<contract::MediaTimedOutEvent>(events[0]).side, Side::kA);
}

TEST_F(Relay, RefusesWhatIsAboveTheMtu) {
  const auto state = bench_.open(bench_.spec());
  const SocketAddress& in = state.streams[0].leg[0].local_rtp;
  EXPECT_EQ(bench_.send(peer_a_, in, make_rtp(0, 1, 2, 3, 1500 - 40)).size(), 1U);
  EXPECT_TRUE(bench_.send(peer_a_, in, make_rtp(0, 2, 2, 3, 1500 - 39)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kTooLong), 1U);
}

class OneWay : public Relay {
 protected:
  const contract::SessionState state_ = bench_.open(bench_.spec());
  const contract::LegState& leg(std::size_t side) const { return state_.streams[0].leg[side]; }
  /// Two seconds of packets every 20 ms: from B always, from A as `from_a` says. Events that came.
  std::vector<contract::Event> flow(const std::optional<SocketAddress>& from_a, int packets = 100) {
    std::vector<contract::Event> events;
    for (int i = 0; i < packets; ++i) {
      ++sequence_;
      bench_.send(peer_b_, leg(1).local_rtp, make_rtp(0, sequence_, sequence_ * 160U, 9));
      if (from_a) bench_.send(*from_a, leg(0).local_rtp, make_rtp(0, sequence_, sequence_ * 160U, 8));
      bench_.pass_ms(20);
      for (const contract::Event& event : bench_.poll()) {
        if (std::holds_alternative<contract::OneWayMediaEvent>(event)) events.push_back(event);
      }
    }
    return events;
  }
  std::uint16_t sequence_ = 0;
};

TEST_F(OneWay, IsToldOnceFiveSecondsAfterTheOtherDirectionWasAlone) {
  EXPECT_TRUE(flow(peer_a_).empty());
  EXPECT_TRUE(flow(std::nullopt, 210).empty());
  const auto events = flow(std::nullopt, 50);
  ASSERT_EQ(events.size(), 1U);
  const auto& event = std::get<contract::OneWayMediaEvent>(events[0]);
  EXPECT_EQ(event.side, Side::kA);
  EXPECT_EQ(event.cause, "nothing_arrived");
  EXPECT_TRUE(flow(peer_a_).empty());
  EXPECT_EQ(flow(std::nullopt, 300).size(), 1U) << "it flowed in between";
}

TEST_F(OneWay, NamesWhatTookThePackets) {
  const auto events = flow(SocketAddress{peer_a_.ip, 4999}, 300);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<contract::OneWayMediaEvent>(events[0]).cause, "wrong_source");
}

TEST_F(OneWay, IsNoneWhenAHoldIsAgreedOrBothAreSilent) {
  bench_.pass_ms(20'000);
  for (const contract::Event& event : bench_.poll()) {
    EXPECT_FALSE(std::holds_alternative<contract::OneWayMediaEvent>(event));
  }
  auto spec = bench_.spec();
  spec.revision = 2;
  spec.streams[0].leg[0].receive = false;
  bench_.update(spec);
  EXPECT_TRUE(flow(std::nullopt, 400).empty());
}

}  // namespace
}  // namespace isthmus::test
