#include "controlplane/sdp/reader_attributes.h"

#include <algorithm>
#include <array>

#include "controlplane/sdp/text.h"

namespace isthmus::sdp {
namespace {

using Outcome = AttributeOutcome;

constexpr std::uint32_t kMaxPacketTimeMs = 10'000;
constexpr std::uint64_t kMaxBandwidthValue =
    0xffff'ffff;                            // CT:99980 and TIAS in bit/s both fit; no overflow times 1000
constexpr std::size_t kMaxNameBytes = 255;  // a host name (RFC 1035 2.3.4)

PayloadFormat* find_format(MediaSection& section, std::uint8_t payload_type) {
  const auto found = std::ranges::find(section.formats, payload_type, &PayloadFormat::payload_type);
  return found == section.formats.end() ? nullptr : &*found;
}

std::optional<std::uint8_t> parse_payload_type(std::string_view text) {
  return parse_number<std::uint8_t>(text, 0, 127);
}

// a=rtpmap:<pt> <encoding>/<clock>[/<channels>]   RFC 8866 6.6
Outcome read_rtpmap(std::string_view value, MediaSection& section) {
  const auto payload_type = parse_payload_type(next_word(value));
  std::string_view mapping = next_word(value);
  const std::string_view encoding = next_part(mapping, '/');
  const auto clock = parse_number<std::uint32_t>(next_part(mapping, '/'), 1, 0x7fff'ffff);
  std::uint8_t channels = 1;
  if (!mapping.empty()) {
    const auto given = parse_number<std::uint8_t>(mapping, 1, 255);
    if (!given) return Outcome::kDamaged;
    channels = *given;
  }
  if (!payload_type || !clock || !is_token(encoding)) return Outcome::kDamaged;
  PayloadFormat* format = find_format(section, *payload_type);
  if (format == nullptr) return Outcome::kForeignFormat;
  format->encoding = std::string(encoding);
  format->clock_hz = *clock;
  format->channels = channels;
  return Outcome::kTaken;
}

Outcome read_fmtp(std::string_view value, MediaSection& section) {
  const auto payload_type = parse_payload_type(next_word(value));
  const std::string_view parameters = trim(value);
  if (!payload_type || parameters.empty()) return Outcome::kDamaged;
  PayloadFormat* format = find_format(section, *payload_type);
  if (format == nullptr) return Outcome::kForeignFormat;
  // A second line for the same type adds to the first (seen with H264 sprop parameters), as long as it stays a line.
  if (format->fmtp.size() + parameters.size() > kMaxLineBytes / 2) return Outcome::kTooMany;
  if (!format->fmtp.empty()) format->fmtp += ';';
  format->fmtp += parameters;
  return Outcome::kTaken;
}

// a=rtcp:<port> [nettype addrtype address]   RFC 3605 2.1
Outcome read_rtcp(std::string_view value, MediaSection& section) {
  const auto port = parse_number<std::uint16_t>(next_word(value), 0, 65535);
  if (!port) return Outcome::kDamaged;
  std::optional<Connection> connection;
  if (!trim(value).empty()) {
    connection = parse_connection(value);
    if (!connection) return Outcome::kDamaged;
  }
  section.rtcp_port = port;
  section.rtcp_connection = connection;
  return Outcome::kTaken;
}

// a=rtcp-fb:<pt or *> <value>   RFC 4585 4.2
Outcome read_feedback(std::string_view value, MediaSection& section) {
  if (section.feedback.size() == kMaxFeedbackLines) return Outcome::kTooMany;
  const std::string_view which = next_word(value);
  RtcpFeedback feedback;
  if (which != "*") {
    feedback.payload_type = parse_payload_type(which);
    if (!feedback.payload_type) return Outcome::kDamaged;
    if (find_format(section, *feedback.payload_type) == nullptr) return Outcome::kForeignFormat;
  }
  feedback.value = std::string(trim(value));
  if (feedback.value.empty()) return Outcome::kDamaged;
  section.feedback.push_back(std::move(feedback));
  return Outcome::kTaken;
}

Outcome read_crypto(std::string_view value, MediaSection& section) {
  if (section.crypto.size() == kMaxCryptoLines) return Outcome::kTooMany;
  auto crypto = parse_crypto(value);
  if (!crypto) return Outcome::kDamagedCrypto;
  // A tag names one line only (RFC 4568 4.1); a second one could not be answered without doubt.
  if (std::ranges::find(section.crypto, crypto->tag, &CryptoAttribute::tag) != section.crypto.end()) {
    return Outcome::kDamagedCrypto;
  }
  section.crypto.push_back(std::move(*crypto));
  return Outcome::kTaken;
}

Outcome read_milliseconds(std::string_view value, std::optional<std::uint32_t>& out) {
  const auto number = parse_number<std::uint32_t>(trim(value), 1, kMaxPacketTimeMs);
  if (!number) return Outcome::kDamaged;
  out = number;
  return Outcome::kTaken;
}

// The first one holds: a second, contradicting one is left out.
Outcome read_text(std::string_view value, std::optional<std::string>& out) {
  if (trim(value).empty() || (out && *out != trim(value))) return Outcome::kDamaged;
  out = std::string(trim(value));
  return Outcome::kTaken;
}

// a=x-ssrc-range:<first>-<last>   MS-SDPEXT 3.1.5.31.2
Outcome read_ssrc_range(std::string_view value, MediaSection& section) {
  const auto first = parse_number<std::uint32_t>(trim(next_part(value, '-')), 0, 0xffff'ffff);
  const auto last = parse_number<std::uint32_t>(trim(value), 0, 0xffff'ffff);
  if (!first || !last || *last < *first) return Outcome::kDamaged;
  section.ssrc_range = SsrcRange{*first, *last};
  return Outcome::kTaken;
}

bool is_candidate_name(std::string_view name) { return name == "candidate" || name == "x-candidate-ipv6"; }

// a=x-candidate-ipv6 has the grammar of a=candidate and IPv6 only, so that older readers overlook it ([MS-SDPEXT]).
Outcome read_candidate(std::string_view name, std::string_view value, MediaSection& section, SectionNotes& notes) {
  // Lines that are left out count as well: they cost the same to read.
  if (notes.candidate_lines == kMaxCandidates) return Outcome::kTooMany;
  ++notes.candidate_lines;
  if (is_legacy_candidate(value)) {
    const std::string_view text = trim(value);
    section.legacy_candidates.emplace_back(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
    return Outcome::kLegacyCandidate;
  }
  auto candidate = parse_candidate(value);
  if (!candidate || (name != "candidate" && candidate->address.ip.is_v4())) return Outcome::kUnusableCandidate;
  section.candidates.push_back(std::move(*candidate));
  return Outcome::kTaken;
}

Outcome read_remote_candidates(std::string_view value, MediaSection& section) {
  auto candidates = parse_remote_candidates(value);
  if (!candidates) return Outcome::kDamaged;
  section.remote_candidates = std::move(*candidates);
  return Outcome::kTaken;
}

Outcome read_encryption(std::string_view value, MediaSection& section) {
  const std::string_view word = trim(value);
  if (word == "rejected") {
    section.encryption = EncryptionWish::kRejected;
  } else if (word == "optional") {
    section.encryption = EncryptionWish::kOptional;
  } else if (word == "required") {
    section.encryption = EncryptionWish::kRequired;
  } else {
    return Outcome::kDamaged;
  }
  return Outcome::kTaken;
}

Outcome read_property(std::string_view value, bool& property) {
  if (!value.empty()) return Outcome::kDamaged;
  property = true;
  return Outcome::kTaken;
}

}  // namespace

AttributeOutcome read_ice_text(std::string_view name, std::string_view value, MediaSection& section) {
  const std::string_view text = trim(value);
  if (text.size() > kMaxIceTextBytes || !is_ice_text(text)) return Outcome::kDamaged;
  if (name == "ice-ufrag") {
    section.ice_ufrag = std::string(text);
  } else {
    section.ice_pwd = SecretBytes(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  }
  return Outcome::kTaken;
}

bool is_dropped_secret(std::string_view name) { return name == "cryptoscale" || name == "key-mgmt"; }

std::optional<Direction> parse_direction(std::string_view name) {
  for (const Direction direction :
       {Direction::kSendRecv, Direction::kSendOnly, Direction::kRecvOnly, Direction::kInactive}) {
    if (name == to_string(direction)) return direction;
  }
  return std::nullopt;
}

std::optional<Connection> parse_connection(std::string_view text) {
  const std::string_view network = next_word(text);
  const std::string_view family = next_word(text);
  std::string_view rest = next_word(text);
  if (!equal_ignoring_case(network, "IN") || !trim(text).empty()) return std::nullopt;
  const bool is_v6 = equal_ignoring_case(family, "IP6");
  if (!is_v6 && !equal_ignoring_case(family, "IP4")) return std::nullopt;
  const std::string_view host = next_part(rest, '/');  // TTL and count of multicast are not kept: it is refused anyway
  Connection connection;
  if (const auto address = IpAddress::parse(host); address && address->is_v6() == is_v6 && !host.starts_with('[')) {
    connection.address = *address;
    return connection;
  }
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool is_name =
      host.size() <= kMaxNameBytes && std::ranges::any_of(host, is_letter) && std::ranges::all_of(host, [&](char c) {
        return is_letter(c) || c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9');
      });
  if (!is_name) return std::nullopt;
  connection.name = std::string(host);
  if (is_v6) connection.address.family = IpFamily::kV6;
  return connection;
}

std::optional<Bandwidth> parse_bandwidth(std::string_view text) {
  Bandwidth bandwidth;
  const std::string_view type = next_part(text, ':');
  const auto value = parse_number<std::uint64_t>(trim(text), 0, kMaxBandwidthValue);
  if (!is_token(type) || !value) return std::nullopt;
  bandwidth.type = std::string(type);
  bandwidth.value = *value;
  return bandwidth;
}

AttributeOutcome read_media_attribute(std::string_view name, std::string_view value, MediaSection& section,
                                      SectionNotes& notes) {
  if (const auto direction = parse_direction(name); direction && value.empty()) {
    section.direction = *direction;
    notes.has_direction = true;
    return Outcome::kTaken;
  }
  if (is_dropped_secret(name)) return Outcome::kTaken;
  if (is_candidate_name(name)) return read_candidate(name, value, section, notes);
  if (name == "remote-candidates") return read_remote_candidates(value, section);
  if (name == "remote-candidate") return Outcome::kLegacyCandidate;  // [MS-ICE]: a user name nobody needs
  if (name == "ice-ufrag" || name == "ice-pwd") return read_ice_text(name, value, section);
  if (name == "encryption") return read_encryption(value, section);
  if (name == "x-source") return read_text(value, section.source);
  if (name == "ptime") return read_milliseconds(value, section.ptime_ms);
  if (name == "maxptime") return read_milliseconds(value, section.maxptime_ms);
  if (name == "label") return read_text(value, section.label);
  if (name == "content") return read_text(value, section.content);
  if (name == "mid") return read_text(value, section.mid);
  if (name == "x-ssrc-range") return read_ssrc_range(value, section);
  if (is_rtp(section.protocol)) {
    if (name == "rtpmap") return read_rtpmap(value, section);
    if (name == "fmtp") return read_fmtp(value, section);
    if (name == "rtcp") return read_rtcp(value, section);
    if (name == "rtcp-fb") return read_feedback(value, section);
    if (name == "rtcp-mux") return read_property(value, section.rtcp_mux);
    if (name == "rtcp-rsize") return read_property(value, section.rtcp_rsize);
  }
  if (name == "crypto") return read_crypto(value, section);
  if (section.attributes.size() == kMaxOtherAttributes) return Outcome::kTooMany;
  section.attributes.push_back({std::string(name), std::string(value)});
  return Outcome::kTaken;
}

}  // namespace isthmus::sdp
