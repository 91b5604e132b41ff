#include "controlplane/sdp/writer.h"

#include <algorithm>
#include <array>

#include "controlplane/sdp/text.h"

namespace isthmus::sdp {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::string_view kInline = "inline:";

// Attributes whose value is a secret although it has a place in the model, or none.
constexpr std::array<std::string_view, 4> kSecretAttributes = {"ice-pwd", "key-mgmt", "cryptoscale", "crypto"};

bool is_secret_attribute(std::string_view name) {
  for (const std::string_view secret : kSecretAttributes) {
    if (equal_ignoring_case(name, secret)) return true;
  }
  return false;
}

// The v6 generation of Microsoft candidates carries a user name and a password as first and third word; a later one has
// a type ("typ") as seventh word.
bool is_secret_candidate(std::string_view value) { return value.find(" typ ") == std::string_view::npos; }

class Writer {
 public:
  Writer(SecretForm form, Dialect dialect) : form_(form), dialect_(dialect) {}

  std::string write(const SessionDescription& description) {
    line("v=0");
    const Origin& origin = description.origin;
    line("o=" + origin.username + " " + origin.session_id + " " + origin.version +
         (origin.is_v6 ? " IN IP6 " : " IN IP4 ") + origin.address);
    line("s=" + description.session_name);
    if (description.connection) line("c=" + text_of(*description.connection));
    for (const Bandwidth& bandwidth : description.bandwidths) write_bandwidth(bandwidth);
    line("t=0 0");
    for (const std::string& group : description.groups) line("a=group:" + group);
    for (const Attribute& attribute : description.attributes) write_attribute(attribute);
    for (const MediaSection& section : description.media) write_section(section);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    // A key in a line that should have none (a mistyped a=crypto) must not reach a log either.
    const std::size_t key =
        form_ == SecretForm::kMasked && !text.starts_with("a=crypto:") ? text.find(kInline) : std::string_view::npos;
    if (key != std::string_view::npos) {
      out_ += text.substr(0, key + kInline.size());
      text = kMask;
    }
    out_ += text;
    out_ += "\r\n";
  }

  static std::string text_of(const Connection& connection) {
    return std::string(connection.address.is_v6() ? "IN IP6 " : "IN IP4 ") +
           (connection.is_numeric() ? to_string(connection.address) : connection.name);
  }

  void write_bandwidth(const Bandwidth& bandwidth) {
    line("b=" + bandwidth.type + ":" + std::to_string(bandwidth.value));
  }

  void write_attribute(const Attribute& attribute) {
    std::string text = "a=" + attribute.name;
    if (!attribute.value.empty()) {
      text += ':';
      text += form_ == SecretForm::kMasked && is_secret_attribute(attribute.name) ? kMask : attribute.value;
    }
    line(text);
  }

  void write_media_line(const MediaSection& section) {
    std::string text = "m=" + section.media_text + " " + std::to_string(section.port);
    if (section.port_count != 1) text += "/" + std::to_string(section.port_count);
    text += ' ';
    text += is_rtp(section.protocol) ? to_string(section.protocol) : std::string_view(section.protocol_text);
    for (const PayloadFormat& format : section.formats) text += " " + std::to_string(format.payload_type);
    if (!section.format_text.empty()) text += " " + section.format_text;
    line(text);
  }

  void write_formats(const MediaSection& section) {
    for (const PayloadFormat& format : section.formats) {
      const std::string type = std::to_string(format.payload_type);
      // A refused line repeats its numbers only (RFC 3264 6).
      const PayloadFormat* known = section.is_active() ? nullptr : static_payload_format(format.payload_type);
      if (!format.encoding.empty() && !(known != nullptr && *known == format)) {
        std::string text = "a=rtpmap:" + type + " " + format.encoding + "/" + std::to_string(format.clock_hz);
        if (format.channels != 1) text += "/" + std::to_string(format.channels);
        line(text);
      }
      if (!format.fmtp.empty()) line("a=fmtp:" + type + " " + format.fmtp);
    }
  }

  void write_feedback(const MediaSection& section) {
    for (const RtcpFeedback& feedback : section.feedback) {
      line("a=rtcp-fb:" + (feedback.payload_type ? std::to_string(*feedback.payload_type) : "*") + " " +
           feedback.value);
    }
  }

  void write_section(const MediaSection& section) {
    write_media_line(section);
    if (section.connection) line("c=" + text_of(*section.connection));
    for (const Bandwidth& bandwidth : section.bandwidths) write_bandwidth(bandwidth);
    if (dialect_ == Dialect::kMicrosoft) {
      write_microsoft_body(section);
    } else {
      write_standards_body(section);
    }
    for (const Attribute& attribute : section.attributes) write_attribute(attribute);
    write_direction(section);
  }

  void write_standards_body(const MediaSection& section) {
    write_ssrcs(section);
    write_names(section);
    write_formats(section);
    write_feedback(section);
    if (section.ptime_ms) line("a=ptime:" + std::to_string(*section.ptime_ms));
    if (section.maxptime_ms) line("a=maxptime:" + std::to_string(*section.maxptime_ms));
    write_rtcp(section);
    write_rsize(section);
    write_crypto(section);
    write_ice(section);
  }

  // The order of 2010 to 2016 clients.
  void write_microsoft_body(const MediaSection& section) {
    write_ssrcs(section);
    write_feedback(section);
    write_rsize(section);
    write_names(section);
    write_ice(section);
    write_rtcp(section);
    write_crypto(section);
    if (section.maxptime_ms) line("a=maxptime:" + std::to_string(*section.maxptime_ms));
    write_formats(section);
    if (section.ptime_ms) line("a=ptime:" + std::to_string(*section.ptime_ms));
  }

  void write_ssrcs(const MediaSection& section) {
    if (!section.ssrc_range) return;
    line("a=x-ssrc-range:" + std::to_string(section.ssrc_range->first) + "-" +
         std::to_string(section.ssrc_range->last));
  }

  void write_names(const MediaSection& section) {
    if (section.label) line("a=label:" + *section.label);
    if (section.source) line("a=x-source:" + *section.source);
    if (section.content) line("a=content:" + *section.content);
    if (section.mid) line("a=mid:" + *section.mid);
  }

  void write_rtcp(const MediaSection& section) {
    if (section.rtcp_port) {
      std::string text = "a=rtcp:" + std::to_string(*section.rtcp_port);
      if (section.rtcp_connection) text += " " + text_of(*section.rtcp_connection);
      line(text);
    }
    if (section.rtcp_mux) line("a=rtcp-mux");
  }

  void write_rsize(const MediaSection& section) {
    if (section.rtcp_rsize) line("a=rtcp-rsize");
  }

  void write_crypto(const MediaSection& section) {
    for (const CryptoAttribute& crypto : section.crypto) line("a=crypto:" + crypto_value(crypto, form_));
    switch (section.encryption) {
      case EncryptionWish::kUnsaid: break;
      case EncryptionWish::kRejected: line("a=encryption:rejected"); break;
      case EncryptionWish::kOptional: line("a=encryption:optional"); break;
      case EncryptionWish::kRequired: line("a=encryption:required"); break;
    }
  }

  void write_ice(const MediaSection& section) {
    if (!section.ice_ufrag.empty()) line("a=ice-ufrag:" + section.ice_ufrag);
    if (!section.ice_pwd.empty()) line("a=ice-pwd:" + secret_text(section.ice_pwd));
    for (const Candidate& candidate : section.candidates) line("a=" + candidate_attribute(candidate, dialect_));
    for (const SecretBytes& candidate : section.legacy_candidates) line("a=candidate:" + secret_text(candidate));
    if (!section.remote_candidates.empty()) {
      line("a=remote-candidates:" + remote_candidates_value(section.remote_candidates));
    }
  }

  std::string secret_text(const SecretBytes& secret) const {
    if (form_ == SecretForm::kMasked) return std::string(kMask);
    return {reinterpret_cast<const char*>(secret.view().data()), secret.size()};
  }

  void write_direction(const MediaSection& section) {
    // A port of 0 carries no media; saying sendrecv there only confuses.
    // Microsoft clients leave out what is assumed anyway, and resume a held line by leaving it out.
    const bool is_said = section.is_active() && dialect_ == Dialect::kStandards;
    if (is_said || section.direction != Direction::kSendRecv) {
      line("a=" + std::string(to_string(section.direction)));
    }
  }

  SecretForm form_;
  Dialect dialect_;
  std::string out_;
};

std::string mask_line(std::string_view line) {
  if (line.starts_with("k=")) return "k=***";
  const std::size_t colon = line.find(':');
  std::string_view name = line.substr(0, colon);
  name = trim(name.substr(std::min(name.size(), name.find('=') + 1)));
  if (colon != std::string_view::npos && is_secret_attribute(name)) {
    std::string masked(line.substr(0, colon + 1));
    if (line.find(kInline) != std::string_view::npos) {
      std::string_view rest = line.substr(colon + 1);
      masked += next_word(rest);  // tag
      masked += ' ';
    }
    return masked + std::string(kMask);
  }
  if (equal_ignoring_case(name, "candidate") && is_secret_candidate(line)) return "a=candidate:***";
  // Whatever attribute a key was put into by mistake.
  const std::size_t key = line.find(kInline);
  if (key != std::string_view::npos) return std::string(line.substr(0, key + kInline.size())) + std::string(kMask);
  return std::string(line);
}

}  // namespace

std::string serialise(const SessionDescription& description, Dialect dialect) {
  return Writer(SecretForm::kPlain, dialect).write(description);
}

std::string to_log(const SessionDescription& description) {
  return Writer(SecretForm::kMasked, Dialect::kStandards).write(description);
}

std::string mask_secrets(std::string_view sdp_text) {
  std::string out;
  out.reserve(sdp_text.size());
  while (!sdp_text.empty()) {
    const std::size_t end = sdp_text.find_first_of("\r\n");
    out += mask_line(sdp_text.substr(0, end));
    if (end == std::string_view::npos) break;
    out += sdp_text[end];
    sdp_text.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace isthmus::sdp
