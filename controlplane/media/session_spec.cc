#include <algorithm>

#include "controlplane/media/codec_match.h"
#include "controlplane/media/encryption.h"
#include "controlplane/media/negotiation.h"
#include "controlplane/media/section_reading.h"
#include "controlplane/media/video_spec.h"

namespace isthmus::media {
namespace {

// The contract carries an MKI as the bytes that travel, the description as a number (RFC 4568 9.2).
std::vector<std::uint8_t> mki_bytes(const std::optional<sdp::MasterKeyIdentifier>& mki) {
  std::vector<std::uint8_t> bytes;
  if (!mki) return bytes;
  for (unsigned i = mki->length; i-- > 0;) {
    bytes.push_back(i < 8 ? static_cast<std::uint8_t>(mki->value >> (8U * i)) : std::uint8_t{0});
  }
  return bytes;
}

std::optional<contract::SrtpKey> contract_key(const sdp::CryptoAttribute& crypto) {
  const auto suite = contract_suite(crypto.suite);
  if (!suite || !crypto.is_usable()) return std::nullopt;
  const sdp::CryptoKey& key = crypto.keys.front();
  const std::size_t key_bytes = sdp::suite_key_bytes(crypto.suite);
  contract::SrtpKey out;
  out.suite = *suite;
  out.master_key = SecretBytes(key.key_and_salt.view().first(key_bytes));
  out.master_salt = SecretBytes(key.key_and_salt.view().subspan(key_bytes));
  out.mki = mki_bytes(key.mki);
  if (key.lifetime) out.lifetime_packets = *key.lifetime;
  return out;
}

contract::SsrcRange contract_range(const std::optional<sdp::SsrcRange>& range) {
  return range ? contract::SsrcRange{range->first, range->last} : contract::SsrcRange{};
}

std::optional<contract::IceSpec> ice_spec(const LegMedia& media, const StreamLeg& leg) {
  if (!leg.ice) return std::nullopt;
  contract::IceSpec spec;
  spec.local_ufrag = leg.ice->local_ufrag;
  spec.local_password = leg.ice->local_pwd;
  spec.remote_ufrag = leg.ice->remote_ufrag;
  spec.remote_password = leg.ice->remote_pwd;
  const bool is_microsoft = media.settings.dialect == Dialect::kMicrosoft;
  spec.form = is_microsoft ? contract::StunForm::kMicrosoft : contract::StunForm::kRfc8489;
  spec.controlling = media.ice_controlling;
  spec.tie_breaker = media.ice_tie_breaker;
  spec.nominated = leg.ice->is_nominated();
  return spec;
}

// Until a pair is chosen the peer may send from any of its candidates: its key tells whether it is the peer.
contract::SourceRule source_rule(const ZonePolicy& policy, const StreamLeg& leg) {
  if (leg.ice && !leg.ice->is_nominated() && leg.is_secured()) return contract::SourceRule::kLatchAuthenticated;
  if (leg.ice && leg.ice->is_nominated()) return contract::SourceRule::kSignalled;
  return leg.is_secured() ? policy.secured_source_rule : policy.clear_source_rule;
}

contract::LegSpec leg_spec(const LegMedia& media, sdp::MediaKind kind, const StreamLeg& leg) {
  const ZonePolicy& policy = media.settings.policy;
  contract::LegSpec spec;
  spec.network = media.settings.network;
  spec.family = leg.family;
  if (leg.local_rtp) spec.rtp_port = leg.local_rtp->port;
  if (leg.local_rtcp) spec.rtcp_port = leg.local_rtcp->port;
  spec.ssrc = leg.ssrc;
  spec.cname = media.cname;
  const Marking& marking = kind == sdp::MediaKind::kVideo ? policy.video_dscp : policy.audio_dscp;
  spec.dscp = marking.dscp;
  spec.dscp_rule = marking.rule;
  spec.dscp_map = marking.map;
  const bool tcp = leg.is_over_tcp();
  spec.transport = leg.undecided ? contract::LegTransport::kUdpOrTcp
                   : tcp         ? contract::LegTransport::kTcp
                                 : contract::LegTransport::kUdp;
  spec.rtcp_mux = leg.rtcp_mux || tcp;
  spec.remote_rtp = leg.transmit_rtp();
  spec.remote_rtcp = tcp ? leg.transmit_rtp() : leg.transmit_rtcp();
  spec.source_rule = source_rule(policy, leg);
  spec.ice = ice_spec(media, leg);
  spec.own_ssrcs = contract_range(leg.own_ssrcs);
  spec.peer_ssrcs = contract_range(leg.peer_ssrcs);
  if (leg.is_secured()) {
    spec.send_key = contract_key(*leg.send_crypto);
    spec.receive_key = contract_key(*leg.receive_crypto);
  }
  return spec;
}

// A peer that took H264 in both packetisations may send either: the one X-H264UC of the other leg stands for both.
void add_packetisations(const StreamLeg& from, const StreamLeg& to, std::vector<contract::PayloadMap>& maps) {
  const auto target = std::ranges::find_if(to.formats, [](const LegFormat& format) { return is_h264uc(format.own); });
  if (target == to.formats.end()) return;
  for (const LegFormat& format : from.formats) {
    const std::uint8_t number = format.own.payload_type;
    if (!is_h264_family(format.own) || is_h264uc(format.own) || maps.size() == contract::kMaxPayloadMaps ||
        std::ranges::find(maps, number, &contract::PayloadMap::from) != maps.end()) {
      continue;
    }
    maps.push_back({number, target->peer.payload_type, format.own.clock_hz, target->peer.clock_hz});
  }
}

contract::StreamSpec stream_spec(const CallMedia& media, const Stream& stream) {
  contract::StreamSpec spec;
  spec.kind = stream.kind == sdp::MediaKind::kVideo ? contract::MediaKind::kVideo : contract::MediaKind::kAudio;
  for (const Side side : {Side::kA, Side::kB}) {
    const std::size_t i = contract::index(side);
    spec.leg[i] = leg_spec(media.leg[i], stream.kind, stream.leg[i]);
    spec.leg[i].feedback = feedback_dialect(media, side, stream);
  }
  const StreamLeg& a = stream.leg[0];
  const StreamLeg& b = stream.leg[1];
  const bool agreed = a.accepted && b.accepted;
  // What one peer sends and the other takes; nothing goes where there is no address.
  const bool a_to_b = agreed && sdp::sends(a.peer_direction) && sdp::receives(b.peer_direction) && b.transmit_rtp();
  const bool b_to_a = agreed && sdp::sends(b.peer_direction) && sdp::receives(a.peer_direction) && a.transmit_rtp();
  spec.leg[0].receive = a_to_b;
  spec.leg[1].send = a_to_b;
  spec.leg[1].receive = b_to_a;
  spec.leg[0].send = b_to_a;
  if (!agreed) return spec;
  for (const Joined& joined : join(a.formats, b.formats)) {
    const LegFormat& on_a = a.formats[joined.a];
    const LegFormat& on_b = b.formats[joined.b];
    spec.a_to_b.push_back({on_a.own.payload_type, on_b.peer.payload_type, on_a.peer.clock_hz, on_b.peer.clock_hz});
    spec.b_to_a.push_back({on_b.own.payload_type, on_a.peer.payload_type, on_b.peer.clock_hz, on_a.peer.clock_hz});
    if (stream.kind == sdp::MediaKind::kVideo && spec.leg[0].video.format == contract::VideoFormat::kOpaque) {
      spec.leg[0].video = video_spec(media, Side::kA, on_a);
      spec.leg[1].video = video_spec(media, Side::kB, on_b);
    }
  }
  add_packetisations(a, b, spec.a_to_b);
  add_packetisations(b, a, spec.b_to_a);
  return spec;
}

// What is left of a range behind the SSRC in use; of one that is used up, the next number.
sdp::SsrcRange range_behind(const sdp::SsrcRange& range, std::uint32_t used) {
  std::uint32_t next = std::max(used, range.first) + 1;
  if (next == 0) next = 1;
  return next <= range.last && next > range.first ? sdp::SsrcRange{next, range.last} : sdp::SsrcRange{next, next};
}

}  // namespace

CallMedia with_fresh_ssrcs(CallMedia media) {
  for (Stream& stream : media.streams) {
    for (StreamLeg& leg : stream.leg) {
      if (leg.own_ssrcs) leg.own_ssrcs = range_behind(*leg.own_ssrcs, leg.ssrc);
      leg.ssrc = 0;
    }
  }
  return media;
}

CallMedia with_ports(CallMedia media, const contract::SessionState& state) {
  for (std::size_t i = 0; i < media.streams.size() && i < state.streams.size(); ++i) {
    for (const Side side : {Side::kA, Side::kB}) {
      StreamLeg& leg = media.streams[i].leg[contract::index(side)];
      const contract::LegState& opened = state.streams[i].leg[contract::index(side)];
      leg.local_rtp = opened.local_rtp;
      leg.local_rtcp = opened.local_rtcp;
      leg.family = opened.local_rtp.ip.family;
      leg.ssrc = opened.ssrc;
      leg.undecided = leg.undecided && opened.takes_tcp;  // else UDP is all that can be offered
    }
  }
  return media;
}

CallMedia with_decisions(CallMedia media, Side side, const CallMedia& decided) {
  for (std::size_t i = 0; i < media.streams.size() && i < decided.streams.size(); ++i) {
    StreamLeg& leg = media.streams[i].leg[contract::index(side)];
    const StreamLeg& other = decided.streams[i].leg[contract::index(side)];
    if (!leg.undecided || other.undecided) continue;
    if (other.is_over_tcp()) leg.protocol = sdp::over_tcp(leg.protocol);
    decide_transport(leg, other.is_over_tcp());
  }
  return media;
}

const sdp::PayloadFormat* spoken_codec(const Stream& stream, Side side) {
  const std::vector<LegFormat>& formats = stream.leg[contract::index(side)].formats;
  for (const Joined& joined : join(stream.leg[0].formats, stream.leg[1].formats)) {
    const sdp::PayloadFormat& format = formats[side == Side::kA ? joined.a : joined.b].peer;
    if (!is_auxiliary(format)) return &format;
  }
  return formats.empty() ? nullptr : &formats.front().peer;
}

contract::SessionSpec session_spec(const CallMedia& media, contract::SessionId id, contract::Revision revision) {
  contract::SessionSpec spec;
  spec.id = id;
  spec.revision = revision;
  for (const Stream& stream : media.streams) spec.streams.push_back(stream_spec(media, stream));
  return spec;
}

}  // namespace isthmus::media
