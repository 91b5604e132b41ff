#pragma once

// What the two planes agree on, as plain values. The data plane knows sessions of streams of two endpoints; it knows no
// SIP, no SDP and no call. Encoding is private to this folder (codec.h); transport is a unix seqpacket socket
// (server.h, client.h).
//
// All operations are idempotent by (session id, revision): the same revision again gets the same answer; a lower one is
// refused with kProtocolViolation and changes nothing.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"
#include "dataplane/base/secret.h"

namespace isthmus::contract {

/// Version N; a peer of an older one from kOldestVersion on is served as well. README.md says what each brought.
inline constexpr std::uint16_t kVersion = 3;
inline constexpr std::uint16_t kOldestVersion = 1;

// Bounds checked on both sides for every message.
inline constexpr std::size_t kMaxStreams = 12;      ///< media sections of one SDP (threat model B1)
inline constexpr std::size_t kDscpValues = 64;      ///< RFC 2474 3
inline constexpr std::size_t kMaxPayloadMaps = 32;  ///< payload types of one section
inline constexpr std::size_t kMaxMkiBytes = 4;      ///< longest Master Key Identifier taken
inline constexpr std::size_t kMaxCnameBytes = 64;
inline constexpr std::size_t kMaxNetworkNameBytes = 32;
inline constexpr std::size_t kMinIceUfragBytes = 4;      ///< RFC 8445 5.3, RFC 8839 5.4
inline constexpr std::size_t kMinIcePasswordBytes = 22;  ///< RFC 8445 5.3, RFC 8839 5.4
inline constexpr std::size_t kMaxIceTextBytes = 256;     ///< both
inline constexpr std::size_t kMaxParameterSets = 16;     ///< of one leg
inline constexpr std::size_t kMaxParameterSetBytes = 512;
inline constexpr std::size_t kMaxSessionParameterSetBytes =
    32U * 1024U;  ///< of all legs, so that a spec fits a message
inline constexpr std::uint16_t kMinVideoPayloadBytes = 128;
inline constexpr std::uint16_t kMaxVideoPayloadBytes = 1440;  ///< RTP header and SRTP tag beside it in kMaxPacketBytes
inline constexpr std::size_t kMaxPacketBytes = 1500;          ///< send_packet and punts
inline constexpr std::size_t kMaxPageSessions = 256;          ///< one list answer
inline constexpr std::size_t kMaxPools = 512;                 ///< one status answer: addresses x protocols
inline constexpr std::size_t kMaxCounters = 512;              ///< one status answer
inline constexpr std::size_t kMaxTextBytes = 256;             ///< names, reasons; longer error texts are cut
inline constexpr std::size_t kMaxMessageBytes = 128U * 1024U;

/// Names a session; drawn at random by the control plane, unique for ever.
struct SessionId {
  std::uint64_t value = 0;
  auto operator<=>(const SessionId&) const = default;
};

/// Counts the changes of one session, from 1.
using Revision = std::uint32_t;

enum class MediaKind : std::uint8_t { kAudio = 1, kVideo = 2 };
enum class Side : std::uint8_t { kA = 0, kB = 1 };  ///< The two endpoints of a stream; A is the calling side's leg.
enum class Component : std::uint8_t { kRtp = 1, kRtcp = 2 };

constexpr Side other(Side side) { return side == Side::kA ? Side::kB : Side::kA; }
constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }

/// RFC 3711, 4568, 6188, 7714. Values travel on the wire.
enum class SrtpSuite : std::uint8_t {
  kAesCm128HmacSha1_80 = 1,
  kAesCm128HmacSha1_32 = 2,
  kAesCm192HmacSha1_80 = 3,
  kAesCm256HmacSha1_80 = 4,
  kAeadAes128Gcm = 5,
  kAeadAes256Gcm = 6,
};

std::string_view to_string(SrtpSuite suite);     ///< "AES_CM_128_HMAC_SHA1_80", the IANA name
std::size_t master_key_bytes(SrtpSuite suite);   ///< 16, 24 or 32
std::size_t master_salt_bytes(SrtpSuite suite);  ///< 14 (counter mode) or 12 (GCM)

/// One direction's master key of one endpoint.
struct SrtpKey {
  SrtpSuite suite = SrtpSuite::kAesCm128HmacSha1_80;
  SecretBytes master_key;         ///< master_key_bytes(suite)
  SecretBytes master_salt;        ///< master_salt_bytes(suite)
  std::vector<std::uint8_t> mki;  ///< sent behind each packet when not empty; at most kMaxMkiBytes
  std::uint64_t lifetime_packets = std::uint64_t{1} << 48U;  ///< RFC 3711 9.2; SRTCP is bound by 2^31 as well

  bool operator==(const SrtpKey&) const = default;
};

/// Who may send to an endpoint (threat model B2). There is no rule that learns from unauthenticated packets for ever.
enum class SourceRule : std::uint8_t {
  kSignalled = 1,           ///< exactly remote_rtp / remote_rtcp
  kLatchAuthenticated = 2,  ///< the first packet whose SRTP tag verifies sets the transmit address, once a revision
  kLatchPlain = 3,          ///< clear RTP: within 3 s after an update, prefers the signalled address, then locks
};

/// Payload format of video, as far as the data plane looks into it.
enum class VideoFormat : std::uint8_t {
  kOpaque = 0,  ///< forwarded as it is
  kH264 = 1,    ///< RFC 6184
  kH264Uc = 2,  ///< [MS-H264PF]
};

/// How the peer of a leg packs its video. Two legs of equal format, mode and payload limit leave nothing to adapt.
struct VideoSpec {
  VideoFormat format = VideoFormat::kOpaque;
  std::uint8_t packetization_mode = 1;     ///< 0 or 1, of packets to this peer
  std::uint16_t max_payload_bytes = 1200;  ///< of packets to this peer; kMinVideoPayloadBytes..kMaxVideoPayloadBytes
  std::uint8_t max_temporal_id = 7;        ///< 0..7; layers above it are dropped on the way to this peer
  /// NAL units that the peer gave in sprop-parameter-sets (RFC 6184 8.1): sent in band to the far leg before each IDR
  /// picture that lacks them. At most kMaxParameterSets of 1..kMaxParameterSetBytes.
  std::vector<std::vector<std::uint8_t>> parameter_sets;
  /// What the peer decodes at most (RFC 6184 8.1: level, max-fs, max-mbps), to be asked of the far peer where that can
  /// be asked; 0: not known. 3600 and 108000 are 1280x720 at 30 pictures a second.
  std::uint32_t max_frame_macroblocks = 0;
  std::uint32_t max_macroblocks_per_second = 0;

  bool operator==(const VideoSpec&) const = default;
};

/// How picture requests to and from the peer of a leg are worded.
enum class FeedbackDialect : std::uint8_t {
  kRfc4585 = 1,    ///< PLI (RFC 4585 6.3.1), FIR (RFC 5104 4.3.1)
  kMicrosoft = 2,  ///< video source request, x-pli ([MS-RTP] 2.2.12)
  kNone = 3,       ///< not by RTCP: the control plane is told (PictureWantedEvent)
};

/// SSRCs first..last; {0, 0}: no range.
struct SsrcRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;

  bool is_any() const { return first == 0 && last == 0; }
  bool contains(std::uint32_t ssrc) const { return is_any() || (ssrc >= first && ssrc <= last); }
  bool operator==(const SsrcRange&) const = default;
};

/// How STUN messages of ours are written; both forms are taken from the peer.
enum class StunForm : std::uint8_t {
  kRfc8489 = 1,
  kMicrosoft = 2,  ///< [MS-ICE2]: padded integrity form
};

/// ICE of one endpoint. Checks are verified by the data plane and are the control plane's (PuntEvent) until
/// `nominated`; from then on the data plane answers checks on the pair and keeps it alive.
struct IceSpec {
  std::string local_ufrag;     ///< ice-char, kMinIceUfragBytes..kMaxIceTextBytes
  SecretBytes local_password;  ///< ice-char, kMinIcePasswordBytes..kMaxIceTextBytes
  std::string remote_ufrag;    ///< empty until known, together with remote_password
  SecretBytes remote_password;
  StunForm form = StunForm::kRfc8489;
  bool controlling = false;
  std::uint64_t tie_breaker = 0;
  /// remote_rtp and remote_rtcp are the chosen pairs: checks from them are answered here, consent (RFC 7675) or
  /// keep-alives go to them. Checks from elsewhere are still punted.
  bool nominated = false;

  bool operator==(const IceSpec&) const = default;
};

/// What carries the packets of a leg.
enum class LegTransport : std::uint8_t {
  kUdp = 0,
  /// RFC 4571: RTP, RTCP and STUN on connections to rtp_port, or from it to remote_rtp. With ICE and rtcp_mux alone:
  /// checks open connections and tell whose they are.
  kTcp = 1,
  /// Not decided yet, with ICE alone: an offer of ours names both and the answer chooses by an update to one of the
  /// above. Until then the leg is one over UDP that has the TCP port of the same number too, where that was to be had
  /// (LegState::takes_tcp); whoever connects there waits for the decision.
  kUdpOrTcp = 2,
};

/// How packets to the peer of a leg are marked (DSCP, RFC 2474).
enum class DscpRule : std::uint8_t {
  kSet = 0,   ///< with LegSpec::dscp
  kCopy = 1,  ///< as the far peer's packet was; what we make ourselves as the last one forwarded
  kMap = 2,   ///< LegSpec::dscp_map says what that becomes; LegSpec::dscp where it has no entry
};

struct DscpMap {
  std::uint8_t from = 0;  ///< 0..63
  std::uint8_t to = 0;

  bool operator==(const DscpMap&) const = default;
};

/// One endpoint of a stream: our side of it (network, ports, keys we send with) and what is known of the peer.
struct LegSpec {
  std::string network;  ///< name of a media address in the data plane's configuration, at most kMaxNetworkNameBytes
  IpFamily family = IpFamily::kV4;  ///< which of the network's addresses
  std::uint16_t rtp_port = 0;       ///< 0 on open: draw one. In recovery: the port to have again
  std::uint16_t rtcp_port = 0;      ///< next to rtp_port (RFC 3550 11), used unless rtcp_mux; over TCP the same
  bool rtcp_mux = false;            ///< RFC 5761
  std::optional<SocketAddress> remote_rtp;
  std::optional<SocketAddress> remote_rtcp;  ///< equal to remote_rtp with rtcp_mux
  SourceRule source_rule = SourceRule::kSignalled;
  bool receive = true;                 ///< take media from the peer (false while the peer is held)
  bool send = true;                    ///< send media to the peer
  std::optional<SrtpKey> receive_key;  ///< the peer's key; absent = clear
  std::optional<SrtpKey> send_key;     ///< our key; absent = clear
  std::uint32_t ssrc = 0;              ///< outgoing SSRC; 0: the data plane draws one and reports it
  std::string cname;                   ///< RTCP SDES CNAME of ours (RFC 7022), at most kMaxCnameBytes
  std::uint8_t dscp = 0;               ///< 0..63; with kCopy and kMap of STUN, and of RTCP before media
  std::optional<IceSpec> ice;          ///< absent: STUN on this leg is dropped
  VideoSpec video;                     ///< of video streams only
  FeedbackDialect feedback = FeedbackDialect::kRfc4585;
  SsrcRange peer_ssrcs;                         ///< packets of the peer with another SSRC are dropped
  SsrcRange own_ssrcs;                          ///< `ssrc` 0: the data plane takes the first of these that it may use
  LegTransport transport = LegTransport::kUdp;  ///< stays while the session is open, once it is decided
  DscpRule dscp_rule = DscpRule::kSet;
  std::vector<DscpMap> dscp_map;  ///< of kMap: each `from` once, so at most 64

  bool operator==(const LegSpec&) const = default;
};

/// Payload type of one leg to that of the other (RFC 3551 6). What is not listed is dropped with payload_type_unknown.
struct PayloadMap {
  std::uint8_t from = 0;  ///< 0..127
  std::uint8_t to = 0;
  std::uint32_t from_clock_hz = 0;  ///< RTP clock; equal clocks are passed with an offset, different ones scaled
  std::uint32_t to_clock_hz = 0;

  bool operator==(const PayloadMap&) const = default;
};

struct StreamSpec {
  MediaKind kind = MediaKind::kAudio;
  std::array<LegSpec, 2> leg;  ///< by Side
  std::vector<PayloadMap> a_to_b;
  std::vector<PayloadMap> b_to_a;

  bool operator==(const StreamSpec&) const = default;
};

/// The whole wanted state of a session; an update replaces the one before. The position of a stream names it; a stream
/// that ended keeps its place with both directions off until close.
struct SessionSpec {
  SessionId id;
  Revision revision = 1;
  std::vector<StreamSpec> streams;          ///< 1..kMaxStreams
  std::uint32_t media_timeout_ms = 30'000;  ///< event when a direction that should flow does not; 0: never

  bool operator==(const SessionSpec&) const = default;
};

// ---- answers ----

struct LegState {
  SocketAddress local_rtp;
  SocketAddress local_rtcp;
  std::uint32_t ssrc = 0;
  bool takes_tcp = false;  ///< of kUdpOrTcp: the TCP port of local_rtp's number is the leg's as well
};

struct StreamState {
  std::array<LegState, 2> leg;
};

struct SessionState {
  SessionId id;
  Revision revision = 0;
  std::vector<StreamState> streams;
};

/// Figures of one leg of one stream. "received" is from the peer, "sent" to the peer.
struct LegStats {
  std::uint64_t packets_received = 0;  ///< accepted RTP packets (authenticated when secured)
  std::uint64_t bytes_received = 0;    ///< RTP payload octets (RFC 3550 6.4.1)
  std::uint64_t packets_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t rtcp_received = 0;
  std::uint64_t rtcp_sent = 0;
  std::int64_t packets_lost = 0;            ///< on the way to us: expected - received (RFC 3550 A.3)
  double jitter_ms = 0;                     ///< of arrival here (RFC 3550 6.4.1)
  std::int64_t peer_packets_lost = -1;      ///< of our stream, as the peer's reports say; -1: no report yet
  double peer_jitter_ms = -1;               ///< as the peer's reports say; -1: no report yet
  double round_trip_ms = -1;                ///< from LSR/DLSR; -1: not known yet
  std::uint64_t drops = 0;                  ///< packets of this leg dropped for any reason
  std::uint8_t payload_type = 0xff;         ///< last one received; 0xff: none yet
  std::optional<SocketAddress> remote_rtp;  ///< the transmit address in use (it may have been latched)
  bool encrypted = false;
};

struct StreamStats {
  MediaKind kind = MediaKind::kAudio;
  std::array<LegStats, 2> leg;
};

struct SessionStats {
  SessionId id;
  Revision revision = 0;
  std::vector<StreamStats> streams;
};

struct SessionSummary {
  SessionId id;
  Revision revision = 0;
};

struct SessionPage {
  std::vector<SessionSummary> sessions;  ///< ascending by id, at most kMaxPageSessions
  std::optional<SessionId> next;         ///< ask from here for the next page
};

struct Counter {
  std::string name;  ///< "packets_forwarded", "drop_wrong_source", ...
  std::uint64_t value = 0;
};

struct PoolUse {
  std::string network;
  IpAddress address;
  std::uint16_t first_port = 0;
  std::uint16_t last_port = 0;  ///< inclusive
  std::uint32_t in_use = 0;
  std::uint32_t resting = 0;
  LegTransport transport = LegTransport::kUdp;
};

struct DataplaneStatus {
  std::string io_mode;    ///< "af_xdp", "af_packet", "socket", ...
  std::string io_reason;  ///< why this one
  std::string srtp_engine;
  std::string idle_policy;  ///< "nap" or "poll"
  std::uint64_t started_unix_us = 0;
  std::uint64_t incarnation = 0;  ///< drawn at each start; a change tells the control plane to program everything again
  std::uint32_t workers = 0;
  std::uint32_t sessions = 0;
  std::vector<PoolUse> pools;
  std::vector<Counter> counters;
};

// ---- events: data plane to control plane ----

/// A packet that is the control plane's to answer (STUN; budgets and rates are checked before).
struct PuntEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  Component component = Component::kRtp;
  SocketAddress source;
  std::vector<std::uint8_t> packet;  ///< UDP payload, at most kMaxPacketBytes
};

/// The first accepted media packet of a leg after an open or update that (re)started it.
struct MediaStartedEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;  ///< the leg it came from
  SocketAddress source;
};

/// A direction that should flow was silent for the session's media_timeout_ms; once until it flows again.
struct MediaTimedOutEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  /// Name of the drop counter that took its packets, or "nothing_arrived".
  std::string cause = "nothing_arrived";
};

/// Packets from a source that the rule refuses; at most one event a second a leg.
struct SourceRefusedEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  SocketAddress source;
  std::uint64_t packets = 0;  ///< refused since the last such event
};

/// Media goes one way: the other direction flows, this one has been silent for 4 to 5 s though it should not be. Once
/// until that changes; much earlier than MediaTimedOutEvent.
struct OneWayMediaEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;                   ///< the leg whose peer is not heard
  std::string cause = "nothing_arrived";  ///< as in MediaTimedOutEvent
};

/// A nominated pair stayed without an answer for 30 s (RFC 7675 5.1); once. Nothing is sent on it any more until
/// another pair is nominated.
struct ConsentLostEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  Component component = Component::kRtp;
};

/// What a key is for.
enum class KeyDirection : std::uint8_t { kReceive = 0, kSend = 1 };

/// A key of a leg is nearly used up (RFC 3711 9.2): an eighth of its lifetime is left or 2^20 packets, whichever are
/// fewer. At its end packets are dropped with srtp_key_expired. When this is told again, and its end: key_lifetime.h.
struct KeyLifetimeLowEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;
  KeyDirection direction = KeyDirection::kReceive;
  std::uint64_t packets_left = 0;
};

/// The far peer wants a key frame, and the peer of `side` cannot be asked by RTCP: SIP INFO is the control plane's. At
/// most one a second a leg.
struct PictureWantedEvent {
  SessionId session;
  std::uint16_t stream = 0;
  Side side = Side::kA;  ///< the leg whose peer is to be asked
};

}  // namespace isthmus::contract
