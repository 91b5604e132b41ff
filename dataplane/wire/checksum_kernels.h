#pragma once

// The kernels behind checksum.h, for loops that want them inlined. Every number added is a 16-bit word or several words
// side by side; the fold brings them together.

#include <immintrin.h>

#include <cstdint>
#include <cstring>

/// On a function that runs only where the processor has AVX-512 (wire::has_avx512()).
#define ISTHMUS_AVX512 __attribute__((target("avx512f,avx512bw")))

namespace isthmus::wire {

inline std::uint16_t load_word(const std::uint8_t* from) {
  std::uint16_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline std::uint64_t add_words_plain(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t sum = 0;
  for (; size >= 2; bytes += 2, size -= 2) sum += load_word(bytes);
  return size == 1 ? sum + *bytes : sum;
}

inline std::uint64_t add_words_sse(const std::uint8_t* bytes, std::size_t size) {
  // 32-bit lanes: 16-bit words added to them overflow after 65,536 rounds of 16 bytes, far above any frame.
  const __m128i zero = _mm_setzero_si128();
  __m128i low = zero;
  __m128i high = zero;
  for (; size >= 16; bytes += 16, size -= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    low = _mm_add_epi32(low, _mm_unpacklo_epi16(block, zero));
    high = _mm_add_epi32(high, _mm_unpackhi_epi16(block, zero));
  }
  low = _mm_add_epi32(low, high);
  low = _mm_add_epi32(low, _mm_srli_si128(low, 8));
  low = _mm_add_epi32(low, _mm_srli_si128(low, 4));
  std::uint64_t sum = static_cast<std::uint32_t>(_mm_cvtsi128_si32(low));
  for (; size >= 4; bytes += 4, size -= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    sum += word;  // two words at once: the fold adds the upper one later
  }
  return sum + add_words_plain(bytes, size);
}

// g++ 12 warns about its own headers (_mm512_undefined_epi32).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// Words are added four bytes at a time into 64-bit lanes; the fold brings the upper halves down.
ISTHMUS_AVX512 inline std::uint64_t add_words_avx512(const std::uint8_t* bytes, std::size_t size) {
  const __m512i low_half = _mm512_set1_epi64(0xffffffff);
  __m512i sum = _mm512_setzero_si512();
  for (; size >= 64; bytes += 64, size -= 64) {
    const __m512i block = _mm512_loadu_si512(bytes);
    sum = _mm512_add_epi64(sum, _mm512_and_si512(block, low_half));
    sum = _mm512_add_epi64(sum, _mm512_srli_epi64(block, 32));
  }
  if (size > 0) {
    const __m512i block = _mm512_maskz_loadu_epi8((std::uint64_t{1} << size) - 1, bytes);
    sum = _mm512_add_epi64(sum, _mm512_and_si512(block, low_half));
    sum = _mm512_add_epi64(sum, _mm512_srli_epi64(block, 32));
  }
  const __m256i half = _mm256_add_epi64(_mm512_castsi512_si256(sum), _mm512_maskz_extracti64x4_epi64(0xff, sum, 1));
  const __m128i quarter = _mm_add_epi64(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(quarter)) +
         static_cast<std::uint64_t>(_mm_extract_epi64(quarter, 1));
}
#pragma GCC diagnostic pop

}  // namespace isthmus::wire
