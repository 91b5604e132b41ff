#include "controlplane/sdp/crypto.h"

#include <algorithm>
#include <array>
#include <bit>

#include "controlplane/sdp/limits.h"
#include "controlplane/sdp/session_description.h"
#include "controlplane/sdp/text.h"

namespace isthmus::sdp {
namespace {

struct SuiteFacts {
  CryptoSuite suite;
  std::string_view name;
  std::uint8_t key_bytes;
  std::uint8_t salt_bytes;
};
constexpr std::array kSuites = {
    SuiteFacts{CryptoSuite::kAesCm128HmacSha1_80, "AES_CM_128_HMAC_SHA1_80", 16, 14},
    SuiteFacts{CryptoSuite::kAesCm128HmacSha1_32, "AES_CM_128_HMAC_SHA1_32", 16, 14},
    SuiteFacts{CryptoSuite::kAesCm192HmacSha1_80, "AES_192_CM_HMAC_SHA1_80", 24, 14},
    SuiteFacts{CryptoSuite::kAesCm192HmacSha1_32, "AES_192_CM_HMAC_SHA1_32", 24, 14},
    SuiteFacts{CryptoSuite::kAesCm256HmacSha1_80, "AES_256_CM_HMAC_SHA1_80", 32, 14},
    SuiteFacts{CryptoSuite::kAesCm256HmacSha1_32, "AES_256_CM_HMAC_SHA1_32", 32, 14},
    SuiteFacts{CryptoSuite::kAeadAes128Gcm, "AEAD_AES_128_GCM", 16, 12},
    SuiteFacts{CryptoSuite::kAeadAes256Gcm, "AEAD_AES_256_GCM", 32, 12},
};
// Spellings of clients that were written before RFC 6188 (libsrtp, linphone).
constexpr std::array kOtherNames = {
    std::pair{std::string_view{"AES_CM_192_HMAC_SHA1_80"}, CryptoSuite::kAesCm192HmacSha1_80},
    std::pair{std::string_view{"AES_CM_192_HMAC_SHA1_32"}, CryptoSuite::kAesCm192HmacSha1_32},
    std::pair{std::string_view{"AES_CM_256_HMAC_SHA1_80"}, CryptoSuite::kAesCm256HmacSha1_80},
    std::pair{std::string_view{"AES_CM_256_HMAC_SHA1_32"}, CryptoSuite::kAesCm256HmacSha1_32},
};

constexpr std::uint64_t kMaxLifetime = std::uint64_t{1} << 48U;  // RFC 4568 6.1
constexpr std::uint8_t kMaxMkiLength = 128;                      // RFC 4568 9.2
constexpr std::size_t kMaxKeyBytes = 256;                        // several times the longest known suite
constexpr std::size_t kMaxCryptoParameters = 4;                  // unknown session parameters in a line
constexpr std::uint8_t kMaxKeyDerivationRate = 24;               // RFC 4568 6.3.1

const SuiteFacts* facts_of(CryptoSuite suite) {
  const auto* const found = std::ranges::find(kSuites, suite, &SuiteFacts::suite);
  return found == kSuites.end() ? nullptr : found;
}

tl::unexpected<Error> damaged(std::string what) {
  return fail(ErrorKind::kMalformedInput, std::move(what), "a=crypto");
}

std::optional<std::uint64_t> parse_lifetime(std::string_view text) {
  if (text.starts_with("2^")) {
    const auto exponent = parse_number<std::uint32_t>(text.substr(2), 0, 48);
    if (!exponent) return std::nullopt;
    return std::uint64_t{1} << *exponent;
  }
  return parse_number<std::uint64_t>(text, 1, kMaxLifetime);
}

std::optional<MasterKeyIdentifier> parse_mki(std::string_view text) {
  const std::string_view value = next_part(text, ':');
  const auto number = parse_number<std::uint64_t>(value, 0, ~std::uint64_t{0});
  const auto length = parse_number<std::uint8_t>(text, 1, kMaxMkiLength);
  if (!number || !length) return std::nullopt;
  if (*length < 8 && *number >> (8U * *length) != 0) return std::nullopt;  // does not fit the bytes it says
  return MasterKeyIdentifier{*number, *length};
}

// inline:<base64 key||salt>["|" lifetime]["|" mki ":" length]   RFC 4568 6.1
Result<CryptoKey> parse_key(std::string_view text, CryptoSuite suite) {
  const std::string_view method = next_part(text, ':');
  if (!equal_ignoring_case(method, "inline")) return damaged("the key method is not \"inline\"");
  auto bytes = decode_base64(next_part(text, '|'));
  if (!bytes) return damaged("the key is not base64");
  if (bytes->empty()) return damaged("the key is empty");
  if (bytes->size() > kMaxKeyBytes) return damaged("the key is longer than any suite has");
  if (suite != CryptoSuite::kUnknown && bytes->size() != suite_key_and_salt_bytes(suite)) {
    return damaged("the key has " + std::to_string(bytes->size()) + " bytes where the suite needs " +
                   std::to_string(suite_key_and_salt_bytes(suite)));
  }
  CryptoKey key;
  key.key_and_salt = std::move(*bytes);
  if (text.empty()) return key;
  std::string_view part = next_part(text, '|');
  if (part.find(':') == std::string_view::npos) {
    key.lifetime = parse_lifetime(part);
    if (!key.lifetime) return damaged("the key lifetime is not a number up to 2^48");
    if (text.empty()) return key;
    part = next_part(text, '|');
  }
  key.mki = parse_mki(part);
  if (!key.mki) return damaged("the master key identifier is not <value>:<length> with a value that fits");
  if (!text.empty()) return damaged("something follows the master key identifier");
  return key;
}

bool read_session_parameter(std::string_view word, CryptoAttribute& crypto) {
  if (word.starts_with("KDR=")) {
    crypto.key_derivation_rate = parse_number<std::uint8_t>(word.substr(4), 0, kMaxKeyDerivationRate);
    return crypto.key_derivation_rate.has_value();
  }
  if (word.starts_with("WSH=")) {
    crypto.window_size_hint = parse_number<std::uint32_t>(word.substr(4), 64, 0x7fffffff);  // RFC 4568 6.3.6
    return crypto.window_size_hint.has_value();
  }
  if (word == "UNENCRYPTED_SRTP") {
    crypto.unencrypted_srtp = true;
  } else if (word == "UNENCRYPTED_SRTCP") {
    crypto.unencrypted_srtcp = true;
  } else if (word == "UNAUTHENTICATED_SRTP") {
    crypto.unauthenticated_srtp = true;
  } else if (word.starts_with("FEC_KEY")) {
    crypto.other_parameters.emplace_back("FEC_KEY");  // what follows is key material
  } else {
    // An unknown parameter may carry a key as well: cut it off.
    const std::size_t key_at = word.find("inline:");
    crypto.other_parameters.emplace_back(word.substr(0, key_at));
    if (crypto.other_parameters.back().empty()) crypto.other_parameters.back() = "inline";
  }
  return true;
}

std::string lifetime_text(std::uint64_t lifetime) {
  if (lifetime > 1 && std::has_single_bit(lifetime)) return "2^" + std::to_string(std::countr_zero(lifetime));
  return std::to_string(lifetime);
}

}  // namespace

std::string_view suite_name(CryptoSuite suite) {
  const SuiteFacts* facts = facts_of(suite);
  return facts == nullptr ? std::string_view{} : facts->name;
}

CryptoSuite suite_from_name(std::string_view name) {
  for (const SuiteFacts& facts : kSuites) {
    if (equal_ignoring_case(facts.name, name)) return facts.suite;
  }
  for (const auto& [other, suite] : kOtherNames) {
    if (equal_ignoring_case(other, name)) return suite;
  }
  return CryptoSuite::kUnknown;
}

std::size_t suite_key_bytes(CryptoSuite suite) {
  const SuiteFacts* facts = facts_of(suite);
  return facts == nullptr ? 0 : facts->key_bytes;
}

std::size_t suite_salt_bytes(CryptoSuite suite) {
  const SuiteFacts* facts = facts_of(suite);
  return facts == nullptr ? 0 : facts->salt_bytes;
}

std::size_t suite_key_and_salt_bytes(CryptoSuite suite) { return suite_key_bytes(suite) + suite_salt_bytes(suite); }

bool CryptoAttribute::is_usable() const {
  if (suite == CryptoSuite::kUnknown || keys.size() != 1) return false;
  if (keys.front().key_and_salt.size() != suite_key_and_salt_bytes(suite)) return false;
  if (unencrypted_srtp || unencrypted_srtcp || unauthenticated_srtp) return false;
  if (key_derivation_rate.value_or(0) != 0) return false;
  // Only what is marked "-" may be ignored (RFC 4568 6.3.7); FEC orders and keys are not supported.
  return std::ranges::all_of(other_parameters, [](const std::string& word) { return word.starts_with('-'); });
}

// tag SP suite SP key-params *(SP session-param)   RFC 4568 9.1
Result<CryptoAttribute> parse_crypto(std::string_view value) {
  CryptoAttribute crypto;
  const std::string_view tag_word = next_word(value);
  const auto tag = parse_number<std::uint32_t>(tag_word, 0, 999'999'999);  // 1 to 9 digits
  if (!tag || tag_word.size() > 9) return damaged("the tag is not a number of 1 to 9 digits");
  crypto.tag = *tag;
  const std::string_view name = next_word(value);
  if (!is_token(name)) return damaged("there is no suite name");
  crypto.suite = suite_from_name(name);
  if (crypto.suite == CryptoSuite::kUnknown) crypto.unknown_suite = std::string(name);

  std::string_view keys = next_word(value);
  if (keys.empty()) return damaged("there is no key");
  while (!keys.empty()) {
    if (crypto.keys.size() == kMaxCryptoKeys) return damaged("more keys than we take in one line");
    auto key = parse_key(next_part(keys, ';'), crypto.suite);
    if (!key) return forward_error(key);
    crypto.keys.push_back(std::move(*key));
  }
  for (std::string_view word = next_word(value); !word.empty(); word = next_word(value)) {
    if (crypto.other_parameters.size() == kMaxCryptoParameters) return damaged("more session parameters than we take");
    if (!read_session_parameter(word, crypto)) return damaged("a session parameter has a value out of range");
  }
  return crypto;
}

std::string crypto_value(const CryptoAttribute& crypto, SecretForm form) {
  std::string text = std::to_string(crypto.tag) + " ";
  text += crypto.suite == CryptoSuite::kUnknown ? std::string_view(crypto.unknown_suite) : suite_name(crypto.suite);
  text += ' ';
  bool first = true;
  for (const CryptoKey& key : crypto.keys) {
    if (!first) text += ';';
    first = false;
    text += "inline:";
    text += form == SecretForm::kPlain ? encode_base64(key.key_and_salt.view()) : "***";
    if (key.lifetime) text += "|" + lifetime_text(*key.lifetime);
    if (key.mki) text += "|" + std::to_string(key.mki->value) + ":" + std::to_string(key.mki->length);
  }
  if (crypto.key_derivation_rate) text += " KDR=" + std::to_string(*crypto.key_derivation_rate);
  if (crypto.unencrypted_srtp) text += " UNENCRYPTED_SRTP";
  if (crypto.unencrypted_srtcp) text += " UNENCRYPTED_SRTCP";
  if (crypto.unauthenticated_srtp) text += " UNAUTHENTICATED_SRTP";
  if (crypto.window_size_hint) text += " WSH=" + std::to_string(*crypto.window_size_hint);
  for (const std::string& word : crypto.other_parameters) text += " " + word;
  return text;
}

}  // namespace isthmus::sdp
