#pragma once

// One m-line of a peer's offer or answer, read into the leg of a stream; private to this folder.

#include "controlplane/media/call_media.h"
#include "controlplane/media/refusal.h"

namespace isthmus::media {

/// What a refusal of this m-line repeats: its words and its formats, without attributes.
sdp::MediaSection outline_of(const sdp::MediaSection& section);

const std::vector<CodecRule>& rules_for(const ZonePolicy& policy, sdp::MediaKind kind);

/// Where the peer wants media, checked (threat model B2: no loopback, link-local, multicast, broadcast, no name).
struct PeerAddresses {
  std::optional<SocketAddress> rtp;  ///< Empty: c= is 0.0.0.0, an old way to hold (RFC 3264 8.4).
  std::optional<SocketAddress> rtcp;
  IpFamily family = IpFamily::kV4;
};
Outcome<PeerAddresses> read_addresses(const LegSettings& settings, const sdp::SessionDescription& description,
                                      const sdp::MediaSection& section);

/// Not loopback, link-local, multicast, broadcast or one of those in disguise.
bool is_media_address(const LegSettings& settings, const IpAddress& address);

/// Puts addresses, direction, bandwidth, feedback and packet times of `section` into `leg`.
/// A Microsoft peer that names candidates, and none for UDP that we could use ([MS-ICE2], R80).
bool is_tcp_only(const LegSettings& settings, const sdp::MediaSection& section);

/// The peer's first description is here: from now on one of both carries the leg.
void decide_transport(StreamLeg& leg, bool tcp);

Outcome<void> read_transport(const LegSettings& settings, const sdp::SessionDescription& description,
                             const sdp::MediaSection& section, StreamLeg& leg);

}  // namespace isthmus::media
