#pragma once

// Packets that start here: reports, feedback, injected ones. Private to this folder.

#include <string_view>

#include "dataplane/pipeline/state.h"
#include "dataplane/wire/rtcp.h"

namespace isthmus::pipeline {

/// Where a packet of our own goes and how.
struct OwnPacket {
  SocketAddress from;
  SocketAddress to;
  std::uint8_t dscp = 0;
  session::NextHopValue hop;
};

/// A frame with room for a payload of 1,500 bytes and a trailer; handle == nullptr: the io layer has none.
struct OwnFrame {
  io::Frame frame;
  std::uint8_t* payload = nullptr;
  std::size_t room = 0;
};
OwnFrame allocate_own(State& state);

/// Writes the headers and adds the frame to `out` (which has room); gives it back when it cannot go.
void finish_own(State& state, io::Burst& out, OwnFrame& own, std::size_t payload_bytes, const OwnPacket& packet);

bool can_send_rtcp(const session::Leg& leg);
/// Protects (where the leg is secured) and sends what `writer` has made in `own`.
void send_rtcp(State& state, session::Leg& leg, io::Burst& out, OwnFrame& own, const wire::RtcpWriter& writer);
std::string_view cname(const session::Leg& leg);

/// Sender or receiver report with CNAME (RFC 3550 6.4), one report block about the peer's source.
void send_report(State& state, session::Leg& leg, io::Burst& out);

}  // namespace isthmus::pipeline
