#include "controlplane/media/codec_match.h"
#include "controlplane/media/encryption.h"
#include "controlplane/media/negotiation.h"

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

contract::LegSpec leg_spec(const LegMedia& media, sdp::MediaKind kind, const StreamLeg& leg) {
  const ZonePolicy& policy = media.settings.policy;
  contract::LegSpec spec;
  spec.network = media.settings.network;
  spec.family = leg.family;
  if (leg.local_rtp) spec.rtp_port = leg.local_rtp->port;
  if (leg.local_rtcp) spec.rtcp_port = leg.local_rtcp->port;
  spec.ssrc = leg.ssrc;
  spec.cname = media.cname;
  spec.dscp = kind == sdp::MediaKind::kVideo ? policy.video_dscp : policy.audio_dscp;
  spec.rtcp_mux = leg.rtcp_mux;
  spec.remote_rtp = leg.remote_rtp;
  spec.remote_rtcp = leg.remote_rtcp;
  spec.source_rule = leg.is_secured() ? policy.secured_source_rule : policy.clear_source_rule;
  if (leg.is_secured()) {
    spec.send_key = contract_key(*leg.send_crypto);
    spec.receive_key = contract_key(*leg.receive_crypto);
  }
  return spec;
}

contract::StreamSpec stream_spec(const CallMedia& media, const Stream& stream) {
  contract::StreamSpec spec;
  spec.kind = stream.kind == sdp::MediaKind::kVideo ? contract::MediaKind::kVideo : contract::MediaKind::kAudio;
  for (const Side side : {Side::kA, Side::kB}) {
    const std::size_t i = contract::index(side);
    spec.leg[i] = leg_spec(media.leg[i], stream.kind, stream.leg[i]);
  }
  const StreamLeg& a = stream.leg[0];
  const StreamLeg& b = stream.leg[1];
  const bool agreed = a.accepted && b.accepted;
  // What one peer sends and the other takes; nothing goes where there is no address.
  const bool a_to_b = agreed && sdp::sends(a.peer_direction) && sdp::receives(b.peer_direction) && b.remote_rtp;
  const bool b_to_a = agreed && sdp::sends(b.peer_direction) && sdp::receives(a.peer_direction) && a.remote_rtp;
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
  }
  return spec;
}

}  // namespace

CallMedia with_ports(CallMedia media, const contract::SessionState& state) {
  for (std::size_t i = 0; i < media.streams.size() && i < state.streams.size(); ++i) {
    for (const Side side : {Side::kA, Side::kB}) {
      StreamLeg& leg = media.streams[i].leg[contract::index(side)];
      const contract::LegState& opened = state.streams[i].leg[contract::index(side)];
      leg.local_rtp = opened.local_rtp;
      leg.local_rtcp = opened.local_rtcp;
      leg.family = opened.local_rtp.ip.family;
      leg.ssrc = opened.ssrc;
    }
  }
  return media;
}

contract::SessionSpec session_spec(const CallMedia& media, contract::SessionId id, contract::Revision revision) {
  contract::SessionSpec spec;
  spec.id = id;
  spec.revision = revision;
  for (const Stream& stream : media.streams) spec.streams.push_back(stream_spec(media, stream));
  return spec;
}

}  // namespace isthmus::media
