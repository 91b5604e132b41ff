// What every engine has to do.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/random.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {
namespace {

using contract::SrtpSuite;

constexpr SrtpSuite kSuites[] = {SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAesCm128HmacSha1_32,
                                 SrtpSuite::kAesCm192HmacSha1_80, SrtpSuite::kAesCm256HmacSha1_80,
                                 SrtpSuite::kAeadAes128Gcm,       SrtpSuite::kAeadAes256Gcm};

contract::SrtpKey key_of(SrtpSuite suite, std::uint64_t seed = 1) {
  SeededRandom random(seed);
  contract::SrtpKey key;
  key.suite = suite;
  key.master_key = SecretBytes(contract::master_key_bytes(suite));
  key.master_salt = SecretBytes(contract::master_salt_bytes(suite));
  random.fill(key.master_key.mutable_view());
  random.fill(key.master_salt.mutable_view());
  return key;
}

/// A packet in a buffer with room behind it.
struct Packet {
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(256);
  std::uint16_t length = 0;
  bool rtcp = false;

  static Packet rtp(std::uint32_t ssrc, std::uint16_t sequence) {
    Packet packet;
    packet.buffer[0] = 0x80;
    store_be16(packet.buffer.data() + 2, sequence);
    store_be32(packet.buffer.data() + 8, ssrc);
    std::fill_n(packet.buffer.begin() + 12, 20, std::uint8_t{0xab});
    packet.length = 32;
    return packet;
  }
  static Packet receiver_report(std::uint32_t ssrc) {
    Packet packet;
    packet.buffer[0] = 0x80;
    packet.buffer[1] = 201;
    store_be16(packet.buffer.data() + 2, 1);
    store_be32(packet.buffer.data() + 4, ssrc);
    packet.length = 8;
    packet.rtcp = true;
    return packet;
  }
  std::vector<std::uint8_t> bytes() const { return {buffer.begin(), buffer.begin() + length}; }
};

using MakeEngine = std::unique_ptr<SrtpEngine> (*)();

class SrtpEngineTest : public testing::TestWithParam<MakeEngine> {
 protected:
  std::unique_ptr<SrtpContext> make(const contract::SrtpKey& key, Direction direction) {
    auto context = engine_->make_context(key, {.direction = direction});
    EXPECT_TRUE(context);
    return std::move(*context);
  }
  SrtpResult run(SrtpContext& context, Packet& packet, bool protect) {
    SrtpJob job{.context = &context,
                .packet = packet.buffer.data(),
                .length = packet.length,
                .tailroom = static_cast<std::uint16_t>(packet.buffer.size() - packet.length),
                .rtcp = packet.rtcp};
    const std::span<SrtpJob> jobs(&job, 1);
    protect ? engine_->protect(jobs) : engine_->unprotect(jobs);
    packet.length = job.length;
    return job.result;
  }
  SrtpResult protect(SrtpContext& context, Packet& packet) { return run(context, packet, true); }
  SrtpResult unprotect(SrtpContext& context, Packet& packet) { return run(context, packet, false); }

  /// One packet closed by one end and opened by the other.
  SrtpResult cross(SrtpContext& out, SrtpContext& in, std::uint16_t sequence) {
    Packet packet = Packet::rtp(7, sequence);
    const auto closed = protect(out, packet);
    return closed == SrtpResult::kOk ? unprotect(in, packet) : closed;
  }

  std::unique_ptr<SrtpEngine> engine_ = GetParam()();
};

TEST_P(SrtpEngineTest, OpensWhatItClosedForEverySuite) {
  for (const auto suite : kSuites) {
    for (const bool mki : {false, true}) {
      auto key = key_of(suite);
      if (mki) key.mki = {1};
      auto out = make(key, Direction::kSend);
      auto in = make(key, Direction::kReceive);
      for (Packet packet : {Packet::rtp(7, 1), Packet::receiver_report(7)}) {
        const auto clear = packet.bytes();
        ASSERT_EQ(protect(*out, packet), SrtpResult::kOk) << contract::to_string(suite);
        EXPECT_NE(packet.bytes(), clear);
        ASSERT_EQ(unprotect(*in, packet), SrtpResult::kOk) << contract::to_string(suite) << (mki ? " with MKI" : "");
        EXPECT_EQ(packet.bytes(), clear);
      }
    }
  }
}

/// One call to the engine has packets of every stream that a worker has, whatever each of them agreed on. Two full
/// bursts of the library and a rest, and every suite is the first of them once.
TEST_P(SrtpEngineTest, ABurstMayHaveEverySuite) {
  constexpr std::size_t kPackets = 150;
  for (std::size_t first = 0; first < std::size(kSuites); ++first) {
    std::vector<std::unique_ptr<SrtpContext>> out;
    std::vector<std::unique_ptr<SrtpContext>> in;
    for (std::size_t i = 0; i < std::size(kSuites); ++i) {
      const auto key = key_of(kSuites[(first + i) % std::size(kSuites)], i + 1);
      out.push_back(make(key, Direction::kSend));
      in.push_back(make(key, Direction::kReceive));
    }
    std::vector<Packet> packets;
    for (std::size_t i = 0; i < kPackets; ++i) packets.push_back(Packet::rtp(7, static_cast<std::uint16_t>(1 + i)));
    const std::vector<Packet> clear = packets;
    for (const bool closing : {true, false}) {
      std::vector<SrtpJob> jobs;
      for (std::size_t i = 0; i < kPackets; ++i) {
        jobs.push_back({.context = (closing ? out : in)[i % out.size()].get(),
                        .packet = packets[i].buffer.data(),
                        .length = packets[i].length,
                        .tailroom = static_cast<std::uint16_t>(packets[i].buffer.size() - packets[i].length)});
      }
      closing ? engine_->protect(jobs) : engine_->unprotect(jobs);
      for (std::size_t i = 0; i < kPackets; ++i) {
        ASSERT_EQ(jobs[i].result, SrtpResult::kOk) << first << ", packet " << i << (closing ? " closed" : " opened");
        packets[i].length = jobs[i].length;
        EXPECT_EQ(packets[i].bytes() == clear[i].bytes(), !closing) << first << ", packet " << i;
      }
    }
  }
}

TEST_P(SrtpEngineTest, ClosesTheReferencePacketOfTheLibrarysAuthors) {
  // AES_CM_128_HMAC_SHA1_80 vector that SRTP implementations exchange (test driver of libsrtp).
  contract::SrtpKey key;
  key.master_key = SecretBytes(std::vector<std::uint8_t>{0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f,
                                                         0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39});
  key.master_salt = SecretBytes(
      std::vector<std::uint8_t>{0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6});
  Packet packet;
  const std::uint8_t header[] = {0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe};
  std::copy(std::begin(header), std::end(header), packet.buffer.begin());
  std::fill_n(packet.buffer.begin() + 12, 16, std::uint8_t{0xab});
  packet.length = 28;
  auto out = make(key, Direction::kSend);
  ASSERT_EQ(protect(*out, packet), SrtpResult::kOk);
  const std::vector<std::uint8_t> expected = {
      0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe, 0x4e, 0x55, 0xdc, 0x4c, 0xe7, 0x99, 0x78,
      0xd8, 0x8c, 0xa4, 0xd2, 0x15, 0x94, 0x9d, 0x24, 0x02, 0xb7, 0x8d, 0x6a, 0xcc, 0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb};
  EXPECT_EQ(packet.bytes(), expected);
}

TEST_P(SrtpEngineTest, RefusesTamperedReplayedAndForeignPackets) {
  for (const auto suite : kSuites) {
    auto out = make(key_of(suite), Direction::kSend);
    auto in = make(key_of(suite), Direction::kReceive);
    Packet packet = Packet::rtp(7, 1);
    ASSERT_EQ(protect(*out, packet), SrtpResult::kOk);
    Packet tampered = packet;
    tampered.buffer[20] ^= 1;
    EXPECT_EQ(unprotect(*in, tampered), SrtpResult::kAuthFailed);
    Packet copy = packet;
    EXPECT_EQ(unprotect(*in, packet), SrtpResult::kOk);
    EXPECT_EQ(unprotect(*in, copy), SrtpResult::kReplayed);
    auto stranger = make(key_of(suite, 99), Direction::kSend);
    Packet foreign = Packet::rtp(8, 1);
    ASSERT_EQ(protect(*stranger, foreign), SrtpResult::kOk);
    EXPECT_EQ(unprotect(*in, foreign), SrtpResult::kAuthFailed);
  }
}

TEST_P(SrtpEngineTest, NeverClosesOneIndexTwice) {
  auto out = make(key_of(SrtpSuite::kAesCm128HmacSha1_80), Direction::kSend);
  Packet packet = Packet::rtp(7, 1);
  Packet again = Packet::rtp(7, 1);
  ASSERT_EQ(protect(*out, packet), SrtpResult::kOk);
  EXPECT_EQ(protect(*out, again), SrtpResult::kReplayed);
}

TEST_P(SrtpEngineTest, KeepsStateForAuthenticatedSsrcsOnlyAndForSoMany) {
  const auto key = key_of(SrtpSuite::kAeadAes128Gcm);
  auto out = make(key, Direction::kSend);
  auto other = make(key, Direction::kSend);
  auto in = make(key, Direction::kReceive);
  for (std::uint32_t ssrc = 1; ssrc <= 1000; ++ssrc) {
    Packet forged = Packet::rtp(0x1000 + ssrc, 1);
    forged.length = 60;
    ASSERT_EQ(unprotect(*in, forged), SrtpResult::kAuthFailed);
  }
  for (std::uint32_t ssrc = 1; ssrc <= kMaxSsrcs; ++ssrc) {
    Packet packet = Packet::rtp(ssrc, 1);
    ASSERT_EQ(protect(*out, packet), SrtpResult::kOk);
    ASSERT_EQ(unprotect(*in, packet), SrtpResult::kOk) << ssrc;
  }
  Packet one_more = Packet::rtp(kMaxSsrcs + 1, 1);
  ASSERT_EQ(protect(*other, one_more), SrtpResult::kOk);
  EXPECT_EQ(unprotect(*in, one_more), SrtpResult::kSsrcTableFull);
  Packet known = Packet::rtp(1, 2);
  ASSERT_EQ(protect(*out, known), SrtpResult::kOk);
  EXPECT_EQ(unprotect(*in, known), SrtpResult::kOk);
}

TEST_P(SrtpEngineTest, TakesReorderedPacketsWithinTheReplayWindow) {
  const auto key = key_of(SrtpSuite::kAesCm128HmacSha1_80);
  auto out = make(key, Direction::kSend);
  auto in = make(key, Direction::kReceive);
  std::vector<Packet> packets;
  for (std::uint16_t sequence = 0; sequence < kReplayWindow + 2; ++sequence) {
    packets.push_back(Packet::rtp(7, sequence));
    ASSERT_EQ(protect(*out, packets.back()), SrtpResult::kOk);
  }
  ASSERT_EQ(unprotect(*in, packets.back()), SrtpResult::kOk);
  EXPECT_EQ(unprotect(*in, packets[2]), SrtpResult::kOk);        // kReplayWindow - 1 behind the newest
  EXPECT_EQ(unprotect(*in, packets[0]), SrtpResult::kReplayed);  // older than the window
}

TEST_P(SrtpEngineTest, StopsAtTheKeysLifetime) {
  auto key = key_of(SrtpSuite::kAesCm128HmacSha1_80);
  key.lifetime_packets = 3;
  auto out = make(key, Direction::kSend);
  for (std::uint16_t sequence = 1; sequence <= 3; ++sequence) {
    Packet packet = Packet::rtp(7, sequence);
    ASSERT_EQ(protect(*out, packet), SrtpResult::kOk);
  }
  Packet packet = Packet::rtp(7, 4);
  EXPECT_EQ(protect(*out, packet), SrtpResult::kKeyExpired);
}

TEST_P(SrtpEngineTest, AnswersShortPacketsAndMissingRoomByName) {
  auto out = make(key_of(SrtpSuite::kAesCm128HmacSha1_80), Direction::kSend);
  Packet packet = Packet::rtp(7, 1);
  packet.length = 11;
  EXPECT_EQ(protect(*out, packet), SrtpResult::kMalformed);
  packet = Packet::rtp(7, 1);
  packet.buffer.resize(packet.length + 9U);  // the tag has 10
  EXPECT_EQ(protect(*out, packet), SrtpResult::kNoRoom);
  packet.buffer.resize(packet.length + 10U);
  EXPECT_EQ(protect(*out, packet), SrtpResult::kOk);
}

TEST_P(SrtpEngineTest, RollOverCounterOutlivesARekey) {
  const auto old_key = key_of(SrtpSuite::kAesCm128HmacSha1_80, 1);
  const auto new_key = key_of(SrtpSuite::kAesCm128HmacSha1_80, 2);
  auto out = make(old_key, Direction::kSend);
  auto in = make(old_key, Direction::kReceive);
  for (const std::uint16_t sequence : std::initializer_list<std::uint16_t>{65000, 65530, 65535, 0, 5}) {
    EXPECT_EQ(cross(*out, *in, sequence), SrtpResult::kOk) << sequence;
  }
  auto next_out = make(new_key, Direction::kSend);
  auto next_in = make(new_key, Direction::kReceive);
  engine_->carry_over(*next_out, *out);
  engine_->carry_over(*next_in, *in);
  for (const std::uint16_t sequence : std::initializer_list<std::uint16_t>{6, 7, 8}) {
    EXPECT_EQ(cross(*next_out, *next_in, sequence), SrtpResult::kOk) << sequence;
  }
}

TEST_P(SrtpEngineTest, APeerThatResetsItsCounterAtARekeyIsTakenByTrial) {
  const auto old_key = key_of(SrtpSuite::kAeadAes128Gcm, 1);
  const auto new_key = key_of(SrtpSuite::kAeadAes128Gcm, 2);
  auto out = make(old_key, Direction::kSend);
  auto in = make(old_key, Direction::kReceive);
  for (const std::uint16_t sequence : std::initializer_list<std::uint16_t>{65000, 65535, 0}) {
    EXPECT_EQ(cross(*out, *in, sequence), SrtpResult::kOk) << sequence;
  }
  auto resetting_out = make(new_key, Direction::kSend);
  auto next_in = make(new_key, Direction::kReceive);
  engine_->carry_over(*next_in, *in);
  Packet forged = Packet::rtp(7, 1);
  forged.length = 60;
  ASSERT_EQ(unprotect(*next_in, forged), SrtpResult::kAuthFailed);
  for (const std::uint16_t sequence : std::initializer_list<std::uint16_t>{1, 2, 3}) {
    EXPECT_EQ(cross(*resetting_out, *next_in, sequence), SrtpResult::kOk) << sequence;
  }
}

TEST_P(SrtpEngineTest, RefusesKeysThatDoNotFitTheSuite) {
  auto key = key_of(SrtpSuite::kAesCm128HmacSha1_80);
  key.master_key = SecretBytes(std::size_t{15});
  const auto context = engine_->make_context(key, {});
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().field, "master_key");
}

std::unique_ptr<SrtpEngine> ipsec_mb() { return make_ipsec_mb_engine(); }

INSTANTIATE_TEST_SUITE_P(Engines, SrtpEngineTest, testing::Values(&make_libsrtp2_engine, &ipsec_mb),
                         [](const auto& tested) { return tested.index == 0 ? "Libsrtp2" : "IpsecMb"; });

}  // namespace
}  // namespace isthmus::crypto
