// SRTP against an independent one made of OpenSSL's AES and HMAC. That one is first held to the vectors of RFC 3711
// appendix B and RFC 7714 section 16; then the engine has to agree with it byte for byte.

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::crypto {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets hex(std::string_view text) {
  Octets bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

Octets aes_ctr(const Octets& key, const Octets& iv, const Octets& clear) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nullptr, key.data(), iv.data());
  Octets out(clear.size() + 16);
  int length = 0;
  EVP_EncryptUpdate(context, out.data(), &length, clear.data(), static_cast<int>(clear.size()));
  EVP_CIPHER_CTX_free(context);
  out.resize(clear.size());
  return out;
}

Octets aes_gcm(const Octets& key, const Octets& iv, const Octets& aad, const Octets& clear) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nullptr, key.data(), iv.data());
  Octets out(clear.size() + 16);
  int length = 0;
  EVP_EncryptUpdate(context, nullptr, &length, aad.data(), static_cast<int>(aad.size()));
  EVP_EncryptUpdate(context, out.data(), &length, clear.data(), static_cast<int>(clear.size()));
  EVP_EncryptFinal_ex(context, out.data() + length, &length);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, out.data() + clear.size());
  EVP_CIPHER_CTX_free(context);
  return out;
}

// RFC 3711 4.3.1 with key derivation rate 0.
Octets derive(const Octets& master, Octets salt, std::uint8_t label, std::size_t size) {
  salt.resize(16);
  salt[7] ^= label;
  return aes_ctr(master, salt, Octets(size));
}

// RFC 3711 4.1.1: IV = salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
Octets cm_iv(Octets salt, std::uint32_t ssrc, std::uint64_t index) {
  salt.resize(16);
  for (std::size_t i = 0; i < 4; ++i) salt[4 + i] ^= static_cast<std::uint8_t>(ssrc >> (24 - 8 * i));
  for (std::size_t i = 0; i < 6; ++i) salt[8 + i] ^= static_cast<std::uint8_t>(index >> (40 - 8 * i));
  return salt;
}

// RFC 7714 8.1.
Octets gcm_iv(const Octets& salt, std::uint32_t ssrc, std::uint64_t index) {
  Octets iv = salt;
  for (std::size_t i = 0; i < 4; ++i) iv[2 + i] ^= static_cast<std::uint8_t>(ssrc >> (24 - 8 * i));
  for (std::size_t i = 0; i < 6; ++i) iv[6 + i] ^= static_cast<std::uint8_t>(index >> (40 - 8 * i));
  return iv;
}

Octets head(const Octets& bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<long>(count)};
}
Octets tail(const Octets& bytes, std::size_t from) { return {bytes.begin() + static_cast<long>(from), bytes.end()}; }
Octets joined(Octets left, const Octets& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Octets kMaster = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
const Octets kSalt = hex("0EC675AD498AFEEBB6960B3AABE6");

TEST(Rfc3711AppendixB2, CounterModeKeyStream) {
  const Octets key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
  const Octets stream = aes_ctr(key, cm_iv(hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), 0, 0), Octets(48));
  EXPECT_EQ(stream,
            hex("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"));
}

TEST(Rfc3711AppendixB3, KeyDerivation) {
  EXPECT_EQ(derive(kMaster, kSalt, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
  EXPECT_EQ(derive(kMaster, kSalt, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
  EXPECT_EQ(head(derive(kMaster, kSalt, 1, 94), 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

TEST(Rfc7714Section16_1_1, AeadAes128Gcm) {
  const Octets packet =
      hex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
  const Octets iv = gcm_iv(hex("517569642070726f2071756f"), 0x5501a0b2, 0xf17b);
  EXPECT_EQ(iv, hex("51753c6580c2726f20718414"));
  EXPECT_EQ(
      joined(head(packet, 12),
             aes_gcm(hex("000102030405060708090a0b0c0d0e0f"), iv, head(packet, 12), tail(packet, 12))),
      hex("8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f"
          "27beb16a9152cf765ee4390cce"));
}

using MakeEngine = std::unique_ptr<SrtpEngine> (*)();

class EngineAgainstVectors : public testing::TestWithParam<MakeEngine> {
 protected:
  std::unique_ptr<SrtpEngine> engine_ = GetParam()();

  Octets protect(contract::SrtpSuite suite, const Octets& salt, Octets packet, bool rtcp, const Octets& mki = {}) {
    contract::SrtpKey key;
    key.suite = suite;
    key.master_key = SecretBytes(kMaster);
    key.master_salt = SecretBytes(salt);
    key.mki = mki;
    auto context = engine_->make_context(key, {Direction::kSend, 0x5501a0b2});
    EXPECT_TRUE(context);
    SrtpJob job;
    job.context = context->get();
    job.length = static_cast<std::uint16_t>(packet.size());
    packet.resize(packet.size() + 64);
    job.packet = packet.data();
    job.tailroom = 64;
    job.rtcp = rtcp;
    engine_->protect({&job, 1});
    EXPECT_EQ(job.result, SrtpResult::kOk);
    packet.resize(job.length);
    return packet;
  }

  static Octets hmac(const Octets& key, const Octets& over, std::size_t bytes) {
    std::array<std::uint8_t, 20> tag{};
    unsigned length = 0;
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), over.data(), over.size(), tag.data(), &length);
    return {tag.begin(), tag.begin() + static_cast<long>(bytes)};
  }

  const Octets rtp_ =
      hex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
  const Octets rtcp_ = hex("81c8000b5501a0b24d61727367f07a41313131313131313132323232323232323333333334343434");
};

TEST_P(EngineAgainstVectors, AesCm128HmacSha1) {
  const Octets cipher =
      aes_ctr(derive(kMaster, kSalt, 0, 16), cm_iv(derive(kMaster, kSalt, 2, 14), 0x5501a0b2, 0xf17b), tail(rtp_, 12));
  const Octets body = joined(head(rtp_, 12), cipher);
  const Octets authenticated = joined(body, Octets(4));  // the roll-over counter is part of it
  const Octets auth_key = derive(kMaster, kSalt, 1, 20);
  EXPECT_EQ(protect(contract::SrtpSuite::kAesCm128HmacSha1_80, kSalt, rtp_, false),
            joined(body, hmac(auth_key, authenticated, 10)));
  EXPECT_EQ(protect(contract::SrtpSuite::kAesCm128HmacSha1_32, kSalt, rtp_, false),
            joined(body, hmac(auth_key, authenticated, 4)));
  EXPECT_EQ(protect(contract::SrtpSuite::kAesCm128HmacSha1_80, kSalt, rtp_, false, {1}),
            joined(joined(body, {1}), hmac(auth_key, authenticated, 10)));  // RFC 3711 3.1: MKI before the tag
}

TEST_P(EngineAgainstVectors, SrtcpAesCm128HmacSha1) {
  // RFC 3711 3.4; the library counts its SRTCP indices from 1. Labels 3, 4, 5.
  const Octets cipher =
      aes_ctr(derive(kMaster, kSalt, 3, 16), cm_iv(derive(kMaster, kSalt, 5, 14), 0x5501a0b2, 1), tail(rtcp_, 8));
  const Octets body = joined(joined(head(rtcp_, 8), cipher), {0x80, 0, 0, 1});
  const Octets tag = hmac(derive(kMaster, kSalt, 4, 20), body, 10);
  EXPECT_EQ(protect(contract::SrtpSuite::kAesCm128HmacSha1_80, kSalt, rtcp_, true), joined(body, tag));
  // RFC 4568 6.2.2: the short tag is for RTP alone.
  EXPECT_EQ(protect(contract::SrtpSuite::kAesCm128HmacSha1_32, kSalt, rtcp_, true), joined(body, tag));
}

TEST_P(EngineAgainstVectors, AeadAes128Gcm) {
  const Octets salt = head(kSalt, 12);
  const Octets iv = gcm_iv(derive(kMaster, salt, 2, 12), 0x5501a0b2, 0xf17b);
  EXPECT_EQ(protect(contract::SrtpSuite::kAeadAes128Gcm, salt, rtp_, false),
            joined(head(rtp_, 12), aes_gcm(derive(kMaster, salt, 0, 16), iv, head(rtp_, 12), tail(rtp_, 12))));
}

TEST_P(EngineAgainstVectors, SrtcpAeadAes128Gcm) {
  const Octets salt = head(kSalt, 12);
  const Octets iv = gcm_iv(derive(kMaster, salt, 5, 12), 0x5501a0b2, 1);
  const Octets word{0x80, 0, 0, 1};  // RFC 7714 9.2: behind the header in what is authenticated, last on the wire
  const Octets sealed = aes_gcm(derive(kMaster, salt, 3, 16), iv, joined(head(rtcp_, 8), word), tail(rtcp_, 8));
  EXPECT_EQ(protect(contract::SrtpSuite::kAeadAes128Gcm, salt, rtcp_, true),
            joined(joined(head(rtcp_, 8), sealed), word));
}

std::unique_ptr<SrtpEngine> ipsec_mb() { return make_ipsec_mb_engine(); }

INSTANTIATE_TEST_SUITE_P(Engines, EngineAgainstVectors, testing::Values(&make_libsrtp2_engine, &ipsec_mb),
                         [](const auto& tested) { return tested.index == 0 ? "Libsrtp2" : "IpsecMb"; });

}  // namespace
}  // namespace isthmus::crypto
