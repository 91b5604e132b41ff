// received = forwarded + consumed + dropped + held, sent = forwarded + generated, and no buffer is lost: over random
// bursts of good, damaged and foreign packets while sessions come, change and go.

#include <gtest/gtest.h>

#include <map>

#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

class Balance : public testing::TestWithParam<std::uint64_t> {
 protected:
  RelayBench bench_{RelayBench::default_networks(), {.packets_per_port_per_second = 400}, GetParam()};
  SeededRandom random_{GetParam() * 31};
  std::map<std::uint64_t, contract::SessionSpec> open_;
  std::vector<std::pair<SocketAddress, SocketAddress>> flows_;  // peer, our port

  bool chance(std::uint32_t one_in) { return random_.below(one_in) == 0; }

  contract::SessionSpec random_spec(std::uint64_t id) {
    auto spec = open_.contains(id) ? open_[id] : bench_.spec(id);
    for (auto& leg : spec.streams[0].leg) {
      leg.send = !chance(6);
      leg.receive = !chance(6);
      leg.rtcp_mux = chance(3);
      leg.source_rule = contract::SourceRule::kSignalled;
      leg.receive_key.reset();
      leg.send_key.reset();
      if (chance(4)) {
        const auto fill = static_cast<std::uint8_t>(random_.next_u32());
        leg.receive_key = make_key(contract::SrtpSuite::kAesCm128HmacSha1_80, fill);
        leg.send_key = make_key(contract::SrtpSuite::kAeadAes128Gcm, fill);
        if (chance(2)) leg.source_rule = contract::SourceRule::kLatchAuthenticated;
      } else if (chance(4)) {
        leg.source_rule = contract::SourceRule::kLatchPlain;
      }
    }
    if (chance(8)) spec.streams[0].leg[1].remote_rtp.reset();
    for (auto& leg : spec.streams[0].leg) {
      leg.peer_ssrcs = chance(4) ? contract::SsrcRange{1, 2} : contract::SsrcRange{};
      leg.ice.reset();
      if (chance(2)) {
        auto& ice = leg.ice.emplace();
        ice.local_ufrag = ice.remote_ufrag = "abcd";
        ice.local_password = ice.remote_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
        ice.nominated = leg.remote_rtp && chance(2);
      }
    }
    spec.revision = open_.contains(id) ? spec.revision + 1 : 1;
    return spec;
  }

  void churn() {
    const std::uint64_t id = 1 + random_.below(6);
    if (chance(3) && open_.contains(id)) {
      bench_.table.close({id}, bench_.now.monotonic_ns);
      open_.erase(id);
      return;
    }
    const auto spec = random_spec(id);
    const auto state = bench_.table.open(spec, bench_.now.monotonic_ns);
    if (!state) return;
    open_[id] = spec;
    for (std::size_t side = 0; side < 2; ++side) {
      const auto& leg = state->streams[0].leg[side];
      const auto& remote = spec.streams[0].leg[side].remote_rtp;
      if (!remote) continue;
      flows_.emplace_back(*remote, leg.local_rtp);
      flows_.emplace_back(SocketAddress{remote->ip, static_cast<std::uint16_t>(remote->port + 1)}, leg.local_rtcp);
    }
    if (flows_.size() > 60) flows_.erase(flows_.begin(), flows_.begin() + 20);
  }

  Payload random_payload() {
    if (chance(8)) {
      Payload bytes(random_.below(80));
      random_.fill(bytes);
      return bytes;
    }
    if (chance(6)) {
      Payload rtcp{0x81, 201, 0, 7, 0, 0, 0, 9};
      rtcp.resize(32);
      random_.fill(std::span(rtcp).subspan(8));
      if (chance(2)) {
        const Payload pli{0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 1};
        rtcp.insert(rtcp.end(), pli.begin(), pli.end());
      }
      return rtcp;
    }
    if (chance(10)) {
      Payload stun{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
      stun.resize(20);
      return stun;
    }
    return make_rtp(static_cast<std::uint8_t>(chance(8) ? 9 : 0), static_cast<std::uint16_t>(random_.below(3000)),
                    random_.next_u32(), random_.below(3), random_.below(300));
  }

  Payload random_frame() {
    SocketAddress from{IpAddress::v4(192, 0, 2, 10), 4000};
    SocketAddress to{IpAddress::v4(192, 0, 2, 1), static_cast<std::uint16_t>(55'990 + random_.below(1020))};
    if (!flows_.empty() && !chance(10)) {
      const auto& flow = flows_[random_.below(static_cast<std::uint32_t>(flows_.size()))];
      from = flow.first;
      to = flow.second;
      if (chance(10)) from.port = static_cast<std::uint16_t>(from.port + random_.below(3));
    }
    Payload frame = make_frame(from, to, random_payload());
    if (chance(10)) {
      std::uint8_t& octet = frame[random_.below(static_cast<std::uint32_t>(frame.size()))];
      octet = static_cast<std::uint8_t>(octet ^ (1U << random_.below(8)));
    }
    if (chance(20)) frame.resize(random_.below(static_cast<std::uint32_t>(frame.size())) + 1);
    return frame;
  }
};

TEST_P(Balance, HoldsOverRandomBurstsAndChurn) {
  for (int step = 0; step < 1200; ++step) {
    if (chance(4)) churn();
    if (chance(2)) bench_.tick();
    if (chance(3)) bench_.pass_ms(random_.below(300));
    if (chance(5)) bench_.poll();
    std::vector<Payload> frames(random_.below(65));
    for (Payload& frame : frames) frame = random_frame();
    for (const Sent& sent : bench_.run(frames)) ASSERT_TRUE(sent.good_checksums);
    if (!open_.empty() && chance(6)) {
      const Payload packet(random_.below(1500) + 1);
      std::ignore = bench_.table.send_packet(open_.begin()->second.id, 0, contract::Side::kA, contract::Component::kRtp,
                                             {IpAddress::v4(192, 0, 2, 50), 9}, packet);
    }
    ASSERT_TRUE(bench_.balanced());
    ASSERT_EQ(bench_.io.outstanding(), 0U);
    ASSERT_EQ(bench_.io.double_releases, 0U);
  }
  EXPECT_GT(bench_.link.counters.forwarded.get(), 500U);
  EXPECT_GT(bench_.link.counters.consumed.get(), 50U);
  EXPECT_GT(bench_.link.counters.generated.get(), 20U);
  EXPECT_GT(bench_.dropped(DropReason::kStunNotExpected), 20U);
  EXPECT_GT(bench_.dropped(DropReason::kSsrcOutOfRange), 20U);
}

TEST_P(Balance, NoBufferIsNoLoss) {
  bench_.open(bench_.spec());
  // All buffers out: own packets cannot be made.
  std::vector<io::Frame> taken;
  for (io::Frame frame = bench_.io.allocate(); frame.handle != nullptr; frame = bench_.io.allocate()) {
    taken.push_back(frame);
  }
  EXPECT_TRUE(bench_.pass_ms(3000).empty());
  EXPECT_GT(bench_.link.counters.generated_lost.get(), 0U);
  for (const io::Frame& frame : taken) bench_.io.release(frame);
  EXPECT_FALSE(bench_.pass_ms(10'000).empty());
  EXPECT_TRUE(bench_.balanced());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Balance, testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace isthmus::test
