#pragma once

// The Internet checksum (RFC 1071). Sums are kept of 16-bit words as they lie in memory: the result is the same number
// with its bytes in memory order, so no word is ever swapped (RFC 1071 2 B).

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace isthmus::wire {

/// Folds a sum to 16 bits, carries added back in. Adding a number to itself with its halves exchanged puts the folded
/// sum, carry included, into the upper half.
constexpr std::uint16_t fold_sum32(std::uint32_t sum) {
  return static_cast<std::uint16_t>((sum + ((sum << 16U) | (sum >> 16U))) >> 16U);
}
constexpr std::uint32_t fold_sum64(std::uint64_t sum) {
  return static_cast<std::uint32_t>((sum + ((sum << 32U) | (sum >> 32U))) >> 32U);
}
constexpr std::uint16_t fold_sum(std::uint64_t sum) { return fold_sum32(fold_sum64(sum)); }

/// Sum of the words of `bytes` (an odd last byte is padded with zero), not folded and not complemented.
using SumFunction = std::uint64_t (*)(const std::uint8_t* bytes, std::size_t size);

std::uint64_t sum_words_plain(const std::uint8_t* bytes, std::size_t size);   ///< any processor; the reference
std::uint64_t sum_words_sse(const std::uint8_t* bytes, std::size_t size);     ///< SSE4.2, our baseline
std::uint64_t sum_words_avx512(const std::uint8_t* bytes, std::size_t size);  ///< only where fastest_sum() gives it

bool has_avx512();
/// The one that this processor runs best; look it up once and keep it.
SumFunction fastest_sum();

/// The value for a checksum field, as it lies in memory. UDP writes 0 as 0xffff (RFC 768): see udp_checksum().
constexpr std::uint16_t checksum(std::uint64_t sum) { return static_cast<std::uint16_t>(~fold_sum(sum)); }
constexpr std::uint16_t udp_checksum(std::uint64_t sum) {
  const std::uint16_t value = checksum(sum);
  return value == 0 ? 0xffffU : value;
}

}  // namespace isthmus::wire
