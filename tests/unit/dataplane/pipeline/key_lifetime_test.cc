// RFC 3711 9.2: a key carries so many packets and no more. Said before the end, and what the end is.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/contract/key_lifetime.h"
#include "dataplane/crypto/engines.h"
#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

using contract::KeyDirection;
using contract::KeyLifetimeLowEvent;
using contract::Side;

const SocketAddress kPeerA = *SocketAddress::parse("192.0.2.10:4000");
const SocketAddress kPeerB = *SocketAddress::parse("198.51.100.20:5000");

/// Leg A is secured; both engines count alike.
class KeyLifetime : public testing::TestWithParam<bool> {
 protected:
  static constexpr std::uint64_t kLifetime = 80;
  RelayBench bench{RelayBench::default_networks(),
                   {},
                   1,
                   GetParam() ? crypto::make_ipsec_mb_engine() : crypto::make_libsrtp2_engine()};
  SrtpPeer peer;
  contract::SessionSpec spec = bench.spec();
  contract::SessionState state;
  std::uint16_t next = 1;

  void SetUp() override {
    give_keys(1, kLifetime);
    state = bench.open(spec);
    events();
  }
  void give_keys(std::uint8_t generation, std::uint64_t lifetime) {
    peer.set_keys(contract::SrtpSuite::kAesCm128HmacSha1_80, generation, {});
    spec.streams[0].leg[0].receive_key = peer.send_key();
    spec.streams[0].leg[0].send_key = peer.receive_key();
    spec.streams[0].leg[0].receive_key->lifetime_packets = lifetime;
    spec.streams[0].leg[0].send_key->lifetime_packets = lifetime;
  }
  std::size_t from_a(std::size_t packets) {
    std::size_t sent = 0;
    for (std::size_t i = 0; i < packets; ++i, ++next) {
      const Payload packet = peer.protect(make_rtp(0, next, 160U * next, 7));
      sent += bench.send(kPeerA, state.streams[0].leg[0].local_rtp, packet).size();
    }
    return sent;
  }
  std::size_t from_b(std::size_t packets) {
    std::size_t sent = 0;
    for (std::size_t i = 0; i < packets; ++i, ++next) {
      sent += bench.send(kPeerB, state.streams[0].leg[1].local_rtp, make_rtp(0, next, 160U * next, 9)).size();
    }
    return sent;
  }
  std::vector<KeyLifetimeLowEvent> events() {
    bench.pass_ms(1'200);  // each leg has been looked at
    std::vector<KeyLifetimeLowEvent> low;
    for (const contract::Event& event : bench.poll()) {
      if (const auto* one = std::get_if<KeyLifetimeLowEvent>(&event)) low.push_back(*one);
    }
    return low;
  }

  void TearDown() override { EXPECT_TRUE(bench.balanced()); }
};

TEST_P(KeyLifetime, IsToldOnceWhenAnEighthOfItIsLeft) {
  from_a(kLifetime * 7 / 8 - 1);
  EXPECT_TRUE(events().empty());
  from_a(1);
  const auto low = events();
  ASSERT_EQ(low.size(), 1U);
  EXPECT_EQ(low[0].session, contract::SessionId{1});
  EXPECT_EQ(low[0].stream, 0);
  EXPECT_EQ(low[0].side, Side::kA);
  EXPECT_EQ(low[0].direction, KeyDirection::kReceive);
  EXPECT_EQ(low[0].packets_left, kLifetime / 8);
  from_a(3);
  EXPECT_TRUE(events().empty());
}

TEST_P(KeyLifetime, IsToldAgainWhileItLasts) {
  from_a(kLifetime * 7 / 8);
  EXPECT_EQ(events().size(), 1U);
  bench.pass_ms(contract::kKeyLowRepeatSeconds * 1000 - 3000);
  EXPECT_TRUE(events().empty());
  bench.pass_ms(3000);
  const auto low = events();
  ASSERT_EQ(low.size(), 1U);
  EXPECT_EQ(low[0].packets_left, kLifetime / 8);
}

TEST_P(KeyLifetime, OfADirectionThatEndedIsOver) {
  from_a(kLifetime);
  EXPECT_EQ(events().size(), 1U);
  spec.streams[0].leg[0].receive = false;
  ++spec.revision;
  bench.update(spec);
  const auto over = events();
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].packets_left, contract::kKeyLowOver);
  EXPECT_TRUE(events().empty());
}

TEST_P(KeyLifetime, OfOurOwnKeyIsToldToo) {
  from_b(kLifetime * 7 / 8);
  const auto low = events();
  ASSERT_EQ(low.size(), 1U);
  EXPECT_EQ(low[0].side, Side::kA);
  EXPECT_EQ(low[0].direction, KeyDirection::kSend);
}

TEST_P(KeyLifetime, PacketsBeyondItAreDroppedByName) {
  EXPECT_EQ(from_a(kLifetime), kLifetime);
  EXPECT_EQ(from_a(5), 0U);
  EXPECT_EQ(bench.dropped(DropReason::kSrtpKeyExpired), 5U);
  EXPECT_EQ(from_b(kLifetime), kLifetime);
  EXPECT_EQ(from_b(2), 0U);
  EXPECT_EQ(bench.dropped(DropReason::kSrtpKeyExpired), 7U);
}

TEST_P(KeyLifetime, ANewKeyHasALifetimeOfItsOwn) {
  from_a(kLifetime);
  EXPECT_EQ(events().size(), 1U);
  give_keys(2, kLifetime);
  ++spec.revision;
  bench.update(spec);
  EXPECT_EQ(from_a(kLifetime / 2), kLifetime / 2);
  const auto over = events();
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].direction, KeyDirection::kReceive);
  EXPECT_EQ(over[0].packets_left, contract::kKeyLowOver);
  EXPECT_TRUE(events().empty());
  from_a(kLifetime / 2 - 1);
  const auto low = events();
  ASSERT_EQ(low.size(), 1U);
  EXPECT_EQ(low[0].packets_left, 1U);
}

/// One data plane after the other on the same index memory.
TEST(KeyLifetimeRestart, CountsOnFromTheIndicesThatItsPredecessorLeft) {
  constexpr std::uint64_t kLifetime = 80;
  const int file = memfd_create("index-memory", 0);
  ASSERT_EQ(ftruncate(file, 1 << 20), 0);
  SrtpPeer peer;
  peer.set_keys(contract::SrtpSuite::kAeadAes128Gcm, 1, {});
  std::uint16_t next = 1;
  // A third of the packets from A is lost on the way: its indices are used up all the same.
  for (std::uint64_t life = 1; life <= 3; ++life) {
    const auto engines = crypto::Engines::open(crypto::EngineChoice::kIpsecMb, file);
    ASSERT_TRUE(engines);
    RelayBench bench(RelayBench::default_networks(), {}, life, engines->make());
    auto spec = bench.spec();
    contract::LegSpec& a = spec.streams[0].leg[0];
    a.receive_key = peer.send_key();
    a.send_key = peer.receive_key();
    a.receive_key->lifetime_packets = a.send_key->lifetime_packets = kLifetime;
    const auto state = bench.open(spec);
    const auto& legs = state.streams[0].leg;
    std::size_t from_a = 0;
    std::size_t from_b = 0;
    for (int i = 0; i < 30; ++i, ++next) {
      const Payload packet = peer.protect(make_rtp(0, next, 160U * next, 7));
      if (i % 3 != 1) from_a += bench.send(kPeerA, legs[0].local_rtp, packet).size();
      from_b += bench.send(kPeerB, legs[1].local_rtp, make_rtp(0, next, 160U * next, 9)).size();
    }
    EXPECT_EQ(from_a, 20U);
    EXPECT_EQ(from_b, life < 3 ? 30U : kLifetime - 60);
    bench.pass_ms(1100);
    std::vector<KeyLifetimeLowEvent> low;
    for (const contract::Event& event : bench.poll()) {
      if (const auto* one = std::get_if<KeyLifetimeLowEvent>(&event)) low.push_back(*one);
    }
    if (life < 3) {
      EXPECT_TRUE(low.empty()) << life;
    } else {
      // Received: indices 1 to 60 before, 20 packets since.
      ASSERT_EQ(low.size(), 2U);
      EXPECT_EQ(low[0].packets_left, 0U);
      EXPECT_EQ(low[1].packets_left, 0U);
    }
    engines->leave_indices();
  }
  close(file);
}

INSTANTIATE_TEST_SUITE_P(Engines, KeyLifetime, testing::Bool(),
                         [](const auto& test) { return test.param ? "IpsecMb" : "Libsrtp2"; });

}  // namespace
}  // namespace isthmus::test
