#include "controlplane/media/refusal.h"

namespace isthmus::media {
namespace {

// RFC 3261 20.43
constexpr std::uint16_t kIncompatibleAddressFormats = 301;
constexpr std::uint16_t kIncompatibleTransport = 302;
constexpr std::uint16_t kMediaTypeNotAvailable = 304;
constexpr std::uint16_t kIncompatibleMediaFormat = 305;
constexpr std::uint16_t kMiscellaneous = 399;

std::uint16_t warn_code_of(RefusalKind kind) {
  switch (kind) {
    case RefusalKind::kNoMedia: return kMediaTypeNotAvailable;
    case RefusalKind::kNoCommonCodec: return kIncompatibleMediaFormat;
    case RefusalKind::kNoUsableAddress: return kIncompatibleAddressFormats;
    case RefusalKind::kEncryptionRequired:
    case RefusalKind::kEncryptionForbidden:
    case RefusalKind::kOlderIce:
    case RefusalKind::kNoCommonSuite: return kIncompatibleTransport;
    case RefusalKind::kMalformed:
    case RefusalKind::kTooLarge:
    case RefusalKind::kKeysOverClearLink:
    case RefusalKind::kProtocol: return kMiscellaneous;
  }
  return kMiscellaneous;
}

// The words are Microsoft's own, apostrophe missing as there: clients and tools look for them.
MicrosoftDiagnosis diagnosis_of(RefusalKind kind) {
  switch (kind) {
    case RefusalKind::kEncryptionRequired:
    case RefusalKind::kEncryptionForbidden:
    case RefusalKind::kKeysOverClearLink:
    case RefusalKind::kNoCommonSuite: return {52017, "Encryption levels dont match"};
    default: return {};
  }
}

}  // namespace

std::string_view to_string(RefusalKind kind) {
  switch (kind) {
    case RefusalKind::kMalformed: return "malformed-sdp";
    case RefusalKind::kTooLarge: return "sdp-too-large";
    case RefusalKind::kNoMedia: return "no-media";
    case RefusalKind::kNoCommonCodec: return "no-common-codec";
    case RefusalKind::kNoUsableAddress: return "no-usable-address";
    case RefusalKind::kEncryptionRequired: return "encryption-required";
    case RefusalKind::kEncryptionForbidden: return "encryption-forbidden";
    case RefusalKind::kKeysOverClearLink: return "keys-over-clear-link";
    case RefusalKind::kNoCommonSuite: return "no-common-suite";
    case RefusalKind::kOlderIce: return "older-ice";
    case RefusalKind::kProtocol: return "offer-answer-violation";
  }
  return "unknown";
}

Refusal make_refusal(RefusalKind kind, std::string text) {
  const bool bad_request = kind == RefusalKind::kMalformed || kind == RefusalKind::kProtocol;
  return Refusal{kind, static_cast<std::uint16_t>(bad_request ? 400 : 488), warn_code_of(kind), std::move(text),
                 diagnosis_of(kind)};
}

Refusal refusal_from(const Error& parse_error) {
  const RefusalKind kind = parse_error.kind == ErrorKind::kExhausted ? RefusalKind::kTooLarge : RefusalKind::kMalformed;
  return make_refusal(kind, "SDP " + parse_error.message);
}

std::string warning_value(const Refusal& refusal, std::string_view agent_host) {
  std::string value = std::to_string(refusal.warn_code) + " " + std::string(agent_host) + " \"";
  for (const char c : refusal.text) {
    if (c == '"' || c == '\\') value += '\\';
    value += c >= ' ' && c != 0x7f ? c : ' ';
  }
  return value + "\"";
}

}  // namespace isthmus::media
