#pragma once

// Offer and answer of a call in the middle (RFC 3264), as functions from value to value. On failure the value the
// caller still holds is the state before: nothing to roll back. The usual order, with A calling B:
//
//   m = accept_offer(begin(a, b, r), kA, offer, r)      INVITE from A          (without SDP: begin_with_preset)
//   relay.open(session_spec(m, id, 1)) -> m = with_ports(m, state)
//   w = make_offer(m, kB, r)                       INVITE to B
//   m = accept_answer(w.media, kB, answer)        18x or 2xx from B; each fork from its own copy of w.media
//   w = make_answer(m, kA)                        18x or 2xx to A        (delayed offer: make_offer(m, kA), and the
//   relay.update(session_spec(w.media, id, 2))                            answer of the ACK to accept_answer)
//
// A re-offer from either side is the same from its second line on. Where make_offer says `changed == false`, the far
// side need not be asked: make_answer can follow at once.

#include "controlplane/media/call_media.h"
#include "controlplane/media/refusal.h"
#include "dataplane/base/random.h"

namespace isthmus::media {

/// Streams of one kind that are joined; more of a kind are refused in place (presentation video comes with its floor).
inline constexpr std::size_t kMaxStreamsOfKind = 1;

/// Draws what names each leg's session (o= id, RTCP CNAME).
CallMedia begin(LegSettings a, LegSettings b, RandomSource& random);

/// A call whose INVITE from `absent` had no SDP (R38): as if that side had offered the preset of the other leg's zone.
/// Continue with make_offer(other(absent)); `absent` then gets an offer of ours.
Outcome<CallMedia> begin_with_preset(LegSettings a, LegSettings b, Side absent, RandomSource& random);

/// Takes an offer. Streams that both zones can carry are bound, the others will be answered with port 0. Our SRTP keys
/// towards `from` are drawn here. Refused whole when nothing is left, or when encryption fails for a kind.
Outcome<CallMedia> accept_offer(CallMedia media, Side from, const sdp::SessionDescription& offer, RandomSource& random);

/// Puts in what the data plane opened: addresses, ports and SSRCs by stream position.
CallMedia with_ports(CallMedia media, const contract::SessionState& state);

/// The data plane forgot where its SRTP indices stood: every SSRC of ours is a new one, so that no key meets an index
/// again (RFC 3711 9.1). Ranges move on; a range of one moves outside of what the peer was told, until the next offer.
CallMedia with_fresh_ssrcs(CallMedia media);

/// Another copy of the same media after the data plane was told `decided`: what that decided about UDP and TCP on this
/// leg stays, whichever answer is taken in the end.
CallMedia with_decisions(CallMedia media, Side side, const CallMedia& decided);

/// `kept`, after the peer of leg `to` has taken an offer of `offered` that came to nothing: what it was told and the
/// lines that it knows stay known (RFC 3264 8), so that the next make_offer takes them back.
CallMedia with_taken_offer(CallMedia kept, const CallMedia& offered, Side to);

struct Written {
  CallMedia media;
  sdp::SessionDescription description;
  /// Of an offer: tells the peer something it was not told yet. When false, `media` is the value given. The o= version
  /// goes up whenever the text differs from the last one on that leg (RFC 3264 8).
  bool changed = true;
};

/// Words an offer to `to` from what the other side has on its leg. Every active stream needs its ports (with_ports).
Outcome<Written> make_offer(CallMedia media, Side to, RandomSource& random);

/// The same, worded in any case: `to` sent a re-INVITE without SDP and waits for an offer. Follow the answer with
/// make_offer(other(to)), which says whether the far side has to hear of it.
Outcome<Written> make_full_offer(CallMedia media, Side to, RandomSource& random);

/// Some stream has a codec that the other side agreed to and `to` was told of. False: `to` refused the offer that would
/// have told it, and neither can hear the other.
bool has_codec_as_told(const CallMedia& media, Side to);

/// Takes the answer to the last make_offer towards `from`.
Outcome<CallMedia> accept_answer(CallMedia media, Side from, const sdp::SessionDescription& answer);

/// Words the answer to the last accept_offer from `to`, from what the other side has agreed.
Outcome<Written> make_answer(CallMedia media, Side to);

/// A best-effort offer as SAVP (BestEffortForm::kSavp) came back with 488: the same leg without encryption for the next
/// make_offer. Does nothing unless the zone says auto.
CallMedia without_encryption(CallMedia media, Side side);

/// R38: `side` agreed codecs of which the other leg can do only some, or prefers another: a re-offer would do better.
bool wants_follow_up(const CallMedia& media, Side side);

/// The codec that a leg's peer and we speak: the first that both legs have, or before that is known the peer's first.
/// Null: none yet.
const sdp::PayloadFormat* spoken_codec(const Stream& stream, Side side);

/// The whole wanted state for the data plane. Streams not agreed yet, or ended, have both directions off.
contract::SessionSpec session_spec(const CallMedia& media, contract::SessionId id, contract::Revision revision);

}  // namespace isthmus::media
