// RFC 4568: crypto lines in offer and answer.

#include <gtest/gtest.h>

#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {
namespace {

TEST(Rfc4568, Section5_1_2_TheFirstLineThatFitsIsTakenAndItsTagRepeated) {
  LegSettings a = secure_leg();
  a.policy.suites = {sdp::CryptoSuite::kAesCm128HmacSha1_80, sdp::CryptoSuite::kAesCm128HmacSha1_32};
  Call call(a, clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/SAVP",
                                                  crypto(3, kKey1, "F8_128_HMAC_SHA1_80") +
                                                      crypto(5, kKey1, "AES_CM_128_HMAC_SHA1_32") + crypto(4, kKey2)));
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  ASSERT_EQ(answer.media[0].crypto.size(), 1U);
  EXPECT_EQ(answer.media[0].crypto[0].tag, 5U);
  EXPECT_EQ(answer.media[0].crypto[0].suite, sdp::CryptoSuite::kAesCm128HmacSha1_32);
}

TEST(Rfc4568, Section5_1_1_TagsOfAnOfferAreUnique) {
  Call call(clear_leg(), secure_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002));
  for (const auto& section : offer.media) {
    ASSERT_EQ(section.crypto.size(), 3U);
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(section.crypto[i].tag, i + 1);
  }
}

TEST(Rfc4568, Section7_1_1_EachLineAndStreamHasAKeyOfItsOwn) {
  Call call(clear_leg(), secure_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002));
  std::vector<SecretBytes> keys;
  for (const auto& section : offer.media) {
    for (const auto& line : section.crypto) keys.push_back(line.keys.at(0).key_and_salt);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = i + 1; j < keys.size(); ++j) EXPECT_FALSE(keys[i] == keys[j]);
  }
}

TEST(Rfc4568, Section7_1_4_AReofferWithTheSameKeyKeepsOurs) {
  Call call(secure_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/SAVP", crypto(1)));
  const auto first = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/SAVP", crypto(1)));
  EXPECT_EQ(call.answer_only(Side::kA).media[0].crypto, first.media[0].crypto);
}

}  // namespace
}  // namespace isthmus::media::testing
