#include "controlplane/media/negotiation.h"

#include <gmock/gmock.h>

#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<int> numbers(const sdp::MediaSection& section) {
  std::vector<int> all;
  for (const auto& format : section.formats) all.push_back(format.payload_type);
  return all;
}

TEST(Negotiation, CarriesAudioAndVideoToTheOtherLegWithOurAddresses) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002));

  ASSERT_EQ(offer.media.size(), 2U);
  EXPECT_EQ(to_string(offer.connection->address), "10.0.0.2");
  EXPECT_EQ(offer.media[0].port, 56002);
  EXPECT_EQ(offer.media[1].port, 56006);
  EXPECT_THAT(numbers(offer.media[0]), ElementsAre(8, 0, 101));
  EXPECT_EQ(offer.media[1].formats[0].fmtp, "profile-level-id=42E01F;packetization-mode=1");
  EXPECT_EQ(offer.origin.version, "1");

  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000) + video(5002));
  EXPECT_EQ(to_string(answer.connection->address), "10.0.0.1");
  EXPECT_EQ(answer.media[0].port, 56000);
  EXPECT_EQ(answer.media[1].port, 56004);

  const auto spec = call.spec();
  ASSERT_EQ(spec.streams.size(), 2U);
  EXPECT_EQ(spec.streams[1].kind, contract::MediaKind::kVideo);
  const auto& stream = spec.streams[0];
  EXPECT_EQ(to_string(*stream.leg[0].remote_rtp), "192.0.2.10:4000");
  EXPECT_EQ(to_string(*stream.leg[0].remote_rtcp), "192.0.2.10:4001");
  EXPECT_EQ(to_string(*stream.leg[1].remote_rtp), "198.51.100.5:5000");
  EXPECT_TRUE(stream.leg[0].receive && stream.leg[0].send && stream.leg[1].receive && stream.leg[1].send);
  EXPECT_FALSE(stream.leg[0].send_key || stream.leg[0].receive_key || stream.leg[1].send_key);
  EXPECT_EQ(stream.leg[0].network, "lan");
  EXPECT_EQ(stream.leg[1].rtp_port, 56002);
  EXPECT_EQ(stream.leg[1].ssrc, 1001U);
  EXPECT_FALSE(stream.leg[0].cname.empty());
  EXPECT_NE(stream.leg[0].cname, stream.leg[1].cname);
}

TEST(Negotiation, MapsPayloadTypesOfAnAnswerThatNumbersAnew) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  const auto answer =
      call.answer(Side::kB, head("198.51.100.5") + "m=audio 5000 RTP/AVP 8 97\r\na=rtpmap:97 telephone-event/8000\r\n");
  EXPECT_THAT(numbers(answer.media[0]), ElementsAre(8, 101));

  const auto spec = call.spec();
  EXPECT_THAT(spec.streams[0].a_to_b,
              ElementsAre(contract::PayloadMap{8, 8, 8000, 8000}, contract::PayloadMap{101, 97, 8000, 8000}));
  // B reads 101 in our offer and sends that.
  EXPECT_THAT(spec.streams[0].b_to_a,
              ElementsAre(contract::PayloadMap{8, 8, 8000, 8000}, contract::PayloadMap{101, 101, 8000, 8000}));
}

TEST(Negotiation, TellsTheCodecThatIsSpokenAndNotTheFirstThatWasOffered) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  ASSERT_NE(spoken_codec(call.media.streams[0], Side::kA), nullptr);
  EXPECT_EQ(spoken_codec(call.media.streams[0], Side::kA)->encoding, "PCMA")
      << "before an answer the first of the offer";
  call.answer(Side::kB, head("198.51.100.5") + "m=audio 5000 RTP/AVP 0\r\n");
  EXPECT_EQ(spoken_codec(call.media.streams[0], Side::kA)->encoding, "PCMU");
  EXPECT_EQ(spoken_codec(call.media.streams[0], Side::kB)->encoding, "PCMU");
  EXPECT_EQ(spoken_codec(Stream{}, Side::kA), nullptr);
}

TEST(Negotiation, RefusesOtherLinesInPlace) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + "m=application 5070 UDP/BFCP *\r\na=floorctrl:c-s\r\n" +
                                              audio(4000) + "m=applicationsharing 5072 TCP/RTP/SAVP 127\r\n" +
                                              video(4002, "RTP/AVP", "a=content:slides\r\n"));
  ASSERT_EQ(offer.media.size(), 1U);  // B never hears of them
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  const std::string text = sdp::serialise(answer);
  EXPECT_THAT(text, HasSubstr("m=application 0 UDP/BFCP *\r\n"));
  EXPECT_THAT(text, HasSubstr("m=applicationsharing 0 TCP/RTP/SAVP 127\r\n"));
  EXPECT_THAT(text, HasSubstr("m=video 0 RTP/AVP 99\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("floorctrl")));
  ASSERT_EQ(answer.media.size(), 4U);
  EXPECT_EQ(answer.media[1].port, 56000);
}

TEST(Negotiation, UnknownAttributesNeverCross) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + "a=x-devicecaps:audio:send,recv\r\n" +
                                              audio(4000, "RTP/AVP",
                                                    "a=x-bypassid:1\r\na=label:main-audio\r\na=ice-pwd:secret\r\n"
                                                    "a=candidate:1 1 UDP 1 192.0.2.10 4000 typ host\r\n"));
  const std::string text = sdp::serialise(offer);
  for (const char* foreign : {"x-", "label", "ice", "candidate", "192.0.2.10"})
    EXPECT_THAT(text, Not(HasSubstr(foreign)));
}

TEST(Negotiation, PassesPacketTimesAndOnlyFeedbackThatIsCarried) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(
      Side::kA, head("192.0.2.10") + audio(4000, "RTP/AVP", "a=ptime:20\r\na=maxptime:60\r\n") +
                    video(4002, "RTP/AVPF", "a=rtcp-fb:* nack\r\na=rtcp-fb:99 nack pli\r\na=rtcp-fb:* ccm fir\r\n"));
  EXPECT_EQ(offer.media[0].ptime_ms, 20U);
  EXPECT_EQ(offer.media[0].maxptime_ms, 60U);
  ASSERT_EQ(offer.media[1].feedback.size(), 2U);
  EXPECT_EQ(offer.media[1].feedback[0].value, "nack pli");
  EXPECT_EQ(offer.media[1].protocol, sdp::Protocol::kRtpAvp);
  const auto answer =
      call.answer(Side::kB, head("198.51.100.5") + audio(5000) +
                                video(5002, "RTP/AVP", "a=rtcp-fb:* ccm fir\r\na=rtcp-fb:* ccm tmmbr\r\n"));
  EXPECT_EQ(answer.media[1].protocol, sdp::Protocol::kRtpAvpf);
  ASSERT_EQ(answer.media[1].feedback.size(), 1U);
  EXPECT_EQ(answer.media[1].feedback[0].value, "ccm fir");
}

TEST(Negotiation, FiltersByTheListsOfBothZonesInTheOrderOfTheOffer) {
  LegSettings a = clear_leg();
  LegSettings b = clear_leg();
  a.policy.audio_codecs = {{"PCMU"}, {"PCMA"}, {"telephone-event"}};
  b.policy.audio_codecs = {{"pcma"}, {"g722"}, {"telephone-event"}};
  Call call(a, b);
  const auto offer = call.offer(
      Side::kA, head("192.0.2.10") + "m=audio 4000 RTP/AVP 9 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n");
  EXPECT_THAT(numbers(offer.media[0]), ElementsAre(8, 101));
}

TEST(Negotiation, NoCommonCodecIsRefusedWith305) {
  LegSettings b = clear_leg();
  b.policy.audio_codecs = {{"G722"}, {"telephone-event"}};
  SeededRandom random(1);
  const auto refused =
      accept_offer(begin(clear_leg(), b, random), Side::kA, parsed(head("192.0.2.10") + audio(4000)), random);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kNoCommonCodec);
  EXPECT_EQ(refused.error().status, 488);
  EXPECT_EQ(refused.error().warn_code, 305);
}

TEST(Negotiation, VideoThatBRefusesIsRefusedToA) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002));
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000) + video(0));
  EXPECT_EQ(answer.media[0].port, 56000);
  EXPECT_EQ(answer.media[1].port, 0);
  const auto spec = call.spec();
  EXPECT_TRUE(spec.streams[0].leg[0].receive);
  EXPECT_FALSE(spec.streams[1].leg[0].receive || spec.streams[1].leg[0].send || spec.streams[1].leg[1].receive);
}

TEST(Negotiation, BandwidthIsTheLowestOfPeersAndZones) {
  LegSettings a = clear_leg();
  LegSettings b = clear_leg();
  b.policy.video_cap_bps = 1'500'000;
  Call call(a, b);
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002, "RTP/AVP", "b=AS:6000\r\n"));
  EXPECT_EQ(sdp::bandwidth_bps(offer.media[1].bandwidths), 1'500'000U);
  EXPECT_TRUE(offer.media[0].bandwidths.empty());
  const auto answer =
      call.answer(Side::kB, head("198.51.100.5") + audio(5000) + video(5002, "RTP/AVP", "b=TIAS:768000\r\n"));
  EXPECT_EQ(sdp::bandwidth_bps(answer.media[1].bandwidths), 768'000U);
}

TEST(Negotiation, ABandwidthBeyondMeasureIsNotPassedOn) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + video(4002, "RTP/AVP", "b=AS:60000000\r\n"));
  EXPECT_TRUE(offer.media[0].bandwidths.empty());
}

TEST(Negotiation, RtcpMuxIsAnsweredOnlyWhereItWasOffered) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/AVP", "a=rtcp-mux\r\n"));
  EXPECT_FALSE(offer.media[0].rtcp_mux);
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000, "RTP/AVP", "a=rtcp:5010\r\n"));
  EXPECT_TRUE(answer.media[0].rtcp_mux);
  const auto spec = call.spec();
  EXPECT_TRUE(spec.streams[0].leg[0].rtcp_mux);
  EXPECT_EQ(spec.streams[0].leg[0].remote_rtcp, spec.streams[0].leg[0].remote_rtp);
  EXPECT_FALSE(spec.streams[0].leg[1].rtcp_mux);
  EXPECT_EQ(to_string(*spec.streams[0].leg[1].remote_rtcp), "198.51.100.5:5010");
}

TEST(Negotiation, AddressesThatNobodyMayHaveAreRefused) {
  for (const char* ip : {"127.0.0.1", "169.254.3.4", "224.0.0.5", "255.255.255.255"}) {
    SeededRandom random(1);
    const auto refused =
        accept_offer(begin(clear_leg(), clear_leg(), random), Side::kA, parsed(head(ip) + audio(4000)), random);
    ASSERT_FALSE(refused.has_value()) << ip;
    EXPECT_EQ(refused.error().kind, RefusalKind::kNoUsableAddress) << ip;
    EXPECT_EQ(refused.error().warn_code, 301);
  }
  for (const char* ip : {"::1", "fe80::1", "ff02::1", "::ffff:192.0.2.1"}) {
    SeededRandom random(1);
    LegSettings a = clear_leg();
    a.has_v6 = true;
    const auto refused = accept_offer(begin(a, clear_leg(), random), Side::kA,
                                      parsed("v=0\r\no=- 1 1 IN IP6 " + std::string(ip) + "\r\ns=-\r\nc=IN IP6 " + ip +
                                             "\r\nt=0 0\r\n" + audio(4000)),
                                      random);
    ASSERT_FALSE(refused.has_value()) << ip;
    EXPECT_EQ(refused.error().kind, RefusalKind::kNoUsableAddress) << ip;
  }
}

TEST(Negotiation, BridgesIPv4AndIPv6) {
  LegSettings a = clear_leg();
  a.has_v6 = true;
  Call call(a, clear_leg());
  call.media = take(accept_offer(
      std::move(call.media), Side::kA,
      parsed("v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n" + audio(4000)),
      call.random));
  const auto spec = call.spec();
  EXPECT_EQ(spec.streams[0].leg[0].family, IpFamily::kV6);
  EXPECT_EQ(spec.streams[0].leg[1].family, IpFamily::kV4);
}

TEST(Negotiation, AHostNameInConnectionIsNotLookedUp) {
  SeededRandom random(1);
  const auto refused = accept_offer(begin(clear_leg(), clear_leg(), random), Side::kA,
                                    parsed(head("media.example.com") + audio(4000)), random);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kNoUsableAddress);
}

TEST(Negotiation, DelayedOfferUsesThePresetOfTheZoneCalled) {
  SeededRandom random(3);
  LegSettings b = clear_leg();
  b.policy.preset_video = {};
  CallMedia media = opened(take(begin_with_preset(clear_leg(), b, Side::kA, random)));
  Written to_b = take(make_offer(std::move(media), Side::kB, random));
  ASSERT_EQ(to_b.description.media.size(), 1U);
  EXPECT_THAT(numbers(to_b.description.media[0]), ElementsAre(9, 8, 0, 101));

  media = take(accept_answer(std::move(to_b.media), Side::kB, parsed(head("198.51.100.5") + audio(5000))));
  Written to_a = take(make_offer(std::move(media), Side::kA, random));
  EXPECT_THAT(numbers(to_a.description.media[0]), ElementsAre(8, 0, 101));
  EXPECT_EQ(to_a.description.media[0].port, 56000);

  media = take(accept_answer(
      std::move(to_a.media), Side::kA,
      parsed(head("192.0.2.10") + "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n")));
  const auto spec = session_spec(media, contract::SessionId{1}, 1);
  EXPECT_THAT(spec.streams[0].a_to_b,
              ElementsAre(contract::PayloadMap{0, 0, 8000, 8000}, contract::PayloadMap{101, 101, 8000, 8000}));
  EXPECT_TRUE(spec.streams[0].leg[0].send && spec.streams[0].leg[0].receive);
  // B agreed PCMA first, which A does not do.
  EXPECT_TRUE(wants_follow_up(media, Side::kB));
  EXPECT_FALSE(wants_follow_up(media, Side::kA));
}

TEST(Negotiation, DelayedOfferDrawsKeysForTheLegThatHadNoSdp) {
  SeededRandom random(3);
  CallMedia media = opened(take(begin_with_preset(secure_leg(), clear_leg(), Side::kA, random)));
  Written to_b = take(make_offer(std::move(media), Side::kB, random));
  media = take(accept_answer(std::move(to_b.media), Side::kB, parsed(head("198.51.100.5") + audio(5000) + video(0))));
  Written to_a = take(make_offer(std::move(media), Side::kA, random));
  EXPECT_EQ(to_a.description.media[0].protocol, sdp::Protocol::kRtpSavp);
  EXPECT_EQ(to_a.description.media[0].crypto.size(), 3U);
}

TEST(Negotiation, EachForkIsAnsweredFromItsOwnCopy) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  const CallMedia offered = call.media;
  const auto first = take(accept_answer(offered, Side::kB, parsed(head("198.51.100.5") + audio(5000))));
  const auto second = take(accept_answer(offered, Side::kB, parsed(head("198.51.100.6") + audio(6000))));
  EXPECT_EQ(to_string(*first.streams[0].leg[1].remote_rtp), "198.51.100.5:5000");
  EXPECT_EQ(to_string(*second.streams[0].leg[1].remote_rtp), "198.51.100.6:6000");
}

TEST(Negotiation, KeepsTwoH264PackagingsApart) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(
      Side::kA, head("192.0.2.10") + audio(4000) +
                    "m=video 4002 RTP/AVP 97 98\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801F\r\n"
                    "a=rtpmap:98 H264/90000\r\na=fmtp:98 profile-level-id=42801F;packetization-mode=1\r\n");
  EXPECT_THAT(numbers(offer.media[1]), ElementsAre(97, 98));
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000) +
                                                "m=video 5002 RTP/AVP 120\r\na=rtpmap:120 H264/90000\r\na=fmtp:120 "
                                                "profile-level-id=428014;packetization-mode=1\r\n");
  ASSERT_THAT(numbers(answer.media[1]), ElementsAre(98));
  EXPECT_EQ(answer.media[1].formats[0].fmtp, "profile-level-id=428014;packetization-mode=1");
  EXPECT_THAT(call.spec().streams[1].a_to_b, ElementsAre(contract::PayloadMap{98, 120, 90000, 90000}));
}

TEST(Negotiation, AnAnswerThatLeavesParametersOutGetsThoseOfTheOffer) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002));
  const auto answer = call.answer(
      Side::kB, head("198.51.100.5") + audio(5000) + "m=video 5002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n");
  EXPECT_EQ(answer.media[1].formats[0].fmtp, "profile-level-id=42E01F;packetization-mode=1");
  EXPECT_EQ(call.spec().streams[1].a_to_b.size(), 1U);
}

}  // namespace
}  // namespace isthmus::media::testing
