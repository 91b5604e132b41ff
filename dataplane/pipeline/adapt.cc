// H.264 <-> X-H264UC by repacking alone, and packets that the far peer can take: slices are never touched.
//
//   X-H264UC -> H.264   PACSI, prefix NAL units, private SEIs and layers that are not wanted go
//   H.264 -> X-H264UC   a PACSI leads each picture
//   both                parameter sets before an IDR picture that lacks them; mode 0 and packet size of the far peer
//
// What came stays one packet wherever it can, in the frame it came in.

#include "dataplane/pipeline/adapt.h"

#include <algorithm>
#include <cstring>

#include "dataplane/payload/microsoft_sei.h"
#include "dataplane/payload/pacsi.h"
#include "dataplane/pipeline/feedback.h"
#include "dataplane/pipeline/leg_setup.h"

namespace isthmus::pipeline {
namespace {

using contract::VideoFormat;
using payload::NalType;
using session::VideoLeg;
using session::VideoPicture;

enum class Fate : std::uint8_t { kKeep, kLeave, kLayer };

void ask_for_picture(AdaptJob& job) {
  job.leg.feedback.pli_wanted = true;
  wake_feedback(job.state, job.leg);
}

/// May a picture of this layer be left out? One that others refer to only where the SPS allows for gaps.
bool is_unwanted_layer(const VideoLeg& video, std::uint8_t nal_header) {
  if (video.picture.temporal_id <= video.max_temporal_id || payload::nal_type(nal_header) == NalType::kIdrSlice) {
    return false;
  }
  return payload::nal_ref_idc(nal_header) == 0 || (video.sps && video.sps->gaps_allowed);
}

/// `nal`: as much as there is of it, its header at least.
Fate fate_of(const VideoLeg& video, Bytes nal) {
  const NalType type = payload::nal_type(nal[0]);
  if (payload::is_base_slice(type)) return is_unwanted_layer(video, nal[0]) ? Fate::kLayer : Fate::kKeep;
  if (video.from == video.to) return Fate::kKeep;
  switch (type) {
    case NalType::kPrefix:
    case NalType::kSubsetSps:
    case NalType::kScalableSlice:
    case NalType::kDepthSlice:
    case NalType::kPacsi: return Fate::kLeave;
    case NalType::kSei: return payload::microsoft_sei(nal) == payload::MicrosoftSei::kNone ? Fate::kKeep : Fate::kLeave;
    default: return Fate::kKeep;
  }
}

/// Temporal layer of the slices behind it.
bool read_layer(VideoPicture& picture, Bytes nal) {
  if (payload::nal_type(nal[0]) == NalType::kPacsi) {
    const auto pacsi = payload::read_pacsi(nal);
    if (pacsi) picture.temporal_id = pacsi->scalable.temporal_id;
    return pacsi.has_value();
  }
  if (nal.size() <= payload::kScalableHeaderBytes) return false;
  picture.temporal_id = payload::read_scalable_header(nal.data() + 1).temporal_id;
  return true;
}

bool names_layer(NalType type) { return type == NalType::kPacsi || type == NalType::kPrefix; }

void end_picture(State& state, session::Leg& leg) {
  VideoLeg& video = *leg.video;
  VideoPicture& picture = video.picture;
  if (!picture.announced) announce(state, leg);
  if (picture.slices == 0) return;
  if (picture.temporal_id == 0) {
    video.had_base = true;
    video.without_base = 0;
  } else if (video.had_base) {  // some clients write a constant there, and it may be any
    ++video.without_base;
  }
  video.steady = picture.slices == 1 ? video.steady + 1 : 0;
}

void begin_picture(AdaptJob& job, std::uint32_t timestamp) {
  VideoLeg& video = job.video;
  if (video.picture.begun) end_picture(job.state, job.leg);
  video.picture = {};
  video.picture.begun = true;
  video.picture.timestamp = timestamp;
  video.picture.announced = video.to != VideoFormat::kH264Uc || video.from == video.to;
}

/// Nothing that a receiver knows leads to a picture that is no key: there was none, its parameter sets are others now,
/// or the layer that it refers to has stopped. Numbers without a hole tell the receiver nothing of that.
bool cannot_be_decoded(const VideoLeg& video) {
  return !video.had_idr || video.new_sps || video.without_base >= session::kMaxWithoutBase;
}

/// A NAL unit that goes on begins.
void note_nal(AdaptJob& job, std::uint8_t nal_header) {
  VideoLeg& video = job.video;
  VideoPicture& picture = video.picture;
  const NalType type = payload::nal_type(nal_header);
  if (type == NalType::kIdrSlice) {
    if (!picture.idr) {
      send_missing_sets(job);
      ++video.key_pictures;
    }
    picture.idr = video.had_idr = true;
    video.new_sps = false;
  } else if (type == NalType::kSlice && picture.slices == 0 && cannot_be_decoded(video)) {
    ask_for_picture(job);
  }
  picture.has_sps |= type == NalType::kSps;
  picture.has_pps |= type == NalType::kPps;
  picture.ref_idc = std::max(picture.ref_idc, payload::nal_ref_idc(nal_header));
  ++picture.nal_units;
  if (payload::is_base_slice(type)) ++picture.slices;
}

bool is_set(NalType type) { return type == NalType::kSps || type == NalType::kPps; }

void take_single(AdaptJob& job) {
  const Bytes nal = job.octets;
  const NalType type = payload::nal_type(nal[0]);
  if (names_layer(type) && !read_layer(job.video.picture, nal)) {
    job.why = DropReason::kNalMalformed;
    return;
  }
  if (is_set(type)) learn_set(job.video, nal);
  const Fate fate = fate_of(job.video, nal);
  if (fate == Fate::kLayer) job.why = DropReason::kLayerDropped;
  if (fate != Fate::kKeep) return;
  note_nal(job, nal[0]);
  if (nal.size() <= job.video.limit) {
    send_as_it_is(job);
  } else {
    send_nal(job, nal, job.marker, true);
  }
}

/// Moves the units that are kept together, in place, and sends them as one aggregate.
void send_aggregate(AdaptJob& job, std::span<const Bytes> kept) {
  std::uint8_t* begin = job.packet.payload + (job.octets.data() - job.packet.payload);
  std::uint8_t* at = begin + 1;
  for (const Bytes nal : kept) {
    std::memmove(at + payload::kStapSizeBytes, nal.data(), nal.size());
    store_be16(at, static_cast<std::uint16_t>(nal.size()));
    at += payload::kStapSizeBytes + nal.size();
  }
  const auto saved = static_cast<std::uint16_t>(job.octets.size() - static_cast<std::size_t>(at - begin));
  job.packet.length = static_cast<std::uint16_t>(at - job.packet.payload);
  job.packet.payload[0] &= static_cast<std::uint8_t>(~0x20U);  // padding went with the rest
  job.packet.octets = static_cast<std::uint16_t>(job.packet.octets - saved);
  send_as_it_is(job);
}

void take_aggregate(AdaptJob& job) {
  if (!payload::StapReader::valid(job.octets)) {
    job.why = DropReason::kNalMalformed;
    return;
  }
  std::array<Bytes, payload::kMaxAggregated> kept;
  std::size_t count = 0;
  std::size_t bytes = 1;
  payload::StapReader reader(job.octets);
  for (Bytes nal; reader.next(nal);) {
    const NalType type = payload::nal_type(nal[0]);
    if (names_layer(type)) read_layer(job.video.picture, nal);
    if (is_set(type)) learn_set(job.video, nal);
    const Fate fate = fate_of(job.video, nal);
    if (fate == Fate::kLayer) job.why = DropReason::kLayerDropped;
    if (fate != Fate::kKeep) continue;
    kept[count++] = nal;
    bytes += payload::kStapSizeBytes + nal.size();
  }
  if (count == 0) return;
  // Sets in the aggregate count as those of its IDR slice.
  for (std::size_t i = 0; i < count; ++i) {
    job.video.picture.has_sps |= payload::nal_type(kept[i][0]) == NalType::kSps;
    job.video.picture.has_pps |= payload::nal_type(kept[i][0]) == NalType::kPps;
  }
  for (std::size_t i = 0; i < count; ++i) note_nal(job, kept[i][0]);
  if (job.video.fragments && bytes <= job.video.limit && count > 1) {
    if (bytes == job.octets.size()) {
      send_as_it_is(job);
    } else {
      send_aggregate(job, {kept.data(), count});
    }
    return;
  }
  // The last one keeps the frame: what lies before it has gone by then.
  for (std::size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    send_nal(job, kept[i], job.marker && last, last);
  }
}

/// What was gathered and the fragment behind it, as fragments: no single packet holds the NAL unit.
void spill(AdaptJob& job, const payload::Fragment& fragment) {
  VideoLeg& video = job.video;
  if (video.whole_bytes > 1) {
    std::array<std::uint8_t, payload::kFuHeaderBytes> head;
    payload::write_fragment_header(head.data(), video.whole[0], true, false);
    send_copy(job, head, Bytes(video.whole.data(), video.whole_bytes).subspan(1), false);
  }
  send_fragment(job, fragment);
  video.whole_bytes = 0;
  video.spilling = !fragment.end;
}

/// For a peer without fragments: the NAL unit is put together. One that fits no packet goes in fragments all the same,
/// since such a peer would have no picture at all otherwise, and most read what they did not agree to.
void gather(AdaptJob& job, const payload::Fragment& fragment) {
  VideoLeg& video = job.video;
  const bool follows = static_cast<std::uint16_t>(video.whole_place + 1) == job.place;
  if (fragment.start) {
    video.whole[0] = fragment.nal_header;
    video.whole_bytes = 1;
    video.spilling = false;
  } else if (!follows || (video.whole_bytes == 0 && !video.spilling)) {
    video.whole_bytes = 0;
    video.spilling = false;
    job.why = DropReason::kFragmentLost;
    return;
  }
  video.whole_place = job.place;
  // What is kept has to fit behind a fragment's header, which is a byte longer than the NAL unit's.
  const std::size_t most = fragment.end ? video.limit : video.limit - 1;
  if (video.spilling || video.whole_bytes + fragment.body.size() > most) return spill(job, fragment);
  std::copy(fragment.body.begin(), fragment.body.end(),
            video.whole.begin() + static_cast<std::ptrdiff_t>(video.whole_bytes));
  video.whole_bytes += fragment.body.size();
  if (!fragment.end) return;
  send_copy(job, {}, Bytes(video.whole.data(), video.whole_bytes), job.marker);
  video.whole_bytes = 0;
}

/// The beginning of the NAL unit that a fragment starts: as much as its kind can be told from.
Fate fate_of_fragment(const VideoLeg& video, const payload::Fragment& fragment) {
  std::array<std::uint8_t, 32> head{};
  const std::size_t size = std::min(fragment.body.size(), head.size() - 1);
  head[0] = fragment.nal_header;
  std::copy_n(fragment.body.begin(), size, head.begin() + 1);
  return fate_of(video, Bytes(head).first(size + 1));
}

void take_fragment(AdaptJob& job) {
  payload::Fragment fragment;
  if (!payload::read_fragment(job.octets, fragment)) {
    job.why = DropReason::kNalMalformed;
    return;
  }
  VideoPicture& picture = job.video.picture;
  // A unit that never ends would be put together by the far peer until it has no memory left.
  std::size_t& so_far = job.video.fragmented_bytes;
  so_far = (fragment.start ? 0 : so_far) + fragment.body.size();
  if (so_far > session::kMaxFragmentedBytes) {
    job.why = DropReason::kNalMalformed;
    return;
  }
  const Fate fate =
      fragment.start ? fate_of_fragment(job.video, fragment) : fate_of(job.video, {&fragment.nal_header, 1});
  if (fragment.start) picture.dropping = fate == Fate::kLeave;
  if (fate == Fate::kLayer) job.why = DropReason::kLayerDropped;
  if (fate != Fate::kKeep || picture.dropping) return;
  if (fragment.start) note_nal(job, fragment.nal_header);
  if (job.video.fragments) {
    send_fragment(job, fragment);
  } else {
    gather(job, fragment);
  }
}

/// One that was overtaken goes out only as it is, and only if nothing was to be left out or added.
void take_late(AdaptJob& job) {
  const NalType type = payload::nal_type(job.octets[0]);
  Fate fate = Fate::kKeep;
  bool whole = job.octets.size() <= job.video.limit;
  payload::Fragment fragment;
  if (payload::is_single(type)) {
    fate = fate_of(job.video, job.octets);
  } else if (type == NalType::kFuA && payload::read_fragment(job.octets, fragment)) {
    fate = fate_of(job.video, {&fragment.nal_header, 1});
    whole &= job.video.fragments;
  } else if (type == NalType::kStapA && payload::StapReader::valid(job.octets)) {
    payload::StapReader reader(job.octets);
    for (Bytes nal; reader.next(nal);) whole &= fate_of(job.video, nal) == Fate::kKeep;
    whole &= job.video.fragments;
  } else {
    if (type != NalType::kPacsi) job.why = DropReason::kNalMalformed;
    return;
  }
  if (fate != Fate::kKeep) return;
  if (whole) {
    send_as_it_is(job);
  } else {
    job.why = DropReason::kAdaptLate;
  }
}

void take_in_order(AdaptJob& job, std::uint32_t timestamp) {
  VideoLeg& video = job.video;
  const bool gap = video.numbered && static_cast<std::uint16_t>(video.last_place + 1) != job.place;
  video.last_place = job.place;
  video.numbered = true;
  // Microsoft clients seldom ask by themselves, and one of them never.
  if (gap && video.to == VideoFormat::kH264Uc && (video.picture.idr || !video.had_idr)) ask_for_picture(job);
  if (!video.picture.begun || video.picture.timestamp != timestamp) begin_picture(job, timestamp);
  const NalType type = payload::nal_type(job.octets[0]);
  if (payload::is_single(type) || type == NalType::kPacsi) {
    take_single(job);
  } else if (type == NalType::kStapA) {
    take_aggregate(job);
  } else if (type == NalType::kFuA) {
    take_fragment(job);
  } else {
    job.why = DropReason::kNalUnsupported;
  }
  if (job.marker && !job.marker_sent && video.picture.sent) send_marker(job);
  video.rate_bytes += job.octets.size();
  const bool known = job.marker || (video.picture.slices > 0 && video.steady >= session::kSteadyPictures);
  if (known && !video.picture.announced && video.held_count > 0) announce(job.state, job.leg);
}

void finish(AdaptJob& job) {
  VideoLeg& video = job.video;
  if (!job.late && job.outputs != 1) {
    video.shift = static_cast<std::uint16_t>(video.shift + job.outputs - 1);
    video.changes[video.change_count++ % session::kNumberHistory] = {static_cast<std::uint16_t>(job.place + 1),
                                                                     video.shift};
  }
  if (job.frame_used) return;
  if (job.leg.traced) [[unlikely]]
    trace_adapted(job.state, job.packet, job.why ? &*job.why : nullptr);
  if (job.why) {
    job.leg.drops.add(1);
    job.state.drop_frame(job.frame, *job.why);
  } else {
    job.state.link.counters.consumed.add(1);
    job.state.io.release(job.frame);
  }
}

void adapt_packet(State& state, const io::Frame& frame, const Packet& packet) {
  session::Leg& leg = *packet.leg;
  AdaptJob job{state, leg, *leg.video, frame, packet};
  std::copy_n(packet.payload, job.header.size(), job.header.begin());
  job.header[0] = 0x80;
  job.marker = (job.header[1] & 0x80U) != 0;
  job.header[1] &= 0x7fU;
  job.place = load_be16(packet.payload + 2);
  job.late = job.video.numbered && static_cast<std::uint16_t>(job.place - job.video.last_place - 1) >= 0x7fffU;
  const std::size_t header_bytes = wire::rtp_header_bytes(packet.payload, packet.length);
  job.octets = Bytes(packet.payload + header_bytes, packet.octets);
  if (job.octets.empty()) {
    if (!job.late) {
      job.video.last_place = job.place;
      job.video.numbered = true;
    }
    job.why = DropReason::kNalMalformed;
  } else if (job.late) {
    take_late(job);
  } else {
    take_in_order(job, load_be32(packet.payload + 4));
  }
  finish(job);
}

}  // namespace

void adapt(State& state, io::Burst& burst) {
  Batch& batch = state.rtp;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < batch.count; ++i) {
    const Packet& packet = batch.packets[i];
    if (packet.leg->receive.adapts != 0) {
      adapt_packet(state, burst.frames[packet.frame], packet);
      continue;
    }
    if (kept != i) batch.packets[kept] = packet;
    ++kept;
  }
  batch.count = kept;
  state.link.counters.held.set(state.held);
}

bool take_adapted(State& state, io::Burst& out) {
  Batch& batch = state.rtp;
  batch.count = 0;
  batch.secured_out = false;
  for (; state.adapted_at < state.adapted.size() && !out.full(); ++state.adapted_at) {
    const session::HeldPacket& made = state.adapted[state.adapted_at];
    Packet packet;
    packet.payload = made.payload;
    packet.leg = state.adapted_legs[state.adapted_at];
    packet.length = made.length;
    packet.octets = made.octets;
    packet.frame = static_cast<std::uint8_t>(out.count);
    packet.generated = made.generated;
    packet.dscp = made.dscp;
    if (!made.generated) --state.held;
    out.add(made.frame);
    if (packet.leg->traced) [[unlikely]]
      trace_made(state, made, packet);
    const session::LegTransmit& transmit = packet.leg->receive.far->transmit;
    if (transmit.state != session::LegTransmit::kOpen) {
      state.drop(out, packet, why_closed(transmit.state));
      --out.count;
      continue;
    }
    batch.secured_out |= transmit.context != nullptr;
    batch.add() = packet;
  }
  const bool more = state.adapted_at < state.adapted.size();
  if (!more) {
    state.adapted.clear();
    state.adapted_legs.clear();
    state.adapted_at = 0;
  }
  state.link.counters.held.set(state.held);
  return more;
}

void let_go(State& state, session::Leg& leg, bool closing) {
  if (leg.video == nullptr || leg.video->held_count == 0) return;
  VideoLeg& video = *leg.video;
  if (!closing) {
    if (state.time.now.monotonic_ns - video.held_ns >= kHeldNs) announce(state, leg);
    return;
  }
  for (std::size_t i = 0; i < video.held_count; ++i) drop_held(state, leg, video.held[i], DropReason::kPortClosed);
  video.held_count = 0;
  state.link.counters.held.set(state.held);
}

}  // namespace isthmus::pipeline
