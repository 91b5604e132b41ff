// [MS-SDPEXT], [MS-ICE2] and [MS-H264PF]: what an offer and an answer of a Microsoft leg have to say.

#include <gmock/gmock.h>

#include "tests/unit/controlplane/media/microsoft_fixture.h"

namespace isthmus::media::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Texts {
  std::string offer;   ///< to a Microsoft peer
  std::string answer;  ///< to a Microsoft peer
};
Texts both() {
  Texts texts;
  Call ours(clear_leg(), microsoft_leg());
  texts.offer = sdp::serialise(ours.offer(Side::kA, room_offer()), Dialect::kMicrosoft);
  Call theirs(microsoft_leg(), clear_leg());
  const auto asked = theirs.offer(Side::kA, lync_offer());
  texts.answer = sdp::serialise(theirs.answer(Side::kB, room_answer(asked)), Dialect::kMicrosoft);
  return texts;
}

TEST(MsSdpext, Section3_1_5_31_2_OneSsrcOfAudioAHundredOfVideo) {
  for (const std::string& text : {both().offer, both().answer}) {
    const auto description = parsed(text);
    const sdp::SsrcRange audio = *description.media[0].ssrc_range;
    const sdp::SsrcRange video = *description.media[1].ssrc_range;
    EXPECT_EQ(audio.first, audio.last);
    EXPECT_EQ(video.last - video.first, 99U);
    EXPECT_TRUE(audio.first < video.first || audio.first > video.last);
    EXPECT_NE(audio.first, 0U);
  }
}

TEST(MsSdpext, Section3_1_5_24_CapabilitiesOfOtherCodecsAreNotAnswered) {
  EXPECT_THAT(both().answer, Not(HasSubstr("x-caps")));
  EXPECT_THAT(both().answer, Not(HasSubstr("x-rtvc1")));
}

TEST(MsSdpext, CryptoHasOneSuiteALifetimeAndNoIdentifier) {
  for (const std::string& text : {both().offer, both().answer}) {
    for (const auto& section : parsed(text).media) {
      ASSERT_EQ(section.crypto.size(), 1U);
      EXPECT_EQ(section.crypto[0].suite, sdp::CryptoSuite::kAesCm128HmacSha1_80);
      EXPECT_EQ(section.crypto[0].keys[0].lifetime, std::uint64_t{1} << 31U);
      EXPECT_FALSE(section.crypto[0].keys[0].mki.has_value());
    }
    EXPECT_THAT(text, Not(HasSubstr("cryptoscale")));
  }
}

TEST(MsSdpext, MediaLinesNameModalitySourceAndFeedback) {
  for (const std::string& text : {both().offer, both().answer}) {
    EXPECT_THAT(text, HasSubstr("a=label:main-audio\r\na=x-source:main-audio\r\n"));
    EXPECT_THAT(text, HasSubstr("a=label:main-video\r\na=x-source:main-video\r\n"));
    EXPECT_THAT(text, HasSubstr("a=rtcp-fb:* x-message app send:src,x-pli recv:src,x-pli\r\na=rtcp-rsize\r\n"));
    EXPECT_THAT(text, HasSubstr("s=session\r\n"));
    EXPECT_THAT(text, HasSubstr("b=CT:99980\r\n"));
  }
}

TEST(MsH264pf, ParameterSetsTravelInBandOnly) {
  for (const std::string& text : {both().offer, both().answer}) {
    EXPECT_THAT(text, HasSubstr("a=rtpmap:122 X-H264UC/90000\r\na=fmtp:122 packetization-mode=1;mst-mode=NI-TC\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("sprop")));
    EXPECT_THAT(text, Not(HasSubstr("profile-level-id")));
  }
}

TEST(MsIce2, NamesAndPasswordsAreOfEachLineAndNeverOfTheSession) {
  for (const std::string& text : {both().offer, both().answer}) {
    EXPECT_LT(text.find("m=audio"), text.find("a=ice-"));
    const auto description = parsed(text);
    EXPECT_NE(description.media[0].ice_ufrag, description.media[1].ice_ufrag);
    EXPECT_FALSE(description.media[0].ice_pwd == description.media[1].ice_pwd);
    for (const auto& section : description.media) {
      ASSERT_EQ(section.candidates.size(), 2U);  // both components
      EXPECT_EQ(section.candidates[0].priority, 2130706431U);
      EXPECT_EQ(section.candidates[1].priority, 2130705918U);
      EXPECT_EQ(section.candidates[0].foundation, section.candidates[1].foundation);
      EXPECT_EQ(section.candidates[0].address.port, section.port);
      EXPECT_EQ(section.candidates[1].address.port, *section.rtcp_port);
    }
  }
}

// RFC 8839 4.4.1.1.1: new names only where the peer has new ones; 4.4.3.1.1: remote-candidates of the chosen pairs.
TEST(Rfc8839, Section4_4_1_1_1_NamesStayUntilTheyAreRestarted) {
  Call call(microsoft_leg(), clear_leg());
  auto asked = call.offer(Side::kA, lync_offer());
  const auto first = call.answer(Side::kB, room_answer(asked));
  call.offer(Side::kA, lync_offer());
  const auto same = call.answer_only(Side::kA);
  EXPECT_EQ(same.media[0].ice_pwd, first.media[0].ice_pwd);
  std::string restarted = lync_offer();
  restarted.replace(restarted.find("a=ice-ufrag:j2zB"), 16, "a=ice-ufrag:k3yC");
  call.offer(Side::kA, restarted);
  const auto fresh = call.answer_only(Side::kA);
  EXPECT_FALSE(fresh.media[0].ice_pwd == first.media[0].ice_pwd);
  EXPECT_EQ(fresh.media[1].ice_pwd, first.media[1].ice_pwd);
}

TEST(Rfc3264, Section6_AnAnswerKeepsNumbersOfTheOffer) {
  Call call(microsoft_leg(), clear_leg());
  std::string offer = lync_offer();
  for (const auto& [from, to] : {std::pair{"122", "109"}, std::pair{"101", "112"}}) {
    for (std::size_t at = offer.find(from, offer.find("m=")); at != std::string::npos; at = offer.find(from, at)) {
      offer.replace(at, 3, to);
    }
  }
  const auto asked = call.offer(Side::kA, offer);
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_EQ(told.media[0].formats.back().payload_type, 112);
  EXPECT_EQ(told.media[1].formats.at(0).payload_type, 109);
}

// RFC 6184 8.2.2: the profile of an answer is the offer's, its level not higher.
TEST(Rfc6184, Section8_2_2_ProfileStaysAndLevelMayFall) {
  struct Row {
    const char* offered;
    const char* answered;
  };
  for (const Row& row : {Row{"42E01F", "42E01F"}, Row{"428014", "428014"}, Row{"640028", "64001F"},
                         Row{"42c01e", "42c01e"}, Row{"420033", "42001F"}}) {
    Call call(clear_leg(), microsoft_leg());
    const auto asked = call.offer(Side::kA, head("192.0.2.20") + room_audio(5000) +
                                                "m=video 5002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
                                                "a=fmtp:99 packetization-mode=1;profile-level-id=" +
                                                row.offered + "\r\n");
    const auto told = call.answer(Side::kB, lync_answer(asked));
    EXPECT_EQ(told.media[1].formats.at(0).fmtp,
              "profile-level-id=" + std::string(row.answered) + ";packetization-mode=1");
  }
}

TEST(Rfc4568, Section5_1_2_TheAnswerRepeatsTheTagItChose) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(
      Side::kA, lync_head() + lync_audio("RTP/SAVP", microsoft_crypto(77, "|2^31|1:1") + microsoft_crypto(9)));
  EXPECT_EQ(call.answer(Side::kB, room_answer(asked)).media[0].crypto.at(0).tag, 9U);
}

}  // namespace
}  // namespace isthmus::media::testing
