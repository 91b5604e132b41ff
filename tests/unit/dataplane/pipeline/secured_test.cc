// Secured legs: nothing is learnt before authentication, no index is used twice, keys change without a gap.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/crypto/engines.h"
#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

class Secured : public testing::Test {
 protected:
  const SocketAddress peer_a_ = at("192.0.2.10:4000");
  const SocketAddress peer_b_ = at("198.51.100.20:5000");
  RelayBench bench_;
  SrtpPeer peer_;  // on leg A

  contract::SessionSpec secured(contract::SrtpSuite suite = contract::SrtpSuite::kAesCm128HmacSha1_80,
                                std::vector<std::uint8_t> mki = {}) {
    auto spec = bench_.spec();
    peer_.set_keys(suite, 1, mki);
    spec.streams[0].leg[0].receive_key = peer_.send_key();
    spec.streams[0].leg[0].send_key = peer_.receive_key();
    return spec;
  }

  void TearDown() override {
    EXPECT_TRUE(bench_.balanced());
    EXPECT_EQ(bench_.io.outstanding(), 0U);
  }
};

TEST_F(Secured, BridgesToAClearLegBothWays) {
  for (const auto suite : {contract::SrtpSuite::kAesCm128HmacSha1_80, contract::SrtpSuite::kAesCm128HmacSha1_32,
                           contract::SrtpSuite::kAeadAes128Gcm}) {
    auto spec = secured(suite, {1});
    spec.id = {static_cast<std::uint64_t>(suite)};
    const auto state = bench_.open(spec);
    const auto& legs = state.streams[0].leg;
    const Payload clear = make_rtp(0, 1, 2, 3);
    const auto to_b = bench_.send(peer_a_, legs[0].local_rtp, peer_.protect(clear));
    ASSERT_EQ(to_b.size(), 1U);
    EXPECT_TRUE(std::equal(clear.begin() + 12, clear.end(), to_b[0].payload.begin() + 12, to_b[0].payload.end()));
    const auto to_a = bench_.send(peer_b_, legs[1].local_rtp, clear);
    ASSERT_EQ(to_a.size(), 1U);
    EXPECT_TRUE(to_a[0].good_checksums);
    const auto opened = peer_.unprotect(to_a[0].payload);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(std::equal(clear.begin() + 12, clear.end(), opened->begin() + 12, opened->end()));
    EXPECT_TRUE(bench_.table.stats(spec.id)->streams[0].leg[0].encrypted);
  }
}

TEST_F(Secured, CountsNothingBeforeAuthentication) {
  const auto state = bench_.open(secured());
  const auto& in = state.streams[0].leg[0].local_rtp;
  Payload forged = peer_.protect(make_rtp(0, 1, 2, 3));
  forged[20] ^= 1U;
  EXPECT_TRUE(bench_.send(peer_a_, in, forged).empty());
  EXPECT_TRUE(bench_.send(peer_a_, in, make_rtp(0, 1, 2, 3)).empty());  // clear on a secured leg
  EXPECT_EQ(bench_.dropped(DropReason::kSrtpAuthFailed), 2U);
  const auto stats = bench_.table.stats({1})->streams[0].leg[0];
  EXPECT_EQ(stats.packets_received, 0U);
  EXPECT_EQ(stats.payload_type, 0xff);
  EXPECT_TRUE(bench_.poll().empty());
}

TEST_F(Secured, DropsReplays) {
  const auto state = bench_.open(secured());
  const Payload packet = peer_.protect(make_rtp(0, 1, 2, 3));
  EXPECT_EQ(bench_.send(peer_a_, state.streams[0].leg[0].local_rtp, packet).size(), 1U);
  EXPECT_TRUE(bench_.send(peer_a_, state.streams[0].leg[0].local_rtp, packet).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kSrtpReplayed), 1U);
}

TEST_F(Secured, NeverSendsOneIndexTwice) {
  const auto state = bench_.open(secured());
  const auto& in = state.streams[0].leg[1].local_rtp;  // clear: its peer may repeat itself, with other content
  EXPECT_EQ(bench_.send(peer_b_, in, make_rtp(0, 5, 2, 3)).size(), 1U);
  EXPECT_TRUE(bench_.send(peer_b_, in, make_rtp(0, 5, 2, 3, 20)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kIndexUsed), 1U);
}

TEST_F(Secured, AnUpdateWithTheSameKeysKeepsReplayAndIndexState) {
  auto spec = secured();
  const auto state = bench_.open(spec);
  const auto& legs = state.streams[0].leg;
  const Payload packet = peer_.protect(make_rtp(0, 1, 2, 3));
  EXPECT_EQ(bench_.send(peer_a_, legs[0].local_rtp, packet).size(), 1U);
  const auto before = bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 5, 2, 3)).at(0).rtp();
  spec.revision = 2;
  bench_.update(spec);
  EXPECT_TRUE(bench_.send(peer_a_, legs[0].local_rtp, packet).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kSrtpReplayed), 1U);
  EXPECT_TRUE(bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 5, 2, 3, 20)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kIndexUsed), 1U);
  const auto after = bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 6, 162, 3)).at(0).rtp();
  EXPECT_EQ(after.ssrc, before.ssrc);
  EXPECT_EQ(static_cast<std::uint16_t>(after.sequence - before.sequence), 1);
}

TEST_F(Secured, TakesTheOldReceiveKeyForTenSeconds) {
  for (const auto suite : {contract::SrtpSuite::kAesCm128HmacSha1_80, contract::SrtpSuite::kAeadAes128Gcm}) {
    auto spec = secured(suite);
    spec.id = {static_cast<std::uint64_t>(suite)};
    const auto state = bench_.open(spec);
    const auto& in = state.streams[0].leg[0].local_rtp;
    EXPECT_EQ(bench_.send(peer_a_, in, peer_.protect(make_rtp(0, 1, 2, 3))).size(), 1U);
    const Payload old = peer_.protect(make_rtp(0, 2, 2, 3));
    const Payload too_old = peer_.protect(make_rtp(0, 3, 2, 3));
    peer_.set_keys(suite, 2, {});
    spec.revision = 2;
    spec.streams[0].leg[0].receive_key = peer_.send_key();
    spec.streams[0].leg[0].send_key = peer_.receive_key();
    bench_.update(spec);
    EXPECT_EQ(bench_.send(peer_a_, in, peer_.protect(make_rtp(0, 4, 2, 3))).size(), 1U);
    EXPECT_EQ(bench_.send(peer_a_, in, old).size(), 1U);
    bench_.pass_ms(10'100);
    bench_.poll();
    bench_.tick();
    EXPECT_TRUE(bench_.send(peer_a_, in, too_old).empty());
    EXPECT_EQ(bench_.send(peer_a_, in, peer_.protect(make_rtp(0, 5, 2, 3))).size(), 1U);
    bench_.poll();
    EXPECT_EQ(bench_.table.retired(), 0U);
    peer_.set_keys(suite, 1, {});
  }
}

TEST_F(Secured, LatchesOnAnAuthenticatedPacketOnceARevision) {
  auto spec = secured();
  spec.streams[0].leg[0].source_rule = contract::SourceRule::kLatchAuthenticated;
  const auto state = bench_.open(spec);
  const auto& legs = state.streams[0].leg;
  const SocketAddress elsewhere = at("192.0.2.77:7777");
  const SocketAddress third = at("192.0.2.78:7778");
  EXPECT_TRUE(bench_.send(third, legs[0].local_rtp, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_EQ(bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 1, 2, 3)).at(0).to, peer_a_);
  EXPECT_EQ(bench_.send(elsewhere, legs[0].local_rtp, peer_.protect(make_rtp(0, 1, 2, 3))).size(), 1U);
  const auto answer = bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 2, 2, 3)).at(0);
  EXPECT_EQ(answer.to, elsewhere);
  EXPECT_EQ(answer.destination_mac[5], 9);  // back the way it came
  EXPECT_TRUE(bench_.send(third, legs[0].local_rtp, peer_.protect(make_rtp(0, 2, 2, 3))).empty());
  EXPECT_EQ(bench_.table.stats({1})->streams[0].leg[0].remote_rtp, elsewhere);
  bench_.poll();  // the agent finds the next hop of the latched address
  bench_.tick();
  EXPECT_EQ(bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 3, 2, 3)).at(0).destination_mac[5], 77);
  // The next revision allows it once more; what is in use goes on until then.
  spec.revision = 2;
  bench_.update(spec);
  EXPECT_EQ(bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 4, 2, 3)).at(0).to, elsewhere);
  EXPECT_EQ(bench_.send(third, legs[0].local_rtp, peer_.protect(make_rtp(0, 3, 2, 3))).size(), 1U);
  EXPECT_EQ(bench_.send(peer_b_, legs[1].local_rtp, make_rtp(0, 5, 2, 3)).at(0).to, third);
  bench_.poll();
  bench_.tick();
  bench_.table.close({1}, bench_.now.monotonic_ns);
  bench_.tick();
  bench_.poll();
  EXPECT_EQ(bench_.next_hops.count, 0);
}

TEST_F(Secured, SendsProtectedReports) {
  const auto state = bench_.open(secured());
  bench_.send(peer_b_, state.streams[0].leg[1].local_rtp, make_rtp(0, 1, 2, 3));
  bool seen = false;
  for (const Sent& sent : bench_.pass_ms(2000)) {
    if (sent.to != at("192.0.2.10:4001")) continue;
    const auto opened = peer_.unprotect(sent.payload, true);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)[1], 200);
    seen = true;
  }
  EXPECT_TRUE(seen);
}

TEST(LatchPlain, PrefersTheSignalledAddressThenLocks) {
  RelayBench bench;
  auto spec = bench.spec();
  spec.streams[0].leg[0].source_rule = contract::SourceRule::kLatchPlain;
  const auto state = bench.open(spec);
  const auto& legs = state.streams[0].leg;
  const SocketAddress nat = at("192.0.2.66:6666");
  const SocketAddress late = at("192.0.2.67:6667");
  EXPECT_EQ(bench.send(nat, legs[0].local_rtp, make_rtp(0, 1, 2, 3)).size(), 1U);
  EXPECT_EQ(bench.send(at("198.51.100.20:5000"), legs[1].local_rtp, make_rtp(0, 1, 2, 3)).at(0).to, nat);
  EXPECT_TRUE(bench.send(late, legs[0].local_rtp, make_rtp(0, 2, 2, 3)).empty());
  EXPECT_EQ(bench.send(at("192.0.2.10:4000"), legs[0].local_rtp, make_rtp(0, 3, 2, 3)).size(), 1U);
  EXPECT_EQ(bench.send(at("198.51.100.20:5000"), legs[1].local_rtp, make_rtp(0, 2, 2, 3)).at(0).to,
            at("192.0.2.10:4000"));
  EXPECT_TRUE(bench.send(nat, legs[0].local_rtp, make_rtp(0, 4, 2, 3)).empty());
}

TEST(LatchPlain, StaysOpenForThreeSecondsOnly) {
  RelayBench bench;
  auto spec = bench.spec();
  spec.streams[0].leg[0].source_rule = contract::SourceRule::kLatchPlain;
  const auto state = bench.open(spec);
  bench.pass_ms(3001);
  EXPECT_TRUE(bench.send(at("192.0.2.66:6666"), state.streams[0].leg[0].local_rtp, make_rtp(0, 1, 2, 3)).empty());
  EXPECT_EQ(bench.send(at("192.0.2.10:4000"), state.streams[0].leg[0].local_rtp, make_rtp(0, 1, 2, 3)).size(), 1U);
}

/// One data plane after the other on the same index memory, each with random numbers of its own.
TEST(SecuredRestart, GoesOnUnderTheSameSsrcWithTheNextIndex) {
  for (const auto suite : {contract::SrtpSuite::kAesCm128HmacSha1_80, contract::SrtpSuite::kAeadAes256Gcm}) {
    const int file = memfd_create("index-memory", 0);
    ASSERT_EQ(ftruncate(file, 1 << 20), 0);
    SrtpPeer peer;
    peer.set_keys(suite, 1, {});
    std::optional<wire::RtpHeader> last;
    Payload replay;
    for (std::uint64_t life = 1; life <= 3; ++life) {
      const auto engines = crypto::Engines::open(crypto::EngineChoice::kIpsecMb, file);
      ASSERT_TRUE(engines);
      RelayBench bench(RelayBench::default_networks(), {}, life, engines->make());
      auto spec = bench.spec();
      spec.streams[0].leg[0].receive_key = peer.send_key();
      spec.streams[0].leg[0].send_key = peer.receive_key();
      const auto state = bench.open(spec);
      const auto& legs = state.streams[0].leg;
      if (!replay.empty()) {
        EXPECT_TRUE(bench.send(at("192.0.2.10:4000"), legs[0].local_rtp, replay).empty());
        EXPECT_EQ(bench.dropped(DropReason::kSrtpReplayed), 1U);
      }
      replay = peer.protect(make_rtp(0, static_cast<std::uint16_t>(100 + life), 2, 3));
      EXPECT_EQ(bench.send(at("192.0.2.10:4000"), legs[0].local_rtp, replay).size(), 1U);
      for (std::uint16_t i = 0; i < 5; ++i) {
        const auto sent = bench.send(at("198.51.100.20:5000"), legs[1].local_rtp, make_rtp(0, i, i * 160U, 9));
        ASSERT_EQ(sent.size(), 1U);
        const auto header = sent[0].rtp();
        ASSERT_TRUE(peer.unprotect(sent[0].payload)) << "life " << life << ", packet " << i;
        if (last) {
          EXPECT_EQ(header.ssrc, last->ssrc);
          EXPECT_EQ(header.sequence, static_cast<std::uint16_t>(last->sequence + 1));
        }
        last = header;
      }
      engines->leave_indices();
    }
    close(file);
  }
}

}  // namespace
}  // namespace isthmus::test
