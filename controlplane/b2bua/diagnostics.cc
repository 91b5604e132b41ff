#include "controlplane/b2bua/diagnostics.h"

#include <array>
#include <charconv>

#include "controlplane/sip/uri.h"

namespace isthmus::b2bua {
namespace {

// The first that is there counts: the one for people of other networks says least.
constexpr std::array<std::string_view, 3> kNames{"ms-client-diagnostics", "ms-diagnostics", "ms-diagnostics-public"};

/// Fits a quoted string, a header and a log line.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, kMaxDiagnosisBytes)) {
    if (c == '"' || c == '\\') continue;
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return result;
}

/// Causes of [MS-OCER] that mean: no way for media.
bool is_media_failure(std::string_view diagnosis) {
  unsigned code = 0;
  (void)std::from_chars(diagnosis.data(), diagnosis.data() + diagnosis.size(), code);
  return (code >= 21 && code <= 25) || (code >= 31 && code <= 34);
}

}  // namespace

std::string read_diagnosis(const sip::Message& message) {
  for (const std::string_view name : kNames) {
    const auto value = message.header(name);
    if (!value) continue;
    std::uint32_t code = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), code);
    if (error != std::errc()) continue;
    std::string text = std::to_string(code);
    const std::size_t semicolon = value->find(';');
    if (semicolon != std::string_view::npos) {
      const auto reason = sip::find_parameter(value->substr(semicolon + 1), "reason");
      if (reason) text += " " + plain(*reason);
    }
    return text;
  }
  return {};
}

std::optional<Header> diagnosis_for_standards(const sip::Message& message, const std::string& diagnosis) {
  if (diagnosis.empty()) return std::nullopt;
  if (message.is_response()) {
    if (message.status() < 300 || message.has(sip::HeaderId::kWarning)) return std::nullopt;
    // A pseudonym for the agent: the server's name is that side's affair.
    return Header{"Warning", "399 microsoft \"" + diagnosis + "\""};
  }
  const bool ends = message.method() == sip::Method::kBye || message.method() == sip::Method::kCancel;
  if (!ends || message.has(sip::HeaderId::kReason)) return std::nullopt;
  // Q.850: 41 temporary failure, 16 normal call clearing.
  return Header{"Reason", std::string("Q.850;cause=") + (is_media_failure(diagnosis) ? "41" : "16") + ";text=\"" +
                              diagnosis + "\""};
}

Header client_diagnostics(const media::MicrosoftDiagnosis& diagnosis) {
  return {"ms-client-diagnostics",
          std::to_string(diagnosis.code) + ";reason=\"" + std::string(diagnosis.reason) + "\""};
}

void keep_for(Dialect dialect, Headers& headers) {
  if (dialect == Dialect::kMicrosoft) return;
  std::erase_if(headers, [](const Header& header) {
    const std::string_view name = header.name;
    return name.size() > 3 && (name[0] == 'm' || name[0] == 'M') && (name[1] == 's' || name[1] == 'S') &&
           name[2] == '-';
  });
}

}  // namespace isthmus::b2bua
