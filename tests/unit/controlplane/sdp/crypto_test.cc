#include "controlplane/sdp/crypto.h"

#include <gmock/gmock.h>

namespace isthmus::sdp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kKey = "Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB";  // 30 bytes

TEST(Crypto, ReadsKeyLifetimeAndMki) {
  const auto crypto = parse_crypto("2 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^31|1:1");
  ASSERT_TRUE(crypto.has_value());
  EXPECT_EQ(crypto->tag, 2U);
  EXPECT_EQ(crypto->suite, CryptoSuite::kAesCm128HmacSha1_80);
  ASSERT_EQ(crypto->keys.size(), 1U);
  EXPECT_EQ(crypto->keys[0].key_and_salt.size(), 30U);
  EXPECT_EQ(crypto->keys[0].key_and_salt.view()[0], 0x0a);
  EXPECT_EQ(crypto->keys[0].key_and_salt.view()[29], 0xc1);
  EXPECT_EQ(crypto->keys[0].lifetime, std::uint64_t{1} << 31U);
  EXPECT_EQ(crypto->keys[0].mki, (MasterKeyIdentifier{1, 1}));
  EXPECT_TRUE(crypto->is_usable());
}

TEST(Crypto, WritesWhatItReads) {
  const std::string values[] = {
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey,
      "1 AES_CM_128_HMAC_SHA1_32 inline:" + kKey + "|2^20",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|1000",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|66051:4",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^20|1:4;inline:" + kKey + "|2^20|2:4",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey +
          " KDR=3 UNENCRYPTED_SRTP UNENCRYPTED_SRTCP UNAUTHENTICATED_SRTP WSH=64",
      "1 F8_128_HMAC_SHA1_80 inline:" + kKey + " FEC_ORDER=FEC_SRTP -extension",
      "999999999 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
  };
  for (const std::string& value : values) {
    const auto crypto = parse_crypto(value);
    ASSERT_TRUE(crypto.has_value()) << value << ": " << to_string(crypto.error());
    EXPECT_EQ(crypto_value(*crypto, SecretForm::kPlain), value);
    EXPECT_THAT(crypto_value(*crypto, SecretForm::kMasked), Not(HasSubstr("Cm5v")));
  }
}

TEST(Crypto, DamagedLinesFailWithoutQuotingTheKey) {
  const std::string values[] = {
      "",
      "1",
      "x AES_CM_128_HMAC_SHA1_80 inline:" + kKey,
      "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + kKey,
      "1 AES_CM_128_HMAC_SHA1_80",
      "1 AES_CM_128_HMAC_SHA1_80 prompt:" + kKey,
      "1 AES_CM_128_HMAC_SHA1_80 inline:",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "AAAA",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey.substr(4),
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey.substr(1) + "*",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^49",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|0",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^31|256:1",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^31|1:129",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^31|1:0",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + "|2^31|1:1|x",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + " KDR=25",
      "1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + " WSH=63",
      "1 UNKNOWN inline:" + std::string(400, 'A'),
  };
  for (const std::string& value : values) {
    const auto crypto = parse_crypto(value);
    ASSERT_FALSE(crypto.has_value()) << value;
    EXPECT_THAT(to_string(crypto.error()), Not(HasSubstr("Cm5v")));
  }
}

TEST(Crypto, KeyCountHasABound) {
  const auto line = [](std::size_t keys) {
    std::string value = "1 AES_CM_128_HMAC_SHA1_80 ";
    for (std::size_t i = 0; i < keys; ++i)
      value += (i == 0 ? "inline:" : ";inline:") + kKey + "|" + std::to_string(i + 1) + ":1";
    return value;
  };
  EXPECT_TRUE(parse_crypto(line(4)).has_value());
  EXPECT_FALSE(parse_crypto(line(5)).has_value());
}

TEST(Crypto, OnlyLinesUnderstoodWholeAreUsable) {
  const auto usable = [](const std::string& more, const std::string& suite = "AES_CM_128_HMAC_SHA1_80") {
    return parse_crypto("1 " + suite + " inline:" + kKey + more)->is_usable();
  };
  EXPECT_TRUE(usable(""));
  EXPECT_TRUE(usable(" KDR=0 WSH=128 -NEW=1"));
  EXPECT_FALSE(usable(" KDR=1"));
  EXPECT_FALSE(usable(" UNENCRYPTED_SRTP"));
  EXPECT_FALSE(usable(" UNENCRYPTED_SRTCP"));
  EXPECT_FALSE(usable(" UNAUTHENTICATED_SRTP"));
  EXPECT_FALSE(usable(" FEC_ORDER=SRTP_FEC"));
  EXPECT_FALSE(usable(" NEW=1"));
  EXPECT_FALSE(usable("", "F8_128_HMAC_SHA1_80"));
  EXPECT_FALSE(usable("|1:1;inline:" + kKey + "|2:1"));
}

TEST(Crypto, KeyBytesInOddPlacesAreCutOff) {
  const auto crypto =
      parse_crypto("1 AES_CM_128_HMAC_SHA1_80 inline:" + kKey + " FEC_KEY=inline:c2VjcmV0 OTHER=inline:c2VjcmV0");
  ASSERT_TRUE(crypto.has_value());
  EXPECT_THAT(crypto_value(*crypto, SecretForm::kPlain), Not(HasSubstr("c2VjcmV0")));
}

TEST(Crypto, KnowsSuitesInEverySpelling) {
  EXPECT_EQ(suite_from_name("aes_cm_128_hmac_sha1_80"), CryptoSuite::kAesCm128HmacSha1_80);
  EXPECT_EQ(suite_from_name("AES_CM_256_HMAC_SHA1_80"), CryptoSuite::kAesCm256HmacSha1_80);
  EXPECT_EQ(suite_from_name("AES_256_CM_HMAC_SHA1_80"), CryptoSuite::kAesCm256HmacSha1_80);
  EXPECT_EQ(suite_from_name("NULL"), CryptoSuite::kUnknown);
  EXPECT_EQ(suite_key_and_salt_bytes(CryptoSuite::kAesCm192HmacSha1_80), 38U);
  EXPECT_EQ(suite_key_and_salt_bytes(CryptoSuite::kAesCm256HmacSha1_32), 46U);
  EXPECT_EQ(suite_key_and_salt_bytes(CryptoSuite::kAeadAes128Gcm), 28U);
  EXPECT_EQ(suite_key_and_salt_bytes(CryptoSuite::kAeadAes256Gcm), 44U);
  EXPECT_EQ(suite_key_and_salt_bytes(CryptoSuite::kUnknown), 0U);
}

}  // namespace
}  // namespace isthmus::sdp
