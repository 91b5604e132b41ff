#pragma once

// One full message of each kind, so that a field forgotten by the codec shows.

#include <vector>

#include "dataplane/contract/codec.h"

namespace isthmus::contract {

inline SocketAddress v4(std::uint8_t last, std::uint16_t port) { return {IpAddress::v4(192, 0, 2, last), port}; }

inline SocketAddress v6(std::uint8_t last, std::uint16_t port) {
  return {IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}), port};
}

inline SrtpKey sample_key(SrtpSuite suite, std::uint8_t fill) {
  SrtpKey key;
  key.suite = suite;
  key.master_key = SecretBytes(std::vector<std::uint8_t>(master_key_bytes(suite), fill));
  key.master_salt =
      SecretBytes(std::vector<std::uint8_t>(master_salt_bytes(suite), static_cast<std::uint8_t>(fill + 1)));
  key.mki = {fill};
  key.lifetime_packets = std::uint64_t{1} << 31U;
  return key;
}

inline SecretBytes sample_password(std::size_t size, char fill) {
  return SecretBytes(std::vector<std::uint8_t>(size, static_cast<std::uint8_t>(fill)));
}

inline IceSpec sample_ice(std::uint8_t fill) {
  IceSpec ice;
  ice.local_ufrag = "ab+/" + std::to_string(fill);
  ice.local_password = sample_password(22, 'L');
  ice.remote_ufrag = "Z9yx";
  ice.remote_password = sample_password(24, 'R');
  ice.form = StunForm::kMicrosoft;
  ice.controlling = true;
  ice.tie_breaker = 0x0102030405060708;
  ice.nominated = true;
  return ice;
}

inline StreamSpec sample_stream(MediaKind kind, std::uint8_t fill) {
  StreamSpec stream;
  stream.kind = kind;
  LegSpec& a = stream.leg[index(Side::kA)];
  a.network = "microsoft";
  a.rtp_port = 56000;
  a.rtcp_port = 56001;
  a.remote_rtp = v4(fill, 40000);
  a.remote_rtcp = v4(fill, 40001);
  a.source_rule = SourceRule::kLatchAuthenticated;
  a.receive_key = sample_key(SrtpSuite::kAesCm128HmacSha1_80, fill);
  a.send_key = sample_key(SrtpSuite::kAeadAes256Gcm, static_cast<std::uint8_t>(fill + 7));
  a.ssrc = 0xdeadbeef;
  a.cname = "gateway@example";
  a.dscp = 46;
  LegSpec& b = stream.leg[index(Side::kB)];
  b.network = "standards";
  b.family = IpFamily::kV6;
  b.rtcp_mux = true;
  b.remote_rtp = v6(fill, 50000);
  b.remote_rtcp = b.remote_rtp;
  b.source_rule = SourceRule::kLatchPlain;
  b.receive = false;
  b.send = false;
  if (kind == MediaKind::kVideo) {
    a.video = {VideoFormat::kH264Uc, 0, 1300, 2, {{0x67, fill, 0}, {0x68, fill}}, 3600, 108000};
    b.video = {VideoFormat::kH264, 1, 1100, 7, {}, 8160, 245760};
  }
  a.ice = sample_ice(fill);
  b.ice = sample_ice(static_cast<std::uint8_t>(fill + 1));
  b.ice->remote_ufrag.clear();
  b.ice->remote_password = {};
  b.ice->nominated = false;
  a.feedback = FeedbackDialect::kMicrosoft;
  a.peer_ssrcs = {1000, 0xffffffff};
  a.own_ssrcs = {0xdeadbeef, 0xdeadbeef};
  a.dscp_rule = DscpRule::kMap;
  a.dscp_map = {{46, 40}, {0, 63}};
  b.dscp_rule = DscpRule::kCopy;
  b.transport = LegTransport::kTcp;
  stream.a_to_b = {{0, 8, 8000, 8000}, {111, 96, 48000, 16000}};
  stream.b_to_a = {{8, 0, 8000, 8000}};
  return stream;
}

inline SessionSpec sample_spec(std::uint64_t id = 0x0123456789abcdef, Revision revision = 3) {
  SessionSpec spec;
  spec.id = SessionId{id};
  spec.revision = revision;
  spec.streams = {sample_stream(MediaKind::kAudio, 10), sample_stream(MediaKind::kVideo, 20)};
  spec.media_timeout_ms = 12'345;
  return spec;
}

inline SessionState sample_state(std::uint64_t id = 0x0123456789abcdef, Revision revision = 3) {
  return {
      SessionId{id},
      revision,
      {StreamState{{LegState{v4(1, 56000), v4(1, 56001), 77, true}, LegState{v6(1, 56002), v6(1, 56003), 78, false}}}}};
}

inline SessionStats sample_stats(std::uint64_t id = 0x0123456789abcdef) {
  LegStats leg{1, 2, 3, 4, 5, 6, -7, 8.5, 9, 10.5, 11.5, 12, 96, v4(9, 4000), true};
  return {SessionId{id}, 3, {StreamStats{MediaKind::kVideo, {leg, LegStats{}}}}};
}

inline DataplaneStatus sample_status() {
  DataplaneStatus status;
  status.io_mode = "af_xdp";
  status.io_reason = "the interface takes an XDP program";
  status.srtp_engine = "libsrtp2";
  status.idle_policy = "nap";
  status.started_unix_us = 1'700'000'000'000'000;
  status.incarnation = 0xfeedface;
  status.workers = 1;
  status.sessions = 2;
  status.pools = {{"microsoft", IpAddress::v4(192, 0, 2, 1), 56000, 57000, 4, 2},
                  {"microsoft", IpAddress::v4(192, 0, 2, 1), 56000, 57000, 2, 0, LegTransport::kTcp}};
  status.counters = {{"packets_forwarded", 5}, {"drop_wrong_source", 6}};
  return status;
}

inline StageFigures sample_stages() {
  return {true, 2'600'000'000, {{0, {{"receive", 1, 2, 3}, {"unprotect", 4, 5, 6}}}, {3, {{"tick", 7, 0, 8}}}}};
}

inline TracePage sample_trace() {
  TraceRecord record;
  record.unix_ns = 1'764'000'000'123'456'789;
  record.side = Side::kB;
  record.kind = TracedKind::kRtp;
  record.fate = TraceFate::kDropped;
  record.rule = TraceRule::kSourceRule;
  record.opened = CryptoOutcome::kFailed;
  record.closed = CryptoOutcome::kClear;
  record.stage = 1;
  record.drop_reason = "srtp_auth_failed";
  record.port_in = 1, record.queue_in = 2, record.port_out = 3, record.burst = 64;
  record.source = v6(1, 4000);
  record.bytes_in = 1200, record.bytes_out = 1210, record.marker = true;
  record.payload_type_in = 96, record.payload_type_out = 122;
  record.sequence_in = 65535, record.sequence_out = 1;
  record.ssrc_in = 0xdeadbeef, record.ssrc_out = 0xffffffff;
  record.timestamp_in = 7, record.timestamp_out = 8;
  record.held_ns = 20'000'000;
  record.stage_ns = {5, 4'000'000'000};
  return {SessionId{0x0123456789abcdef}, 2, 3, TraceEnd::kTime, 9, {"classify", "unprotect"}, 4,
          {record, TraceRecord{}},       6};
}

inline std::vector<Message> samples() {
  const SessionId id{0x0123456789abcdef};
  return {Hello{1, 1},
          OpenRequest{sample_spec()},
          UpdateRequest{sample_spec()},
          CloseRequest{id},
          StatsRequest{id},
          ListRequest{},
          ListRequest{id},
          StatusRequest{},
          SendPacketRequest{id, 1, Side::kB, Component::kRtcp, v6(3, 3478), {1, 2, 3}},
          PictureRequest{id, 1, Side::kB},
          StagesRequest{},
          StagesRequest{false},
          StagesRequest{true},
          TraceStartRequest{{id, 1, Side::kB, 10, 20}},
          TraceStartRequest{{id, 1, {}, 10, 20}},
          TraceReadRequest{id, 5},
          TraceStopRequest{id},
          Welcome{1, 0xfeedface},
          Done{},
          Error{ErrorKind::kExhausted, "no port left in the pool", "port", 7},
          sample_state(),
          sample_stats(),
          SessionPage{{{SessionId{1}, 1}, {SessionId{5}, 2}}, SessionId{9}},
          sample_status(),
          sample_stages(),
          sample_trace(),
          PuntEvent{id, 1, Side::kB, Component::kRtcp, v4(7, 7000), {9, 8, 7}},
          MediaStartedEvent{id, 1, Side::kB, v6(7, 7000)},
          MediaTimedOutEvent{id, 1, Side::kB, "wrong_source"},
          SourceRefusedEvent{id, 1, Side::kB, v4(7, 7000), 99},
          ConsentLostEvent{id, 1, Side::kB, Component::kRtcp},
          PictureWantedEvent{id, 1, Side::kB},
          OneWayMediaEvent{id, 1, Side::kB, "srtp_auth_failed"},
          KeyLifetimeLowEvent{id, 1, Side::kB, KeyDirection::kSend, 1U << 20U}};
}

}  // namespace isthmus::contract
