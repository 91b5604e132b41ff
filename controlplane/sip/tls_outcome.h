#pragma once

// What became of a TLS handshake, and who is at the far end.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::sip {

// X(enumerator, counter of counters.h, what it means)
#define ISTHMUS_TLS_FAILURES(X)                                                                   \
  X(kNotTls, tls_not_tls, "what came is no TLS")                                                  \
  X(kVersion, tls_version, "no common TLS version (1.2 and 1.3 are taken)")                       \
  X(kCipher, tls_cipher, "no common cipher suite, group or signature")                            \
  X(kNoCertificate, tls_no_certificate, "the peer has no certificate")                            \
  X(kUnknownCa, tls_unknown_ca, "the peer's certificate is of no trusted authority")              \
  X(kNotValidNow, tls_not_valid_now, "a certificate of the peer has expired or is not valid yet") \
  X(kWrongName, tls_wrong_name, "the peer's certificate is for somebody else")                    \
  X(kBadCertificate, tls_bad_certificate, "the peer's certificate does not verify")               \
  X(kPeerRefused, tls_peer_refused, "the peer refused with an alert")                             \
  X(kPeerLeft, tls_peer_left, "the peer left during the handshake")                               \
  X(kTimedOut, tls_timed_out, "the handshake did not end in time")                                \
  X(kBroken, tls_broken, "a record did not verify, or must not come now")

enum class TlsFailure : std::uint8_t {
  kNone,
#define ISTHMUS_TLS_ENUMERATOR(enumerator, counter, text) enumerator,
  ISTHMUS_TLS_FAILURES(ISTHMUS_TLS_ENUMERATOR)
#undef ISTHMUS_TLS_ENUMERATOR
};

constexpr std::string_view to_string(TlsFailure failure) {
  switch (failure) {
    case TlsFailure::kNone: return "none";
#define ISTHMUS_TLS_TEXT(enumerator, counter, text) \
  case TlsFailure::enumerator: return text;
      ISTHMUS_TLS_FAILURES(ISTHMUS_TLS_TEXT)
#undef ISTHMUS_TLS_TEXT
  }
  return "unknown";
}

struct TlsOutcome {
  enum class Stage : std::uint8_t { kConnecting, kHandshake, kOpen } stage = Stage::kHandshake;
  TlsFailure failure = TlsFailure::kNone;
  std::string detail;        ///< of the failure, for people
  std::string_view version;  ///< "TLSv1.3", once open
  std::string_view cipher;   ///< "TLS_AES_256_GCM_SHA384", once open
  /// SANs of the peer's certificate, verified: DNS names in lower case, hosts of sip URIs, addresses. Empty: it sent
  /// none.
  std::vector<std::string> names;
};

}  // namespace isthmus::sip
