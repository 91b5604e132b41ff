#include "dataplane/crypto/key_derivation.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>

namespace isthmus::crypto {
namespace {

using contract::SrtpSuite;

const EVP_CIPHER* counter_mode(std::size_t key_bytes) {
  switch (key_bytes) {
    case 16: return EVP_aes_128_ctr();
    case 24: return EVP_aes_192_ctr();
    default: return EVP_aes_256_ctr();
  }
}

/// The key stream of AES-CM from the counter block (label XOR salt) * 2^16: RFC 3711 4.3.1 and 4.3.3.
void derive(const contract::SrtpKey& key, std::uint8_t label, std::span<std::uint8_t> out) {
  std::array<std::uint8_t, 16> counter{};
  std::copy(key.master_salt.view().begin(), key.master_salt.view().end(), counter.begin());
  counter[7] ^= label;
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free);
  int length = 0;
  EVP_EncryptInit_ex(context.get(), counter_mode(key.master_key.size()), nullptr, key.master_key.view().data(),
                     counter.data());
  EVP_EncryptUpdate(context.get(), out.data(), &length, out.data(), static_cast<int>(out.size()));
}

Error wrong_size(const contract::SrtpKey& key, std::size_t bytes, std::size_t wanted, const char* field) {
  return {ErrorKind::kInvalidArgument,
          std::string(contract::to_string(key.suite)) + " takes " + std::to_string(wanted) + " bytes, not " +
              std::to_string(bytes),
          field};
}

}  // namespace

SessionKeys::~SessionKeys() {
  wipe(cipher);
  wipe(auth);
  wipe(salt);
}

Result<void> check_key(const contract::SrtpKey& key) {
  if (key.suite < SrtpSuite::kAesCm128HmacSha1_80 || key.suite > SrtpSuite::kAeadAes256Gcm) {
    return fail(ErrorKind::kInvalidArgument, "no such suite", "suite");
  }
  const std::size_t key_bytes = contract::master_key_bytes(key.suite);
  const std::size_t salt_bytes = contract::master_salt_bytes(key.suite);
  if (key.master_key.size() != key_bytes) {
    return tl::unexpected(wrong_size(key, key.master_key.size(), key_bytes, "master_key"));
  }
  if (key.master_salt.size() != salt_bytes) {
    return tl::unexpected(wrong_size(key, key.master_salt.size(), salt_bytes, "master_salt"));
  }
  if (key.mki.size() > contract::kMaxMkiBytes) {
    return fail(ErrorKind::kInvalidArgument, "an MKI has at most " + std::to_string(contract::kMaxMkiBytes) + " bytes",
                "mki");
  }
  return {};
}

SessionKeys derive_session_keys(const contract::SrtpKey& key, bool rtcp) {
  // RFC 3711 4.3.1: labels of encryption, authentication and salt.
  const std::uint8_t first = rtcp ? 3 : 0;
  SessionKeys keys;
  derive(key, first, std::span(keys.cipher).first(key.master_key.size()));
  derive(key, static_cast<std::uint8_t>(first + 1), keys.auth);
  derive(key, static_cast<std::uint8_t>(first + 2), std::span(keys.salt).first(key.master_salt.size()));
  return keys;
}

}  // namespace isthmus::crypto
