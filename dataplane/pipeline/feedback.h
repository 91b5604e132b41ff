#pragma once

// Requests for pictures and lost packets, in the words of each peer. Private to this folder.

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtcp.h"

namespace isthmus::pipeline {

/// The leg's feedback is sent in this turn, or by the scan when too many wait.
void wake_feedback(State& state, session::Leg& leg);
void send_leg_feedback(State& state, session::Leg& leg, io::Burst& out);

/// Asks the source of a Microsoft peer's picture again while its media is young: a client whose decoder comes up after
/// the first key frame shows nothing until the next, and one of them never asks. An ask that brings no key picture is
/// repeated sooner: requests get lost, and busy encoders miss them.
void ask_again(State& state, session::Leg& leg);

/// A Microsoft peer sends video only when it is asked to ([MS-RTP] 2.2.12.2).
bool asks_for_source(const session::Leg& leg);
/// Adds the video source request of the leg; the same one keeps its id.
void request_source(session::Leg& leg, wire::RtcpWriter& writer, bool key_frame);

}  // namespace isthmus::pipeline
