#pragma once

// a=crypto (RFC 4568, suites of RFC 6188 and RFC 7714) as a value. Key bytes live in SecretBytes only.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/base/secret.h"

namespace isthmus::sdp {

enum class CryptoSuite : std::uint8_t {
  kAesCm128HmacSha1_80,  ///< RFC 4568 6.2.1; the only one of the Microsoft side.
  kAesCm128HmacSha1_32,  ///< RFC 4568 6.2.2
  kAesCm192HmacSha1_80,  ///< RFC 6188
  kAesCm192HmacSha1_32,
  kAesCm256HmacSha1_80,
  kAesCm256HmacSha1_32,
  kAeadAes128Gcm,  ///< RFC 7714 14.2
  kAeadAes256Gcm,
  kUnknown,  ///< Parsed, never chosen.
};

/// "AES_CM_128_HMAC_SHA1_80"; kUnknown has no name.
std::string_view suite_name(CryptoSuite suite);
/// Case-insensitive; the two spellings AES_192_CM_... (RFC 6188) and AES_CM_192_... are both in use.
CryptoSuite suite_from_name(std::string_view name);
/// Bytes of master key, of master salt, and of both together; 0 for kUnknown.
std::size_t suite_key_bytes(CryptoSuite suite);
std::size_t suite_salt_bytes(CryptoSuite suite);
std::size_t suite_key_and_salt_bytes(CryptoSuite suite);

/// "1:4": the number that marks this key in each packet, and how many bytes it takes there.
struct MasterKeyIdentifier {
  std::uint64_t value = 0;
  std::uint8_t length = 1;  ///< 1-128 (RFC 4568 9.2); more than 8 bytes needs a value that fits 8.
  bool operator==(const MasterKeyIdentifier&) const = default;
};

/// One `inline:` parameter.
struct CryptoKey {
  SecretBytes key_and_salt;
  /// Packets this key may protect; 2^48 at most. Written as a power of two where it is one (|2^31).
  std::optional<std::uint64_t> lifetime{};
  std::optional<MasterKeyIdentifier> mki{};
  bool operator==(const CryptoKey&) const = default;
};

struct CryptoAttribute {
  std::uint32_t tag = 1;
  CryptoSuite suite = CryptoSuite::kUnknown;
  std::string unknown_suite{};  ///< The name as received when `suite` is kUnknown.
  std::vector<CryptoKey> keys{};

  // Session parameters (RFC 4568 6.3).
  std::optional<std::uint8_t> key_derivation_rate{};  ///< KDR=n: 2^n packets, 0-24.
  bool unencrypted_srtp = false;
  bool unencrypted_srtcp = false;
  bool unauthenticated_srtp = false;
  std::optional<std::uint32_t> window_size_hint{};  ///< WSH, at least 64.
  /// FEC_ORDER and unknown ones as received. FEC_KEY carries key bytes and is kept by its name only.
  std::vector<std::string> other_parameters{};

  /// True when Isthmus can use the line: known suite, one key of the right length, all three protections on, no key
  /// derivation rate and no parameter that the peer says must be understood (RFC 4568 6.3.7).
  bool is_usable() const;
  bool operator==(const CryptoAttribute&) const = default;
};

/// Parses what follows "a=crypto:". The error never quotes the key.
Result<CryptoAttribute> parse_crypto(std::string_view value);

enum class SecretForm : std::uint8_t {
  kPlain,   ///< For the wire.
  kMasked,  ///< For logs: "inline:***".
};
/// What follows "a=crypto:".
std::string crypto_value(const CryptoAttribute& crypto, SecretForm form);

}  // namespace isthmus::sdp
