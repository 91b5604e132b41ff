#include <algorithm>

#include "contract.pb.h"
#include "dataplane/contract/field_reader.h"
#include "dataplane/contract/wire_form.h"

namespace isthmus::contract {
namespace {

void get(FieldReader& read, const pb::SrtpKey& from, SrtpKey& to, Bytes& secrets, const char* field) {
  read.one_of(from.suite(), SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAeadAes256Gcm, to.suite, "suite");
  if (!read.ok()) return;
  read.octets(from.mki(), kMaxMkiBytes, to.mki, "mki");
  to.lifetime_packets = from.lifetime_packets();
  read.secret(secrets, master_key_bytes(to.suite), to.master_key, field);
  read.secret(secrets, master_salt_bytes(to.suite), to.master_salt, field);
}

void get_password(FieldReader& read, std::uint32_t size, SecretBytes& to, Bytes& secrets, const char* field) {
  if (size > kMaxIceTextBytes) return read.too_long(field);
  read.secret(secrets, size, to, field);
}

void get(FieldReader& read, const pb::IceSpec& from, IceSpec& to, Bytes& secrets) {
  read.text(from.local_ufrag(), kMaxIceTextBytes, to.local_ufrag, "local_ufrag");
  read.text(from.remote_ufrag(), kMaxIceTextBytes, to.remote_ufrag, "remote_ufrag");
  read.one_of(from.form(), StunForm::kRfc8489, StunForm::kMicrosoft, to.form, "form");
  to.controlling = from.controlling();
  to.tie_breaker = from.tie_breaker();
  to.nominated = from.nominated();
  get_password(read, from.local_password_bytes(), to.local_password, secrets, "local_password");
  get_password(read, from.remote_password_bytes(), to.remote_password, secrets, "remote_password");
}

void get(FieldReader& read, const pb::VideoSpec& from, VideoSpec& to) {
  read.one_of(from.format(), VideoFormat::kOpaque, VideoFormat::kH264Uc, to.format, "format");
  read.number(from.packetization_mode(), to.packetization_mode, "packetization_mode");
  read.number(from.max_payload_bytes(), to.max_payload_bytes, "max_payload_bytes");
  read.number(from.max_temporal_id(), to.max_temporal_id, "max_temporal_id");
  to.max_frame_macroblocks = from.max_frame_macroblocks();
  to.max_macroblocks_per_second = from.max_macroblocks_per_second();
  read.count(from.parameter_sets_size(), kMaxParameterSets, "parameter_sets");
  if (!read.ok()) return;
  for (const std::string& set : from.parameter_sets()) {
    read.octets(set, kMaxParameterSetBytes, to.parameter_sets.emplace_back(), "parameter_sets");
  }
}

/// What version 2 brought; absent fields mean what version 1 did.
void get_since_2(FieldReader& read, const pb::LegSpec& from, LegSpec& to, Bytes& secrets) {
  if (from.has_ice()) get(read, from.ice(), to.ice.emplace(), secrets);
  if (from.has_video()) get(read, from.video(), to.video);
  if (from.feedback() != 0) {
    read.one_of(from.feedback(), FeedbackDialect::kRfc4585, FeedbackDialect::kNone, to.feedback, "feedback");
  }
  if (from.has_peer_ssrcs()) to.peer_ssrcs = {from.peer_ssrcs().first(), from.peer_ssrcs().last()};
  if (from.has_own_ssrcs()) to.own_ssrcs = {from.own_ssrcs().first(), from.own_ssrcs().last()};
}

/// What version 3 brought.
void get_since_3(FieldReader& read, const pb::LegSpec& from, LegSpec& to) {
  read.one_of(from.transport(), LegTransport::kUdp, from.or_tcp() ? LegTransport::kUdp : LegTransport::kTcp,
              to.transport, "transport");
  if (from.or_tcp()) to.transport = LegTransport::kUdpOrTcp;
  read.one_of(from.dscp_rule(), DscpRule::kSet, DscpRule::kMap, to.dscp_rule, "dscp_rule");
  read.count(from.dscp_map_size(), kDscpValues, "dscp_map");
  if (!read.ok()) return;
  for (const pb::DscpMap& map : from.dscp_map()) {
    DscpMap& made = to.dscp_map.emplace_back();
    read.number(map.from(), made.from, "dscp_map");
    read.number(map.to(), made.to, "dscp_map");
  }
}

void get(FieldReader& read, const pb::LegSpec& from, LegSpec& to, Bytes& secrets) {
  read.text(from.network(), kMaxNetworkNameBytes, to.network, "network");
  if (from.family() != 4 && from.family() != 6) return read.absent("family");
  to.family = from.family() == 4 ? IpFamily::kV4 : IpFamily::kV6;
  read.number(from.rtp_port(), to.rtp_port, "rtp_port");
  read.number(from.rtcp_port(), to.rtcp_port, "rtcp_port");
  to.rtcp_mux = from.rtcp_mux();
  if (from.has_remote_rtp()) read.address(from.remote_rtp(), to.remote_rtp.emplace(), "remote_rtp");
  if (from.has_remote_rtcp()) read.address(from.remote_rtcp(), to.remote_rtcp.emplace(), "remote_rtcp");
  read.one_of(from.source_rule(), SourceRule::kSignalled, SourceRule::kLatchPlain, to.source_rule, "source_rule");
  to.receive = from.receive();
  to.send = from.send();
  if (from.has_receive_key()) get(read, from.receive_key(), to.receive_key.emplace(), secrets, "receive_key");
  if (from.has_send_key()) get(read, from.send_key(), to.send_key.emplace(), secrets, "send_key");
  to.ssrc = from.ssrc();
  read.text(from.cname(), kMaxCnameBytes, to.cname, "cname");
  read.number(from.dscp(), to.dscp, "dscp");
  get_since_2(read, from, to, secrets);
  get_since_3(read, from, to);
}

template <typename Maps>
void get_maps(FieldReader& read, const Maps& from, std::vector<PayloadMap>& to, const char* field) {
  read.count(from.size(), kMaxPayloadMaps, field);
  if (!read.ok()) return;
  for (const pb::PayloadMap& map : from) {
    PayloadMap& made = to.emplace_back();
    read.number(map.from(), made.from, field);
    read.number(map.to(), made.to, field);
    made.from_clock_hz = map.from_clock_hz();
    made.to_clock_hz = map.to_clock_hz();
  }
}

void get(FieldReader& read, const pb::LegState& from, LegState& to) {
  read.address(from.local_rtp(), to.local_rtp, "local_rtp");
  read.address(from.local_rtcp(), to.local_rtcp, "local_rtcp");
  to.ssrc = from.ssrc();
  to.takes_tcp = from.takes_tcp();
}

void get(FieldReader& read, const pb::LegStats& from, LegStats& to) {
  to.packets_received = from.packets_received();
  to.bytes_received = from.bytes_received();
  to.packets_sent = from.packets_sent();
  to.bytes_sent = from.bytes_sent();
  to.rtcp_received = from.rtcp_received();
  to.rtcp_sent = from.rtcp_sent();
  to.packets_lost = from.packets_lost();
  to.jitter_ms = from.jitter_ms();
  to.peer_packets_lost = from.peer_packets_lost();
  to.peer_jitter_ms = from.peer_jitter_ms();
  to.round_trip_ms = from.round_trip_ms();
  to.drops = from.drops();
  read.number(from.payload_type(), to.payload_type, "payload_type");
  if (from.has_remote_rtp()) read.address(from.remote_rtp(), to.remote_rtp.emplace(), "remote_rtp");
  to.encrypted = from.encrypted();
}

template <typename Wire, typename Event>
void get_place(FieldReader& read, const Wire& from, Event& to) {
  to.session.value = from.session();
  read.number(from.stream(), to.stream, "stream");
  read.one_of(from.side(), Side::kA, Side::kB, to.side, "side");
}

void get(FieldReader& read, const pb::PoolUse& from, PoolUse& to) {
  read.text(from.network(), kMaxNetworkNameBytes, to.network, "pools.network");
  read.address(from.address(), to.address, "pools.address");
  read.number(from.first_port(), to.first_port, "pools.first_port");
  read.number(from.last_port(), to.last_port, "pools.last_port");
  to.in_use = from.in_use();
  to.resting = from.resting();
  read.one_of(from.transport(), LegTransport::kUdp, LegTransport::kTcp, to.transport, "pools.transport");
}

}  // namespace

Result<Hello> from_wire(const pb::Hello& from) {
  FieldReader read;
  Hello to;
  read.number(from.oldest_version(), to.oldest_version, "oldest_version");
  read.number(from.newest_version(), to.newest_version, "newest_version");
  return read.result(to);
}

Result<Welcome> from_wire(const pb::Welcome& from) {
  FieldReader read;
  Welcome to;
  read.number(from.version(), to.version, "version");
  to.incarnation = from.incarnation();
  return read.result(to);
}

Result<Error> from_wire(const pb::Error& from) {
  FieldReader read;
  Error to;
  read.one_of(from.kind(), ErrorKind::kInvalidArgument, ErrorKind::kDenied, to.kind, "kind");
  read.text(from.message(), kMaxTextBytes, to.message, "message");
  read.text(from.field(), kMaxTextBytes, to.field, "field");
  if (from.has_offset()) to.offset = static_cast<std::size_t>(from.offset());
  return read.result(std::move(to));
}

Result<SessionSpec> from_wire(const pb::SessionSpec& from, Bytes& secrets) {
  FieldReader read;
  SessionSpec to;
  to.id.value = from.id();
  to.revision = from.revision();
  to.media_timeout_ms = from.media_timeout_ms();
  read.count(from.streams_size(), kMaxStreams, "streams");
  for (int i = 0; read.ok() && i < from.streams_size(); ++i) {
    const pb::StreamSpec& stream = from.streams(i);
    StreamSpec& made = to.streams.emplace_back();
    read.one_of(stream.kind(), MediaKind::kAudio, MediaKind::kVideo, made.kind, "kind");
    get(read, stream.leg_a(), made.leg[index(Side::kA)], secrets);
    get(read, stream.leg_b(), made.leg[index(Side::kB)], secrets);
    get_maps(read, stream.a_to_b(), made.a_to_b, "a_to_b");
    get_maps(read, stream.b_to_a(), made.b_to_a, "b_to_a");
  }
  return read.result(std::move(to));
}

Result<SendPacketRequest> from_wire(const pb::SendPacketRequest& from) {
  FieldReader read;
  SendPacketRequest to;
  get_place(read, from, to);
  read.one_of(from.component(), Component::kRtp, Component::kRtcp, to.component, "component");
  read.address(from.destination(), to.destination, "destination");
  read.octets(from.packet(), kMaxPacketBytes, to.packet, "packet");
  return read.result(std::move(to));
}

Result<PictureRequest> from_wire(const pb::PictureRequest& from) {
  FieldReader read;
  PictureRequest to;
  get_place(read, from, to);
  return read.result(to);
}

Result<SessionState> from_wire(const pb::SessionState& from) {
  FieldReader read;
  SessionState to;
  to.id.value = from.id();
  to.revision = from.revision();
  read.count(from.streams_size(), kMaxStreams, "streams");
  for (int i = 0; read.ok() && i < from.streams_size(); ++i) {
    StreamState& made = to.streams.emplace_back();
    get(read, from.streams(i).leg_a(), made.leg[index(Side::kA)]);
    get(read, from.streams(i).leg_b(), made.leg[index(Side::kB)]);
  }
  return read.result(std::move(to));
}

Result<SessionStats> from_wire(const pb::SessionStats& from) {
  FieldReader read;
  SessionStats to;
  to.id.value = from.id();
  to.revision = from.revision();
  read.count(from.streams_size(), kMaxStreams, "streams");
  for (int i = 0; read.ok() && i < from.streams_size(); ++i) {
    StreamStats& made = to.streams.emplace_back();
    read.one_of(from.streams(i).kind(), MediaKind::kAudio, MediaKind::kVideo, made.kind, "kind");
    get(read, from.streams(i).leg_a(), made.leg[index(Side::kA)]);
    get(read, from.streams(i).leg_b(), made.leg[index(Side::kB)]);
  }
  return read.result(std::move(to));
}

Result<SessionPage> from_wire(const pb::SessionPage& from) {
  FieldReader read;
  SessionPage to;
  read.count(from.sessions_size(), kMaxPageSessions, "sessions");
  for (int i = 0; read.ok() && i < from.sessions_size(); ++i) {
    to.sessions.push_back({SessionId{from.sessions(i).id()}, from.sessions(i).revision()});
  }
  if (from.has_next()) to.next = SessionId{from.next()};
  return read.result(std::move(to));
}

Result<DataplaneStatus> from_wire(const pb::DataplaneStatus& from) {
  FieldReader read;
  DataplaneStatus to;
  read.text(from.io_mode(), kMaxTextBytes, to.io_mode, "io_mode");
  read.text(from.io_reason(), kMaxTextBytes, to.io_reason, "io_reason");
  read.text(from.srtp_engine(), kMaxTextBytes, to.srtp_engine, "srtp_engine");
  read.text(from.idle_policy(), kMaxTextBytes, to.idle_policy, "idle_policy");
  to.started_unix_us = from.started_unix_us();
  to.incarnation = from.incarnation();
  to.workers = from.workers();
  to.sessions = from.sessions();
  read.count(from.pools_size(), kMaxPools, "pools");
  for (int i = 0; read.ok() && i < from.pools_size(); ++i) get(read, from.pools(i), to.pools.emplace_back());
  read.count(from.counters_size(), kMaxCounters, "counters");
  for (int i = 0; read.ok() && i < from.counters_size(); ++i) {
    Counter& made = to.counters.emplace_back();
    read.text(from.counters(i).name(), kMaxTextBytes, made.name, "counters.name");
    made.value = from.counters(i).value();
  }
  return read.result(std::move(to));
}

Result<PuntEvent> punt_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  PuntEvent to;
  get_place(read, from, to);
  read.one_of(from.component(), Component::kRtp, Component::kRtcp, to.component, "component");
  read.address(from.source(), to.source, "source");
  read.octets(from.packet(), kMaxPacketBytes, to.packet, "packet");
  return read.result(std::move(to));
}

Result<MediaStartedEvent> media_started_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  MediaStartedEvent to;
  get_place(read, from, to);
  read.address(from.source(), to.source, "source");
  return read.result(to);
}

Result<MediaTimedOutEvent> media_timed_out_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  MediaTimedOutEvent to;
  get_place(read, from, to);
  if (!from.cause().empty()) read.text(from.cause(), kMaxTextBytes, to.cause, "cause");
  return read.result(std::move(to));
}

Result<OneWayMediaEvent> one_way_media_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  OneWayMediaEvent to;
  get_place(read, from, to);
  read.text(from.cause(), kMaxTextBytes, to.cause, "cause");
  return read.result(std::move(to));
}

Result<SourceRefusedEvent> source_refused_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  SourceRefusedEvent to;
  get_place(read, from, to);
  read.address(from.source(), to.source, "source");
  to.packets = from.packets();
  return read.result(to);
}

Result<ConsentLostEvent> consent_lost_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  ConsentLostEvent to;
  get_place(read, from, to);
  read.one_of(from.component(), Component::kRtp, Component::kRtcp, to.component, "component");
  return read.result(to);
}

Result<PictureWantedEvent> picture_wanted_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  PictureWantedEvent to;
  get_place(read, from, to);
  return read.result(to);
}

Result<KeyLifetimeLowEvent> key_lifetime_low_from_wire(const pb::MediaEvent& from) {
  FieldReader read;
  KeyLifetimeLowEvent to;
  get_place(read, from, to);
  read.one_of(from.direction(), KeyDirection::kReceive, KeyDirection::kSend, to.direction, "direction");
  to.packets_left = from.packets();
  return read.result(to);
}

}  // namespace isthmus::contract
