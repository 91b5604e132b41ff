#include "dataplane/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace isthmus {

std::uint32_t RandomSource::next_u32() {
  std::uint32_t value = 0;
  fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  return value;
}

std::uint64_t RandomSource::next_u64() {
  std::uint64_t value = 0;
  fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  return value;
}

std::uint32_t RandomSource::below(std::uint32_t bound) {
  // Rejection keeps the draw uniform: a draw above the largest multiple of `bound` is thrown away (less than half of
  // all).
  const std::uint32_t limit = UINT32_MAX - UINT32_MAX % bound;
  std::uint32_t value = next_u32();
  while (value >= limit) value = next_u32();
  return value % bound;
}

void SystemRandom::fill(std::span<std::uint8_t> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + done, bytes.size() - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      std::fprintf(stderr,
                   "isthmus: the kernel gives no random bytes (getrandom: %s); keys would be guessable, stopping\n",
                   std::strerror(errno));
      std::abort();
    }
    done += static_cast<std::size_t>(got);
  }
}

void SeededRandom::fill(std::span<std::uint8_t> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebULL;
    word ^= word >> 31U;
    const std::size_t take = std::min<std::size_t>(sizeof word, bytes.size() - done);
    std::memcpy(bytes.data() + done, &word, take);
    done += take;
  }
}

}  // namespace isthmus
