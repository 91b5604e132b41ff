#pragma once

// Integers as they travel. A wire struct is read and written through these, so byte order is always said in words.

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace isthmus {

static_assert(std::endian::native == std::endian::little, "the packet path assumes a little-endian CPU");

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

/// Reads a big-endian integer at `from`; the caller has checked that the bytes are there.
inline std::uint16_t load_be16(const std::uint8_t* from) {
  std::uint16_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap16(value);
}
inline std::uint32_t load_be32(const std::uint8_t* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap32(value);
}
inline std::uint64_t load_be64(const std::uint8_t* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap64(value);
}

/// Writes `value` big-endian at `to`; the caller has checked that there is room.
inline void store_be16(std::uint8_t* to, std::uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(to, &value, sizeof value);
}
inline void store_be32(std::uint8_t* to, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof value);
}
inline void store_be64(std::uint8_t* to, std::uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace isthmus
