// A process that sends is killed at any moment; the one after it goes on with the same SSRC under the same key. No
// index may go out twice, and the peer has to take every packet (RFC 3711 9.1).

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

#include "dataplane/base/bytes.h"
#include "dataplane/base/random.h"
#include "dataplane/crypto/index_store.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {
namespace {

using contract::SrtpSuite;

constexpr std::uint32_t kSsrc = 0x1234;
constexpr std::size_t kMostPackets = 400'000;
constexpr std::uint32_t kSwiftPackets = 3000;  ///< of one life; then it goes slower, so that the memory lasts

/// What went out, in memory that outlives the sender; written behind each packet, as a driver would.
struct Wire {
  struct Packet {
    std::uint8_t length = 0;
    bool rtcp = false;
    std::array<std::uint8_t, 54> bytes{};
  };
  std::atomic<std::uint32_t> count{0};
  std::array<Packet, kMostPackets> packets;
};

contract::SrtpKey key_of(SrtpSuite suite) {
  contract::SrtpKey key;
  key.suite = suite;
  key.master_key = SecretBytes(std::vector<std::uint8_t>(contract::master_key_bytes(suite), 7));
  key.master_salt = SecretBytes(std::vector<std::uint8_t>(contract::master_salt_bytes(suite), 9));
  return key;
}

[[noreturn]] void send_until_killed(int file, SrtpSuite suite, Wire& wire) {
  auto engine = make_ipsec_mb_engine(make_ipsec_mb_shared(std::move(*IndexStore::open(file))));
  auto context = std::move(*engine->make_context(key_of(suite), {Direction::kSend, kSsrc, 5}));
  const auto before = engine->sent_before(*context);
  auto sequence = static_cast<std::uint16_t>(before ? before->sequence : 64'000);
  const std::uint32_t begun = wire.count;
  for (std::uint32_t count = begun; count < kMostPackets; ++count) {
    Wire::Packet& packet = wire.packets[count];
    packet.rtcp = count % 50 == 7;
    packet.bytes = {0x80, 0, 0, 1};
    if (packet.rtcp) {
      packet.bytes[1] = 201;
      store_be32(packet.bytes.data() + 4, kSsrc);
    } else {
      store_be16(packet.bytes.data() + 2, ++sequence);
      store_be32(packet.bytes.data() + 8, kSsrc);
    }
    SrtpJob job;
    job.context = context.get();
    job.packet = packet.bytes.data();
    job.length = 20;
    job.tailroom = 34;
    job.rtcp = packet.rtcp;
    engine->protect({&job, 1});
    if (job.result != SrtpResult::kOk) _exit(3);
    packet.length = static_cast<std::uint8_t>(job.length);
    wire.count.store(count + 1);
    if (count - begun > kSwiftPackets) usleep(20);
  }
  _exit(0);
}

class KilledSender : public testing::TestWithParam<SrtpSuite> {};

TEST_P(KilledSender, GoesOnWithoutUsingAnIndexTwice) {
  const int file = memfd_create("killed-sender-test", 0);
  ASSERT_EQ(ftruncate(file, 64 * 64), 0);
  void* memory = mmap(nullptr, sizeof(Wire), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Wire& wire = *new (memory) Wire;
  SeededRandom random(11);
  constexpr int kLives = 60;
  for (int life = 0; life < kLives; ++life) {
    const std::uint32_t sent = wire.count;
    const pid_t child = fork();
    if (child == 0) send_until_killed(file, GetParam(), wire);
    while (wire.count == sent && waitpid(child, nullptr, WNOHANG) == 0) {
    }  // it has begun
    usleep(random.below(1500));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    ASSERT_GT(wire.count, sent) << "life " << life;
  }
  // The peer never ended. Were an index used twice, its replay window would refuse the second.
  auto peer = make_libsrtp2_engine();
  auto context = std::move(*peer->make_context(key_of(GetParam()), {Direction::kReceive}));
  for (std::uint32_t i = 0; i < wire.count; ++i) {
    Wire::Packet& packet = wire.packets[i];
    SrtpJob job;
    job.context = context.get();
    job.packet = packet.bytes.data();
    job.length = packet.length;
    job.rtcp = packet.rtcp;
    peer->unprotect({&job, 1});
    ASSERT_EQ(job.result, SrtpResult::kOk) << "packet " << i << " of " << wire.count;
  }
  munmap(memory, sizeof(Wire));
  close(file);
}

INSTANTIATE_TEST_SUITE_P(Suites, KilledSender,
                         testing::Values(SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAeadAes128Gcm),
                         [](const auto& tested) { return std::string(tested.index == 0 ? "CounterMode" : "Gcm"); });

}  // namespace
}  // namespace isthmus::crypto
