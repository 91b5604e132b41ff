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

// The new headers may be longer than those they replace. Every io mode keeps this much in front of a frame.
constexpr std::uint16_t kGrowth = wire::kHeadersV6 - wire::kHeadersV4;
static_assert(io::kMinHeadroomBytes >= kGrowth);

}  // namespace

void write_headers(State& state, io::Burst& burst) {
  Batch& batch = state.rtp;
  std::size_t kept = 0;
  std::uint64_t bytes = 0;
  std::size_t generated = 0;
  const std::size_t count = batch.count;
  for (std::size_t i = 0; i < count; ++i) {
    const Packet& packet = batch.packets[i];
    const io::Frame& frame = burst.frames[packet.frame];
    session::Leg& far = *packet.leg->receive.far;
    session::LegTransmit& transmit = far.transmit;
    const std::uint32_t header_bytes = transmit.header_bytes;
    if (packet.length > transmit.max_payload || frame.headroom < kGrowth) [[unlikely]] {
      state.drop(burst, packet, DropReason::kTooLong);
      continue;
    }
    std::uint8_t* data = packet.payload - header_bytes;
    if (transmit.follows_dscp != 0) transmit.last_dscp = far.config->dscp_out[packet.dscp];
    if (header_bytes == wire::kHeadersV4) [[likely]] {
      copy_headers_v4(data, transmit.header.data());
      std::uint32_t ip_sum = transmit.ip_sum;
      if (transmit.follows_dscp != 0) ip_sum += wire::mark_v4(data, transmit.last_dscp);
      wire::finish_v4(data, packet.length, ip_sum, transmit.udp_sum, packet.sum);
    } else {
      std::memcpy(data, transmit.header.data(), wire::kHeadersV6);
      if (transmit.follows_dscp != 0) wire::mark_v6(data, transmit.last_dscp);
      wire::finish_v6(data, packet.length, transmit.udp_sum, packet.sum);
    }
    generated += packet.generated ? 1 : 0;
    transmit.packets.add(1);
    transmit.bytes.add(packet.octets);
    io::Frame out;
    out.data = data;
    out.handle = frame.handle;
    out.length = static_cast<std::uint16_t>(packet.length + header_bytes);
    out.headroom = static_cast<std::uint16_t>(frame.headroom + (data - frame.data));
    out.tailroom = room_behind(frame, packet);
    out.port = static_cast<std::uint8_t>(transmit.io_port);
    burst.frames[kept++] = out;
    bytes += out.length;
  }
  burst.count = kept;
  state.link.counters.forwarded.add(kept - generated);
  if (generated > 0) state.link.counters.generated.add(generated);
  state.link.counters.sent.add(kept);
  state.link.counters.sent_bytes.add(bytes);
}

}  // namespace isthmus::pipeline
