// Bad packets on a secured leg, one by one: each is dropped by its name, changes nothing, and the next good one passes.
// Keys that are none are refused when the session is opened, and nothing is left of it.

#include <gtest/gtest.h>

#include <tuple>

#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

using contract::SrtpSuite;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

struct Engine {
  const char* name;
  std::unique_ptr<crypto::SrtpEngine> (*make)();
};
std::unique_ptr<crypto::SrtpEngine> ipsec_mb() { return crypto::make_ipsec_mb_engine(); }
constexpr Engine kLibsrtp2{"Libsrtp2", &crypto::make_libsrtp2_engine};
constexpr Engine kIpsecMb{"IpsecMb", &ipsec_mb};

class SecuredDrops : public testing::TestWithParam<std::tuple<Engine, SrtpSuite>> {
 protected:
  static constexpr std::uint8_t kMki = 7;
  const SocketAddress peer_a_ = at("192.0.2.10:4000");
  RelayBench bench_{RelayBench::default_networks(), {}, 1, std::get<0>(GetParam()).make()};
  SrtpPeer peer_;

  void SetUp() override {
    peer_.set_keys(suite(), 1, {kMki});
    auto spec = bench_.spec();
    spec.streams[0].leg[0].receive_key = peer_.send_key();
    spec.streams[0].leg[0].send_key = peer_.receive_key();
    in_ = bench_.open(spec).streams[0].leg[0].local_rtp;
  }
  void TearDown() override {
    EXPECT_TRUE(bench_.balanced());
    EXPECT_EQ(bench_.io.outstanding(), 0U);
  }

  SrtpSuite suite() const { return std::get<1>(GetParam()); }
  bool gcm() const { return contract::master_salt_bytes(suite()) == 12; }
  std::size_t tag_bytes() const { return gcm() ? 16 : suite() == SrtpSuite::kAesCm128HmacSha1_32 ? 4 : 10; }
  Payload next(std::size_t octets = 20) { return make_rtp(0, ++sequence_, 2, 3, octets); }

  /// Dropped for this reason; afterwards a good packet passes and is the first that counts.
  void drops(const char* what, const Payload& packet, DropReason reason) {
    SCOPED_TRACE(what);
    const std::uint64_t before = bench_.dropped(reason);
    const std::uint64_t received = bench_.table.stats({1})->streams[0].leg[0].packets_received;
    EXPECT_TRUE(bench_.send(peer_a_, in_, packet).empty());
    EXPECT_EQ(bench_.dropped(reason), before + 1);
    EXPECT_EQ(bench_.table.stats({1})->streams[0].leg[0].packets_received, received);
    EXPECT_EQ(bench_.send(peer_a_, in_, peer_.protect(next())).size(), 1U);
  }

  SocketAddress in_;
  std::uint16_t sequence_ = 0;
};

TEST_P(SecuredDrops, ShorterThanAHeader) {
  drops("one octet", {0x80}, DropReason::kNotRtp);
  Payload cut = peer_.protect(next());
  cut.resize(11);
  drops("an octet too few", cut, DropReason::kNotRtp);
}

TEST_P(SecuredDrops, ShorterThanHeaderTagAndMki) {
  Payload cut = peer_.protect(next());
  cut.resize(12);
  drops("a header alone", cut, DropReason::kSrtpAuthFailed);
  cut = peer_.protect(next());
  cut.resize(12 + tag_bytes());
  drops("an octet too few", cut, DropReason::kSrtpAuthFailed);
}

TEST_P(SecuredDrops, CsrcsPastTheEnd) {
  Payload packet = peer_.protect(next());
  packet[0] = 0x8f;
  drops("fifteen in twenty octets", packet, DropReason::kRtpMalformed);
  packet = peer_.protect(next());
  packet[0] = 0x86;  // six: four octets behind the end of what is encrypted, inside of tag and MKI
  drops("into the tag", packet, DropReason::kRtpMalformed);
}

TEST_P(SecuredDrops, ExtensionPastTheEnd) {
  Payload packet = peer_.protect(next());
  packet[0] = 0x90;
  store_be16(packet.data() + 14, 0xffff);
  drops("its length", packet, DropReason::kRtpMalformed);
  packet = peer_.protect(next());
  packet[0] = 0x95;  // five CSRCs fill the packet: the extension's own header is past the end
  drops("its header", packet, DropReason::kRtpMalformed);
}

TEST_P(SecuredDrops, PaddingPastTheStart) {
  // It authenticates: only then can its padding be read.
  Payload padded = next();
  padded[0] = 0xa0;
  padded.back() = 21;
  const std::uint64_t before = bench_.dropped(DropReason::kRtpMalformed);
  EXPECT_TRUE(bench_.send(peer_a_, in_, peer_.protect(padded)).empty());
  padded = next();
  padded[0] = 0xa0;
  padded.back() = 0;
  EXPECT_TRUE(bench_.send(peer_a_, in_, peer_.protect(padded)).empty());
  EXPECT_EQ(bench_.dropped(DropReason::kRtpMalformed), before + 2);
  padded = next();
  padded[0] = 0xa0;
  padded.back() = 20;
  EXPECT_EQ(bench_.send(peer_a_, in_, peer_.protect(padded)).size(), 1U);
}

TEST_P(SecuredDrops, WrongTag) {
  const std::size_t tag_at = 12 + 20 + (gcm() ? 0U : 1U);
  for (const std::size_t place : {tag_at, tag_at + tag_bytes() - 1}) {
    Payload packet = peer_.protect(next());
    packet[place] ^= 1U;
    drops("first and last octet", packet, DropReason::kSrtpAuthFailed);
  }
  Payload packet = peer_.protect(next());
  packet[12] ^= 1U;
  drops("text", packet, DropReason::kSrtpAuthFailed);
  packet = peer_.protect(next());
  packet[7] ^= 1U;
  drops("header", packet, DropReason::kSrtpAuthFailed);
}

TEST_P(SecuredDrops, WrongMki) {
  const std::size_t mki_at = 12 + 20 + (gcm() ? tag_bytes() : 0U);
  Payload packet = peer_.protect(next());
  ASSERT_EQ(packet[mki_at], kMki);
  packet[mki_at] ^= 1U;
  drops("another one", packet, DropReason::kSrtpAuthFailed);
  packet = peer_.protect(next());
  packet.erase(packet.begin() + static_cast<std::ptrdiff_t>(mki_at));
  drops("none", packet, DropReason::kSrtpAuthFailed);
  packet = peer_.protect(next());
  packet.insert(packet.begin() + static_cast<std::ptrdiff_t>(mki_at), std::uint8_t{0});
  drops("longer than agreed", packet, DropReason::kSrtpAuthFailed);
}

TEST_P(SecuredDrops, KeysThatAreNoneAreRefusedAtOpenAndLeaveNothing) {
  struct Case {
    const char* field;
    void (*spoil)(contract::SrtpKey&);
  };
  const Case cases[] = {
      {"suite", [](contract::SrtpKey& key) { key.suite = static_cast<SrtpSuite>(99); }},
      {"master_key", [](contract::SrtpKey& key) { key.master_key = SecretBytes(key.master_key.size() - 1); }},
      {"master_salt", [](contract::SrtpKey& key) { key.master_salt = SecretBytes(key.master_salt.size() - 1); }},
      {"mki", [](contract::SrtpKey& key) { key.mki.assign(contract::kMaxMkiBytes + 1, 1); }},
  };
  const auto ports = bench_.ports.open;
  const int hops = bench_.next_hops.count;
  for (const Case& one : cases) {
    SCOPED_TRACE(one.field);
    auto spec = bench_.spec(2);
    auto bad = make_key(suite(), 99);
    one.spoil(bad);
    spec.streams[0].leg[1].receive_key = bad;
    const auto answer = bench_.table.open(spec, bench_.now.monotonic_ns);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_TRUE(answer.error().field.ends_with(one.field)) << answer.error().field;
    EXPECT_FALSE(bench_.table.stats({2}));
    EXPECT_EQ(bench_.ports.open, ports);
    EXPECT_EQ(bench_.next_hops.count, hops);
  }
  EXPECT_EQ(bench_.send(peer_a_, in_, peer_.protect(next())).size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Engines, SecuredDrops,
                         testing::Combine(testing::Values(kLibsrtp2, kIpsecMb),
                                          testing::Values(SrtpSuite::kAesCm128HmacSha1_80,
                                                          SrtpSuite::kAesCm128HmacSha1_32, SrtpSuite::kAeadAes128Gcm)),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param).name) +
                                  std::to_string(static_cast<int>(std::get<1>(tested.param)));
                         });

}  // namespace
}  // namespace isthmus::test
