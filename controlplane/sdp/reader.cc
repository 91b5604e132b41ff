#include "controlplane/sdp/reader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "controlplane/sdp/reader_attributes.h"
#include "controlplane/sdp/text.h"

namespace isthmus::sdp {
namespace {

constexpr std::size_t kMaxOtherFormatBytes = 256;  // formats of an m-line that is not RTP, kept as text

MediaKind kind_of(std::string_view media) {
  if (media == "audio") return MediaKind::kAudio;
  if (media == "video") return MediaKind::kVideo;
  if (media == "application") return MediaKind::kApplication;
  return MediaKind::kOther;
}

Protocol protocol_of(std::string_view text) {
  for (const Protocol protocol : {Protocol::kRtpAvp, Protocol::kRtpAvpf, Protocol::kRtpSavp, Protocol::kRtpSavpf,
                                  Protocol::kTcpRtpAvp, Protocol::kTcpRtpSavp}) {
    if (equal_ignoring_case(text, to_string(protocol))) return protocol;
  }
  return Protocol::kOther;
}

// One pass over the lines. Order is checked only as far as it changes the meaning: what comes before the first m-line
// is the session's, the rest belongs to the m-line above it.
class Reader {
 public:
  explicit Reader(RepairCounts& repairs) : repairs_(repairs) {}

  Result<SessionDescription> read(std::string_view text) {
    if (text.size() > kMaxSdpBytes) {
      return fail(ErrorKind::kExhausted, "the description has " + std::to_string(text.size()) + " bytes, over " +
                                             std::to_string(kMaxSdpBytes));
    }
    std::size_t at = 0;
    while (at < text.size()) {
      line_offset_ = at;
      ++line_number_;
      std::size_t end = text.find_first_of("\r\n", at);
      const bool crlf = end != std::string_view::npos && text.substr(end, 2) == "\r\n";
      if (!crlf) repairs_.add(Repair::kBareLineEnd);
      if (end == std::string_view::npos) end = text.size();
      const Status status = read_line(text.substr(at, end - at));
      if (!status) return forward_error(status);
      at = end + (crlf ? 2 : 1);
    }
    return finish();
  }

 private:
  tl::unexpected<Error> malformed(const std::string& what) const { return error(ErrorKind::kMalformedInput, what); }
  tl::unexpected<Error> too_many(const std::string& what) const { return error(ErrorKind::kExhausted, what); }
  tl::unexpected<Error> error(ErrorKind kind, const std::string& what) const {
    return fail(kind, "line " + std::to_string(line_number_) + ": " + what, "sdp", line_offset_);
  }

  Status read_line(std::string_view line) {
    if (line.size() > kMaxLineBytes) return too_many("longer than " + std::to_string(kMaxLineBytes) + " bytes");
    if (std::ranges::any_of(line, [](char c) { return (c >= 0 && c < 0x20 && c != '\t') || c == 0x7f; })) {
      return malformed("a control character");
    }
    if (!line.empty() && is_blank(line.back())) {
      repairs_.add(Repair::kTrailingSpace);
      line = trim_back(line);
    }
    if (line.empty()) {
      repairs_.add(Repair::kBlankLine);
      return {};
    }
    if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z') {
      return malformed("expected <letter>=<value>");
    }
    const std::string_view value = line.substr(2);
    if (line[0] == 'm') return read_media_line(value);
    return out_.media.empty() ? read_session_line(line[0], value) : read_section_line(line[0], value);
  }

  Status read_session_line(char letter, std::string_view value) {
    switch (letter) {
      case 'v':
        if (value != "0") return malformed("v= is not 0");
        return once(seen_version_);
      case 'o': return seen_origin_ ? once(seen_origin_) : read_origin(value);
      case 's':
        if (!seen_name_) out_.session_name = trim(value).empty() ? "-" : std::string(value);
        return once(seen_name_);
      case 't': seen_timing_ = true; return {};
      case 'c': return read_connection(value, out_.connection);
      case 'b': return read_bandwidth(value, out_.bandwidths);
      case 'a': return read_session_attribute(value);
      case 'i':
      case 'u':
      case 'e':
      case 'p':
      case 'r':
      case 'z':
      case 'k':  // a key in the clear, obsolete (RFC 8866 5.12): read past, never kept
        return {};
      default: repairs_.add(Repair::kUnknownLine); return {};
    }
  }

  Status read_section_line(char letter, std::string_view value) {
    switch (letter) {
      case 'c': return read_connection(value, out_.media.back().connection);
      case 'b': return read_bandwidth(value, out_.media.back().bandwidths);
      case 'a': return read_section_attribute(value);
      case 'i':
      case 'k': return {};
      default: repairs_.add(Repair::kUnknownLine); return {};
    }
  }

  // A line that may stand once: the first one holds.
  Status once(bool& seen) {
    if (seen) repairs_.add(Repair::kUnknownLine);
    seen = true;
    return {};
  }

  // o=<user> <sess-id> <sess-version> IN <addrtype> <address>   RFC 8866 5.2
  Status read_origin(std::string_view value) {
    Origin origin;
    origin.username = std::string(next_word(value));
    origin.session_id = std::string(next_word(value));
    origin.version = std::string(next_word(value));
    const std::string_view network = next_word(value);
    const std::string_view family = next_word(value);
    origin.address = std::string(next_word(value));
    const auto is_number = [](const std::string& text) {
      return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    };
    if (origin.address.empty() || !trim(value).empty() || !equal_ignoring_case(network, "IN")) {
      return malformed("o= needs <user> <id> <version> IN <IP4|IP6> <address>");
    }
    if (!is_number(origin.session_id) || !is_number(origin.version))
      return malformed("o= has an id that is not a number");
    origin.is_v6 = equal_ignoring_case(family, "IP6");
    if (!origin.is_v6 && !equal_ignoring_case(family, "IP4"))
      return malformed("o= has an address type other than IP4 or IP6");
    out_.origin = std::move(origin);
    seen_origin_ = true;
    return {};
  }

  Status read_connection(std::string_view value, std::optional<Connection>& out) {
    if (out) {
      repairs_.add(Repair::kUnknownLine);  // several c= lines are for multicast layers
      return {};
    }
    out = parse_connection(value);
    if (!out) return malformed("c= needs IN <IP4|IP6> <address> of that family");
    return {};
  }

  Status read_bandwidth(std::string_view value, std::vector<Bandwidth>& out) {
    if (out.size() == kMaxBandwidthLines)
      return too_many("more than " + std::to_string(kMaxBandwidthLines) + " b= lines");
    if (auto bandwidth = parse_bandwidth(value)) {
      out.push_back(std::move(*bandwidth));
    } else {
      repairs_.add(Repair::kDamagedAttribute);
    }
    return {};
  }

  // m=<media> <port>[/<count>] <proto> <fmt> ...   RFC 8866 5.14
  Status read_media_line(std::string_view value) {
    if (out_.media.size() == kMaxMediaSections) {
      return too_many("more than " + std::to_string(kMaxMediaSections) + " media sections");
    }
    MediaSection section;
    section.media_text = std::string(next_word(value));
    if (!is_token(section.media_text)) return malformed("m= has no media word");
    section.kind = kind_of(section.media_text);
    std::string_view ports = next_word(value);
    const auto port = parse_number<std::uint16_t>(next_part(ports, '/'), 0, 65535);
    if (!port) return malformed("m= has no port from 0 to 65535");
    section.port = *port;
    if (!ports.empty()) {
      const auto count = parse_number<std::uint16_t>(ports, 1, 65535);
      if (!count) return malformed("m= has a port count that is not a number");
      section.port_count = *count;
    }
    section.protocol_text = std::string(next_word(value));
    if (section.protocol_text.empty()) return malformed("m= has no protocol");
    section.protocol = protocol_of(section.protocol_text);
    if (is_rtp(section.protocol)) section.protocol_text = std::string(to_string(section.protocol));
    Status formats = is_rtp(section.protocol) ? read_formats(value, section) : read_other_formats(value, section);
    if (!formats) return formats;
    out_.media.push_back(std::move(section));
    notes_.emplace_back();
    return {};
  }

  Status read_formats(std::string_view value, MediaSection& section) {
    for (std::string_view word = next_word(value); !word.empty(); word = next_word(value)) {
      const auto payload_type = parse_number<std::uint8_t>(word, 0, 127);
      if (!payload_type) {
        // A refused line may repeat anything (RFC 3264 6); "*" and the like have no meaning under RTP.
        if (section.port == 0) continue;
        return malformed("m= has a payload type that is not a number from 0 to 127");
      }
      if (std::ranges::find(section.formats, *payload_type, &PayloadFormat::payload_type) != section.formats.end()) {
        repairs_.add(Repair::kDuplicateFormat);
        continue;
      }
      if (section.formats.size() == kMaxPayloadTypes) {
        return too_many("more than " + std::to_string(kMaxPayloadTypes) + " payload types");
      }
      PayloadFormat format;
      if (const PayloadFormat* known = static_payload_format(*payload_type)) format = *known;
      format.payload_type = *payload_type;
      section.formats.push_back(std::move(format));
    }
    if (section.formats.empty() && section.port != 0) return malformed("m= lists no payload type");
    return {};
  }

  Status read_other_formats(std::string_view value, MediaSection& section) {
    section.format_text = std::string(trim(value));
    if (section.format_text.size() > kMaxOtherFormatBytes) return too_many("m= lists too many formats");
    return {};
  }

  Status read_session_attribute(std::string_view line) {
    const std::string_view name = next_part(line, ':');
    if (!is_token(name)) return damaged_attribute();  // RFC 8866 9, attribute-name
    if (const auto direction = parse_direction(name); direction && line.empty()) {
      direction_ = *direction;
      return {};
    }
    if (name == "ice-ufrag" || name == "ice-pwd") return read_session_ice(name, line);
    if (is_dropped_secret(name) || name == "crypto") return {};  // a=crypto has no meaning here (RFC 4568 9.1)
    if (out_.groups.size() + out_.attributes.size() >= kMaxOtherAttributes) {
      return too_many("more than " + std::to_string(kMaxOtherAttributes) + " session attributes");
    }
    if (name == "group" && !trim(line).empty()) {
      out_.groups.emplace_back(trim(line));
    } else {
      out_.attributes.push_back({std::string(name), std::string(line)});
    }
    return {};
  }

  // RFC 8839 5.4: at session level they hold for every section without its own.
  Status read_session_ice(std::string_view name, std::string_view value) {
    switch (read_ice_text(name, value, session_ice_)) {
      case AttributeOutcome::kTaken: return {};
      default: return damaged_attribute();
    }
  }

  Status read_section_attribute(std::string_view line) {
    const std::string_view name = next_part(line, ':');
    if (!is_token(name)) return damaged_attribute();  // RFC 8866 9, attribute-name
    switch (read_media_attribute(name, line, out_.media.back(), notes_.back())) {
      case AttributeOutcome::kTaken: return {};
      case AttributeOutcome::kDamaged: return damaged_attribute();
      case AttributeOutcome::kDamagedCrypto: repairs_.add(Repair::kDamagedCrypto); return {};
      case AttributeOutcome::kUnusableCandidate: repairs_.add(Repair::kUnusableCandidate); return {};
      case AttributeOutcome::kLegacyCandidate: repairs_.add(Repair::kLegacyCandidate); return {};
      case AttributeOutcome::kForeignFormat: repairs_.add(Repair::kDuplicateFormat); return {};
      case AttributeOutcome::kTooMany:
        return too_many("more a=" + std::string(name.substr(0, 32)) + " lines than we take");
    }
    return {};
  }

  Status damaged_attribute() {
    repairs_.add(Repair::kDamagedAttribute);
    return {};
  }

  Result<SessionDescription> finish() {
    if (line_number_ == 0 || (!seen_origin_ && out_.media.empty())) {
      return fail(ErrorKind::kMalformedInput, "there is neither an o= nor an m= line", "sdp", 0);
    }
    if (!seen_version_) repairs_.add(Repair::kMissingVersion);
    if (!seen_origin_) repairs_.add(Repair::kMissingOrigin);
    if (!seen_name_) repairs_.add(Repair::kMissingSessionName);
    if (!seen_timing_) repairs_.add(Repair::kMissingTiming);
    for (std::size_t i = 0; i < out_.media.size(); ++i) {
      MediaSection& section = out_.media[i];
      if (!notes_[i].has_direction) section.direction = direction_;
      if (section.ice_ufrag.empty()) section.ice_ufrag = session_ice_.ice_ufrag;
      if (section.ice_pwd.empty()) section.ice_pwd = session_ice_.ice_pwd;
      if (section.is_active() && connection_of(out_, section) == nullptr) repairs_.add(Repair::kMissingConnection);
    }
    return std::move(out_);
  }

  RepairCounts& repairs_;
  SessionDescription out_;
  std::vector<SectionNotes> notes_;  ///< One for each of out_.media.
  Direction direction_ = Direction::kSendRecv;
  MediaSection session_ice_;     ///< Only its ICE user name and password.
  std::size_t line_number_ = 0;  ///< From 1.
  std::size_t line_offset_ = 0;
  bool seen_version_ = false;
  bool seen_origin_ = false;
  bool seen_name_ = false;
  bool seen_timing_ = false;
};

}  // namespace

std::string_view to_string(Repair repair) {
  switch (repair) {
    case Repair::kMissingVersion: return "missing-version";
    case Repair::kMissingOrigin: return "missing-origin";
    case Repair::kMissingSessionName: return "missing-session-name";
    case Repair::kMissingTiming: return "missing-timing";
    case Repair::kMissingConnection: return "missing-connection";
    case Repair::kBareLineEnd: return "bare-line-end";
    case Repair::kBlankLine: return "blank-line";
    case Repair::kTrailingSpace: return "trailing-space";
    case Repair::kUnknownLine: return "unknown-line";
    case Repair::kDuplicateFormat: return "duplicate-format";
    case Repair::kDamagedCrypto: return "damaged-crypto";
    case Repair::kDamagedAttribute: return "damaged-attribute";
    case Repair::kUnusableCandidate: return "unusable-candidate";
    case Repair::kLegacyCandidate: return "legacy-candidate";
    case Repair::kCount: break;
  }
  return "unknown";
}

std::uint32_t RepairCounts::total() const { return std::accumulate(by_kind.begin(), by_kind.end(), std::uint32_t{0}); }

Result<SessionDescription> parse(std::string_view text, RepairCounts* repairs) {
  RepairCounts unused;
  return Reader(repairs == nullptr ? unused : *repairs).read(text);
}

}  // namespace isthmus::sdp
