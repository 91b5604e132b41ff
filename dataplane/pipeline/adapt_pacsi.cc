// Towards X-H264UC: the PACSI that leads each picture ([MS-H264PF] 2.2).

#include <algorithm>

#include "dataplane/payload/microsoft_sei.h"
#include "dataplane/payload/pacsi.h"
#include "dataplane/pipeline/adapt.h"
#include "dataplane/pipeline/own_packets.h"

namespace isthmus::pipeline {
namespace {

using session::VideoLeg;

constexpr std::uint8_t k30Fps = 4;  // index of payload::kFrameRateTenths

/// Measured where there is a second of it, nominal before.
void describe_rate(VideoLeg& video, std::uint64_t now_ns, payload::LayerDescription& layer) {
  layer.bit_rate = std::uint32_t{layer.coded_width} * layer.coded_height * 4U / 3U;  // 1.2 Mbit/s at 720p
  layer.frame_rate = k30Fps;
  const std::uint64_t passed_ms = (now_ns - video.rate_ns) / session::kNsPerMs;
  if (video.rate_ns == 0 || passed_ms < 1000) return;
  layer.bit_rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(video.rate_bytes * 8000 / passed_ms, UINT32_MAX));
  layer.frame_rate =
      payload::nearest_frame_rate(static_cast<std::uint32_t>(std::uint64_t{video.rate_pictures} * 10'000 / passed_ms));
  video.rate_ns = 0;
}

payload::LayerDescription describe(VideoLeg& video, std::uint64_t now_ns) {
  payload::LayerDescription layer;
  layer.coded_width = video.sps->coded_width;
  layer.coded_height = video.sps->coded_height;
  layer.display_width = video.sps->width;
  layer.display_height = video.sps->height;
  layer.constrained_baseline = video.sps->is_constrained_baseline();
  describe_rate(video, now_ns, layer);
  return layer;
}

std::size_t write(State& state, VideoLeg& video, MutableBytes to) {
  session::VideoPicture& picture = video.picture;
  payload::Pacsi pacsi;
  pacsi.ref_idc = picture.ref_idc;
  pacsi.scalable.idr = picture.idr;
  pacsi.decoding_order = video.decoding_order;
  video.decoding_order = static_cast<std::uint16_t>(video.decoding_order + picture.nal_units);
  std::array<std::uint8_t, payload::kStreamLayoutBytes> layout;
  if (picture.idr && video.sps) {
    layout = payload::write_stream_layout(describe(video, state.time.now.monotonic_ns));
    pacsi.add(layout);
  }
  if (picture.ref_idc > 0) ++video.reference_frames;
  const auto units = static_cast<std::uint8_t>(std::min<std::uint16_t>(picture.nal_units, 255));
  const auto info = payload::write_bitstream_info({video.reference_frames, units});
  pacsi.add(info);
  return payload::write_pacsi(pacsi, to);
}

}  // namespace

void announce(State& state, session::Leg& leg) {
  VideoLeg& video = *leg.video;
  video.picture.announced = true;
  if (video.held_count == 0) return;
  if (video.rate_ns == 0) {
    video.rate_ns = state.time.now.monotonic_ns;
    video.rate_bytes = video.rate_pictures = 0;
  }
  ++video.rate_pictures;
  OwnFrame own = allocate_own(state);
  if (own.payload != nullptr) {
    session::HeldPacket packet;
    packet.frame = own.frame;
    packet.payload = own.payload;
    packet.generated = true;
    packet.sequence_in = video.held[0].sequence_in;
    packet.arrived_ns = state.time.now.monotonic_ns;
    packet.dscp = video.held[0].dscp;
    std::copy_n(video.held[0].payload, wire::kMinRtpBytes, own.payload);
    own.payload[0] = 0x80;
    own.payload[1] &= 0x7fU;
    store_be16(own.payload + 2, video.picture.pacsi_number);
    const std::size_t room = std::min<std::size_t>(own.room - wire::kMinRtpBytes, video.limit);
    packet.octets = static_cast<std::uint16_t>(write(state, video, {own.payload + wire::kMinRtpBytes, room}));
    packet.length = static_cast<std::uint16_t>(packet.octets + wire::kMinRtpBytes);
    push(state, leg, packet);
  }
  for (std::size_t i = 0; i < video.held_count; ++i) push(state, leg, video.held[i]);
  video.held_count = 0;
}

}  // namespace isthmus::pipeline
