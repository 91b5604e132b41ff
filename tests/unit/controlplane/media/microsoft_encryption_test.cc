// a=crypto, profiles and a=encryption on a Microsoft leg.

#include <gmock/gmock.h>

#include "tests/unit/controlplane/media/microsoft_fixture.h"

namespace isthmus::media::testing {
namespace {

constexpr auto kOff = EncryptionMode::kOff;
constexpr auto kAuto = EncryptionMode::kAuto;
constexpr auto kRequired = EncryptionMode::kRequired;
constexpr auto kSavp = sdp::Protocol::kRtpSavp;
constexpr auto kAvp = sdp::Protocol::kRtpAvp;

struct OfferRow {
  const char* what;
  EncryptionMode mode;
  const char* profile;
  bool with_crypto;
  const char* wish;
  std::optional<sdp::Protocol> answered;  ///< Empty: refused.
};

TEST(MicrosoftEncryption, TheAnswerFollowsModeProfileAndWish) {
  const OfferRow rows[] = {
      {"savp", kAuto, "RTP/SAVP", true, "", kSavp},
      {"savp", kRequired, "RTP/SAVP", true, "", kSavp},
      {"savp", kOff, "RTP/SAVP", true, "", std::nullopt},
      {"savp without crypto", kAuto, "RTP/SAVP", false, "", std::nullopt},
      {"with or without", kAuto, "RTP/AVP", true, "", kSavp},
      {"with or without", kRequired, "RTP/AVP", true, "", kSavp},
      {"with or without", kOff, "RTP/AVP", true, "", kAvp},
      {"optional", kOff, "RTP/AVP", true, "optional", kAvp},
      {"required all the same", kOff, "RTP/AVP", true, "required", std::nullopt},
      {"required all the same", kAuto, "RTP/AVP", true, "required", kSavp},
      {"required, no key", kAuto, "RTP/AVP", false, "required", std::nullopt},
      {"clear", kOff, "RTP/AVP", false, "", kAvp},
      {"clear", kAuto, "RTP/AVP", false, "", kAvp},
      {"clear", kRequired, "RTP/AVP", false, "", std::nullopt},
      {"rejected", kAuto, "RTP/AVP", true, "rejected", kAvp},
      {"rejected", kRequired, "RTP/AVP", true, "rejected", std::nullopt},
  };
  for (const OfferRow& row : rows) {
    SeededRandom random(1);
    std::string more = row.with_crypto ? microsoft_crypto(1) : "";
    if (*row.wish != 0) more += "a=encryption:" + std::string(row.wish) + "\r\n";
    auto media = accept_offer(begin(microsoft_leg(row.mode), clear_leg(), random), Side::kA,
                              parsed(lync_head() + lync_audio(row.profile, more)), random);
    const std::string name =
        std::string(row.what) + ", mode " + std::to_string(static_cast<int>(row.mode)) + ": " + row.profile;
    ASSERT_EQ(media.has_value(), row.answered.has_value()) << name;
    if (!media) {
      EXPECT_EQ(media.error().diagnosis.code, 52017) << name;
      EXPECT_EQ(media.error().diagnosis.reason, "Encryption levels dont match");
      EXPECT_EQ(media.error().status, 488) << name;
      continue;
    }
    EXPECT_EQ(media->streams[0].leg[0].protocol, *row.answered) << name;
    EXPECT_EQ(media->streams[0].leg[0].is_secured(), *row.answered == kSavp) << name;
  }
}

TEST(MicrosoftEncryption, KeysNeverGoOverAClearLink) {
  SeededRandom random(1);
  LegSettings settings = microsoft_leg(kAuto);
  settings.signalling_is_tls = false;
  const auto refused = accept_offer(begin(settings, clear_leg(), random), Side::kA, parsed(lync_offer()), random);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kKeysOverClearLink);
  EXPECT_EQ(refused.error().diagnosis.code, 52017);
}

struct LineRow {
  std::string lines;
  std::optional<std::uint32_t> tag;  ///< Of the answer; empty: refused.
  bool with_identifier;
};

TEST(MicrosoftEncryption, TheLineWithoutIdentifierIsTakenElseItsIdentifierUsed) {
  const std::string scale =
      "a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:" + std::string(kKey1) + "|2^31|1:1\r\n";
  const LineRow rows[] = {
      {scale + microsoft_crypto(2, "|2^31|1:1") + microsoft_crypto(3), 3, false},
      {scale + microsoft_crypto(2, "|2^31|1:1"), 2, true},
      {microsoft_crypto(5, "|1:1"), 5, true},
      {microsoft_crypto(1), 1, false},
      {microsoft_crypto(1, ""), 1, false},
      // Of a suite they do not have, too short, twice, too long an identifier: left out.
      {crypto(1, kKey1, "AES_CM_128_HMAC_SHA1_32") + microsoft_crypto(2), 2, false},
      {crypto(1, "AAAA") + microsoft_crypto(2), 2, false},
      {microsoft_crypto(4) + microsoft_crypto(4, "|2^31", kKey2), 4, false},
      {microsoft_crypto(1, "|2^31|1:9") + microsoft_crypto(2, "|2^31|1:1"), 2, true},
      {crypto(1, kKey1, "AES_CM_128_HMAC_SHA1_32"), std::nullopt, false},
      {crypto(1, kKey1, "F8_128_HMAC_SHA1_80"), std::nullopt, false},
      {scale, std::nullopt, false},
      {"a=crypto:1\r\na=crypto:x y z\r\na=crypto:\r\n", std::nullopt, false},
  };
  for (const LineRow& row : rows) {
    SeededRandom random(1);
    auto media = accept_offer(begin(microsoft_leg(), clear_leg(), random), Side::kA,
                              parsed(lync_head() + lync_audio("RTP/SAVP", row.lines)), random);
    ASSERT_EQ(media.has_value(), row.tag.has_value()) << row.lines;
    if (!media) {
      EXPECT_EQ(media.error().kind, RefusalKind::kNoCommonSuite) << row.lines;
      continue;
    }
    const StreamLeg& leg = media->streams[0].leg[0];
    EXPECT_EQ(leg.send_crypto->tag, *row.tag) << row.lines;
    EXPECT_EQ(leg.send_crypto->keys[0].lifetime, std::uint64_t{1} << 31U);
    ASSERT_EQ(leg.send_crypto->keys[0].mki.has_value(), row.with_identifier) << row.lines;
    if (row.with_identifier) {
      EXPECT_EQ(*leg.send_crypto->keys[0].mki, (sdp::MasterKeyIdentifier{1, 1}));
      const auto spec = session_spec(*media, contract::SessionId{1}, 1);
      EXPECT_EQ(spec.streams[0].leg[0].send_key->mki, std::vector<std::uint8_t>{1});
      EXPECT_EQ(spec.streams[0].leg[0].receive_key->mki, std::vector<std::uint8_t>{1});
    }
  }
}

TEST(MicrosoftEncryption, OffersOfOursFollowTheMode) {
  struct Row {
    EncryptionMode mode;
    sdp::Protocol offered;
    std::size_t lines;
  };
  for (const Row& row : {Row{kOff, kAvp, 0}, Row{kAuto, kAvp, 1}, Row{kRequired, kSavp, 1}}) {
    Call call(clear_leg(), microsoft_leg(row.mode));
    const auto asked = call.offer(Side::kA, room_offer());
    EXPECT_EQ(asked.media[0].protocol, row.offered);
    ASSERT_EQ(asked.media[0].crypto.size(), row.lines);
    if (row.lines == 0) continue;
    EXPECT_EQ(asked.media[0].crypto[0].suite, sdp::CryptoSuite::kAesCm128HmacSha1_80);
    // They answer SAVP whichever of the two it was; what follows says SAVP too.
    call.answer(Side::kB, lync_answer(asked));
    EXPECT_EQ(call.media.streams[0].leg[1].protocol, kSavp);
    EXPECT_TRUE(call.spec().streams[0].leg[1].send_key.has_value());
    const Written again = take(make_full_offer(call.media, Side::kB, call.random));
    EXPECT_EQ(again.description.media[0].protocol, kSavp);
    EXPECT_EQ(again.description.media[0].crypto, asked.media[0].crypto);
  }
}

TEST(MicrosoftEncryption, AnswersAreHeldToWhatWasOffered) {
  struct Row {
    EncryptionMode mode;
    const char* profile;
    std::string lines;
    std::optional<RefusalKind> refused;
  };
  const Row rows[] = {
      {kAuto, "RTP/AVP", "", std::nullopt},
      {kRequired, "RTP/AVP", "", RefusalKind::kEncryptionRequired},
      {kRequired, "RTP/SAVP", microsoft_crypto(1), std::nullopt},
      {kRequired, "RTP/SAVP", microsoft_crypto(7), std::nullopt},  // numbered anew: one line, one suite
      {kRequired, "RTP/SAVP", microsoft_crypto(1, "|2^31|1:1"), std::nullopt},
      {kRequired, "RTP/SAVP", crypto(1, kKey1, "AES_CM_128_HMAC_SHA1_32"), RefusalKind::kProtocol},
      {kRequired, "TCP/RTP/SAVP", microsoft_crypto(1), RefusalKind::kProtocol},
  };
  for (const Row& row : rows) {
    Call call(clear_leg(), microsoft_leg(row.mode));
    call.offer(Side::kA, head("192.0.2.20") + room_audio(5000));
    const auto agreed = accept_answer(call.media, Side::kB, parsed(lync_head() + lync_audio(row.profile, row.lines)));
    ASSERT_EQ(!agreed.has_value(), row.refused.has_value()) << row.lines;
    if (!agreed) {
      EXPECT_EQ(agreed.error().kind, *row.refused) << row.lines;
    }
  }
}

}  // namespace
}  // namespace isthmus::media::testing
