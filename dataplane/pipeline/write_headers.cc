// Ethernet, IP and UDP of the outgoing leg in front of the payload, checksums in full. The incoming checksum is not
// adjusted but made anew: between virtual interfaces it often is not finished, and adjusting would pass that on.

#include <cstring>

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::pipeline {
namespace {

// Whole 16-byte steps, the last one overlapping the one before: the bytes behind the headers are payload.
void copy_headers_v4(std::uint8_t* to, const std::uint8_t* from) {
  static_assert(wire::kHeadersV4 > 32 && wire::kHeadersV4 < 48);
  std::memcpy(to, from, 32);
  std::memcpy(to + wire::kHeadersV4 - 16, from + wire::kHeadersV4 - 16, 16);
}

bool fits(const io::Frame& frame, const Packet& packet, const session::LegTransmit& transmit) {
  const std::size_t room = static_cast<std::size_t>(packet.payload - frame.data) + frame.headroom;
  return transmit.header_bytes <= room &&
         packet.length + transmit.header_bytes - wire::kEthernetBytes <= std::size_t{transmit.mtu};
}

}  // namespace

void write_headers(State& state, io::Burst& burst) {
  Batch& batch = state.rtp;
  std::size_t kept = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    const Packet& packet = batch.packets[i];
    const io::Frame frame = burst.frames[packet.frame];
    session::LegTransmit& transmit = packet.leg->receive.far->transmit;
    if (!fits(frame, packet, transmit)) [[unlikely]] {
      state.drop(burst, packet, DropReason::kTooLong);
      continue;
    }
    const std::uint64_t sum = state.sum(packet.payload, packet.length);
    std::uint8_t* data = packet.payload - transmit.header_bytes;
    if (transmit.header_bytes == wire::kHeadersV4) [[likely]] {
      copy_headers_v4(data, transmit.header.data());
      wire::finish_v4(data, packet.length, transmit.ip_sum, transmit.udp_sum, sum);
    } else {
      std::memcpy(data, transmit.header.data(), wire::kHeadersV6);
      wire::finish_v6(data, packet.length, transmit.udp_sum, sum);
    }
    transmit.packets.add(1);
    transmit.bytes.add(packet.octets);
    io::Frame& out = burst.frames[kept++];
    out.headroom = static_cast<std::uint16_t>(frame.headroom + (data - frame.data));
    out.handle = frame.handle;
    out.data = data;
    out.length = static_cast<std::uint16_t>(packet.length + transmit.header_bytes);
    out.tailroom = packet.tailroom;
    out.port = transmit.io_port;
    bytes += out.length;
  }
  burst.count = kept;
  state.link.counters.forwarded.add(kept);
  state.link.counters.sent.add(kept);
  state.link.counters.sent_bytes.add(bytes);
}

}  // namespace isthmus::pipeline
