#pragma once

// The neutral media model: what a session description says, whichever dialect it came in. Values only, no I/O, no
// thread of their own. Negotiation (controlplane/media) works on these types alone.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sdp/candidate.h"
#include "controlplane/sdp/crypto.h"
#include "controlplane/sdp/dialect.h"
#include "dataplane/base/address.h"

namespace isthmus::sdp {

enum class MediaKind : std::uint8_t { kAudio, kVideo, kApplication, kOther };
enum class Protocol : std::uint8_t {
  kRtpAvp,
  kRtpAvpf,
  kRtpSavp,
  kRtpSavpf,
  kTcpRtpAvp,  ///< RFC 4571; Microsoft lines whose candidates are all TCP.
  kTcpRtpSavp,
  kOther
};
/// As seen by the side that wrote the description.
enum class Direction : std::uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };

std::string_view to_string(MediaKind kind);
std::string_view to_string(Protocol protocol);  ///< "RTP/AVP"; "other" for kOther.
std::string_view to_string(Direction direction);

constexpr bool sends(Direction d) { return d == Direction::kSendRecv || d == Direction::kSendOnly; }
constexpr bool receives(Direction d) { return d == Direction::kSendRecv || d == Direction::kRecvOnly; }
constexpr Direction make_direction(bool send, bool receive) {
  if (send) return receive ? Direction::kSendRecv : Direction::kSendOnly;
  return receive ? Direction::kRecvOnly : Direction::kInactive;
}
/// The same flows seen from the other end: sendonly <-> recvonly.
constexpr Direction reversed(Direction d) { return make_direction(receives(d), sends(d)); }

constexpr bool is_rtp(Protocol p) { return p != Protocol::kOther; }
/// The profile says that the stream must be SRTP.
constexpr bool is_secure(Protocol p) {
  return p == Protocol::kRtpSavp || p == Protocol::kRtpSavpf || p == Protocol::kTcpRtpSavp;
}
constexpr bool is_over_tcp(Protocol p) { return p == Protocol::kTcpRtpAvp || p == Protocol::kTcpRtpSavp; }
/// The same encryption over TCP; there is no profile of feedback there.
constexpr Protocol over_tcp(Protocol p) { return is_secure(p) ? Protocol::kTcpRtpSavp : Protocol::kTcpRtpAvp; }
constexpr bool has_feedback(Protocol p) { return p == Protocol::kRtpAvpf || p == Protocol::kRtpSavpf; }

/// o=. The numbers stay text: peers send values of any length, and they are only ever compared.
struct Origin {
  std::string username = "-";
  std::string session_id = "0";
  std::string version = "0";
  std::string address = "0.0.0.0";  ///< Numeric or a name; never used to send anything.
  bool is_v6 = false;
  bool operator==(const Origin&) const = default;
};

/// c=, or the address part of a=rtcp. Names are kept but never looked up: a section with one cannot be used.
struct Connection {
  IpAddress address{};
  std::string name{};  ///< Not empty: the peer gave a host name and `address` is meaningless.
  bool is_numeric() const { return name.empty(); }
  bool operator==(const Connection&) const = default;
};

/// b=<type>:<value>; AS and CT count kbit/s, TIAS bit/s (RFC 3890).
struct Bandwidth {
  std::string type{};
  std::uint64_t value = 0;
  bool operator==(const Bandwidth&) const = default;
};

/// One payload type of an RTP m-line, in the order of the m-line.
struct PayloadFormat {
  std::uint8_t payload_type = 0;  ///< 0-127
  std::string encoding{};         ///< From a=rtpmap or, for static types, RFC 3551; empty when nobody said.
  std::uint32_t clock_hz = 0;
  std::uint8_t channels = 1;
  std::string fmtp{};  ///< What follows "a=fmtp:<pt> ".
  bool operator==(const PayloadFormat&) const = default;
};

/// a=rtcp-fb:<pt or *> <value> (RFC 4585 4.2).
struct RtcpFeedback {
  std::optional<std::uint8_t> payload_type{};  ///< Empty: "*".
  std::string value{};                         ///< "nack pli", "ccm fir", ...
  bool operator==(const RtcpFeedback&) const = default;
};

/// a=x-ssrc-range (MS-SDPEXT 3.1.5.31.2); kept as a range, never unrolled.
struct SsrcRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  bool operator==(const SsrcRange&) const = default;
};

/// a=encryption ([MS-SDPEXT]): what the writer's policy is, whatever the profile of the m-line says.
enum class EncryptionWish : std::uint8_t { kUnsaid, kRejected, kOptional, kRequired };

/// A line we have no place for. It is written again by the serialiser but negotiation never copies it to the other leg.
struct Attribute {
  std::string name{};
  std::string value{};  ///< Empty for a property attribute ("a=name").
  bool operator==(const Attribute&) const = default;
};

struct MediaSection {
  MediaKind kind = MediaKind::kOther;
  std::string media_text{};  ///< The word of the m-line: "audio", "applicationsharing", ...
  std::uint16_t port = 0;    ///< 0: refused or removed.
  std::uint16_t port_count = 1;
  Protocol protocol = Protocol::kOther;
  std::string protocol_text{};           ///< As received; decides what is written when `protocol` is kOther.
  std::vector<PayloadFormat> formats{};  ///< RTP only.
  std::string format_text{};             ///< The formats of an m-line that is not RTP ("*", "127", ...).

  std::optional<Connection> connection{};  ///< Own c=; see connection_of().
  std::vector<Bandwidth> bandwidths{};
  Direction direction = Direction::kSendRecv;  ///< Own, else the session's, else sendrecv (RFC 8866 6.7).

  std::optional<std::uint16_t> rtcp_port{};     ///< a=rtcp (RFC 3605)
  std::optional<Connection> rtcp_connection{};  ///< Its address, when given.
  bool rtcp_mux = false;                        ///< RFC 5761
  bool rtcp_rsize = false;                      ///< RFC 5506
  std::vector<RtcpFeedback> feedback{};
  std::vector<CryptoAttribute> crypto{};  ///< In the order of preference; damaged lines are left out and counted.
  std::optional<std::uint32_t> ptime_ms{};
  std::optional<std::uint32_t> maxptime_ms{};
  std::optional<std::string> label{};    ///< RFC 4574, and the modality of the Microsoft side
  std::optional<std::string> content{};  ///< RFC 4796
  std::optional<std::string> mid{};      ///< RFC 5888
  std::optional<SsrcRange> ssrc_range{};
  std::optional<std::string> source{};  ///< a=x-source ([MS-SDPEXT]): "main-audio", "main-video"
  EncryptionWish encryption = EncryptionWish::kUnsaid;

  // ICE (RFC 8839). The session's user name and password stand in every section that has none of its own.
  std::string ice_ufrag{};
  SecretBytes ice_pwd{};
  std::vector<Candidate> candidates{};               ///< What cannot be used is left out and counted.
  std::vector<RemoteCandidate> remote_candidates{};  ///< Of the offer that follows a nomination
  /// Candidates of the older grammar ([MS-ICE]), values as they came: with a password each. Nobody reads them; that
  /// there are some says that the peer does not speak [MS-ICE2] in this description.
  std::vector<SecretBytes> legacy_candidates{};
  std::vector<Attribute> attributes{};

  bool is_active() const { return port != 0; }
  bool has_ice() const { return !ice_ufrag.empty() && !ice_pwd.empty(); }
  bool operator==(const MediaSection&) const = default;
};

struct SessionDescription {
  Origin origin{};
  std::string session_name = "-";
  std::optional<Connection> connection{};
  std::vector<Bandwidth> bandwidths{};
  std::vector<std::string> groups{};  ///< a=group values
  std::vector<Attribute> attributes{};
  std::vector<MediaSection> media{};
  bool operator==(const SessionDescription&) const = default;
};

/// The c= that holds for `section`: its own, else the session's; nullptr when there is none.
const Connection* connection_of(const SessionDescription& description, const MediaSection& section);

/// Bits per second that the b= lines of one level allow: the lowest of TIAS and AS (and CT); empty when none is given.
std::optional<std::uint64_t> bandwidth_bps(const std::vector<Bandwidth>& bandwidths);

/// Name, clock and channels of a static payload type (RFC 3551 6); nullptr for the others.
const PayloadFormat* static_payload_format(std::uint8_t payload_type);

/// Encoding names compare without case (RFC 8866 6.6).
bool equal_ignoring_case(std::string_view left, std::string_view right);

}  // namespace isthmus::sdp
