#include "dataplane/io/rss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/io/port_class.h"

namespace isthmus::io {
namespace {

// Toeplitz hash as NICs compute it: for each set bit of the input, first bit first, the 32 key bits that begin there.
std::uint32_t toeplitz(std::span<const std::uint8_t> key, std::span<const std::uint8_t> input) {
  const auto key_bit = [&](std::size_t bit) {
    return bit / 8 < key.size() ? (key[bit / 8] >> (7 - bit % 8)) & 1U : 0U;
  };
  std::uint32_t hash = 0;
  for (std::size_t bit = 0; bit < input.size() * 8; ++bit) {
    if (((input[bit / 8] >> (7 - bit % 8)) & 1U) == 0) continue;
    std::uint32_t window = 0;
    for (std::size_t i = 0; i < 32; ++i) window = window << 1U | key_bit(bit + i);
    hash ^= window;
  }
  return hash;
}

// The verification suite that NIC vendors publish (IPv4 with ports): 66.9.149.187:2794 -> 161.142.100.80:1766.
TEST(Toeplitz, KnownAnswer) {
  constexpr std::uint8_t kKey[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                   0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                   0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
  constexpr std::uint8_t kInput[] = {66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6};
  EXPECT_EQ(toeplitz(kKey, kInput), 0x51ccc178U);
}

class Rss : public testing::Test {
 protected:
  /// Addresses and source port at random: only the destination port may decide.
  std::vector<std::uint8_t> input(bool v6, std::uint16_t port) {
    std::vector<std::uint8_t> bytes(v6 ? 36 : 12);
    random_.fill(bytes);
    bytes[bytes.size() - 2] = static_cast<std::uint8_t>(port >> 8U);
    bytes[bytes.size() - 1] = static_cast<std::uint8_t>(port);
    return bytes;
  }
  /// Of 1000 packets to random ports, those that a NIC with this key and table puts on the queue of another worker.
  int misplaced(RssFamilies families, bool v6, std::size_t entries, std::size_t workers, std::size_t key_bytes = 40) {
    const auto key = rss_key(key_bytes, entries, families);
    const auto table = rss_table(entries, workers, workers);
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      const auto port = static_cast<std::uint16_t>(random_.below(65'536));
      const std::size_t queue = table[toeplitz(key, input(v6, port)) % entries];
      count += queue != port_class(port, workers) ? 1 : 0;
    }
    return count;
  }
  SeededRandom random_{11};
};

TEST_F(Rss, PutsEveryPortOnItsWorkersQueue) {
  for (const std::size_t workers : std::initializer_list<std::size_t>{1, 2, 3, 4, 6, 7, 32}) {
    for (const std::size_t entries : std::initializer_list<std::size_t>{128, 256, 512}) {
      EXPECT_EQ(misplaced({true, false}, false, entries, workers), 0) << workers << " of " << entries;
      EXPECT_EQ(misplaced({false, true}, true, entries, workers), 0) << workers << " of " << entries;
      EXPECT_EQ(misplaced({true, true}, false, entries, workers), 0) << workers << " of " << entries;
    }
  }
}

TEST_F(Rss, LongKeysAndSmallTables) {
  EXPECT_EQ(misplaced({true, false}, false, 512, 4, 52), 0);
  EXPECT_EQ(misplaced({true, false}, false, 64, 2), 0);
  EXPECT_EQ(misplaced({true, false}, false, 64, 4), 0);
  // 128 classes do not fit: some go to another queue, and by the ring to their worker.
  EXPECT_GT(misplaced({true, false}, false, 64, 3), 100);
}

TEST_F(Rss, BothFamiliesTogetherLeaveIpv6ToTheRings) {
  EXPECT_GT(misplaced({true, true}, true, 128, 4), 500);
  EXPECT_LT(misplaced({true, true}, true, 128, 4), 850);
}

TEST_F(Rss, FewerQueuesThanWorkersUseAllQueues) {
  const auto table = rss_table(128, 4, 2);
  for (std::size_t entry = 0; entry < table.size(); ++entry) ASSERT_LT(table[entry], 2U);
  EXPECT_EQ(std::count(table.begin(), table.end(), 0), 64);
}

TEST(PortClass, KeepsPairsTogetherAndSpreadsThem) {
  for (const std::size_t workers : std::initializer_list<std::size_t>{1, 2, 3, 4, 32}) {
    std::vector<int> pairs(workers);
    for (std::uint32_t port = 56'000; port < 56'256; port += 2) {
      const std::size_t rtp = port_class(static_cast<std::uint16_t>(port), workers);
      ASSERT_EQ(rtp, port_class(static_cast<std::uint16_t>(port + 1), workers));
      ++pairs[rtp];
    }
    const auto [fewest, most] = std::ranges::minmax(pairs);
    EXPECT_LE(most - fewest, 1) << workers;
  }
}

}  // namespace
}  // namespace isthmus::io
