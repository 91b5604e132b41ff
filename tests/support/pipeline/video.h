#pragma once

// H.264 in RTP for tests of the adapt stage: NAL units into packets and back, independent of the stage's own code.

#include <vector>

#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {

/// One packet of what left: number, marker, payload.
struct VideoPacket {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  bool marker = false;
  Payload octets;
  std::uint8_t dscp = 0;
};

inline Payload with_header(std::uint8_t payload_type, std::uint16_t sequence, std::uint32_t timestamp, bool marker,
                           const Payload& octets) {
  Payload packet = make_rtp(payload_type, sequence, timestamp, 7, 0, marker);
  packet.insert(packet.end(), octets.begin(), octets.end());
  return packet;
}

inline Payload stap(const std::vector<Payload>& nals) {
  Payload made{0x78};
  for (const Payload& nal : nals) {
    made.push_back(static_cast<std::uint8_t>(nal.size() >> 8U));
    made.push_back(static_cast<std::uint8_t>(nal.size()));
    made.insert(made.end(), nal.begin(), nal.end());
  }
  return made;
}

/// A NAL unit as payloads of at most `limit` octets.
inline std::vector<Payload> packetise(const Payload& nal, std::size_t limit) {
  if (nal.size() <= limit) return {nal};
  std::vector<Payload> parts;
  for (std::size_t at = 1; at < nal.size();) {
    const std::size_t size = std::min(limit - 2, nal.size() - at);
    const unsigned start = at == 1 ? 0x80 : 0;
    const unsigned end = at + size == nal.size() ? 0x40 : 0;
    Payload part{static_cast<std::uint8_t>((nal[0] & 0xe0U) | 28U),
                 static_cast<std::uint8_t>(start | end | (nal[0] & 0x1fU))};
    part.insert(part.end(), nal.begin() + static_cast<std::ptrdiff_t>(at),
                nal.begin() + static_cast<std::ptrdiff_t>(at + size));
    parts.push_back(std::move(part));
    at += size;
  }
  return parts;
}

/// NAL units of the packets in order; a fragment that misses its neighbours is left out.
inline std::vector<Payload> depacketise(const std::vector<VideoPacket>& packets) {
  std::vector<Payload> nals;
  Payload whole;
  for (const VideoPacket& packet : packets) {
    const Payload& octets = packet.octets;
    const unsigned type = octets[0] & 0x1fU;
    if (type == 28) {
      if ((octets[1] & 0x80U) != 0) whole = {static_cast<std::uint8_t>((octets[0] & 0xe0U) | (octets[1] & 0x1fU))};
      if (whole.empty()) continue;
      whole.insert(whole.end(), octets.begin() + 2, octets.end());
      if ((octets[1] & 0x40U) != 0) nals.push_back(std::exchange(whole, {}));
    } else if (type == 24) {
      for (std::size_t at = 1; at + 2 < octets.size();) {
        const std::size_t size = load_be16(&octets[at]);
        nals.emplace_back(octets.begin() + static_cast<std::ptrdiff_t>(at + 2),
                          octets.begin() + static_cast<std::ptrdiff_t>(at + 2 + size));
        at += 2 + size;
      }
    } else {
      nals.push_back(octets);
    }
  }
  return nals;
}

inline bool is_slice(const Payload& nal) { return (nal[0] & 0x1fU) == 1 || (nal[0] & 0x1fU) == 5; }

inline std::vector<Payload> slices(const std::vector<Payload>& nals) {
  std::vector<Payload> only;
  for (const Payload& nal : nals) {
    if (is_slice(nal)) only.push_back(nal);
  }
  return only;
}

/// One stream of video: A is the Microsoft peer (PT 122), B the standards one (PT 97).
class VideoBench {
 public:
  explicit VideoBench(std::function<void(contract::StreamSpec&)> change = {}) {
    spec = relay.spec();
    contract::StreamSpec& stream = spec.streams[0];
    stream.kind = contract::MediaKind::kVideo;
    stream.leg[0].video.format = contract::VideoFormat::kH264Uc;
    stream.leg[0].feedback = contract::FeedbackDialect::kMicrosoft;
    stream.leg[1].video.format = contract::VideoFormat::kH264;
    stream.a_to_b = {{122, 97, 90'000, 90'000}};
    stream.b_to_a = {{97, 122, 90'000, 90'000}};
    if (change) change(stream);
    state = *relay.table.open(spec, relay.now.monotonic_ns);
    others = relay.tick();
  }

  /// One packet from the peer of `side`; what its far peer gets.
  std::vector<VideoPacket> send(std::size_t side, std::uint16_t sequence, std::uint32_t timestamp, bool marker,
                                const Payload& octets, std::uint8_t dscp = 0) {
    const auto& remote = *spec.streams[0].leg[side].remote_rtp;
    const std::uint8_t type = side == 0 ? 122 : 97;
    const Payload frame = make_frame(remote, state.streams[0].leg[side].local_rtp,
                                     with_header(type, sequence, timestamp, marker, octets), dscp);
    std::vector<VideoPacket> got = take(relay.run({frame}), 1 - side);
    for (VideoPacket& packet : take(relay.tick(), 1 - side)) got.push_back(std::move(packet));
    return got;
  }

  std::vector<VideoPacket> take(const std::vector<Sent>& sent, std::size_t side) {
    std::vector<VideoPacket> packets;
    for (const Sent& one : sent) {
      if (one.to != *spec.streams[0].leg[side].remote_rtp) {
        others.push_back(one);
        continue;
      }
      bad_checksums += one.good_checksums ? 0 : 1;
      const wire::RtpHeader header = one.rtp();
      const std::size_t bytes = wire::rtp_header_bytes(one.payload.data(), one.payload.size());
      packets.push_back({header.sequence, header.timestamp, header.marker,
                         Payload(one.payload.begin() + static_cast<std::ptrdiff_t>(bytes), one.payload.end()),
                         one.dscp});
    }
    return packets;
  }

  /// Nothing stays behind, and the books balance.
  bool clean() {
    relay.table.close(spec.id, relay.now.monotonic_ns);
    relay.tick();
    return relay.balanced() && relay.io.outstanding() == 0 && relay.io.double_releases == 0 &&
           relay.link.counters.held.get() == 0 && bad_checksums == 0;
  }

  RelayBench relay;
  contract::SessionSpec spec;
  contract::SessionState state;
  std::vector<Sent> others;  ///< RTCP and whatever else left
  int bad_checksums = 0;
};

}  // namespace isthmus::test
