#include "dataplane/wire/checksum.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/base/random.h"

namespace isthmus::wire {
namespace {

TEST(Checksum, EveryKernelAgreesForEveryLength) {
  SeededRandom random(1);
  std::vector<std::uint8_t> bytes(1600);
  random.fill(bytes);
  const bool wide = fastest_sum() == sum_words_avx512;
  for (std::size_t size = 0; size <= 1500; ++size) {
    for (const std::size_t offset : {0U, 1U, 2U, 7U}) {
      const std::uint8_t* at = bytes.data() + offset;
      const std::uint16_t expected = fold_sum(sum_words_plain(at, size));
      EXPECT_EQ(fold_sum(sum_words_sse(at, size)), expected) << size;
      if (wide) {
        EXPECT_EQ(fold_sum(sum_words_avx512(at, size)), expected) << size;
      }
    }
  }
}

TEST(Checksum, AllOnesDoNotOverflow) {
  const std::vector<std::uint8_t> bytes(9000, 0xff);
  for (const SumFunction sum : {sum_words_plain, sum_words_sse, fastest_sum()}) {
    EXPECT_EQ(fold_sum(sum(bytes.data(), bytes.size())), 0xffff);
  }
  EXPECT_EQ(fold_sum(~std::uint64_t{0}), 0xffff);
}

TEST(Checksum, UdpNeverWritesZero) {
  EXPECT_EQ(checksum(0xffff), 0);
  EXPECT_EQ(udp_checksum(0xffff), 0xffff);
  EXPECT_EQ(udp_checksum(0), 0xffff);
  EXPECT_EQ(udp_checksum(1), 0xfffe);
}

}  // namespace
}  // namespace isthmus::wire
