// RFC 4568: a=crypto. Examples of the RFC and its rules for what is not understood.

#include <gtest/gtest.h>

#include "controlplane/sdp/crypto.h"

namespace isthmus::sdp {
namespace {

TEST(Rfc4568, Section4_ExampleWithLifetimeAndMki) {
  const auto crypto =
      parse_crypto("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32");
  ASSERT_TRUE(crypto.has_value());
  EXPECT_EQ(crypto->keys[0].lifetime, 1'048'576U);
  EXPECT_EQ(crypto->keys[0].mki->value, 1U);
  EXPECT_EQ(crypto->keys[0].mki->length, 32);
}

TEST(Rfc4568, Section6_1_LifetimeAndMkiAreOptionalEachAlone) {
  const std::string key = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
  EXPECT_TRUE(parse_crypto("1 AES_CM_128_HMAC_SHA1_80 " + key)->is_usable());
  EXPECT_EQ(parse_crypto("1 AES_CM_128_HMAC_SHA1_80 " + key + "|1:4")->keys[0].mki->length, 4);
  EXPECT_EQ(parse_crypto("1 AES_CM_128_HMAC_SHA1_80 " + key + "|2^48")->keys[0].lifetime, std::uint64_t{1} << 48U);
  EXPECT_FALSE(parse_crypto("1 AES_CM_128_HMAC_SHA1_80 " + key + "|2^49").has_value());
}

TEST(Rfc4568, Section6_1_SeveralKeysAreToldApartByMki) {
  const auto crypto = parse_crypto(
      "2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;"
      "inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP");
  ASSERT_TRUE(crypto.has_value());
  EXPECT_EQ(crypto->suite, CryptoSuite::kUnknown);
  EXPECT_EQ(crypto->keys.size(), 2U);
  EXPECT_FALSE(crypto->is_usable());
}

TEST(Rfc4568, Section6_2_KeyLengthsOfTheSuites) {
  EXPECT_EQ(suite_key_bytes(CryptoSuite::kAesCm128HmacSha1_80), 16U);
  EXPECT_EQ(suite_salt_bytes(CryptoSuite::kAesCm128HmacSha1_80), 14U);
  // RFC 7714 14.2: 12-byte salt
  EXPECT_EQ(suite_salt_bytes(CryptoSuite::kAeadAes128Gcm), 12U);
  // RFC 6188 2.2
  EXPECT_EQ(suite_key_bytes(CryptoSuite::kAesCm256HmacSha1_80), 32U);
}

TEST(Rfc4568, Section6_3_7_UnknownParameterInvalidatesTheLineUnlessMarkedOptional) {
  const std::string line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
  EXPECT_FALSE(parse_crypto(line + " NEWPARAM=1")->is_usable());
  EXPECT_TRUE(parse_crypto(line + " -NEWPARAM=1")->is_usable());
}

TEST(Rfc4568, Section9_1_TagIsOneToNineDigits) {
  const std::string rest = " AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
  EXPECT_TRUE(parse_crypto("999999999" + rest).has_value());
  EXPECT_FALSE(parse_crypto("1000000000" + rest).has_value());
  EXPECT_FALSE(parse_crypto("" + rest).has_value());
}

TEST(Rfc4568, Section9_2_MkiValueMustFitItsLength) {
  const std::string line = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|";
  EXPECT_TRUE(parse_crypto(line + "255:1").has_value());
  EXPECT_FALSE(parse_crypto(line + "256:1").has_value());
  EXPECT_TRUE(parse_crypto(line + "1:128").has_value());
  EXPECT_FALSE(parse_crypto(line + "1:129").has_value());
}

}  // namespace
}  // namespace isthmus::sdp
