#include <algorithm>
#include <cstring>

#include "dataplane/pipeline/adapt.h"
#include "dataplane/pipeline/own_packets.h"

namespace isthmus::pipeline {
namespace {

using session::HeldPacket;
using session::VideoLeg;

bool not_before(std::uint16_t number, std::uint16_t from) {
  return static_cast<std::uint16_t>(number - from) < 0x8000U;
}

/// Calls `matches` with the changes from the newest to the oldest that is still known.
template <typename Matches>
std::optional<std::uint16_t> search(const VideoLeg& video, Matches matches) {
  const std::size_t known = std::min(video.change_count, session::kNumberHistory);
  for (std::size_t i = 1; i <= known; ++i) {
    const session::NumberChange& change = video.changes[(video.change_count - i) % session::kNumberHistory];
    if (matches(change)) return change.shift;
  }
  if (video.change_count > session::kNumberHistory) return std::nullopt;
  return std::uint16_t{0};
}

/// The place's next number. The first packet of a picture towards X-H264UC leaves one for the PACSI before it.
std::optional<std::uint16_t> take_number(AdaptJob& job) {
  VideoLeg& video = job.video;
  if (job.late) {
    const auto shift = shift_at(video, job.place);
    if (!shift) return std::nullopt;
    return static_cast<std::uint16_t>(job.place + *shift);
  }
  const auto next = [&] { return static_cast<std::uint16_t>(job.place + video.shift + job.outputs++); };
  if (!video.picture.announced && !video.picture.sent) video.picture.pacsi_number = next();
  video.picture.sent = true;
  return next();
}

void emit(AdaptJob& job, HeldPacket& packet) {
  const auto number = take_number(job);
  packet.sequence_in = static_cast<std::uint16_t>(job.place - job.leg.receive.sequence_offset);
  packet.arrived_ns = job.state.time.now.monotonic_ns;
  packet.dscp = job.packet.dscp;
  if (!packet.generated) job.frame_used = true;
  if (!number) {
    job.why = DropReason::kAdaptLate;
    job.frame_used = false;
    if (packet.generated) job.state.io.release(packet.frame);
    return;
  }
  store_be16(packet.payload + 2, *number);
  if (!packet.generated) ++job.state.held;
  VideoLeg& video = job.video;
  if (!job.late && !video.picture.announced) {
    if (video.held_count == 0) video.held_ns = job.state.time.now.monotonic_ns;
    if (video.held_count < session::kMaxHeldPackets) {
      video.held[video.held_count++] = packet;
      return;
    }
    announce(job.state, job.leg);
  }
  push(job.state, job.leg, packet);
}

void write_header(const AdaptJob& job, std::uint8_t* to, bool marker) {
  std::memcpy(to, job.header.data(), job.header.size());
  if (marker) to[1] |= 0x80U;
}

/// The received frame carries `size` bytes at `payload`, which lie in it.
void emit_own(AdaptJob& job, std::uint8_t* payload, std::size_t size, bool marker) {
  HeldPacket packet;
  packet.frame = job.frame;
  packet.payload = payload - wire::kMinRtpBytes;
  packet.length = static_cast<std::uint16_t>(size + wire::kMinRtpBytes);
  packet.octets = static_cast<std::uint16_t>(size);
  write_header(job, packet.payload, marker);
  job.marker_sent |= marker;
  emit(job, packet);
}

/// The bytes belong to the frame, which the job owns.
std::uint8_t* writable(const AdaptJob& job, const std::uint8_t* at) {
  return job.packet.payload + (at - job.packet.payload);
}

}  // namespace

std::optional<std::uint16_t> shift_at(const VideoLeg& video, std::uint16_t place) {
  return search(video, [&](const session::NumberChange& change) { return not_before(place, change.from); });
}

std::optional<std::uint16_t> place_of(const VideoLeg& video, std::uint16_t number) {
  const auto shift = search(video, [&](const session::NumberChange& change) {
    return not_before(number, static_cast<std::uint16_t>(change.from + change.shift));
  });
  if (!shift) return std::nullopt;
  return static_cast<std::uint16_t>(number - *shift);
}

void reset_numbers(VideoLeg& video) {
  video.numbered = false;
  video.shift = 0;
  video.change_count = 0;
}

void push(State& state, session::Leg& leg, const HeldPacket& packet) {
  if (state.adapted.size() < kAdaptedPackets) {
    state.adapted.push_back(packet);
    state.adapted_legs.push_back(&leg);
    return;
  }
  drop_held(state, leg, packet, DropReason::kAdaptFull);
}

void drop_held(State& state, session::Leg& leg, const HeldPacket& packet, DropReason reason) {
  if (leg.traced) [[unlikely]]
    trace_held_drop(state, leg, packet, reason);
  if (packet.generated) {
    state.link.counters.generated_lost.add(1);
    state.io.release(packet.frame);
    return;
  }
  --state.held;
  leg.drops.add(1);
  state.drop_frame(packet.frame, reason);
}

void send_as_it_is(AdaptJob& job) {
  HeldPacket packet;
  packet.frame = job.frame;
  packet.payload = job.packet.payload;
  packet.length = job.packet.length;
  packet.octets = job.packet.octets;
  job.marker_sent |= job.marker;
  emit(job, packet);
}

void send_copy(AdaptJob& job, Bytes head, Bytes body, bool marker) {
  OwnFrame own = allocate_own(job.state);
  job.marker_sent |= marker;
  if (own.payload == nullptr) {
    if (!job.late) ++job.outputs;  // the receiver sees that something is missing
    return;
  }
  HeldPacket packet;
  packet.frame = own.frame;
  packet.payload = own.payload;
  packet.octets = static_cast<std::uint16_t>(head.size() + body.size());
  packet.length = static_cast<std::uint16_t>(packet.octets + wire::kMinRtpBytes);
  packet.generated = true;
  write_header(job, own.payload, marker);
  std::uint8_t* at = std::copy(head.begin(), head.end(), own.payload + wire::kMinRtpBytes);
  std::copy(body.begin(), body.end(), at);
  emit(job, packet);
}

void send_nal(AdaptJob& job, Bytes nal, bool marker, bool own) {
  const std::size_t limit = job.video.limit;
  if (nal.size() <= limit) {
    if (own) {
      emit_own(job, writable(job, nal.data()), nal.size(), marker);
    } else {
      send_copy(job, {}, nal, marker);
    }
    return;
  }
  const std::uint8_t nal_header = nal[0];
  Bytes rest = nal.subspan(1);
  std::array<std::uint8_t, payload::kFuHeaderBytes> head;
  for (bool start = true; !rest.empty(); start = false) {
    const Bytes part = rest.first(std::min(rest.size(), limit - payload::kFuHeaderBytes));
    rest = rest.subspan(part.size());
    const bool end = rest.empty();
    payload::write_fragment_header(head.data(), nal_header, start, end);
    if (start && own) {
      // One byte before the NAL unit; what lies there is the old header.
      std::uint8_t* at = writable(job, nal.data()) - 1;
      std::memcpy(at, head.data(), head.size());
      emit_own(job, at, head.size() + part.size(), marker && end);
    } else {
      send_copy(job, head, part, marker && end);
    }
  }
}

void send_fragment(AdaptJob& job, const payload::Fragment& fragment) {
  const std::size_t most = job.video.limit - payload::kFuHeaderBytes;
  if (fragment.body.size() <= most) {
    send_as_it_is(job);
    return;
  }
  Bytes rest = fragment.body;
  std::array<std::uint8_t, payload::kFuHeaderBytes> head;
  for (bool first = true; !rest.empty(); first = false) {
    const Bytes part = rest.first(std::min(rest.size(), most));
    rest = rest.subspan(part.size());
    const bool last = rest.empty();
    payload::write_fragment_header(head.data(), fragment.nal_header, fragment.start && first, fragment.end && last);
    if (first) {
      std::uint8_t* at = writable(job, part.data()) - head.size();
      std::memcpy(at, head.data(), head.size());
      emit_own(job, at, head.size() + part.size(), false);
    } else {
      send_copy(job, head, part, job.marker && last);
    }
  }
}

// Filler data (H.264 7.3.2.7) may follow the slices of a picture, and every decoder passes over it. So the picture ends
// where it did without anything having to wait for its end.
void send_marker(AdaptJob& job) {
  constexpr std::array<std::uint8_t, 2> kFiller{static_cast<std::uint8_t>(payload::NalType::kFiller), 0x80};
  VideoLeg& video = job.video;
  if (!video.picture.announced && video.held_count > 0) {
    video.held[video.held_count - 1].payload[1] |= 0x80U;
    job.marker_sent = true;
    return;
  }
  if (job.frame_used || job.octets.size() < kFiller.size()) {
    send_copy(job, {}, kFiller, true);
    return;
  }
  std::uint8_t* at = writable(job, job.octets.data());
  std::copy(kFiller.begin(), kFiller.end(), at);
  emit_own(job, at, kFiller.size(), true);
}

}  // namespace isthmus::pipeline
