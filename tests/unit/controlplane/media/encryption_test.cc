#include "controlplane/media/encryption.h"

#include <gmock/gmock.h>

#include <tuple>

#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::uint8_t> key_of(const SecretBytes& key) { return {key.view().begin(), key.view().end()}; }

TEST(Encryption, ClearIsBridgedToSecure) {
  Call call(clear_leg(), secure_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  ASSERT_EQ(offer.media[0].protocol, sdp::Protocol::kRtpSavp);
  ASSERT_EQ(offer.media[0].crypto.size(), 3U);
  const sdp::CryptoAttribute second = offer.media[0].crypto[1];
  EXPECT_EQ(second.suite, sdp::CryptoSuite::kAesCm128HmacSha1_32);

  const auto answer = call.answer(
      Side::kB, head("198.51.100.5") + audio(5000, "RTP/SAVP", crypto(2, kKey1, "AES_CM_128_HMAC_SHA1_32")));
  EXPECT_EQ(answer.media[0].protocol, sdp::Protocol::kRtpAvp);
  EXPECT_TRUE(answer.media[0].crypto.empty());

  const auto spec = call.spec();
  const auto& secured = spec.streams[0].leg[1];
  EXPECT_FALSE(spec.streams[0].leg[0].send_key.has_value());
  ASSERT_TRUE(secured.send_key && secured.receive_key);
  EXPECT_EQ(secured.send_key->suite, contract::SrtpSuite::kAesCm128HmacSha1_32);
  std::vector<std::uint8_t> sent = key_of(secured.send_key->master_key);
  const auto salt = key_of(secured.send_key->master_salt);
  sent.insert(sent.end(), salt.begin(), salt.end());
  EXPECT_EQ(sent, key_of(second.keys[0].key_and_salt));
  EXPECT_EQ(secured.receive_key->master_key.size(), 16U);
  EXPECT_EQ(secured.receive_key->master_salt.size(), 14U);
  EXPECT_TRUE(secured.receive_key->mki.empty());
}

TEST(Encryption, SecureIsBridgedToClear) {
  Call call(secure_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/SAVP", crypto(7)));
  EXPECT_EQ(offer.media[0].protocol, sdp::Protocol::kRtpAvp);
  EXPECT_TRUE(offer.media[0].crypto.empty());
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  EXPECT_EQ(answer.media[0].protocol, sdp::Protocol::kRtpSavp);
  ASSERT_EQ(answer.media[0].crypto.size(), 1U);
  EXPECT_EQ(answer.media[0].crypto[0].tag, 7U);
  EXPECT_THAT(sdp::serialise(answer), Not(HasSubstr(kKey1)));  // our key, not theirs
}

TEST(Encryption, SecureIsBridgedToSecureWithKeysOfItsOwn) {
  Call call(secure_leg(), secure_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/SAVP", crypto(1)));
  EXPECT_THAT(sdp::serialise(offer), Not(HasSubstr(kKey1)));
  call.answer(Side::kB, head("198.51.100.5") + audio(5000, "RTP/SAVP", crypto(1, kKey2)));
  const auto spec = call.spec();
  EXPECT_FALSE(*spec.streams[0].leg[0].send_key == *spec.streams[0].leg[1].send_key);
  EXPECT_FALSE(*spec.streams[0].leg[0].receive_key == *spec.streams[0].leg[1].receive_key);
}

TEST(Encryption, BestEffortOfferIsAnsweredInBothForms) {
  for (const bool takes : {true, false}) {
    Call call(clear_leg(), leg(EncryptionMode::kAuto, true));
    const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000));
    EXPECT_EQ(offer.media[0].protocol, sdp::Protocol::kRtpAvp);
    EXPECT_EQ(offer.media[0].crypto.size(), 3U);
    call.answer(Side::kB, head("198.51.100.5") + audio(5000, "RTP/AVP", takes ? crypto(1) : ""));
    EXPECT_EQ(call.spec().streams[0].leg[1].send_key.has_value(), takes);
  }
}

TEST(Encryption, BestEffortAsSavpCanBeRetriedClear) {
  LegSettings b = leg(EncryptionMode::kAuto, true);
  b.policy.best_effort_form = BestEffortForm::kSavp;
  SeededRandom random(2);
  CallMedia media = opened(
      take(accept_offer(begin(clear_leg(), b, random), Side::kA, parsed(head("192.0.2.10") + audio(4000)), random)));
  EXPECT_EQ(take(make_offer(media, Side::kB, random)).description.media[0].protocol, sdp::Protocol::kRtpSavp);
  const auto clear = take(make_offer(without_encryption(media, Side::kB), Side::kB, random));
  EXPECT_EQ(clear.description.media[0].protocol, sdp::Protocol::kRtpAvp);
  EXPECT_TRUE(clear.description.media[0].crypto.empty());
}

TEST(Encryption, AvpWithCryptoFromAPeerIsTakenOrLeftByPolicyAndLink) {
  struct Row {
    EncryptionMode mode;
    bool tls;
    bool keys_over_clear;
    bool secured;
  };
  const Row rows[] = {{EncryptionMode::kAuto, true, false, true},     {EncryptionMode::kAuto, false, false, false},
                      {EncryptionMode::kAuto, false, true, true},     {EncryptionMode::kOff, true, false, false},
                      {EncryptionMode::kRequired, true, false, true}, {EncryptionMode::kRequired, false, true, true}};
  for (const Row& row : rows) {
    LegSettings a = leg(row.mode, row.tls);
    a.policy.keys_over_clear = row.keys_over_clear;
    Call call(a, clear_leg());
    call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/AVP", crypto(1)));
    const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
    EXPECT_EQ(answer.media[0].crypto.size(), row.secured ? 1U : 0U);
    EXPECT_EQ(answer.media[0].protocol, sdp::Protocol::kRtpAvp);
    EXPECT_EQ(call.spec().streams[0].leg[0].send_key.has_value(), row.secured);
  }
}

TEST(Encryption, OffersThatCannotBeTakenSayWhy) {
  struct Row {
    EncryptionMode mode;
    bool tls;
    std::string_view profile;
    std::string lines;
    RefusalKind kind;
  };
  const Row rows[] = {
      {EncryptionMode::kRequired, true, "RTP/AVP", "", RefusalKind::kEncryptionRequired},
      {EncryptionMode::kRequired, false, "RTP/AVP", crypto(1), RefusalKind::kKeysOverClearLink},
      {EncryptionMode::kAuto, false, "RTP/SAVP", crypto(1), RefusalKind::kKeysOverClearLink},
      {EncryptionMode::kOff, true, "RTP/SAVP", crypto(1), RefusalKind::kEncryptionForbidden},
      {EncryptionMode::kAuto, true, "RTP/SAVP", "", RefusalKind::kNoCommonSuite},
      {EncryptionMode::kAuto, true, "RTP/SAVP", crypto(1, kKey1, "F8_128_HMAC_SHA1_80"), RefusalKind::kNoCommonSuite},
      {EncryptionMode::kRequired, true, "RTP/AVP",
       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + std::string(kKey1) + " UNENCRYPTED_SRTP\r\n",
       RefusalKind::kNoCommonSuite},
  };
  for (const Row& row : rows) {
    SeededRandom random(1);
    const auto refused = accept_offer(begin(leg(row.mode, row.tls), clear_leg(), random), Side::kA,
                                      parsed(head("192.0.2.10") + audio(4000, row.profile, row.lines)), random);
    ASSERT_FALSE(refused.has_value()) << to_string(row.kind);
    EXPECT_EQ(refused.error().kind, row.kind);
    EXPECT_EQ(refused.error().status, 488);
    EXPECT_FALSE(refused.error().text.empty());
  }
}

TEST(Encryption, ARequiredZoneIsNotCalledOverAClearLink) {
  SeededRandom random(1);
  CallMedia media = opened(take(accept_offer(begin(clear_leg(), leg(EncryptionMode::kRequired, false), random),
                                             Side::kA, parsed(head("192.0.2.10") + audio(4000)), random)));
  const auto refused = make_offer(std::move(media), Side::kB, random);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kKeysOverClearLink);
}

TEST(Encryption, AnswersThatBreakTheOfferAreRefused) {
  struct Row {
    EncryptionMode mode;
    std::string_view profile;
    std::string lines;
    RefusalKind kind;
  };
  const Row rows[] = {
      {EncryptionMode::kRequired, "RTP/AVP", "", RefusalKind::kEncryptionRequired},
      {EncryptionMode::kRequired, "RTP/SAVP", "", RefusalKind::kEncryptionRequired},
      {EncryptionMode::kRequired, "RTP/SAVP",
       crypto(9, "Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXBAAAAAAAAAAAAAAAAAAA=", "AEAD_AES_256_GCM"),
       RefusalKind::kProtocol},
      {EncryptionMode::kOff, "RTP/SAVP", crypto(1), RefusalKind::kProtocol},
  };
  for (const Row& row : rows) {
    Call call(clear_leg(), leg(row.mode, true));
    call.offer(Side::kA, head("192.0.2.10") + audio(4000));
    const auto refused =
        accept_answer(call.media, Side::kB, parsed(head("198.51.100.5") + audio(5000, row.profile, row.lines)));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, row.kind);
  }
}

// R87: both legs encrypted or clear, under each policy.
class EncryptionMatrix : public ::testing::TestWithParam<std::tuple<bool, bool, EncryptionMode>> {};

TEST_P(EncryptionMatrix, BridgesOrRefusesByPolicy) {
  const auto [a_encrypts, b_encrypts, mode] = GetParam();
  SeededRandom random(11);
  auto taken = accept_offer(begin(leg(mode, true), leg(mode, true), random), Side::kA,
                            parsed(head("192.0.2.10") + audio(4000, "RTP/AVP", a_encrypts ? crypto(1) : "")), random);
  if (mode == EncryptionMode::kRequired && !a_encrypts) {
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().kind, RefusalKind::kEncryptionRequired);
    return;
  }
  Written to_b = take(make_offer(opened(take(std::move(taken))), Side::kB, random));
  auto answered = accept_answer(std::move(to_b.media), Side::kB,
                                parsed(head("198.51.100.5") + audio(5000, b_encrypts ? "RTP/SAVP" : "RTP/AVP",
                                                                    b_encrypts ? crypto(1, kKey2) : "")));
  if (mode == EncryptionMode::kRequired && !b_encrypts) {
    ASSERT_FALSE(answered.has_value());
    EXPECT_EQ(answered.error().kind, RefusalKind::kEncryptionRequired);
    return;
  }
  const auto spec = session_spec(take(std::move(answered)), contract::SessionId{1}, 1);
  EXPECT_EQ(spec.streams[0].leg[0].send_key.has_value(), a_encrypts);
  EXPECT_EQ(spec.streams[0].leg[1].send_key.has_value(), b_encrypts);
}

INSTANTIATE_TEST_SUITE_P(R87, EncryptionMatrix,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool(),
                                            ::testing::Values(EncryptionMode::kAuto, EncryptionMode::kRequired)));

TEST(Encryption, MicrosoftLinesWithLifetimeAndMkiReachTheDataPlane) {
  Call call(secure_leg(), clear_leg());
  call.offer(Side::kA,
             head("10.30.4.21") +
                 audio(4000, "RTP/SAVP",
                       "a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 "
                       "inline:b1ILiDUhcI5MjCAufb0C/EQg7zbEhIU8EAcmVttj|2^31|1:1\r\n"
                       "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:Cm5vN2YlTuXLHW/v6YtB2rcihrB3pwh63LDf6QXB|2^31|1:1\r\n"
                       "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:7+x3KPk/4t2J7XOjKigX00cH2f5b3ovxKdehqtjJ|2^31\r\n"));
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  EXPECT_EQ(answer.media[0].crypto[0].tag, 2U);
  const auto spec = call.spec();
  const auto& key = *spec.streams[0].leg[0].receive_key;
  EXPECT_EQ(key.mki, std::vector<std::uint8_t>{1});
  EXPECT_EQ(key.lifetime_packets, std::uint64_t{1} << 31U);
  EXPECT_TRUE(spec.streams[0].leg[0].send_key->mki.empty());
}

TEST(Encryption, AKeyThatWasInUseIsNotOfferedAgainAfterAClearAnswer) {
  Call call(clear_leg(), leg(EncryptionMode::kAuto, true));
  call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  call.answer(Side::kB, head("198.51.100.5") + audio(5000, "RTP/AVP", crypto(1)));
  EXPECT_TRUE(call.spec().streams[0].leg[1].send_key.has_value());
  const std::string held = head("192.0.2.10", 2) + audio(4000, "RTP/AVP", "a=inactive\r\n");
  call.offer(Side::kA, held);
  call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000, "RTP/AVP", "a=inactive\r\n"));
  EXPECT_FALSE(call.spec().streams[0].leg[1].send_key.has_value());
  const auto again = call.offer(Side::kA, head("192.0.2.10", 3) + audio(4000));
  EXPECT_TRUE(again.media[0].crypto.empty());
}

TEST(Encryption, AnAnswerWithALineThatWasNotOfferedIsRefused) {
  Call call(clear_leg(), leg(EncryptionMode::kAuto, false));
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  EXPECT_TRUE(offer.media[0].crypto.empty());
  const auto refused =
      accept_answer(call.media, Side::kB, parsed(head("198.51.100.5") + audio(5000, "RTP/AVP", crypto(1))));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kProtocol);
}

TEST(Encryption, OneOfTwoAudioLinesIsEnough) {
  // Some peers offer best effort as two m-lines.
  Call call(leg(EncryptionMode::kRequired, true), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000) + audio(4004, "RTP/SAVP", crypto(1)));
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  EXPECT_EQ(answer.media[0].port, 0);
  EXPECT_NE(answer.media[1].port, 0);
}

}  // namespace
}  // namespace isthmus::media::testing
