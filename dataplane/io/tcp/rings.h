#pragma once

// What the thread of the connections and one worker hand to each other: packets, copied once into a ring each way.

#include <array>
#include <cstdint>

#include "dataplane/base/address.h"
#include "dataplane/io/spsc_ring.h"
#include "dataplane/io/tcp/frame_cutter.h"

namespace isthmus::io::tcp {

struct Packet {
  SocketAddress local;
  SocketAddress remote;
  std::uint8_t traffic_class = 0;  ///< to be sent with
  std::uint16_t length = 0;
  std::array<std::uint8_t, kMaxFrameBytes> bytes;

  Bytes view() const { return Bytes(bytes).first(length); }
};

struct Rings {
  static constexpr std::size_t kPackets = 511;

  SpscRing<Packet> to_worker{kPackets};
  SpscRing<Packet> from_worker{kPackets};
};

}  // namespace isthmus::io::tcp
