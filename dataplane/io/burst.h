#pragma once

// What the io modes and the pipeline hand to each other: frames in a plain array. No DPDK type appears here, so that
// the pipeline builds, tests and fuzzes without it. Everything here belongs to one worker thread.

#include <array>
#include <cstddef>
#include <cstdint>

namespace isthmus::io {

inline constexpr std::size_t kBurstSize = 64;

/// Room that each io mode keeps in front of and behind a received frame: a larger IP header and a longer SRTP trailer
/// fit in place.
inline constexpr std::uint16_t kMinHeadroomBytes = 64;
inline constexpr std::uint16_t kMinTailroomBytes = 64;

/// One Ethernet frame in a buffer of the io layer. Valid from the receive call until it is sent or freed.
struct Frame {
  std::uint8_t* data = nullptr;  ///< first byte of the Ethernet header
  void* handle = nullptr;        ///< the io mode's own (an mbuf, a slot)
  std::uint16_t length = 0;      ///< bytes from data
  std::uint16_t headroom = 0;    ///< writable bytes before data
  std::uint16_t tailroom = 0;    ///< writable bytes behind data + length
  std::uint8_t port = 0;         ///< io port it came from, or shall leave by
  std::uint8_t queue = 0;        ///< of that port, on which it came
};

struct Burst {
  std::array<Frame, kBurstSize> frames;
  std::size_t count = 0;

  bool full() const { return count == kBurstSize; }
  void add(const Frame& frame) { frames[count++] = frame; }
};

}  // namespace isthmus::io
