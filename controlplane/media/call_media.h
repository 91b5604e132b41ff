#pragma once

// The media of one call as a value: two legs, each with its own description, and the streams that join them. Part of
// the call's state: copied, journalled, compared; no I/O, no thread, no clock.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/media/policy.h"
#include "controlplane/sdp/session_description.h"
#include "dataplane/base/secret.h"
#include "dataplane/contract/messages.h"

namespace isthmus::media {

using contract::other;
using contract::Side;

/// One codec on one leg. The numbers differ by direction: the peer sends `own.payload_type` to us (it reads it in our
/// description), we send `peer.payload_type` to it.
struct LegFormat {
  sdp::PayloadFormat own{};
  sdp::PayloadFormat peer{};
  bool operator==(const LegFormat&) const = default;
};

/// ICE of one stream on one leg: what both descriptions say, and what came out of it. The checks are
/// controlplane/ice's.
struct StreamIce {
  std::string local_ufrag{};
  SecretBytes local_pwd{};
  std::string remote_ufrag{};  ///< Empty until the peer's description is here; so is the password.
  SecretBytes remote_pwd{};
  /// Of the peer: of the leg's transport, to addresses we may send to, of the two components.
  std::vector<sdp::Candidate> remote_candidates{};
  /// The peer's last description named our candidates (a=remote-candidates): its agent has finished.
  bool peer_concluded = false;
  /// The peer's end of the chosen pairs; see with_nominated().
  std::optional<SocketAddress> nominated_rtp{};
  std::optional<SocketAddress> nominated_rtcp{};

  bool is_nominated() const { return nominated_rtp.has_value(); }
  bool operator==(const StreamIce&) const = default;
};

/// One stream on one leg.
struct StreamLeg {
  // Ours.
  std::optional<SocketAddress> local_rtp{};  ///< From the data plane.
  std::optional<SocketAddress> local_rtcp{};
  std::uint32_t ssrc = 0;  ///< Outgoing, as the data plane reported it; 0: not known yet.
  IpFamily family = IpFamily::kV4;
  /// UDP or TCP: the peer's first description on this leg decides, so an offer of ours names both (R80). It is a leg
  /// over UDP until then.
  bool undecided = false;
  std::vector<sdp::CryptoAttribute> own_crypto{};  ///< Lines we wrote last; kept for re-offers.
  std::optional<sdp::SsrcRange> own_ssrcs{};       ///< Ours are from it; written as a=x-ssrc-range.
  std::optional<StreamIce> ice{};                  ///< Absent: none on this leg, or the peer has none.

  // The last description of the peer, as far as we took it.
  bool accepted = false;                                      ///< The peer has this stream, with a port.
  sdp::Protocol protocol = sdp::Protocol::kRtpAvp;            ///< Profile in use on this m-line.
  sdp::Direction peer_direction = sdp::Direction::kSendRecv;  ///< As the peer wrote; c=0.0.0.0 takes "receive" away.
  /// What the peer would do if it were asked for everything: its own word, plus what our last offer did not ask for. A
  /// hold of one side then does not look like a hold of the other.
  sdp::Direction peer_wish = sdp::Direction::kSendRecv;
  /// In the peer's order; between dialects in the order of codec_match's crossing(). While an offer of ours is open:
  /// `peer` equals `own`.
  std::vector<LegFormat> formats{};
  std::optional<SocketAddress> remote_rtp{};
  std::optional<SocketAddress> remote_rtcp{};
  bool rtcp_mux = false;                       ///< In use.
  bool offers_mux = false;                     ///< What our offers say, whatever the peer made of it.
  std::vector<sdp::RtcpFeedback> feedback{};   ///< Of the peer, only what may cross; payload types dropped ("*").
  std::optional<sdp::SsrcRange> peer_ssrcs{};  ///< The peer's a=x-ssrc-range.
  std::optional<std::uint64_t> bandwidth_bps{};
  std::optional<std::uint32_t> ptime_ms{};
  std::optional<std::uint32_t> maxptime_ms{};

  // SRTP in use; both or none.
  std::optional<sdp::CryptoAttribute> send_crypto{};     ///< Ours
  std::optional<sdp::CryptoAttribute> receive_crypto{};  ///< The peer's

  /// Every payload type this leg ever bound, so that none changes its meaning (RFC 3264 8.3.2). At most 128.
  std::vector<sdp::PayloadFormat> numbers{};

  /// Where media goes: the nominated pair, else what c= and m= say.
  const std::optional<SocketAddress>& transmit_rtp() const {
    return ice && ice->nominated_rtp ? ice->nominated_rtp : remote_rtp;
  }
  const std::optional<SocketAddress>& transmit_rtcp() const {
    return ice && ice->nominated_rtp ? ice->nominated_rtcp : remote_rtcp;
  }
  /// One connection carries RTP, RTCP and checks (RFC 4571); decided by the peer's first description, for good.
  bool is_over_tcp() const { return sdp::is_over_tcp(protocol); }
  bool is_secured() const { return send_crypto.has_value() && receive_crypto.has_value(); }
  bool operator==(const StreamLeg&) const = default;
};

struct Stream {
  sdp::MediaKind kind = sdp::MediaKind::kAudio;  ///< kAudio or kVideo
  std::array<StreamLeg, 2> leg{};                ///< by Side
  bool operator==(const Stream&) const = default;
};

/// One m-line of a leg, by position. Positions never move (RFC 3264 8).
struct LegLine {
  std::optional<std::size_t> stream{};  ///< Index into CallMedia::streams; empty: refused in place.
  sdp::MediaSection seen{};             ///< What the refusal repeats of it: words of the m-line and formats.
  bool operator==(const LegLine&) const = default;
};

/// What a leg was last told about one stream of the other leg; decides whether it has to be told anew.
struct StreamView {
  bool active = false;
  sdp::Direction direction = sdp::Direction::kSendRecv;
  std::vector<sdp::PayloadFormat> formats{};
  std::vector<sdp::RtcpFeedback> feedback{};
  std::optional<std::uint64_t> bandwidth_bps{};
  std::optional<std::uint32_t> ptime_ms{};
  std::optional<std::uint32_t> maxptime_ms{};
  bool operator==(const StreamView&) const = default;
};

struct LegMedia {
  LegSettings settings{};
  std::vector<LegLine> lines{};
  std::string session_id{};                          ///< Of our o= on this leg; drawn by begin().
  std::string cname{};                               ///< Of our RTCP on this leg (RFC 7022 4.2); drawn by begin().
  std::uint64_t version = 0;                         ///< Of our o=; one more for each changed description.
  bool ice_controlling = true;                       ///< Ours is the first offer of this leg (RFC 8445 6.1.1).
  std::uint64_t ice_tie_breaker = 0;                 ///< Drawn by begin() (RFC 8445 7.1.1).
  std::optional<sdp::SessionDescription> written{};  ///< The last one we sent on this leg.
  std::vector<StreamView> told{};                    ///< By stream.
};

struct CallMedia {
  std::array<LegMedia, 2> leg{};  ///< by Side
  std::vector<Stream> streams{};  ///< Same positions as in contract::SessionSpec; a stream that ended keeps its place.
};

}  // namespace isthmus::media
