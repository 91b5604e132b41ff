#pragma once

// ICE candidates as a description carries them: the form of RFC 8839 5.1, which [MS-ICE2] shares but for its words for
// TCP and its attribute for IPv6, and the older form of [MS-ICE], which is only told apart.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sdp/dialect.h"
#include "dataplane/base/address.h"

namespace isthmus::sdp {

enum class CandidateTransport : std::uint8_t {
  kUdp,
  kTcpActive,   ///< "TCP-ACT" of [MS-ICE2]; "TCP" with "tcptype active" of RFC 6544 4.5
  kTcpPassive,  ///< "TCP-PASS"; "tcptype passive"
};
enum class CandidateType : std::uint8_t { kHost, kServerReflexive, kPeerReflexive, kRelayed };
constexpr bool is_tcp(CandidateTransport transport) { return transport != CandidateTransport::kUdp; }
std::string_view to_string(CandidateType type);  ///< "host", "srflx", "prflx", "relay"

struct Candidate {
  std::string foundation{};
  std::uint16_t component = 1;  ///< 1 RTP, 2 RTCP; up to 256 (RFC 8839 5.1)
  CandidateTransport transport = CandidateTransport::kUdp;
  std::uint32_t priority = 0;
  SocketAddress address{};
  CandidateType type = CandidateType::kHost;
  std::optional<SocketAddress> related{};  ///< raddr and rport; empty also when they are no numeric address
  bool operator==(const Candidate&) const = default;
};

/// One component of a=remote-candidates (RFC 8839 5.2).
struct RemoteCandidate {
  std::uint16_t component = 1;
  SocketAddress address{};
  bool operator==(const RemoteCandidate&) const = default;
};

/// "a=candidate" and "a=x-candidate-ipv6"; what follows the colon. Empty for what we cannot use and may overlook: a
/// host name, another transport or type than above (RFC 8839 5.1). Words behind those we know are dropped.
std::optional<Candidate> parse_candidate(std::string_view value);

/// The form of [MS-ICE] (draft-ietf-mmusic-ice-06): <user> <component> <password> <UDP|TCP> <q> <ip> <port>. The
/// seventh word tells: "typ" in the later form.
bool is_legacy_candidate(std::string_view value);

/// Empty when a component or address does not parse, or there are more than kMaxRemoteCandidates.
std::optional<std::vector<RemoteCandidate>> parse_remote_candidates(std::string_view value);

/// The whole attribute: "candidate:1 1 UDP ...", or "x-candidate-ipv6:..." where the dialect has it.
std::string candidate_attribute(const Candidate& candidate, Dialect dialect);
std::string remote_candidates_value(const std::vector<RemoteCandidate>& candidates);

}  // namespace isthmus::sdp
