#pragma once

// Receive side scaling that steers by media port. A Toeplitz key with a single bit set copies bits of the packet into
// the hash instead of mixing them; with the bit in the right place these are the bits of the UDP destination port that
// decide its class, and the redirection table sends each class to its worker's queue. Pure.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isthmus::io {

/// IPv6 needs 36 bytes of input and the 32 bits behind them.
inline constexpr std::size_t kSmallestRssKey = 40;

struct RssFamilies {
  bool v4 = false;
  bool v6 = false;
};

/// The key for a redirection table of `entries` (a power of two). `bytes` as the NIC wants it, kSmallestRssKey at
/// least; what is longer stays zero. With both families IPv4 is steered exactly, IPv6 only but for some bits of the
/// source address (the bit of IPv4 picks them); workers hand over what that puts on a wrong queue.
std::vector<std::uint8_t> rss_key(std::size_t bytes, std::size_t entries, const RssFamilies& families);

/// The queue of each entry of the table. Worker w receives on queue w; workers beyond `queues` get what other workers
/// hand over. A table with fewer than kClassGroups entries is exact only where `workers` divides their number.
std::vector<std::uint16_t> rss_table(std::size_t entries, std::size_t workers, std::size_t queues);

}  // namespace isthmus::io
