#pragma once

// The whole configuration of the control plane as plain values: what it is once read and checked. How it is written
// down is schema.h, what has to fit together is validator.h, TOML is toml_reader.h. Values only, any thread.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/address.h"

namespace isthmus::config {

enum class Transport : std::uint8_t { kUdp, kTcp, kTls };

inline constexpr std::uint16_t kDefaultPort = 5060;  // RFC 3261 19.1.2
inline constexpr std::uint16_t kDefaultTlsPort = 5061;

/// Whether a TLS listener asks whoever connects for a certificate. What is sent must always verify.
enum class ClientCertificate : std::uint8_t { kNone, kOptional, kRequired };

enum class MediaEncryption : std::uint8_t { kOff, kAuto, kRequired };

/// This gateway as its peers see it.
struct Node {
  std::string host_name = "localhost";  ///< FQDN: Warning agent, From of our own requests, host of a bare alias
  std::string user_agent = "Isthmus";   ///< User-Agent and Server
};

/// One local SIP address.
struct Listener {
  std::string name;  ///< unique
  Transport transport = Transport::kUdp;
  IpAddress address;
  std::uint16_t port = 5060;    ///< where none is written, TLS has 5061
  std::string advertised_host;  ///< host of Via and Contact; empty: the address
  std::string zone;             ///< sources listed for no zone belong to this one; empty: they are refused

  // TLS alone. Files in PEM form, readable by the user that the control plane runs as.
  std::string certificate{};  ///< ours, then those of its authorities: the chain that is sent, in both directions
  std::string private_key{};
  std::string trusted_ca{};  ///< authorities of peers, in both directions
  /// kRequired: who connects is known by a name of its certificate and never by its address (threat model B1).
  ClientCertificate client_certificate = ClientCertificate::kRequired;
};

/// A network of the data plane, by the name that the data plane's own configuration gives it.
struct Network {
  std::string name;  ///< unique, 1..32 characters
  bool ipv4 = true;
  bool ipv6 = false;
  IpFamily preferred = IpFamily::kV4;  ///< of our own offers
};

struct Peer {
  std::string host;        ///< numeric address, or a name that is looked up
  std::uint16_t port = 0;  ///< 0: none written, see port_of; a name is then asked for its SRV records
  Transport transport = Transport::kUdp;
  std::string name{};  ///< TLS: what its certificate must say; empty: the host
};

/// 5060, 5061 for TLS, unless another one is written.
std::uint16_t port_of(const Peer& peer);
/// TLS: the name to verify.
const std::string& name_of(const Peer& peer);

/// What an INVITE without SDP is answered with (R38).
enum class DelayedOfferPreset : std::uint8_t { kAudio, kAudioVideo };

struct Codec {
  std::string encoding;        ///< "opus", "PCMU", "H264"; compared without case
  std::uint32_t clock_hz = 0;  ///< 0: any
  bool operator==(const Codec&) const = default;
};

/// DSCP of media to a zone's peers (R77).
struct DscpMarking {
  enum class Rule : std::uint8_t { kSet, kCopy, kMap };  ///< of the far peer's packet: nothing, the value, a function
  struct Entry {
    std::uint8_t from = 0;
    std::uint8_t to = 0;
    bool operator==(const Entry&) const = default;
  };
  Rule rule = Rule::kSet;
  std::uint8_t value = 0;    ///< kSet: of everything; else of what has no packet of the far peer behind it ...
  std::vector<Entry> map{};  ///< ... and with kMap of what has no entry here
  bool operator==(const DscpMarking&) const = default;
};

enum class ZoneType : std::uint8_t { kNeighbor };

/// How the peers of a zone speak; a source is of its zone, so its address or certificate decides (R40).
enum class Dialect : std::uint8_t { kStandards, kMicrosoft };

/// A neighbour: its peers, and what calls to and from it may do (R171).
struct Zone {
  std::string name;  ///< unique
  ZoneType type = ZoneType::kNeighbor;
  Dialect dialect = Dialect::kStandards;
  std::vector<Peer> peers;  ///< tried in this order; trusted as sources as well, where they are (R172: no limit of 6)
  std::string listener;     ///< we send from this one; empty: the first with the peer's transport
  std::uint8_t hop_count = 15;  ///< upper bound of Max-Forwards towards the zone (R54)
  bool monitor = true;          ///< OPTIONS keep-alive (R51)
  bool accept_calls = true;     ///< INVITE from this zone; false: 403

  std::string network;  ///< media network; empty: the first
  MediaEncryption media_encryption = MediaEncryption::kAuto;
  bool keys_over_clear = false;       ///< laboratory: SDES keys over signalling without TLS; an alarm while on
  bool offer_savp = false;            ///< `auto` worded as RTP/SAVP, for peers that overlook a=crypto under RTP/AVP
  bool allow_loopback_media = false;  ///< laboratory: take loopback addresses from a peer's SDP
  bool latch_plain_media = false;     ///< clear RTP: take the first source within 3 s instead of the signalled one
  std::vector<Codec> audio_codecs;    ///< allowed, best first; empty: the built-in order
  std::vector<Codec> video_codecs;
  bool video = true;
  std::uint32_t video_cap_kbps = 0;                     ///< 0: none (R106)
  DscpMarking audio_dscp{DscpMarking::Rule::kSet, 46};  ///< EF (RFC 4594 4.1)
  DscpMarking video_dscp{DscpMarking::Rule::kSet, 34};  ///< AF41 (RFC 4594 4.3)
  bool offer_rtcp_mux = false;
  bool feedback_profile = false;  ///< offer RTP/AVPF and RTP/SAVPF
  DelayedOfferPreset delayed_offer = DelayedOfferPreset::kAudioVideo;

  std::string caller_domain;  ///< a From that names an IP address only gets this host; empty: left as it is (R43)
  std::chrono::seconds session_interval{1800};  ///< Session-Expires that we ask for (R55)
  std::chrono::seconds session_minimum{500};    ///< Min-SE
};

enum class PatternType : std::uint8_t { kExact, kPrefix, kSuffix, kRegex };
enum class PatternBehaviour : std::uint8_t { kLeave, kStrip, kReplace };
enum class RuleMode : std::uint8_t { kAliasPattern, kAnyAlias, kAnyIp };
enum class OnMatch : std::uint8_t { kContinue, kStop };
enum class TransformAction : std::uint8_t { kPattern, kStripPort };

/// Change of an alias before the search (R182, R183).
struct Transform {
  std::string name;
  std::string description;
  std::uint16_t priority = 100;
  TransformAction action = TransformAction::kPattern;
  PatternType pattern_type = PatternType::kRegex;
  std::string pattern;
  PatternBehaviour behaviour = PatternBehaviour::kReplace;
  std::string replacement;
  bool enabled = true;
};

/// R176, R177, R180.
struct SearchRule {
  std::string name;
  std::string description;
  std::uint16_t priority = 100;
  std::string source_zone;  ///< empty: any
  bool must_be_authenticated = false;
  RuleMode mode = RuleMode::kAliasPattern;
  PatternType pattern_type = PatternType::kRegex;
  std::string pattern;
  PatternBehaviour behaviour = PatternBehaviour::kLeave;
  std::string replacement;
  OnMatch on_match = OnMatch::kContinue;
  std::string target_zone;
  std::string caller_domain;  ///< From domain of calls by this rule; empty: as the zone says
  bool enabled = true;
};

/// A source that may send requests, beside the peers of the zones (R188-R193). One of `network` and
/// `certificate_name` is set.
struct TrustedHost {
  std::string name;
  std::string network;           ///< "192.0.2.1", "10.10.0.0/16", "2001:db8::/32"
  std::string certificate_name;  ///< a SAN
  std::string listener;          ///< empty: any
  std::string zone;
};

struct Limits {
  std::uint32_t max_calls = 100;             ///< above: 503 with Retry-After and an alarm (R31)
  std::uint32_t max_calls_per_source = 100;  ///< calls at once from one address
  std::uint32_t calls_per_second = 1000;     ///< new calls, all sources
  std::uint32_t calls_per_second_per_source = 500;
  std::uint32_t connections_per_source = 64;
  std::uint32_t trusted_hosts_advisory = 25;  ///< advisory above (R190)
};

/// RFC 3261 17 and R52.
struct Timers {
  std::chrono::milliseconds t1{500};
  std::chrono::milliseconds t2{4000};
  std::chrono::milliseconds t4{5000};
  std::chrono::seconds invite_expiry{180};          ///< no final answer for this long ends the attempt
  std::chrono::seconds monitor_interval{120};       ///< OPTIONS to each monitored peer
  std::chrono::seconds monitor_retry_interval{10};  ///< while it does not answer
  std::uint32_t monitor_failures = 3;               ///< unanswered probes until a peer counts as failed
  std::chrono::seconds media_timeout{30};           ///< a direction that should flow does not: event
  std::chrono::seconds drain{0};                    ///< SIGTERM: how long calls may go on before they are ended
};

struct Rest {
  IpAddress address = IpAddress::v4(127, 0, 0, 1);  ///< loopback only until TLS comes (threat model B5)
  std::uint16_t port = 8480;                        ///< 0: any free one, for tests
  std::vector<std::string> allowed_hosts = {"127.0.0.1", "localhost", "[::1]"};  ///< of the Host header, without port
};

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

struct ControlPlane {
  Node node;
  std::vector<Listener> listeners;
  std::vector<Network> networks;
  std::vector<Zone> zones;
  std::vector<Transform> transforms;
  std::vector<SearchRule> search_rules;
  std::vector<TrustedHost> trusted_hosts;
  Limits limits;
  Timers timers;
  Rest rest;
  LogLevel log_level = LogLevel::kInfo;

  const Zone* find_zone(std::string_view name) const;
  const Listener* find_listener(std::string_view name) const;
  /// Host of Via and Contact; empty: the address. Microsoft servers want a name that the certificate has ([MS-SIPRE],
  /// "400 Missing Correct Via Header"), so a TLS listener that serves them has the node's unless it says otherwise.
  std::string advertised_host(const Listener& listener) const;
  /// Of the zone, or the first one where the zone names none.
  const Network* network_of(const Zone& zone) const;
};

}  // namespace isthmus::config
