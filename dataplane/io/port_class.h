#pragma once

// Which worker serves which media port: a pure function of the number, so that a NIC, any worker and the port pools
// agree without asking each other.

#include <cstddef>
#include <cstdint>

namespace isthmus::io {

/// Low bits of a pair's number (the port without its lowest bit) that decide. A NIC's redirection table of 128 entries,
/// the usual size, can tell them all apart (rss.h).
inline constexpr unsigned kClassBits = 7;
inline constexpr std::uint32_t kClassGroups = 1U << kClassBits;

/// Both ports of a pair (RTP, and RTCP above it) have the same class; neighbouring pairs go to different workers.
constexpr std::size_t port_class(std::uint16_t port, std::size_t workers) {
  return ((port >> 1U) & (kClassGroups - 1)) % workers;
}

}  // namespace isthmus::io
