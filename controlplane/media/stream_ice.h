#pragma once

// ICE as descriptions carry it (RFC 8839, [MS-ICE2]). The checks themselves are controlplane/ice's: it takes
// local_candidates() and StreamLeg::ice, and gives back with_nominated(). A description written after that names the
// chosen pairs, which is the re-INVITE of [MS-ICE2] (make_full_offer) or the answer to the peer's.

#include <vector>

#include "controlplane/media/call_media.h"
#include "dataplane/base/random.h"

namespace isthmus::media {

/// Our host candidates of this stream: the ports of the data plane, without component 2 where RTCP is muxed. Of a leg
/// that is undecided those over UDP come first.
std::vector<sdp::Candidate> local_candidates(const StreamLeg& leg);

/// The pairs that the agent of `side` chose, by the peer's ends. Nothing happens when that leg has no ICE, or its
/// peer's user name is not known.
CallMedia with_nominated(CallMedia media, Side side, std::size_t stream, const SocketAddress& rtp,
                         const std::optional<SocketAddress>& rtcp);

/// True when every stream of `side` that does ICE has its pairs.
bool all_nominated(const CallMedia& media, Side side);

// ---- private to this folder ----

/// Draws what a new stream has of its own on a leg, by the dialect: range of SSRCs, ICE user name and password. A leg
/// with ICE is undecided between UDP and TCP.
void draw_stream_identity(const LegSettings& settings, sdp::MediaKind kind, StreamLeg& leg, RandomSource& random);

/// Fresh user name and password: a new stream, or a restart (RFC 8445 9).
StreamIce draw_ice(RandomSource& random);

/// Takes the peer's user name, password and candidates into leg.ice, or resets it when it has none or too short ones.
/// True when they differ from those before: the peer restarts.
bool read_ice(const LegSettings& settings, const sdp::MediaSection& section, StreamLeg& leg);

void write_ice(const StreamLeg& leg, sdp::MediaSection& section);

}  // namespace isthmus::media
