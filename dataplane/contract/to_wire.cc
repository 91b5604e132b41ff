#include <string>

#include "contract.pb.h"
#include "dataplane/contract/wire_form.h"

namespace isthmus::contract {
namespace {

std::string text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string address_octets(const IpAddress& address) {
  return text(std::span(address.bytes).first(address.is_v4() ? 4U : 16U));
}

void put(const SocketAddress& from, pb::SocketAddress& to) {
  to.set_ip(address_octets(from.ip));
  to.set_port(from.port);
}

void put(const SrtpKey& from, pb::SrtpKey& to, Secrets& secrets) {
  to.set_suite(static_cast<std::uint32_t>(from.suite));
  to.set_mki(text(from.mki));
  to.set_lifetime_packets(from.lifetime_packets);
  secrets.push_back(from.master_key.view());
  secrets.push_back(from.master_salt.view());
}

void put(const IceSpec& from, pb::IceSpec& to, Secrets& secrets) {
  to.set_local_ufrag(from.local_ufrag);
  to.set_local_password_bytes(static_cast<std::uint32_t>(from.local_password.size()));
  to.set_remote_ufrag(from.remote_ufrag);
  to.set_remote_password_bytes(static_cast<std::uint32_t>(from.remote_password.size()));
  to.set_form(static_cast<std::uint32_t>(from.form));
  to.set_controlling(from.controlling);
  to.set_tie_breaker(from.tie_breaker);
  to.set_nominated(from.nominated);
  secrets.push_back(from.local_password.view());
  secrets.push_back(from.remote_password.view());
}

void put(const VideoSpec& from, pb::VideoSpec& to) {
  to.set_format(static_cast<std::uint32_t>(from.format));
  to.set_packetization_mode(from.packetization_mode);
  to.set_max_payload_bytes(from.max_payload_bytes);
  to.set_max_temporal_id(from.max_temporal_id);
  for (const std::vector<std::uint8_t>& set : from.parameter_sets) to.add_parameter_sets(text(set));
  to.set_max_frame_macroblocks(from.max_frame_macroblocks);
  to.set_max_macroblocks_per_second(from.max_macroblocks_per_second);
}

void put(const SsrcRange& from, pb::SsrcRange& to) {
  to.set_first(from.first);
  to.set_last(from.last);
}

void put(const LegSpec& from, pb::LegSpec& to, Secrets& secrets) {
  to.set_network(from.network);
  to.set_family(static_cast<std::uint32_t>(from.family));
  to.set_rtp_port(from.rtp_port);
  to.set_rtcp_port(from.rtcp_port);
  to.set_rtcp_mux(from.rtcp_mux);
  if (from.remote_rtp) put(*from.remote_rtp, *to.mutable_remote_rtp());
  if (from.remote_rtcp) put(*from.remote_rtcp, *to.mutable_remote_rtcp());
  to.set_source_rule(static_cast<std::uint32_t>(from.source_rule));
  to.set_receive(from.receive);
  to.set_send(from.send);
  if (from.receive_key) put(*from.receive_key, *to.mutable_receive_key(), secrets);
  if (from.send_key) put(*from.send_key, *to.mutable_send_key(), secrets);
  to.set_ssrc(from.ssrc);
  to.set_cname(from.cname);
  to.set_dscp(from.dscp);
  if (from.ice) put(*from.ice, *to.mutable_ice(), secrets);
  if (from.video != VideoSpec{}) put(from.video, *to.mutable_video());
  to.set_feedback(static_cast<std::uint32_t>(from.feedback));
  if (!from.peer_ssrcs.is_any()) put(from.peer_ssrcs, *to.mutable_peer_ssrcs());
  if (!from.own_ssrcs.is_any()) put(from.own_ssrcs, *to.mutable_own_ssrcs());
  to.set_transport(from.transport == LegTransport::kTcp ? 1 : 0);
  to.set_or_tcp(from.transport == LegTransport::kUdpOrTcp);
  to.set_dscp_rule(static_cast<std::uint32_t>(from.dscp_rule));
  for (const DscpMap& map : from.dscp_map) {
    pb::DscpMap& made = *to.add_dscp_map();
    made.set_from(map.from);
    made.set_to(map.to);
  }
}

void put(const PayloadMap& from, pb::PayloadMap& to) {
  to.set_from(from.from);
  to.set_to(from.to);
  to.set_from_clock_hz(from.from_clock_hz);
  to.set_to_clock_hz(from.to_clock_hz);
}

void put(const LegState& from, pb::LegState& to) {
  put(from.local_rtp, *to.mutable_local_rtp());
  put(from.local_rtcp, *to.mutable_local_rtcp());
  to.set_ssrc(from.ssrc);
  to.set_takes_tcp(from.takes_tcp);
}

void put(const LegStats& from, pb::LegStats& to) {
  to.set_packets_received(from.packets_received);
  to.set_bytes_received(from.bytes_received);
  to.set_packets_sent(from.packets_sent);
  to.set_bytes_sent(from.bytes_sent);
  to.set_rtcp_received(from.rtcp_received);
  to.set_rtcp_sent(from.rtcp_sent);
  to.set_packets_lost(from.packets_lost);
  to.set_jitter_ms(from.jitter_ms);
  to.set_peer_packets_lost(from.peer_packets_lost);
  to.set_peer_jitter_ms(from.peer_jitter_ms);
  to.set_round_trip_ms(from.round_trip_ms);
  to.set_drops(from.drops);
  to.set_payload_type(from.payload_type);
  if (from.remote_rtp) put(*from.remote_rtp, *to.mutable_remote_rtp());
  to.set_encrypted(from.encrypted);
}

template <typename Event, typename Wire>
void put_place(const Event& from, Wire& to) {
  to.set_session(from.session.value);
  to.set_stream(from.stream);
  to.set_side(static_cast<std::uint32_t>(from.side));
}

}  // namespace

void to_wire(const Hello& from, pb::Hello& to) {
  to.set_oldest_version(from.oldest_version);
  to.set_newest_version(from.newest_version);
}

void to_wire(const Welcome& from, pb::Welcome& to) {
  to.set_version(from.version);
  to.set_incarnation(from.incarnation);
}

void to_wire(const Error& from, pb::Error& to) {
  to.set_kind(static_cast<std::uint32_t>(from.kind));
  to.set_message(from.message.substr(0, kMaxTextBytes));
  to.set_field(from.field.substr(0, kMaxTextBytes));
  if (from.offset) to.set_offset(*from.offset);
}

void to_wire(const SessionSpec& from, pb::SessionSpec& to, Secrets& secrets) {
  to.set_id(from.id.value);
  to.set_revision(from.revision);
  to.set_media_timeout_ms(from.media_timeout_ms);
  for (const StreamSpec& stream : from.streams) {
    pb::StreamSpec& made = *to.add_streams();
    made.set_kind(static_cast<std::uint32_t>(stream.kind));
    put(stream.leg[index(Side::kA)], *made.mutable_leg_a(), secrets);
    put(stream.leg[index(Side::kB)], *made.mutable_leg_b(), secrets);
    for (const PayloadMap& map : stream.a_to_b) put(map, *made.add_a_to_b());
    for (const PayloadMap& map : stream.b_to_a) put(map, *made.add_b_to_a());
  }
}

void to_wire(const SendPacketRequest& from, pb::SendPacketRequest& to) {
  to.set_session(from.session.value);
  to.set_stream(from.stream);
  to.set_side(static_cast<std::uint32_t>(from.side));
  to.set_component(static_cast<std::uint32_t>(from.component));
  put(from.destination, *to.mutable_destination());
  to.set_packet(text(from.packet));
}

void to_wire(const PictureRequest& from, pb::PictureRequest& to) { put_place(from, to); }

void to_wire(const SessionState& from, pb::SessionState& to) {
  to.set_id(from.id.value);
  to.set_revision(from.revision);
  for (const StreamState& stream : from.streams) {
    pb::StreamState& made = *to.add_streams();
    put(stream.leg[index(Side::kA)], *made.mutable_leg_a());
    put(stream.leg[index(Side::kB)], *made.mutable_leg_b());
  }
}

void to_wire(const SessionStats& from, pb::SessionStats& to) {
  to.set_id(from.id.value);
  to.set_revision(from.revision);
  for (const StreamStats& stream : from.streams) {
    pb::StreamStats& made = *to.add_streams();
    made.set_kind(static_cast<std::uint32_t>(stream.kind));
    put(stream.leg[index(Side::kA)], *made.mutable_leg_a());
    put(stream.leg[index(Side::kB)], *made.mutable_leg_b());
  }
}

void to_wire(const SessionPage& from, pb::SessionPage& to) {
  for (const SessionSummary& session : from.sessions) {
    pb::SessionSummary& made = *to.add_sessions();
    made.set_id(session.id.value);
    made.set_revision(session.revision);
  }
  if (from.next) to.set_next(from.next->value);
}

void to_wire(const DataplaneStatus& from, pb::DataplaneStatus& to) {
  to.set_io_mode(from.io_mode);
  to.set_io_reason(from.io_reason);
  to.set_srtp_engine(from.srtp_engine);
  to.set_idle_policy(from.idle_policy);
  to.set_started_unix_us(from.started_unix_us);
  to.set_incarnation(from.incarnation);
  to.set_workers(from.workers);
  to.set_sessions(from.sessions);
  for (const PoolUse& pool : from.pools) {
    pb::PoolUse& made = *to.add_pools();
    made.set_network(pool.network);
    made.set_address(address_octets(pool.address));
    made.set_first_port(pool.first_port);
    made.set_last_port(pool.last_port);
    made.set_in_use(pool.in_use);
    made.set_resting(pool.resting);
    made.set_transport(static_cast<std::uint32_t>(pool.transport));
  }
  for (const Counter& counter : from.counters) {
    pb::Counter& made = *to.add_counters();
    made.set_name(counter.name);
    made.set_value(counter.value);
  }
}

void to_wire(const PuntEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  to.set_component(static_cast<std::uint32_t>(from.component));
  put(from.source, *to.mutable_source());
  to.set_packet(text(from.packet));
}

void to_wire(const MediaStartedEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  put(from.source, *to.mutable_source());
}

void to_wire(const MediaTimedOutEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  to.set_cause(from.cause);
}

void to_wire(const OneWayMediaEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  to.set_cause(from.cause);
}

void to_wire(const SourceRefusedEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  put(from.source, *to.mutable_source());
  to.set_packets(from.packets);
}

void to_wire(const ConsentLostEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  to.set_component(static_cast<std::uint32_t>(from.component));
}

void to_wire(const PictureWantedEvent& from, pb::MediaEvent& to) { put_place(from, to); }

void to_wire(const KeyLifetimeLowEvent& from, pb::MediaEvent& to) {
  put_place(from, to);
  to.set_direction(static_cast<std::uint32_t>(from.direction));
  to.set_packets(from.packets_left);
}

}  // namespace isthmus::contract
