#include <algorithm>
#include <bitset>
#include <cmath>
#include <string>

#include "dataplane/contract/checks.h"
#include "dataplane/contract/codec.h"

// The bounds of messages.h, on plain values: the same code checks what we send and what we receive.
namespace isthmus::contract {
namespace {

constexpr std::uint32_t kMaxClockHz = 1'000'000;                        // the largest registered RTP clock is 192 kHz
constexpr std::uint32_t kMaxMediaTimeoutMs = 24U * 3'600'000;           // a day; longer is a unit mistake
constexpr std::uint64_t kMaxLifetimePackets = std::uint64_t{1} << 48U;  // RFC 3711 9.2

bool is_figure(double value, double lowest) { return std::isfinite(value) && value >= lowest; }

Status check_session(SessionId session) {
  if (session.value == 0) return refuse("session", "is zero");
  return {};
}

template <typename Event>
Status check_place(const Event& event) {
  if (event.session.value == 0) return refuse("session", "is zero");
  if (event.stream >= kMaxStreams) return refuse("stream", "is beyond the streams a session may have");
  if (!within(event.side, Side::kA, Side::kB)) return refuse("side", "is neither A nor B");
  return {};
}

template <typename Event>
Status check_silence(const Event& event) {
  if (const Status status = check_place(event); !status) return status;
  if (!is_name(event.cause, kMaxTextBytes)) return refuse("cause", "is no name");
  return {};
}

Status check_remote(const SocketAddress& remote, IpFamily family, const std::string& field) {
  if (!is_address(remote.ip)) return refuse(field, "is no IP address");
  if (remote.ip.family != family) return refuse(field, "is of another family than the leg");
  if (remote.port == 0) return refuse(field, "has port 0");
  return {};
}

Status check_key(const SrtpKey& key, const std::string& field) {
  if (!within(key.suite, SrtpSuite::kAesCm128HmacSha1_80, SrtpSuite::kAeadAes256Gcm)) {
    return refuse(field + ".suite", "is none of the known suites");
  }
  if (key.master_key.size() != master_key_bytes(key.suite)) {
    return refuse(field + ".master_key", "has not the length that the suite asks for");
  }
  if (key.master_salt.size() != master_salt_bytes(key.suite)) {
    return refuse(field + ".master_salt", "has not the length that the suite asks for");
  }
  if (key.mki.size() > kMaxMkiBytes) return refuse(field + ".mki", "is longer than 4 octets");
  if (key.lifetime_packets == 0 || key.lifetime_packets > kMaxLifetimePackets) {
    return refuse(field + ".lifetime_packets", "is not in 1..2^48");
  }
  return {};
}

Status check_remotes(const LegSpec& leg, const std::string& at) {
  if (leg.remote_rtp) {
    if (const Status status = check_remote(*leg.remote_rtp, leg.family, at + ".remote_rtp"); !status) return status;
  }
  if (leg.remote_rtcp) {
    if (const Status status = check_remote(*leg.remote_rtcp, leg.family, at + ".remote_rtcp"); !status) return status;
    if (leg.rtcp_mux && leg.remote_rtcp != leg.remote_rtp) {
      return refuse(at + ".remote_rtcp", "differs from remote_rtp with rtcp_mux");
    }
  }
  return {};
}

/// Threat model B2: on a secured leg nothing is learnt before authentication, and there is nothing to authenticate with
/// on a clear one.
Status check_source_rule(const LegSpec& leg, const std::string& at) {
  if (!within(leg.source_rule, SourceRule::kSignalled, SourceRule::kLatchPlain)) {
    return refuse(at + ".source_rule", "is none of the known rules");
  }
  if (leg.source_rule == SourceRule::kLatchAuthenticated && !leg.receive_key) {
    return refuse(at + ".source_rule", "wants authenticated packets, but there is no receive_key");
  }
  if (leg.source_rule == SourceRule::kLatchPlain && leg.receive_key) {
    return refuse(at + ".source_rule", "would learn from packets that are not authenticated");
  }
  return {};
}

bool is_ice_text(Bytes text, std::size_t lowest) {
  return text.size() >= lowest && text.size() <= kMaxIceTextBytes && std::ranges::all_of(text, [](std::uint8_t c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
         });
}

bool is_ice_text(const std::string& text, std::size_t lowest) {
  return is_ice_text(Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), lowest);
}

Status check_ice(const LegSpec& leg, const IceSpec& ice, const std::string& at) {
  if (!is_ice_text(ice.local_ufrag, kMinIceUfragBytes)) {
    return refuse(at + ".local_ufrag", "is not 4 to 256 of letters, digits, + and /");
  }
  if (!is_ice_text(ice.local_password.view(), kMinIcePasswordBytes)) {
    return refuse(at + ".local_password", "is not 22 to 256 of letters, digits, + and /");
  }
  const bool remote_known = !ice.remote_ufrag.empty();
  if (remote_known && !is_ice_text(ice.remote_ufrag, kMinIceUfragBytes)) {
    return refuse(at + ".remote_ufrag", "is not 4 to 256 of letters, digits, + and /");
  }
  if (remote_known == ice.remote_password.empty()) {
    return refuse(at + ".remote_password", "is not given together with remote_ufrag");
  }
  if (remote_known && !is_ice_text(ice.remote_password.view(), kMinIcePasswordBytes)) {
    return refuse(at + ".remote_password", "is not 22 to 256 of letters, digits, + and /");
  }
  if (!within(ice.form, StunForm::kRfc8489, StunForm::kMicrosoft)) return refuse(at + ".form", "is unknown");
  if (ice.nominated && (!remote_known || !leg.remote_rtp)) {
    return refuse(at + ".nominated", "is set without the pair's credentials or address");
  }
  return {};
}

Status check_video(MediaKind kind, const VideoSpec& video, const std::string& at) {
  if (!within(video.format, VideoFormat::kOpaque, VideoFormat::kH264Uc)) return refuse(at + ".format", "is unknown");
  if (kind != MediaKind::kVideo && video.format != VideoFormat::kOpaque) {
    return refuse(at + ".format", "is set on a stream that is no video");
  }
  if (video.packetization_mode > 1) return refuse(at + ".packetization_mode", "is neither 0 nor 1");
  if (video.max_payload_bytes < kMinVideoPayloadBytes || video.max_payload_bytes > kMaxVideoPayloadBytes) {
    return refuse(at + ".max_payload_bytes", "is not in 128..1440");
  }
  if (video.max_temporal_id > 7) return refuse(at + ".max_temporal_id", "is above 7");
  if (video.parameter_sets.size() > kMaxParameterSets)
    return refuse(at + ".parameter_sets", "has more than 16 entries");
  for (const std::vector<std::uint8_t>& set : video.parameter_sets) {
    if (set.empty() || set.size() > kMaxParameterSetBytes) {
      return refuse(at + ".parameter_sets", "has one that is not 1 to 512 octets long");
    }
  }
  return {};
}

Status check_ssrcs(const LegSpec& leg, const std::string& at) {
  if (leg.peer_ssrcs.first > leg.peer_ssrcs.last) return refuse(at + ".peer_ssrcs", "ends before it begins");
  if (leg.own_ssrcs.first > leg.own_ssrcs.last) return refuse(at + ".own_ssrcs", "ends before it begins");
  if (leg.ssrc != 0 && !leg.own_ssrcs.contains(leg.ssrc)) return refuse(at + ".ssrc", "is not within own_ssrcs");
  return {};
}

/// What version 2 brought.
Status check_since_2(MediaKind kind, const LegSpec& leg, const std::string& at) {
  if (leg.ice) {
    if (const Status status = check_ice(leg, *leg.ice, at + ".ice"); !status) return status;
  }
  if (const Status status = check_video(kind, leg.video, at + ".video"); !status) return status;
  if (!within(leg.feedback, FeedbackDialect::kRfc4585, FeedbackDialect::kNone)) {
    return refuse(at + ".feedback", "is unknown");
  }
  return check_ssrcs(leg, at);
}

/// Over TCP a connection is a stranger's until a check of ICE says otherwise.
Status check_transport(const LegSpec& leg, const std::string& at) {
  if (!within(leg.transport, LegTransport::kUdp, LegTransport::kUdpOrTcp)) {
    return refuse(at + ".transport", "is unknown");
  }
  if (leg.transport == LegTransport::kTcp && !(leg.ice && leg.rtcp_mux)) {
    return refuse(at + ".transport", "is TCP without ice or rtcp_mux");
  }
  if (leg.transport != LegTransport::kUdpOrTcp) return {};
  if (!leg.ice) return refuse(at + ".transport", "is undecided without ice");
  if (leg.ice->nominated || leg.remote_rtp || leg.remote_rtcp) {
    return refuse(at + ".transport", "is undecided, but the peer is known");
  }
  return {};
}

Status check_dscp(const LegSpec& leg, const std::string& at) {
  if (leg.dscp >= kDscpValues) return refuse(at + ".dscp", "is above 63");
  if (!within(leg.dscp_rule, DscpRule::kSet, DscpRule::kMap)) return refuse(at + ".dscp_rule", "is unknown");
  if (leg.dscp_rule != DscpRule::kMap && !leg.dscp_map.empty()) {
    return refuse(at + ".dscp_map", "is given, but dscp_rule does not use it");
  }
  std::bitset<kDscpValues> seen;
  for (const DscpMap& map : leg.dscp_map) {
    if (map.from >= kDscpValues || map.to >= kDscpValues) return refuse(at + ".dscp_map", "has a value above 63");
    if (seen.test(map.from)) return refuse(at + ".dscp_map", "lists a value twice");
    seen.set(map.from);
  }
  return {};
}

/// So that a spec with every leg at its bounds still fits one message.
Status check_parameter_sets_together(const SessionSpec& spec) {
  std::size_t total = 0;
  for (const StreamSpec& stream : spec.streams) {
    for (const LegSpec& leg : stream.leg) {
      for (const std::vector<std::uint8_t>& set : leg.video.parameter_sets) total += set.size();
    }
  }
  if (total > kMaxSessionParameterSetBytes) return refuse("streams", "has more than 32 KiB of parameter sets");
  return {};
}

Status check_leg(MediaKind kind, const LegSpec& leg, const std::string& at) {
  if (!is_name(leg.network, kMaxNetworkNameBytes)) return refuse(at + ".network", "is no name of 1 to 32 letters");
  if (leg.family != IpFamily::kV4 && leg.family != IpFamily::kV6) return refuse(at + ".family", "is neither 4 nor 6");
  if (leg.rtp_port == 0 && leg.rtcp_port != 0) return refuse(at + ".rtcp_port", "is given without rtp_port");
  if (!is_text(leg.cname, kMaxCnameBytes)) return refuse(at + ".cname", "is longer than 64 octets, or no text");
  if (const Status status = check_dscp(leg, at); !status) return status;
  if (const Status status = check_transport(leg, at); !status) return status;
  if (const Status status = check_remotes(leg, at); !status) return status;
  if (const Status status = check_source_rule(leg, at); !status) return status;
  if (leg.receive_key) {
    if (const Status status = check_key(*leg.receive_key, at + ".receive_key"); !status) return status;
  }
  if (leg.send_key) {
    if (const Status status = check_key(*leg.send_key, at + ".send_key"); !status) return status;
  }
  return check_since_2(kind, leg, at);
}

Status check_maps(const std::vector<PayloadMap>& maps, const std::string& at) {
  if (maps.size() > kMaxPayloadMaps) return refuse(at, "has more than 32 entries");
  std::bitset<128> seen;
  for (const PayloadMap& map : maps) {
    if (map.from > 127 || map.to > 127) return refuse(at, "has a payload type above 127");
    if (seen.test(map.from)) return refuse(at, "lists a payload type twice");
    seen.set(map.from);
    if (map.from_clock_hz == 0 || map.to_clock_hz == 0 || map.from_clock_hz > kMaxClockHz ||
        map.to_clock_hz > kMaxClockHz) {
      return refuse(at, "has a clock outside 1..1000000 Hz");
    }
  }
  return {};
}

Status check_leg_stats(const LegStats& leg) {
  if (!is_figure(leg.jitter_ms, 0)) return refuse("jitter_ms", "is no duration");
  if (!is_figure(leg.peer_jitter_ms, -1)) return refuse("peer_jitter_ms", "is no duration");
  if (!is_figure(leg.round_trip_ms, -1)) return refuse("round_trip_ms", "is no duration");
  if (leg.payload_type > 127 && leg.payload_type != 0xff) return refuse("payload_type", "is above 127");
  if (leg.remote_rtp && !is_address(leg.remote_rtp->ip)) return refuse("remote_rtp", "is no IP address");
  return {};
}

/// What each kind of message must hold.
struct Check {
  Status operator()(const Hello& hello) const {
    if (hello.oldest_version == 0 || hello.oldest_version > hello.newest_version) {
      return refuse("oldest_version", "is zero or above newest_version");
    }
    return {};
  }
  Status operator()(const Welcome& welcome) const {
    if (welcome.version == 0) return refuse("version", "is zero");
    return {};
  }
  Status operator()(const OpenRequest& request) const { return validate(request.spec); }
  Status operator()(const UpdateRequest& request) const { return validate(request.spec); }
  Status operator()(const CloseRequest& request) const { return check_session(request.session); }
  Status operator()(const StatsRequest& request) const { return check_session(request.session); }
  Status operator()(const ListRequest&) const { return {}; }
  Status operator()(const StatusRequest&) const { return {}; }
  Status operator()(const Done&) const { return {}; }
  Status operator()(const SendPacketRequest& request) const {
    if (const Status status = check_place(request); !status) return status;
    if (!within(request.component, Component::kRtp, Component::kRtcp)) return refuse("component", "is unknown");
    if (!is_address(request.destination.ip)) return refuse("destination", "is no IP address");
    if (request.destination.port == 0) return refuse("destination", "has port 0");
    if (request.packet.empty() || request.packet.size() > kMaxPacketBytes) {
      return refuse("packet", "is not 1 to 1500 octets long");
    }
    return {};
  }
  Status operator()(const PictureRequest& request) const { return check_place(request); }
  Status operator()(const Error& error) const {
    if (!within(error.kind, ErrorKind::kInvalidArgument, ErrorKind::kDenied)) return refuse("kind", "is unknown");
    return {};  // texts are cut on their way out
  }
  Status operator()(const SessionState& state) const {
    if (const Status status = check_session(state.id); !status) return status;
    if (state.revision == 0) return refuse("revision", "is zero");
    if (state.streams.size() > kMaxStreams) return refuse("streams", "has more than 12 entries");
    for (const StreamState& stream : state.streams) {
      for (const LegState& leg : stream.leg) {
        if (!is_address(leg.local_rtp.ip)) return refuse("local_rtp", "is no IP address");
        if (!is_address(leg.local_rtcp.ip)) return refuse("local_rtcp", "is no IP address");
      }
    }
    return {};
  }
  Status operator()(const SessionStats& stats) const {
    if (const Status status = check_session(stats.id); !status) return status;
    if (stats.streams.size() > kMaxStreams) return refuse("streams", "has more than 12 entries");
    for (const StreamStats& stream : stats.streams) {
      if (!within(stream.kind, MediaKind::kAudio, MediaKind::kVideo)) return refuse("kind", "is unknown");
      for (const LegStats& leg : stream.leg) {
        if (const Status status = check_leg_stats(leg); !status) return status;
      }
    }
    return {};
  }
  Status operator()(const SessionPage& page) const {
    if (page.sessions.size() > kMaxPageSessions) return refuse("sessions", "has more than 256 entries");
    SessionId last{0};
    for (const SessionSummary& session : page.sessions) {
      if (session.id <= last) return refuse("sessions", "is not ascending by id");
      last = session.id;
    }
    // A page that points back would make its reader walk for ever.
    if (page.next && *page.next <= last) return refuse("next", "is not above the last session of the page");
    return {};
  }
  Status operator()(const DataplaneStatus& status) const {
    for (const std::string* text : {&status.io_mode, &status.io_reason, &status.srtp_engine, &status.idle_policy}) {
      if (!is_text(*text, kMaxTextBytes)) return refuse("io_mode, io_reason, srtp_engine or idle_policy", "is no text");
    }
    if (status.pools.size() > kMaxPools) return refuse("pools", "has more than 512 entries");
    for (const PoolUse& pool : status.pools) {
      if (!is_name(pool.network, kMaxNetworkNameBytes)) return refuse("pools.network", "is no name");
      if (!is_address(pool.address)) return refuse("pools.address", "is no IP address");
      if (pool.first_port > pool.last_port) return refuse("pools.first_port", "is above last_port");
    }
    if (status.counters.size() > kMaxCounters) return refuse("counters", "has more than 512 entries");
    for (const Counter& counter : status.counters) {
      if (!is_name(counter.name, kMaxTextBytes)) return refuse("counters.name", "is no name");
    }
    return {};
  }
  Status operator()(const StagesRequest&) const { return {}; }
  Status operator()(const StageFigures& figures) const { return check(figures); }
  Status operator()(const TraceStartRequest& request) const { return check(request.spec); }
  Status operator()(const TraceReadRequest& request) const { return check_session(request.session); }
  Status operator()(const TraceStopRequest& request) const { return check_session(request.session); }
  Status operator()(const TracePage& page) const { return check(page); }
  Status operator()(const PuntEvent& event) const {
    if (const Status status = check_place(event); !status) return status;
    if (!within(event.component, Component::kRtp, Component::kRtcp)) return refuse("component", "is unknown");
    if (!is_address(event.source.ip)) return refuse("source", "is no IP address");
    if (event.packet.size() > kMaxPacketBytes) return refuse("packet", "is longer than 1500 octets");
    return {};
  }
  Status operator()(const MediaStartedEvent& event) const {
    if (const Status status = check_place(event); !status) return status;
    if (!is_address(event.source.ip)) return refuse("source", "is no IP address");
    return {};
  }
  Status operator()(const MediaTimedOutEvent& event) const { return check_silence(event); }
  Status operator()(const OneWayMediaEvent& event) const { return check_silence(event); }
  Status operator()(const SourceRefusedEvent& event) const {
    if (const Status status = check_place(event); !status) return status;
    if (!is_address(event.source.ip)) return refuse("source", "is no IP address");
    return {};
  }
  Status operator()(const ConsentLostEvent& event) const {
    if (const Status status = check_place(event); !status) return status;
    if (!within(event.component, Component::kRtp, Component::kRtcp)) return refuse("component", "is unknown");
    return {};
  }
  Status operator()(const PictureWantedEvent& event) const { return check_place(event); }
  Status operator()(const KeyLifetimeLowEvent& event) const {
    if (const Status status = check_place(event); !status) return status;
    if (!within(event.direction, KeyDirection::kReceive, KeyDirection::kSend)) {
      return refuse("direction", "is neither receive nor send");
    }
    return {};
  }
};

}  // namespace

Status validate(const SessionSpec& spec) {
  if (spec.id.value == 0) return refuse("id", "is zero");
  if (spec.revision == 0) return refuse("revision", "is zero");
  if (spec.media_timeout_ms > kMaxMediaTimeoutMs) return refuse("media_timeout_ms", "is longer than a day");
  if (spec.streams.empty() || spec.streams.size() > kMaxStreams) return refuse("streams", "has not 1 to 12 entries");
  for (std::size_t i = 0; i < spec.streams.size(); ++i) {
    const StreamSpec& stream = spec.streams[i];
    const std::string at = "streams[" + std::to_string(i) + "]";
    if (!within(stream.kind, MediaKind::kAudio, MediaKind::kVideo)) return refuse(at + ".kind", "is unknown");
    if (const Status status = check_leg(stream.kind, stream.leg[index(Side::kA)], at + ".leg[a]"); !status)
      return status;
    if (const Status status = check_leg(stream.kind, stream.leg[index(Side::kB)], at + ".leg[b]"); !status)
      return status;
    if (const Status status = check_maps(stream.a_to_b, at + ".a_to_b"); !status) return status;
    if (const Status status = check_maps(stream.b_to_a, at + ".b_to_a"); !status) return status;
  }
  return check_parameter_sets_together(spec);
}

Status validate(const Message& message) { return std::visit(Check{}, message); }

}  // namespace isthmus::contract
