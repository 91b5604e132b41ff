#include "controlplane/sdp/candidate.h"

#include <algorithm>
#include <array>

#include "controlplane/sdp/limits.h"
#include "controlplane/sdp/session_description.h"
#include "controlplane/sdp/text.h"

namespace isthmus::sdp {
namespace {

constexpr std::size_t kMaxFoundationBytes = 32;  // RFC 8839 5.1
constexpr std::uint16_t kMaxComponent = 256;     // RFC 8839 5.1
constexpr std::size_t kMaxExtensionPairs = 32;   // of one line; its length bounds them as well

constexpr std::array kTypes = {CandidateType::kHost, CandidateType::kServerReflexive, CandidateType::kPeerReflexive,
                               CandidateType::kRelayed};

std::optional<SocketAddress> parse_address(std::string_view host, std::string_view port) {
  const auto address = IpAddress::parse(host);
  const auto number = parse_number<std::uint16_t>(port, 0, 65535);
  if (!address || host.starts_with('[') || !number) return std::nullopt;
  return SocketAddress{*address, *number};
}

std::optional<CandidateType> type_of(std::string_view word) {
  for (const CandidateType type : kTypes) {
    if (equal_ignoring_case(word, to_string(type))) return type;
  }
  return std::nullopt;
}

// What follows the type, as name and value pairs.
struct Extensions {
  std::string_view related_host;
  std::string_view related_port;
  std::string_view tcp_type;
};
Extensions read_extensions(std::string_view text) {
  Extensions out;
  for (std::size_t i = 0; i < kMaxExtensionPairs; ++i) {
    const std::string_view name = next_word(text);
    const std::string_view value = next_word(text);
    if (value.empty()) break;
    if (name == "raddr") out.related_host = value;
    if (name == "rport") out.related_port = value;
    if (name == "tcptype") out.tcp_type = value;
  }
  return out;
}

std::optional<CandidateTransport> transport_of(std::string_view word, std::string_view tcp_type) {
  if (equal_ignoring_case(word, "UDP")) return CandidateTransport::kUdp;
  if (equal_ignoring_case(word, "TCP-ACT")) return CandidateTransport::kTcpActive;
  if (equal_ignoring_case(word, "TCP-PASS")) return CandidateTransport::kTcpPassive;
  if (!equal_ignoring_case(word, "TCP")) return std::nullopt;
  if (equal_ignoring_case(tcp_type, "active")) return CandidateTransport::kTcpActive;
  if (equal_ignoring_case(tcp_type, "passive")) return CandidateTransport::kTcpPassive;
  return std::nullopt;
}

std::string_view transport_word(CandidateTransport transport, Dialect dialect) {
  const bool is_microsoft = dialect == Dialect::kMicrosoft;
  switch (transport) {
    case CandidateTransport::kUdp: return "UDP";
    case CandidateTransport::kTcpActive: return is_microsoft ? "TCP-ACT" : "TCP";
    case CandidateTransport::kTcpPassive: return is_microsoft ? "TCP-PASS" : "TCP";
  }
  return "UDP";
}

std::string address_text(const SocketAddress& address) {
  return to_string(address.ip) + " " + std::to_string(address.port);
}

}  // namespace

std::string_view to_string(CandidateType type) {
  switch (type) {
    case CandidateType::kHost: return "host";
    case CandidateType::kServerReflexive: return "srflx";
    case CandidateType::kPeerReflexive: return "prflx";
    case CandidateType::kRelayed: return "relay";
  }
  return "host";
}

// <foundation> <component> <transport> <priority> <address> <port> typ <type> [raddr <ip> rport <port>] ...
std::optional<Candidate> parse_candidate(std::string_view value) {
  Candidate candidate;
  const std::string_view foundation = next_word(value);
  const auto component = parse_number<std::uint16_t>(next_word(value), 1, kMaxComponent);
  const std::string_view transport = next_word(value);
  const auto priority = parse_number<std::uint32_t>(next_word(value), 0, 0xffff'ffff);
  const std::string_view host = next_word(value);
  const auto address = parse_address(host, next_word(value));
  const std::string_view mark = next_word(value);
  const auto type = type_of(next_word(value));
  if (foundation.size() > kMaxFoundationBytes || !is_ice_text(foundation) || !component || !priority || !address ||
      mark != "typ" || !type) {
    return std::nullopt;
  }
  const Extensions extensions = read_extensions(value);
  const auto known = transport_of(transport, extensions.tcp_type);
  if (!known) return std::nullopt;
  candidate.foundation = std::string(foundation);
  candidate.component = *component;
  candidate.transport = *known;
  candidate.priority = *priority;
  candidate.address = *address;
  candidate.type = *type;
  if (!extensions.related_host.empty()) {
    candidate.related = parse_address(extensions.related_host, extensions.related_port);
  }
  return candidate;
}

bool is_legacy_candidate(std::string_view value) {
  constexpr int kWordsBefore = 6;
  for (int i = 0; i < kWordsBefore; ++i) {
    if (next_word(value).empty()) return false;
  }
  const std::string_view seventh = next_word(value);
  return !seventh.empty() && seventh != "typ";
}

std::optional<std::vector<RemoteCandidate>> parse_remote_candidates(std::string_view value) {
  std::vector<RemoteCandidate> candidates;
  for (std::string_view word = next_word(value); !word.empty(); word = next_word(value)) {
    if (candidates.size() == kMaxRemoteCandidates) return std::nullopt;
    const auto component = parse_number<std::uint16_t>(word, 1, kMaxComponent);
    const std::string_view host = next_word(value);
    const auto address = parse_address(host, next_word(value));
    if (!component || !address) return std::nullopt;
    candidates.push_back({*component, *address});
  }
  if (candidates.empty()) return std::nullopt;
  return candidates;
}

std::string candidate_attribute(const Candidate& candidate, Dialect dialect) {
  const bool own_attribute = dialect == Dialect::kMicrosoft && candidate.address.ip.is_v6();
  std::string text = own_attribute ? "x-candidate-ipv6:" : "candidate:";
  text += candidate.foundation + " " + std::to_string(candidate.component) + " ";
  text += transport_word(candidate.transport, dialect);
  text += " " + std::to_string(candidate.priority) + " " + address_text(candidate.address) + " typ ";
  text += to_string(candidate.type);
  if (candidate.related) {
    text += " raddr " + to_string(candidate.related->ip) + " rport " + std::to_string(candidate.related->port);
  }
  if (dialect == Dialect::kStandards && candidate.transport != CandidateTransport::kUdp) {
    text += candidate.transport == CandidateTransport::kTcpActive ? " tcptype active" : " tcptype passive";
  }
  return text;
}

std::string remote_candidates_value(const std::vector<RemoteCandidate>& candidates) {
  std::string text;
  for (const RemoteCandidate& candidate : candidates) {
    if (!text.empty()) text += ' ';
    text += std::to_string(candidate.component) + " " + address_text(candidate.address);
  }
  return text;
}

}  // namespace isthmus::sdp
