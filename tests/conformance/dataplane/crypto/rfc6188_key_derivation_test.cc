// Session keys: RFC 3711 B.3, RFC 6188 7.2 and 7.4.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/crypto/key_derivation.h"

namespace isthmus::crypto {
namespace {

std::vector<std::uint8_t> hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

SessionKeys derive(contract::SrtpSuite suite, std::string_view master, std::string_view salt) {
  contract::SrtpKey key;
  key.suite = suite;
  key.master_key = SecretBytes(hex(master));
  key.master_salt = SecretBytes(hex(salt));
  EXPECT_TRUE(check_key(key));
  return derive_session_keys(key, false);
}

template <typename Array>
std::vector<std::uint8_t> head(const Array& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(Rfc3711AppendixB3, SessionKeysOfAes128) {
  const auto keys = derive(contract::SrtpSuite::kAesCm128HmacSha1_80, "E1F97A0D3E018BE0D64FA32C06DE4139",
                           "0EC675AD498AFEEBB6960B3AABE6");
  EXPECT_EQ(head(keys.cipher, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(head(keys.salt, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(head(keys.auth, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

TEST(Rfc6188Section7_2, SessionKeysOfAes256) {
  const auto keys =
      derive(contract::SrtpSuite::kAesCm256HmacSha1_80,
             "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6", "3b04803de51ee7c96423ab5b78d2");
  EXPECT_EQ(head(keys.cipher, 32), hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"));
  EXPECT_EQ(head(keys.salt, 14), hex("fa31791685ca444a9e07c6c64e93"));
  EXPECT_EQ(head(keys.auth, 20), hex("fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"));
}

TEST(Rfc6188Section7_4, SessionKeysOfAes192) {
  const auto keys = derive(contract::SrtpSuite::kAesCm192HmacSha1_80,
                           "73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1", "c8522f3acd4ce86d5add78edbb11");
  EXPECT_EQ(head(keys.cipher, 24), hex("31874736a8f1143870c26e4857d8a5b2c4a354407faadabb"));
  EXPECT_EQ(head(keys.salt, 14), hex("2372b82d639b6d8503a47adc0a6c"));
  EXPECT_EQ(head(keys.auth, 20), hex("355b10973cd95b9eacf4061c7e1a7151e7cfbfcb"));
}

}  // namespace
}  // namespace isthmus::crypto
