#include "dataplane/io/rss.h"

#include <bit>
#include <cassert>

#include "dataplane/io/port_class.h"

namespace isthmus::io {
namespace {

// Input of the hash: source address, destination address, source port, destination port, first bit first. Input bit i
// adds the 32 key bits that begin at bit i, so key bit k alone copies input bit i to bit 31 - k + i of the hash. The
// last bit of the port says RTP or RTCP and must not count: the n bits before it go to the n low bits of the hash,
// which are the index into the table, in reverse order.
std::size_t key_bit(std::size_t input_bits, unsigned index_bits) {
  const std::size_t first = input_bits - 1 - index_bits;  // becomes bit 0
  return first + 31;
}

void set_bit(std::vector<std::uint8_t>& key, std::size_t bit) {
  key[bit / 8] = static_cast<std::uint8_t>(key[bit / 8] | (0x80U >> (bit % 8)));
}

std::uint32_t mirror(std::uint32_t value, unsigned bits) {
  std::uint32_t mirrored = 0;
  for (unsigned i = 0; i < bits; ++i) mirrored |= ((value >> i) & 1U) << (bits - 1 - i);
  return mirrored;
}

}  // namespace

std::vector<std::uint8_t> rss_key(std::size_t bytes, std::size_t entries, const RssFamilies& families) {
  assert(bytes >= kSmallestRssKey && std::has_single_bit(entries) && entries <= 0x8000);
  constexpr std::size_t kInputBitsV4 = 8 * (4 + 4 + 2 + 2);
  constexpr std::size_t kInputBitsV6 = 8 * (16 + 16 + 2 + 2);
  const auto bits = static_cast<unsigned>(std::countr_zero(entries));
  std::vector<std::uint8_t> key(bytes);
  if (families.v4) set_bit(key, key_bit(kInputBitsV4, bits));
  if (families.v6) set_bit(key, key_bit(kInputBitsV6, bits));
  return key;
}

std::vector<std::uint16_t> rss_table(std::size_t entries, std::size_t workers, std::size_t queues) {
  assert(std::has_single_bit(entries) && entries <= 0x8000 && workers > 0 && queues > 0);
  const auto bits = static_cast<unsigned>(std::countr_zero(entries));
  std::vector<std::uint16_t> table(entries);
  for (std::uint32_t entry = 0; entry < entries; ++entry) {
    const auto port = static_cast<std::uint16_t>(mirror(entry, bits) << 1U);
    table[entry] = static_cast<std::uint16_t>(port_class(port, workers) % queues);
  }
  return table;
}

}  // namespace isthmus::io
