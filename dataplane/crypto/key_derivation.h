#pragma once

// Session keys of one master key: RFC 3711 4.3 with key derivation rate 0, RFC 6188 (AES-192 and -256), RFC 7714 11
// (GCM: the same function, with the salt of twelve bytes filled up with zeros).

#include <array>
#include <cstdint>

#include "dataplane/base/result.h"
#include "dataplane/contract/messages.h"

namespace isthmus::crypto {

inline constexpr std::size_t kMaxCipherKeyBytes = 32;
inline constexpr std::size_t kAuthKeyBytes = 20;  ///< HMAC-SHA1 (RFC 3711 5.2)
inline constexpr std::size_t kMaxSaltBytes = 14;

/// Of RTP or of RTCP. Wiped when it goes.
struct SessionKeys {
  std::array<std::uint8_t, kMaxCipherKeyBytes> cipher{};  ///< contract::master_key_bytes(suite) of it
  std::array<std::uint8_t, kAuthKeyBytes> auth{};         ///< counter mode suites alone
  std::array<std::uint8_t, kMaxSaltBytes> salt{};         ///< contract::master_salt_bytes(suite) of it

  SessionKeys() = default;
  SessionKeys(const SessionKeys&) = default;
  SessionKeys& operator=(const SessionKeys&) = default;
  ~SessionKeys();
};

/// kInvalidArgument with field "suite", "master_key", "master_salt" or "mki" where the key fits no suite.
Result<void> check_key(const contract::SrtpKey& key);

/// `key` has passed check_key().
SessionKeys derive_session_keys(const contract::SrtpKey& key, bool rtcp);

}  // namespace isthmus::crypto
