#pragma once

// The fields of a journalled call, each struct once, for writing and reading (archive.h). A change here is a new
// kRecordVersion; since() names the version that brought a field.

#include "controlplane/b2bua/archive.h"
#include "controlplane/b2bua/call.h"
#include "controlplane/media/call_media.h"

namespace isthmus::sdp {

// clang-format off
template <typename A> void describe(A& a, MasterKeyIdentifier& v) { a(v.value, v.length); }
template <typename A> void describe(A& a, CryptoKey& v) { a(v.key_and_salt, v.lifetime, v.mki); }
template <typename A> void describe(A& a, CryptoAttribute& v) {
  a(v.tag, v.suite, v.unknown_suite, v.keys, v.key_derivation_rate, v.unencrypted_srtp, v.unencrypted_srtcp,
    v.unauthenticated_srtp, v.window_size_hint, v.other_parameters);
}
template <typename A> void describe(A& a, Origin& v) { a(v.username, v.session_id, v.version, v.address, v.is_v6); }
template <typename A> void describe(A& a, Connection& v) { a(v.address, v.name); }
template <typename A> void describe(A& a, Bandwidth& v) { a(v.type, v.value); }
template <typename A> void describe(A& a, PayloadFormat& v) {
  a(v.payload_type, v.encoding, v.clock_hz, v.channels, v.fmtp);
}
template <typename A> void describe(A& a, RtcpFeedback& v) { a(v.payload_type, v.value); }
template <typename A> void describe(A& a, SsrcRange& v) { a(v.first, v.last); }
template <typename A> void describe(A& a, Attribute& v) { a(v.name, v.value); }
template <typename A> void describe(A& a, Candidate& v) {
  a(v.foundation, v.component, v.transport, v.priority, v.address, v.type, v.related);
}
template <typename A> void describe(A& a, RemoteCandidate& v) { a(v.component, v.address); }
template <typename A> void describe(A& a, MediaSection& v) {
  a(v.kind, v.media_text, v.port, v.port_count, v.protocol, v.protocol_text, v.formats, v.format_text, v.connection,
    v.bandwidths, v.direction, v.rtcp_port, v.rtcp_connection, v.rtcp_mux, v.rtcp_rsize, v.feedback, v.crypto,
    v.ptime_ms, v.maxptime_ms, v.label, v.content, v.mid, v.ssrc_range, v.source, v.encryption, v.ice_ufrag,
    v.ice_pwd, v.candidates, v.remote_candidates, v.legacy_candidates, v.attributes);
}
template <typename A> void describe(A& a, SessionDescription& v) {
  a(v.origin, v.session_name, v.connection, v.bandwidths, v.groups, v.attributes, v.media);
}
// clang-format on

}  // namespace isthmus::sdp

namespace isthmus::media {

// clang-format off
template <typename A> void describe(A& a, LegFormat& v) { a(v.own, v.peer); }
template <typename A> void describe(A& a, StreamIce& v) {
  a(v.local_ufrag, v.local_pwd, v.remote_ufrag, v.remote_pwd, v.remote_candidates, v.peer_concluded, v.nominated_rtp,
    v.nominated_rtcp);
}
template <typename A> void describe(A& a, StreamLeg& v) {
  a(v.local_rtp, v.local_rtcp, v.ssrc, v.family, v.own_crypto, v.own_ssrcs, v.ice, v.peer_ssrcs, v.accepted, v.protocol, v.peer_direction, v.peer_wish,
    v.formats, v.remote_rtp, v.remote_rtcp, v.rtcp_mux, v.offers_mux, v.feedback, v.bandwidth_bps, v.ptime_ms,
    v.maxptime_ms, v.send_crypto, v.receive_crypto, v.numbers, v.undecided);
}
template <typename A> void describe(A& a, Stream& v) { a(v.kind, v.leg[0], v.leg[1]); }
template <typename A> void describe(A& a, LegLine& v) { a(v.stream, v.seen); }
template <typename A> void describe(A& a, StreamView& v) {
  a(v.active, v.direction, v.formats, v.feedback, v.bandwidth_bps, v.ptime_ms, v.maxptime_ms);
}
/// The settings are the configuration's; of them only the network is kept, since the ports are in it.
template <typename A> void describe(A& a, LegMedia& v) {
  a(v.settings.network, v.lines, v.session_id, v.cname, v.version, v.ice_controlling, v.ice_tie_breaker, v.written,
    v.told);
}
template <typename A> void describe(A& a, CallMedia& v) { a(v.leg[0], v.leg[1], v.streams); }
// clang-format on

}  // namespace isthmus::media

namespace isthmus::routing {

// clang-format off
template <typename A> void describe(A& a, Target& v) { a(v.zone, v.alias, v.rule, v.caller_domain); }
template <typename A> void describe(A& a, Step& v) { a(v.kind, v.name, v.zone, v.alias, v.reason); }
// clang-format on

}  // namespace isthmus::routing

namespace isthmus::b2bua {

// clang-format off
template <typename A> void describe(A& a, Dialog& v) {
  a(v.call_id, v.local_tag, v.remote_tag, v.local_name, v.remote_name, v.remote_target, v.route_set, v.local_cseq,
    v.remote_cseq, v.initiated);
}
template <typename A> void describe(A& a, SessionTimer& v) { a(v.duty, v.interval_s, v.min_se_s); }
template <typename A> void describe(A& a, MethodSet& v) {
  std::uint16_t bits = v.bits();
  a(bits);
  v = MethodSet::from_bits(bits);
}
template <typename A> void describe(A& a, Leg& v) {
  a(v.zone, v.peer, v.is_tls, v.user_agent, v.conversation_id, v.dialog, v.allow, v.supports_timer, v.supports_100rel, v.sdp_mark,
    v.invite_cseq, v.session, v.end);
}
template <typename A> void describe(A& a, Attempt& v) { a(v.target, v.uri); }
template <typename A> void describe(A& a, FollowUp& v) { a(v.media[0], v.media[1], v.pairs[0], v.pairs[1]); }
template <typename A> void describe(A& a, Record& v) {
  std::int64_t began = v.began.time_since_epoch().count();
  std::int64_t answered = v.answered ? v.answered->time_since_epoch().count() : 0;
  a(v.id, v.dialled, v.from, v.to, began, answered, v.history, v.end_reason, v.end_status);
  v.began = WallTime(WallTime::duration(began));
  if (answered != 0) v.answered = WallTime(WallTime::duration(answered));
}
// clang-format on

}  // namespace isthmus::b2bua
