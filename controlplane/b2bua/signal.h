#pragma once

// What a call reads from a SIP message, and nothing more: the shell translates (message_reader), so the call itself
// never sees text that a peer framed. Plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::b2bua {

/// Methods that have a meaning inside a call; everything else is answered by the shell.
enum class Method : std::uint8_t { kInvite, kAck, kBye, kCancel, kUpdate, kPrack, kInfo, kOptions };
std::string_view to_string(Method method);

/// Methods that a peer listed in Allow, as bits.
class MethodSet {
 public:
  void add(Method method) { bits_ = static_cast<std::uint16_t>(bits_ | bit(method)); }
  bool has(Method method) const { return (bits_ & bit(method)) != 0; }
  std::uint16_t bits() const { return bits_; }
  static MethodSet from_bits(std::uint16_t bits) {
    MethodSet set;
    set.bits_ = bits;
    return set;
  }
  bool operator==(const MethodSet&) const = default;

 private:
  static std::uint16_t bit(Method method) { return static_cast<std::uint16_t>(1U << static_cast<unsigned>(method)); }
  std::uint16_t bits_ = 0;
};

/// One header line as it crosses or as it is written.
struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

struct Body {
  std::string content_type;
  std::string text;
  bool operator==(const Body&) const = default;
};
inline constexpr std::string_view kSdpType = "application/sdp";
/// Media type without parameters, compared without case.
bool has_type(const Body& body, std::string_view type);

/// Why a body cannot be taken as a session description.
struct BodyRefusal {
  std::uint16_t status = 415;
  std::string text;
};

enum class Refresher : std::uint8_t { kUac, kUas };

/// Session-Expires and Min-SE (RFC 4028) as far as present.
struct SessionTimerWords {
  std::optional<std::uint32_t> expires_s;
  std::optional<Refresher> refresher;
  std::optional<std::uint32_t> min_se_s;
};

inline constexpr std::size_t kMaxProductBytes = 256;
/// [MS-SIPRE] allows 16; anything longer than this is left out.
inline constexpr std::size_t kMaxEpidBytes = 64;

/// Parts that requests and responses share.
struct Signal {
  std::uint32_t cseq = 0;
  std::string contact;                    ///< URI of the Contact, bytes as received; empty without one
  std::vector<std::string> record_route;  ///< values, bytes as received, top first
  bool supports_100rel = false;
  bool requires_100rel = false;
  bool supports_timer = false;
  std::optional<MethodSet> allow;  ///< absent: the message has no Allow
  SessionTimerWords session;
  std::optional<Body> body;                 ///< of several parts: the session description
  std::optional<BodyRefusal> body_refused;  ///< there is a body, and no description in it
  bool supports_ms_early_media = false;     ///< takes a description in a 18x (Microsoft peers alone say so)
  std::string product;                      ///< User-Agent or Server, at most kMaxProductBytes
  std::string diagnosis;                    ///< of Microsoft peers: "1027 text", see diagnostics.h
  Headers crossing;                         ///< what the header table lets through to the other leg
};

struct Request : Signal {
  Method method = Method::kInvite;
  /// RAck of a PRACK (RFC 3262 7.2).
  struct Rack {
    std::uint32_t rseq = 0;
    std::uint32_t cseq = 0;
  };
  std::optional<Rack> rack;
};

struct Response : Signal {
  std::uint16_t status = 0;
  std::string reason;
  std::string to_tag;
  std::string to_epid;                         ///< of the peer's device, Microsoft; goes with its tag
  std::optional<std::uint32_t> rseq;           ///< of a reliable provisional response
  std::optional<std::uint32_t> retry_after_s;  ///< Retry-After
  bool local = false;  ///< made here: no answer came in time (408) or the peer could not be reached (503)
};

}  // namespace isthmus::b2bua
