// RTCP is ended and made anew on each leg (RFC 3550 6); feedback is translated (RFC 4585, 5104).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/wire/rtcp.h"
#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

using wire::RtcpType;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

template <typename Write>
Payload rtcp(Write write) {
  Payload buffer(1500);
  wire::RtcpWriter writer(buffer);
  write(writer);
  buffer.resize(writer.size());
  return buffer;
}

class Reports : public testing::Test {
 protected:
  const SocketAddress rtp_a_ = at("192.0.2.10:4000");
  const SocketAddress rtcp_a_ = at("192.0.2.10:4001");
  const SocketAddress rtp_b_ = at("198.51.100.20:5000");
  const SocketAddress rtcp_b_ = at("198.51.100.20:5001");
  RelayBench bench_;
  contract::SessionState state_ = bench_.open(bench_.spec());

  const contract::LegState& leg(std::size_t side) const { return state_.streams[0].leg[side]; }
  contract::LegStats stats(std::size_t side) { return bench_.table.stats({1})->streams[0].leg[side]; }

  /// First packet of the type in what was sent to `to`.
  static std::optional<Payload> find(const std::vector<Sent>& sent, const SocketAddress& to, RtcpType type,
                                     wire::RtcpPacket& packet, Payload& keep) {
    for (const Sent& one : sent) {
      if (one.to != to) continue;
      EXPECT_TRUE(one.good_checksums);
      keep = one.payload;
      EXPECT_TRUE(wire::RtcpReader::valid(keep));
      wire::RtcpReader reader(keep);
      while (reader.next(packet)) {
        if (packet.type == type) return keep;
      }
    }
    return std::nullopt;
  }

  void TearDown() override {
    EXPECT_TRUE(bench_.balanced());
    EXPECT_EQ(bench_.io.outstanding(), 0U);
  }
};

TEST_F(Reports, MakesSenderReportsWithCnameAndLoss) {
  for (std::uint16_t i = 0; i < 40; ++i) {
    if (i != 7 && i != 8) bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, i, i * 160U, 77));
    bench_.send(rtp_b_, leg(1).local_rtp, make_rtp(0, i, i * 160U, 88));
  }
  wire::RtcpPacket packet;
  Payload keep;
  const auto sent = bench_.pass_ms(1600);
  ASSERT_TRUE(find(sent, rtcp_a_, RtcpType::kSenderReport, packet, keep));
  EXPECT_EQ(packet.sender_ssrc(), leg(0).ssrc);
  const auto info = wire::read_sender_info(packet);
  EXPECT_EQ(info->packets, 40U);
  EXPECT_EQ(info->octets, 40U * 160);
  EXPECT_EQ(info->ntp >> 32U,
            bench_.now.unix_ns / session::kNsPerSecond + 2'208'988'800U -
                (info->ntp >> 32U == bench_.now.unix_ns / session::kNsPerSecond + 2'208'988'799U ? 1U : 0U));
  const auto block = wire::read_report_block(packet, 0);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->ssrc, 77U);
  EXPECT_EQ(block->cumulative_lost, 2);
  EXPECT_EQ(block->fraction_lost, 2 * 256 / 40);
  EXPECT_EQ(block->highest_sequence, 39U);
  ASSERT_TRUE(find(sent, rtcp_a_, RtcpType::kSourceDescription, packet, keep));
  EXPECT_EQ(std::string(packet.body.begin() + 6, packet.body.begin() + 15), "a@isthmus");
  EXPECT_EQ(stats(0).packets_lost, 2);
  EXPECT_GE(stats(0).rtcp_sent, 1U);
}

TEST_F(Reports, MakesReceiverReportsWhereNothingWasSent) {
  bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, 1, 160, 77));
  wire::RtcpPacket packet;
  Payload keep;
  const auto sent = bench_.pass_ms(1600);
  EXPECT_TRUE(find(sent, rtcp_a_, RtcpType::kReceiverReport, packet, keep));
  EXPECT_TRUE(find(sent, rtcp_b_, RtcpType::kSenderReport, packet, keep));
}

TEST_F(Reports, RepeatsEveryFiveSecondsOrSo) {
  std::size_t count = 0;
  for (const Sent& sent : bench_.pass_ms(60'000)) count += sent.to == rtcp_a_ ? 1 : 0;
  EXPECT_GE(count, 8U);
  EXPECT_LE(count, 20U);
}

TEST_F(Reports, MeasuresRoundTripAndTakesThePeersFigures) {
  bench_.send(rtp_b_, leg(1).local_rtp, make_rtp(0, 1, 160, 88));
  wire::RtcpPacket packet;
  Payload keep;
  std::optional<wire::SenderInfo> info;
  for (int i = 0; i < 20 && !info; ++i) {
    if (find(bench_.pass_ms(100), rtcp_a_, RtcpType::kSenderReport, packet, keep))
      info = wire::read_sender_info(packet);
  }
  ASSERT_TRUE(info);
  const std::uint32_t sent_at = wire::ntp_middle(info->ntp);
  bench_.pass_ms(150);
  const std::uint32_t now = wire::ntp_middle(wire::ntp_from_unix_ns(bench_.now.unix_ns));
  wire::ReportBlock block;
  block.ssrc = leg(0).ssrc;
  block.cumulative_lost = -3;
  block.jitter = 80;
  block.last_sr = sent_at;
  block.delay_since_last_sr = (now - sent_at) - 65536 / 10;  // all but 100 ms was the peer's
  bench_.send(rtcp_a_, leg(0).local_rtcp, rtcp([&](auto& writer) { writer.receiver_report(99, {&block, 1}); }));
  EXPECT_EQ(stats(0).peer_packets_lost, -3);
  EXPECT_NEAR(stats(0).peer_jitter_ms, 10, 0.01);
  EXPECT_NEAR(stats(0).round_trip_ms, 100, 1);
  EXPECT_EQ(stats(0).rtcp_received, 1U);
}

TEST_F(Reports, AnswersTheLastSenderReport) {
  bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, 1, 160, 77));
  bench_.send(rtcp_a_, leg(0).local_rtcp,
              rtcp([](auto& writer) { writer.sender_report(77, {0x1122334455667788U, 160, 1, 160}, {}); }));
  wire::RtcpPacket packet;
  Payload keep;
  std::uint64_t waited = 0;
  while (!find(bench_.pass_ms(100), rtcp_a_, RtcpType::kReceiverReport, packet, keep)) waited += 100;
  waited += 100;
  const auto block = wire::read_report_block(packet, 0);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->last_sr, 0x33445566U);
  EXPECT_NEAR(block->delay_since_last_sr / 65.536, static_cast<double>(waited), 101);
}

TEST_F(Reports, TranslatesPictureRequestsAtMostTwiceASecond) {
  bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, 1, 160, 77));
  const Payload pli = rtcp([&](auto& writer) {
    writer.receiver_report(99, {});
    writer.pli(99, leg(1).ssrc);
    writer.fir(99, leg(1).ssrc, 5);
  });
  std::size_t requests = 0;
  const auto count = [&](const std::vector<Sent>& sent) {
    wire::RtcpPacket packet;
    Payload keep;
    if (!find(sent, rtcp_a_, RtcpType::kPayloadFeedback, packet, keep)) return;
    EXPECT_EQ(packet.sender_ssrc(), leg(0).ssrc);
    EXPECT_EQ(wire::feedback_media_ssrc(packet), packet.count == wire::kFormatPli ? 77U : 0U);
    ++requests;
  };
  for (int i = 0; i < 100; ++i) {
    bench_.send(rtcp_b_, leg(1).local_rtcp, pli);
    count(bench_.tick());
    for (const Sent& sent : bench_.pass_ms(20)) count({sent});
  }
  EXPECT_GE(requests, 3U);
  EXPECT_LE(requests, 5U);                                                                     // two seconds
  bench_.send(rtcp_b_, leg(1).local_rtcp, rtcp([](auto& writer) { writer.pli(99, 12345); }));  // not our stream
}

TEST_F(Reports, TranslatesNacksThroughTheSequenceMap) {
  bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, 500, 160, 77));
  const auto out = bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, 505, 160, 77)).at(0).rtp();
  const std::uint32_t entry = (std::uint32_t{static_cast<std::uint16_t>(out.sequence - 3)} << 16U) | 0x0001U;
  bench_.send(rtcp_b_, leg(1).local_rtcp, rtcp([&](auto& writer) { writer.nack(99, leg(1).ssrc, {&entry, 1}); }));
  wire::RtcpPacket packet;
  Payload keep;
  ASSERT_TRUE(find(bench_.tick(), rtcp_a_, RtcpType::kTransportFeedback, packet, keep));
  EXPECT_EQ(wire::feedback_media_ssrc(packet), 77U);
  EXPECT_EQ(wire::read_nack(packet, 0), (502U << 16U) | 1U);
  // Far ahead of anything sent: no mapping.
  const std::uint32_t ahead = std::uint32_t{static_cast<std::uint16_t>(out.sequence + 100)} << 16U;
  bench_.send(rtcp_b_, leg(1).local_rtcp, rtcp([&](auto& writer) { writer.nack(99, leg(1).ssrc, {&ahead, 1}); }));
  EXPECT_TRUE(bench_.tick().empty());
  EXPECT_EQ(bench_.link.counters.feedback_lost.get(), 1U);
}

TEST_F(Reports, ByeEndsNothing) {
  bench_.send(rtcp_a_, leg(0).local_rtcp, rtcp([](auto& writer) {
                writer.receiver_report(77, {});
                writer.bye(77);
              }));
  EXPECT_EQ(bench_.send(rtp_a_, leg(0).local_rtp, make_rtp(0, 1, 160, 77)).size(), 1U);
  EXPECT_EQ(bench_.link.counters.consumed.get(), 1U);
}

TEST_F(Reports, TakesMultiplexedRtcp) {
  auto spec = bench_.spec(2);
  spec.streams[0].leg[0].rtcp_mux = true;
  const auto state = bench_.open(spec);
  bench_.send(rtp_a_, state.streams[0].leg[0].local_rtp, rtcp([](auto& writer) { writer.receiver_report(7, {}); }));
  EXPECT_EQ(bench_.table.stats({2})->streams[0].leg[0].rtcp_received, 1U);
  bool seen = false;
  for (const Sent& sent : bench_.pass_ms(2000)) {
    seen |= sent.from == state.streams[0].leg[0].local_rtp && sent.to == rtp_a_ && sent.payload[1] == 201;
  }
  EXPECT_TRUE(seen);
}

TEST_F(Reports, DropsMalformedCompoundsAndOtherSources) {
  bench_.send(rtcp_a_, leg(0).local_rtcp, {0x80, 201, 0, 9, 0, 0, 0, 1});
  EXPECT_EQ(bench_.dropped(DropReason::kRtcpMalformed), 1U);
  bench_.send(rtcp_b_, leg(0).local_rtcp, rtcp([](auto& writer) { writer.receiver_report(7, {}); }));
  EXPECT_EQ(bench_.dropped(DropReason::kWrongSource), 1U);
}

TEST_F(Reports, PuntsWellFormedStun) {
  auto spec = bench_.spec();
  spec.revision = 2;
  auto& ice = spec.streams[0].leg[0].ice.emplace();
  ice.local_ufrag = "abcd";
  ice.local_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
  bench_.update(spec);
  Payload stun(28);
  store_be16(&stun[0], 1);
  store_be16(&stun[2], 8);
  store_be32(&stun[4], 0x2112A442);
  store_be16(&stun[20], 0x8022);
  store_be16(&stun[22], 4);
  const SocketAddress stranger = at("192.0.2.99:9999");
  bench_.send(stranger, leg(0).local_rtp, stun);
  const auto events = bench_.poll();
  ASSERT_EQ(events.size(), 1U);
  const auto& event = std::get<contract::PuntEvent>(events[0]);
  EXPECT_EQ(event.source, stranger);
  EXPECT_EQ(event.packet, stun);
  EXPECT_EQ(event.component, contract::Component::kRtp);
  stun[3] = 4;
  bench_.send(stranger, leg(0).local_rtp, stun);
  EXPECT_EQ(bench_.dropped(DropReason::kNotRtp), 1U);
}

TEST_F(Reports, InjectsPackets) {
  const Payload packet{0, 1, 2, 3};
  ASSERT_TRUE(
      bench_.table.send_packet({1}, 0, contract::Side::kB, contract::Component::kRtcp, at("203.0.113.5:1234"), packet));
  const auto sent = bench_.tick();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].from, leg(1).local_rtcp);
  EXPECT_EQ(sent[0].to, at("203.0.113.5:1234"));
  EXPECT_EQ(sent[0].payload, packet);
  EXPECT_TRUE(sent[0].good_checksums);
  // Behind a close it goes nowhere.
  ASSERT_TRUE(
      bench_.table.send_packet({1}, 0, contract::Side::kB, contract::Component::kRtp, at("203.0.113.5:1234"), packet));
  bench_.table.close({1}, bench_.now.monotonic_ns);
  EXPECT_TRUE(bench_.tick().empty());
  bench_.poll();
  EXPECT_EQ(bench_.table.retired(), 0U);
  EXPECT_EQ(bench_.next_hops.count, 0);
}

TEST_F(Reports, InjectedPacketsWaitForTheirNeighbour) {
  const SocketAddress near = at("203.0.113.5:1234");
  const SocketAddress far = at("203.0.113.6:1234");
  bench_.next_hops.known = false;
  const auto inject = [&](const SocketAddress& to) {
    return bench_.table.send_packet({1}, 0, contract::Side::kB, contract::Component::kRtp, to, Payload{0, 1});
  };
  ASSERT_TRUE(inject(far));
  ASSERT_TRUE(inject(near));
  EXPECT_TRUE(bench_.tick().empty());
  bench_.poll();
  EXPECT_TRUE(bench_.tick().empty());
  for (const auto& [key, hop] : bench_.next_hops.keys) {
    if (key.remote == near.ip) hop->set(InstantNextHops::value_for(key));
  }
  bench_.poll();
  const auto sent = bench_.tick();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to, near);
  bench_.pass_ms(1100);
  bench_.poll();
  const auto lost = [&] {
    for (const contract::Counter& one : bench_.table.counters()) {
      if (one.name == "injections_unrouted") return one.value;
    }
    return std::uint64_t{0};
  };
  EXPECT_EQ(lost(), 1U);
  for (std::size_t i = 0; i < session::kMaxUnrouted; ++i) ASSERT_TRUE(inject(far));
  EXPECT_EQ(inject(far).error().kind, ErrorKind::kExhausted);
  bench_.table.close({1}, bench_.now.monotonic_ns);
  EXPECT_EQ(lost(), 1U + session::kMaxUnrouted);
  bench_.tick();
  bench_.poll();
  EXPECT_EQ(bench_.next_hops.count, 0);
}

}  // namespace
}  // namespace isthmus::test
