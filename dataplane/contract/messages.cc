#include "dataplane/contract/messages.h"

namespace isthmus::contract {

std::string_view to_string(SrtpSuite suite) {
  switch (suite) {
    case SrtpSuite::kAesCm128HmacSha1_80: return "AES_CM_128_HMAC_SHA1_80";
    case SrtpSuite::kAesCm128HmacSha1_32: return "AES_CM_128_HMAC_SHA1_32";
    case SrtpSuite::kAesCm192HmacSha1_80: return "AES_192_CM_HMAC_SHA1_80";
    case SrtpSuite::kAesCm256HmacSha1_80: return "AES_256_CM_HMAC_SHA1_80";
    case SrtpSuite::kAeadAes128Gcm: return "AEAD_AES_128_GCM";
    case SrtpSuite::kAeadAes256Gcm: return "AEAD_AES_256_GCM";
  }
  return "unknown";
}

std::size_t master_key_bytes(SrtpSuite suite) {
  switch (suite) {
    case SrtpSuite::kAesCm128HmacSha1_80:
    case SrtpSuite::kAesCm128HmacSha1_32:
    case SrtpSuite::kAeadAes128Gcm: return 16;
    case SrtpSuite::kAesCm192HmacSha1_80: return 24;
    case SrtpSuite::kAesCm256HmacSha1_80:
    case SrtpSuite::kAeadAes256Gcm: return 32;
  }
  return 0;
}

std::size_t master_salt_bytes(SrtpSuite suite) {
  switch (suite) {
    case SrtpSuite::kAesCm128HmacSha1_80:
    case SrtpSuite::kAesCm128HmacSha1_32:
    case SrtpSuite::kAesCm192HmacSha1_80:
    case SrtpSuite::kAesCm256HmacSha1_80: return 14;  // RFC 4568 6.2, RFC 6188 4
    case SrtpSuite::kAeadAes128Gcm:
    case SrtpSuite::kAeadAes256Gcm: return 12;  // RFC 7714 8.1, 12.1
  }
  return 0;
}

}  // namespace isthmus::contract
