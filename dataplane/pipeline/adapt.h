#pragma once

// Parts of the adapt stage. Private to this folder.
//
// Numbers. The map stage gives each packet that came its place in the outgoing sequence. A packet that becomes none or
// several moves all that follow: number = place + shift. So a packet that was lost leaves a hole where it was, and what
// is added or taken away leaves none. Late packets look up the shift of their place.

#include <array>
#include <optional>

#include "dataplane/payload/h264.h"
#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtp.h"

namespace isthmus::pipeline {

/// One received packet while it is adapted.
struct AdaptJob {
  State& state;
  session::Leg& leg;  ///< that it came from
  session::VideoLeg& video;
  io::Frame frame;
  Packet packet;
  std::array<std::uint8_t, wire::kMinRtpBytes> header{};  ///< for packets made of it: no extension, no marker
  Bytes octets{};                                         ///< RTP payload
  std::uint16_t place = 0;
  bool marker = false;
  bool late = false;  ///< one behind it was here before: it may fill its place, no more
  bool marker_sent = false;
  bool frame_used = false;
  std::uint16_t outputs = 0;
  std::optional<DropReason> why{};  ///< the packet, as far as nothing of it goes on
};

// ---- numbers (adapt_output.cc) ----

std::optional<std::uint16_t> shift_at(const session::VideoLeg& video, std::uint16_t place);
/// The place that a number of ours stands for.
std::optional<std::uint16_t> place_of(const session::VideoLeg& video, std::uint16_t number);
/// Numbers begin again, or go on without the stage: `shift` is 0 afterwards.
void reset_numbers(session::VideoLeg& video);

// ---- what goes out (adapt_output.cc) ----

/// The packet as it came.
void send_as_it_is(AdaptJob& job);
/// A NAL unit that lies in the packet, in as many packets as it needs. With `own`
/// the frame of the packet carries it (the first part of it), so nothing that is still needed may lie before it.
void send_nal(AdaptJob& job, Bytes nal, bool marker, bool own);
/// A fragment, divided further where it is too large.
void send_fragment(AdaptJob& job, const payload::Fragment& fragment);
/// A payload of our own.
void send_copy(AdaptJob& job, Bytes head, Bytes body, bool marker);
/// The marker of a packet of which nothing goes on, on the last packet of its picture.
void send_marker(AdaptJob& job);
/// Puts a complete packet into the queue of the turn.
void push(State& state, session::Leg& leg, const session::HeldPacket& packet);
/// One that waited and goes nowhere.
void drop_held(State& state, session::Leg& leg, const session::HeldPacket& packet, DropReason reason);

// ---- parameter sets (adapt_sets.cc) ----

/// Remembers an SPS or PPS, from the stream or the session description.
void learn_set(session::VideoLeg& video, Bytes nal);
/// Sends those that the picture lacks, before its first IDR slice.
void send_missing_sets(AdaptJob& job);

// ---- towards X-H264UC (adapt_pacsi.cc) ----

/// The PACSI of the present picture goes out, and what waited for it.
void announce(State& state, session::Leg& leg);

}  // namespace isthmus::pipeline
