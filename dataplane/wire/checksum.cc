#include "dataplane/wire/checksum.h"

#include "dataplane/wire/checksum_kernels.h"

namespace isthmus::wire {

std::uint64_t sum_words_plain(const std::uint8_t* bytes, std::size_t size) { return add_words_plain(bytes, size); }
std::uint64_t sum_words_sse(const std::uint8_t* bytes, std::size_t size) { return add_words_sse(bytes, size); }
ISTHMUS_AVX512 std::uint64_t sum_words_avx512(const std::uint8_t* bytes, std::size_t size) {
  return add_words_avx512(bytes, size);
}

bool has_avx512() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
}

SumFunction fastest_sum() { return has_avx512() ? sum_words_avx512 : sum_words_sse; }

}  // namespace isthmus::wire
