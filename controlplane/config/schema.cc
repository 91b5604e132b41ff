#include "controlplane/config/schema.h"

#include <charconv>

#include "controlplane/config/schema_key.h"

namespace isthmus::config {
namespace {

using namespace schema;  // NOLINT: the words of the tables below

// Bounds of the lists, so that a wrong file ends with a sentence and not with the memory.
constexpr std::size_t kMaxListeners = 64;
constexpr std::size_t kMaxNetworks = 64;
constexpr std::size_t kMaxZones = 1000;
constexpr std::size_t kMaxPeersOfZone = 256;
constexpr std::size_t kMaxCodecs = 32;
constexpr std::size_t kMaxTransforms = 1000;
constexpr std::size_t kMaxSearchRules = 10'000;
constexpr std::size_t kMaxTrustedHosts = 10'000;
constexpr std::size_t kMaxAllowedHosts = 64;
constexpr std::int64_t kLowestPriority = 65534;

constexpr TextBounds kName{1, 64};
constexpr TextBounds kNetworkName{1, 32};  // contract::kMaxNetworkNameBytes
constexpr TextBounds kHost{0, 253};        // RFC 1035 2.3.4
constexpr TextBounds kPattern{0, 512};
constexpr TextBounds kPath{0, 4095};  // PATH_MAX without its NUL

constexpr Word<Transport> kTransports[] = {
    {"udp", Transport::kUdp}, {"tcp", Transport::kTcp}, {"tls", Transport::kTls}};
constexpr Word<ClientCertificate> kClientCertificates[] = {{"none", ClientCertificate::kNone},
                                                           {"optional", ClientCertificate::kOptional},
                                                           {"required", ClientCertificate::kRequired}};
constexpr Word<MediaEncryption> kEncryptions[] = {
    {"required", MediaEncryption::kRequired}, {"auto", MediaEncryption::kAuto}, {"off", MediaEncryption::kOff}};
constexpr Word<ZoneType> kZoneTypes[] = {{"neighbor", ZoneType::kNeighbor}};
constexpr Word<Dialect> kDialects[] = {{"standards", Dialect::kStandards}, {"microsoft", Dialect::kMicrosoft}};
constexpr Word<IpFamily> kFamilies[] = {{"ipv4", IpFamily::kV4}, {"ipv6", IpFamily::kV6}};
constexpr Word<DelayedOfferPreset> kPresets[] = {{"audio", DelayedOfferPreset::kAudio},
                                                 {"audio_video", DelayedOfferPreset::kAudioVideo}};
constexpr Word<PatternType> kPatternTypes[] = {{"exact", PatternType::kExact},
                                               {"prefix", PatternType::kPrefix},
                                               {"suffix", PatternType::kSuffix},
                                               {"regex", PatternType::kRegex}};
constexpr Word<PatternBehaviour> kBehaviours[] = {
    {"leave", PatternBehaviour::kLeave}, {"strip", PatternBehaviour::kStrip}, {"replace", PatternBehaviour::kReplace}};
constexpr Word<RuleMode> kModes[] = {
    {"alias_pattern", RuleMode::kAliasPattern}, {"any_alias", RuleMode::kAnyAlias}, {"any_ip", RuleMode::kAnyIp}};
constexpr Word<OnMatch> kOnMatch[] = {{"continue", OnMatch::kContinue}, {"stop", OnMatch::kStop}};
constexpr Word<TransformAction> kActions[] = {{"pattern", TransformAction::kPattern},
                                              {"strip_port", TransformAction::kStripPort}};
constexpr Word<LogLevel> kLogLevels[] = {
    {"debug", LogLevel::kDebug}, {"info", LogLevel::kInfo}, {"warn", LogLevel::kWarn}, {"error", LogLevel::kError}};

/// "H264" or "PCMU/8000".
std::optional<Codec> read_codec(const std::string& path, const Value& value, Reading& reading) {
  const auto text = read_text(path, value, {1, 64}, reading);
  if (!text) return std::nullopt;
  Codec codec;
  const std::size_t slash = text->find('/');
  codec.encoding = text->substr(0, slash);
  bool good = !codec.encoding.empty() && codec.encoding.find_first_of(" \t;,\"") == std::string::npos;
  if (slash != std::string::npos) {
    const char* end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data() + slash + 1, end, codec.clock_hz);
    good = good && error == std::errc{} && at == end && codec.clock_hz >= 1000 && codec.clock_hz <= 192'000;
  }
  if (good) return codec;
  reading.add(path, quoted(*text) + " is no codec; write a name such as \"opus\" or name/clock such as \"PCMU/8000\"",
              value.line);
  return std::nullopt;
}

std::optional<std::string> read_host_name(const std::string& path, const Value& value, Reading& reading) {
  return read_text(path, value, {1, 253}, reading);
}

constexpr std::int64_t kHighestDscp = 63;

/// { 46 = 40, 34 = 0, other = 0 }
void read_dscp_map(const std::string& path, const Value& value, DscpMarking& marking, Reading& reading) {
  marking.rule = DscpMarking::Rule::kMap;
  marking.map.clear();
  for (const auto& [name, member] : value.members) {
    std::string key = path;
    key.append(".").append(name);
    const auto to = read_integer(key, member, 0, kHighestDscp, reading);
    if (!to) continue;
    if (name == "other") {
      marking.value = static_cast<std::uint8_t>(*to);
      continue;
    }
    std::uint8_t from = 0;
    const auto [at, error] = std::from_chars(name.data(), name.data() + name.size(), from);
    const bool known = std::ranges::any_of(marking.map, [&](const auto& entry) { return entry.from == from; });
    if (error != std::errc{} || at != name.data() + name.size() || from > kHighestDscp || known) {
      reading.add(key, "is not \"other\" or a value 0..63 that stands here once", member.line);
      continue;
    }
    marking.map.push_back({from, static_cast<std::uint8_t>(*to)});
  }
}

/// 46, "copy", or a map.
Key<Zone> dscp(std::string_view name, DscpMarking Zone::* member, std::string_view purpose) {
  return {name,
          false,
          "0..63 | \"copy\" | { IN = OUT, other = OUT }",
          std::to_string((Zone{}.*member).value),
          purpose,
          [=](Zone& into, const std::string& path, const Value& value, Reading& reading) {
            DscpMarking& marking = into.*member;
            if (value.kind == Value::Kind::kTable) {
              read_dscp_map(path, value, marking, reading);
            } else if (value.kind == Value::Kind::kText && value.text == "copy") {
              marking.rule = DscpMarking::Rule::kCopy;
            } else if (value.kind == Value::Kind::kText) {
              reading.add(path, "is " + quoted(value.text) + ", should be 0..63, \"copy\" or a map", value.line);
            } else if (const auto read = read_integer(path, value, 0, kHighestDscp, reading)) {
              marking.value = static_cast<std::uint8_t>(*read);
            }
          },
          {}};
}

Keys<Node> node_keys() {
  return {
      text("host_name", &Node::host_name, "our FQDN: From of our own requests, Warning, host of a bare alias",
           Need::kOptional, kHost),
      text("user_agent", &Node::user_agent, "User-Agent and Server", Need::kOptional, kName),
  };
}

Keys<Listener> listener_keys() {
  return {
      text("name", &Listener::name, "unique", Need::kRequired, kName),
      choice("transport", &Listener::transport, kTransports, "", Need::kRequired),
      address("address", &Listener::address, "local address", Need::kRequired),
      number("port", &Listener::port, 0, 65535, "without it, tls has 5061; 0: any free one, for tests"),
      text("advertised_host", &Listener::advertised_host, "host of Via and Contact; empty: the address",
           Need::kOptional, kHost),
      text("zone", &Listener::zone, "zone of sources that no trusted host or peer names; empty: they are refused",
           Need::kOptional, kName),
      text("certificate", &Listener::certificate, "tls: file (PEM) with our certificate, then those of its authorities",
           Need::kOptional, kPath),
      text("private_key", &Listener::private_key, "tls: file (PEM) with its key, without a passphrase", Need::kOptional,
           kPath),
      text("trusted_ca", &Listener::trusted_ca, "tls: file (PEM) with the authorities that peers may have",
           Need::kOptional, kPath),
      choice("client_certificate", &Listener::client_certificate, kClientCertificates,
             "tls: asked of who connects; required: it is known by its name and not by its address"),
  };
}

Keys<Network> network_keys() {
  return {
      text("name", &Network::name, "as in the data plane's configuration", Need::kRequired, kNetworkName),
      flag("ipv4", &Network::ipv4, "has an IPv4 media address"),
      flag("ipv6", &Network::ipv6, "has an IPv6 media address"),
      choice("preferred", &Network::preferred, kFamilies, "family of our own offers"),
  };
}

Keys<Peer> peer_keys() {
  return {
      text("host", &Peer::host, "numeric address, or a name that is looked up", Need::kRequired, kHost),
      number("port", &Peer::port, 1, 65535, "without it, a name's SRV records, else 5060 or, for tls, 5061"),
      choice("transport", &Peer::transport, kTransports, ""),
      text("name", &Peer::name, "tls: what its certificate must say; empty: the host", Need::kOptional, kHost),
  };
}

Keys<Zone> zone_keys() {
  return {
      text("name", &Zone::name, "unique", Need::kRequired, kName),
      choice("type", &Zone::type, kZoneTypes, ""),
      choice("dialect", &Zone::dialect, kDialects, "how its peers speak: SIP headers, bodies and SDP"),
      tables("peers", &Zone::peers, peer_keys(), kMaxPeersOfZone),
      text("listener", &Zone::listener, "we send from this one; empty: the first with the peer's transport",
           Need::kOptional, kName),
      number("hop_count", &Zone::hop_count, 1, 255, "upper bound of Max-Forwards towards the zone"),
      flag("monitor", &Zone::monitor, "OPTIONS keep-alive to each peer"),
      flag("accept_calls", &Zone::accept_calls, "take calls from this zone"),
      text("network", &Zone::network, "media network; empty: the first", Need::kOptional, kNetworkName),
      choice("media_encryption", &Zone::media_encryption, kEncryptions, "SRTP on the zone's legs"),
      flag("keys_over_clear", &Zone::keys_over_clear,
           "laboratory: SDES keys over signalling without TLS; a standing alarm while on"),
      flag("offer_savp", &Zone::offer_savp, "word \"auto\" as RTP/SAVP instead of RTP/AVP with a=crypto"),
      flag("allow_loopback_media", &Zone::allow_loopback_media, "laboratory: take loopback addresses from SDP"),
      flag("latch_plain_media", &Zone::latch_plain_media,
           "clear RTP: take the first source within 3 s instead of the signalled one"),
      list<Zone, Codec>("audio_codecs", &Zone::audio_codecs, "list of codecs", "[] (built-in order)", kMaxCodecs,
                        "allowed, best first", read_codec),
      list<Zone, Codec>("video_codecs", &Zone::video_codecs, "list of codecs", "[] (built-in order)", kMaxCodecs,
                        "allowed, best first", read_codec),
      flag("video", &Zone::video, "video may be agreed"),
      number("video_cap_kbps", &Zone::video_cap_kbps, 0, 1'000'000, "0: none"),
      dscp("audio_dscp", &Zone::audio_dscp, "mark of audio to its peers; of the far peer's packet: copied or mapped"),
      dscp("video_dscp", &Zone::video_dscp, "the same of video"),
      flag("offer_rtcp_mux", &Zone::offer_rtcp_mux, "RFC 5761 in our offers"),
      flag("feedback_profile", &Zone::feedback_profile, "offer RTP/AVPF and RTP/SAVPF"),
      choice("delayed_offer", &Zone::delayed_offer, kPresets, "what an INVITE without SDP is answered with"),
      text("caller_domain", &Zone::caller_domain, "host for a From that names only an IP address", Need::kOptional,
           kHost),
      duration("session_interval_s", &Zone::session_interval, 90, 86'400, "Session-Expires that we ask for"),
      duration("session_minimum_s", &Zone::session_minimum, 90, 86'400, "Min-SE"),
  };
}

Keys<Transform> transform_keys() {
  return {
      text("name", &Transform::name, "unique", Need::kRequired, kName),
      text("description", &Transform::description, ""),
      number("priority", &Transform::priority, 1, kLowestPriority, "lower ones first"),
      choice("action", &Transform::action, kActions, "strip_port is parsed: IPv6 literals survive"),
      choice("pattern_type", &Transform::pattern_type, kPatternTypes, ""),
      text("pattern", &Transform::pattern, "", Need::kOptional, kPattern),
      choice("behaviour", &Transform::behaviour, kBehaviours, "what happens to the match"),
      text("replacement", &Transform::replacement, "\\1 to \\9 are the groups of a regex", Need::kOptional, kPattern),
      flag("enabled", &Transform::enabled, ""),
  };
}

Keys<SearchRule> search_rule_keys() {
  return {
      text("name", &SearchRule::name, "unique", Need::kRequired, kName),
      text("description", &SearchRule::description, ""),
      number("priority", &SearchRule::priority, 1, kLowestPriority, "lower ones first"),
      text("source_zone", &SearchRule::source_zone, "empty: any", Need::kOptional, kName),
      flag("must_be_authenticated", &SearchRule::must_be_authenticated, ""),
      choice("mode", &SearchRule::mode, kModes, "which aliases the rule looks at"),
      choice("pattern_type", &SearchRule::pattern_type, kPatternTypes, ""),
      text("pattern", &SearchRule::pattern, "", Need::kOptional, kPattern),
      choice("behaviour", &SearchRule::behaviour, kBehaviours, "what happens to the match"),
      text("replacement", &SearchRule::replacement, "\\1 to \\9 are the groups of a regex", Need::kOptional, kPattern),
      choice("on_match", &SearchRule::on_match, kOnMatch, "go on to lower rules when the zone does not have the alias"),
      text("target_zone", &SearchRule::target_zone, "", Need::kRequired, kName),
      text("caller_domain", &SearchRule::caller_domain, "From domain of calls by this rule", Need::kOptional, kHost),
      flag("enabled", &SearchRule::enabled, ""),
  };
}

Keys<TrustedHost> trusted_host_keys() {
  return {
      text("name", &TrustedHost::name, "for people", Need::kRequired, kName),
      text("network", &TrustedHost::network, "address or address/bits"),
      text("certificate_name", &TrustedHost::certificate_name, "SAN of a verified certificate", Need::kOptional, kHost),
      text("listener", &TrustedHost::listener, "empty: any", Need::kOptional, kName),
      text("zone", &TrustedHost::zone, "", Need::kRequired, kName),
  };
}

Keys<Limits> limits_keys() {
  return {
      number("max_calls", &Limits::max_calls, 1, 100'000, "above: 503 with Retry-After"),
      number("max_calls_per_source", &Limits::max_calls_per_source, 1, 100'000, "calls at once from one address"),
      number("calls_per_second", &Limits::calls_per_second, 1, 100'000, "new calls, all sources"),
      number("calls_per_second_per_source", &Limits::calls_per_second_per_source, 1, 100'000,
             "requests outside of dialogs from one peer"),
      number("connections_per_source", &Limits::connections_per_source, 1, 10'000, "TCP"),
      number("trusted_hosts_advisory", &Limits::trusted_hosts_advisory, 1, 100'000, "advisory above this many"),
  };
}

Keys<Timers> timers_keys() {
  return {
      duration("t1_ms", &Timers::t1, 10, 10'000, "RFC 3261 17.1.1.1"),
      duration("t2_ms", &Timers::t2, 10, 60'000, ""),
      duration("t4_ms", &Timers::t4, 10, 60'000, ""),
      duration("invite_expiry_s", &Timers::invite_expiry, 1, 3600, "without a final answer the attempt ends"),
      duration("monitor_interval_s", &Timers::monitor_interval, 1, 3600, "OPTIONS to each monitored peer"),
      duration("monitor_retry_interval_s", &Timers::monitor_retry_interval, 1, 3600, "while it does not answer"),
      number("monitor_failures", &Timers::monitor_failures, 1, 100, "unanswered probes until a peer has failed"),
      duration("media_timeout_s", &Timers::media_timeout, 0, 3600, "silence of a direction until an event; 0: never"),
      duration("drain_s", &Timers::drain, 0, 86'400, "SIGTERM: calls may go on for this long"),
  };
}

Keys<Rest> rest_keys() {
  return {
      address("address", &Rest::address, "loopback only"),
      number("port", &Rest::port, 0, 65535, "0: any free one, for tests"),
      list<Rest, std::string>("allowed_hosts", &Rest::allowed_hosts, "list of texts",
                              R"(["127.0.0.1", "localhost", "[::1]"])", kMaxAllowedHosts,
                              "of the Host header, without port", read_host_name),
  };
}

Keys<ControlPlane> root_keys() {
  return {
      choice("log_level", &ControlPlane::log_level, kLogLevels, "lowest level written"),
      table("node", &ControlPlane::node, node_keys()),
      tables("listener", &ControlPlane::listeners, listener_keys(), kMaxListeners),
      tables("network", &ControlPlane::networks, network_keys(), kMaxNetworks),
      tables("zone", &ControlPlane::zones, zone_keys(), kMaxZones),
      tables("transform", &ControlPlane::transforms, transform_keys(), kMaxTransforms),
      tables("search_rule", &ControlPlane::search_rules, search_rule_keys(), kMaxSearchRules),
      tables("trusted_host", &ControlPlane::trusted_hosts, trusted_host_keys(), kMaxTrustedHosts),
      table("limits", &ControlPlane::limits, limits_keys()),
      table("timers", &ControlPlane::timers, timers_keys()),
      table("rest", &ControlPlane::rest, rest_keys()),
  };
}

}  // namespace

Problems apply_schema(const Value& root, ControlPlane& config, Lines& lines) {
  Reading reading{{}, lines};
  read_table(config, root_keys(), "", root, reading);
  return std::move(reading.problems);
}

std::vector<KeyDescription> describe_keys() {
  std::vector<KeyDescription> all;
  describe_table(root_keys(), "", all);
  return all;
}

}  // namespace isthmus::config
