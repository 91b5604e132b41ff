#pragma once

// CRC-32C (Castagnoli, RFC 3720 B.4) by the processor's own instruction: the check sum of what stays on this machine
// (contract messages, journal records).

#include <nmmintrin.h>

#include <cstdint>
#include <cstring>

#include "dataplane/base/bytes.h"

namespace isthmus {

/// `before` is the value of the bytes before these, so that a sum can be made in parts.
inline std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0) {
  std::uint64_t crc = ~before;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    crc = _mm_crc32_u64(crc, word);
  }
  auto low = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left) low = _mm_crc32_u8(low, *at);
  return ~low;
}

}  // namespace isthmus
