// A call between a Microsoft leg and a standards leg: what each is told, what the data plane is told.

#include <gmock/gmock.h>

#include "tests/unit/controlplane/media/microsoft_fixture.h"

namespace isthmus::media::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_on(const LegSettings& settings, const sdp::SessionDescription& description) {
  return sdp::serialise(description, settings.dialect);
}

std::vector<int> numbers(const sdp::MediaSection& section) {
  std::vector<int> all;
  for (const auto& format : section.formats) all.push_back(format.payload_type);
  return all;
}

TEST(MicrosoftCall, AnOfferOfTheirsReachesARoomInItsWords) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, sample("lync2013-offer.sdp"));
  const std::string text = text_on(clear_leg(), asked);
  EXPECT_THAT(text, HasSubstr("m=audio 56002 RTP/AVP 9 0 8 13 101\r\n"));
  EXPECT_THAT(text, HasSubstr("a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42801F;packetization-mode=1\r\n"));
  EXPECT_THAT(text, HasSubstr("a=fmtp:98 profile-level-id=42801F;packetization-mode=0\r\n"));
  EXPECT_THAT(text, HasSubstr("a=fmtp:101 0-15\r\n"));
  EXPECT_THAT(text, HasSubstr("a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n"));
  EXPECT_THAT(text, HasSubstr("b=TIAS:4000000\r\n"));  // a=x-mediabw
  EXPECT_THAT(text, Not(HasSubstr("99980")));
}

TEST(MicrosoftCall, TheAnswerToThemHasTheFormOfTheirClients) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, sample("lync2013-offer.sdp"));
  const auto told = call.answer(Side::kB, room_answer(asked, "a=rtcp-fb:* nack pli\r\n"));
  const std::string text = text_on(microsoft_leg(), told);
  EXPECT_THAT(text,
              HasSubstr("v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\ns=session\r\nc=IN IP4 10.0.0.1\r\nb=CT:99980\r\nt=0 0\r\n"));
  EXPECT_THAT(text, HasSubstr("m=audio 56000 RTP/SAVP 9 0 8 13 101\r\na=x-ssrc-range:"));
  EXPECT_THAT(text, HasSubstr("a=label:main-audio\r\na=x-source:main-audio\r\na=ice-ufrag:"));
  EXPECT_THAT(text, HasSubstr("a=candidate:1 1 UDP 2130706431 10.0.0.1 56000 typ host\r\n"
                              "a=candidate:1 2 UDP 2130705918 10.0.0.1 56001 typ host\r\na=rtcp:56001\r\n"));
  EXPECT_THAT(text, HasSubstr("a=maxptime:200\r\n"));
  EXPECT_THAT(text, HasSubstr("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"));
  EXPECT_THAT(text, HasSubstr("m=video 56004 RTP/SAVP 122\r\n"));
  EXPECT_THAT(text, HasSubstr("a=rtcp-fb:* x-message app send:src,x-pli recv:src,x-pli\r\n"));
  EXPECT_THAT(text, HasSubstr("a=rtpmap:122 X-H264UC/90000\r\na=fmtp:122 packetization-mode=1;mst-mode=NI-TC\r\n"));
  for (const auto& section : told.media) {
    ASSERT_EQ(section.crypto.size(), 1U);
    EXPECT_EQ(section.crypto[0].tag, 3U);  // the line without an identifier
    EXPECT_EQ(section.crypto[0].keys[0].lifetime, std::uint64_t{1} << 31U);
    EXPECT_FALSE(section.crypto[0].keys[0].mki.has_value());
    const bool is_video = section.kind == sdp::MediaKind::kVideo;
    EXPECT_EQ(section.ssrc_range->last - section.ssrc_range->first, is_video ? 99U : 0U);
    EXPECT_EQ(section.ice_ufrag.size(), 4U);
    EXPECT_EQ(section.ice_pwd.size(), 24U);
    EXPECT_TRUE(section.remote_candidates.empty());
  }
  EXPECT_NE(told.media[0].ice_ufrag, told.media[1].ice_ufrag);
}

TEST(MicrosoftCall, AnOfferOfOursHasTheFormOfTheirClients) {
  Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, room_offer());
  const std::string text = text_on(microsoft_leg(), asked);
  EXPECT_THAT(text, HasSubstr("m=audio 56002 RTP/SAVP 9 0 8 101\r\n"));  // events: 97 there, 101 here
  EXPECT_THAT(text, HasSubstr("m=video 56006 RTP/SAVP 122\r\n"));        // three H264 are one X-H264UC
  EXPECT_THAT(text, HasSubstr("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"));
  EXPECT_THAT(text, HasSubstr("|2^31\r\n"));
  EXPECT_THAT(text, HasSubstr("a=fmtp:122 packetization-mode=1;mst-mode=NI-TC\r\n"));
  EXPECT_TRUE(call.media.leg[1].ice_controlling);
  const auto told = call.answer(Side::kB, lync_answer(asked));
  const std::string answer = text_on(clear_leg(), told);
  EXPECT_THAT(answer, HasSubstr("m=audio 56000 RTP/AVP 9 0 8 97\r\n"));
  // Fragments and baseline are taken; the level is lowered to what X-H264UC is offered as.
  EXPECT_THAT(answer, HasSubstr("m=video 56004 RTP/AVP 99\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=fmtp:99 profile-level-id=42801F;packetization-mode=1\r\n"));
  EXPECT_THAT(answer, HasSubstr("a=rtcp-fb:* nack pli\r\n"));
}

TEST(MicrosoftCall, TheDataPlaneIsToldHowBothPack) {
  Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, room_offer());
  call.answer(Side::kB, lync_answer(asked, "a=x-ssrc-range:1-100\r\n"));
  const auto spec = call.spec();
  const contract::StreamSpec& audio = spec.streams[0];
  EXPECT_EQ(audio.a_to_b.back(), (contract::PayloadMap{97, 101, 8000, 8000}));
  EXPECT_EQ(audio.b_to_a.back(), (contract::PayloadMap{101, 97, 8000, 8000}));
  EXPECT_EQ(audio.leg[0].video.format, contract::VideoFormat::kOpaque);
  const contract::StreamSpec& video = spec.streams[1];
  EXPECT_EQ(video.leg[0].video.format, contract::VideoFormat::kH264);
  EXPECT_EQ(video.leg[0].video.packetization_mode, 1);
  ASSERT_EQ(video.leg[0].video.parameter_sets.size(), 2U);
  EXPECT_EQ(video.leg[0].video.parameter_sets[0][0], 0x67);    // SPS
  EXPECT_EQ(video.leg[0].video.parameter_sets[1][0], 0x68);    // PPS
  EXPECT_EQ(video.leg[0].video.max_frame_macroblocks, 3600U);  // what we answered is lower than what it offered
  EXPECT_EQ(video.leg[0].feedback, contract::FeedbackDialect::kRfc4585);
  EXPECT_EQ(video.leg[1].video.format, contract::VideoFormat::kH264Uc);
  EXPECT_TRUE(video.leg[1].video.parameter_sets.empty());
  EXPECT_EQ(video.leg[1].feedback, contract::FeedbackDialect::kMicrosoft);
  EXPECT_EQ(video.leg[1].peer_ssrcs, (contract::SsrcRange{1, 100}));
  EXPECT_EQ(video.leg[1].own_ssrcs.last - video.leg[1].own_ssrcs.first, 99U);
  EXPECT_EQ(video.leg[1].own_ssrcs.first, asked.media[1].ssrc_range->first);
  // The other two H264 of the room were not answered, yet cost nothing to be understood.
  EXPECT_EQ(video.a_to_b.size(), 3U);
  EXPECT_EQ(video.b_to_a, (std::vector<contract::PayloadMap>{{122, 99, 90000, 90000}}));
  ASSERT_TRUE(video.leg[1].ice.has_value());
  EXPECT_FALSE(video.leg[0].ice.has_value());
  EXPECT_EQ(video.leg[1].ice->remote_ufrag, "i62n");
  EXPECT_EQ(video.leg[1].ice->form, contract::StunForm::kMicrosoft);
  EXPECT_TRUE(video.leg[1].ice->controlling);
  EXPECT_FALSE(video.leg[1].ice->nominated);
  EXPECT_EQ(video.leg[1].source_rule, contract::SourceRule::kLatchAuthenticated);
}

TEST(MicrosoftCall, ARoomWithoutFragmentsGetsNone) {
  Call call(microsoft_leg(), clear_leg());
  call.offer(Side::kA, lync_offer());
  call.answer(Side::kB, head("192.0.2.20") + audio(5000) +
                            "m=video 5002 RTP/AVP 98\r\na=rtpmap:98 H264/90000\r\n"
                            "a=fmtp:98 profile-level-id=42801F;packetization-mode=0\r\n");
  const auto spec = call.spec();
  EXPECT_EQ(spec.streams[1].leg[1].video.packetization_mode, 0);
  EXPECT_EQ(spec.streams[1].leg[1].feedback, contract::FeedbackDialect::kNone);  // no a=rtcp-fb: SIP INFO
  EXPECT_EQ(spec.streams[1].a_to_b, (std::vector<contract::PayloadMap>{{122, 98, 90000, 90000}}));
}

TEST(MicrosoftCall, IceKnowsBothEnds) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, sample("lync2013-offer.sdp"));
  call.answer(Side::kB, room_answer(asked));
  const StreamLeg& leg = call.media.streams[0].leg[0];
  ASSERT_TRUE(leg.ice.has_value());
  EXPECT_FALSE(call.media.leg[0].ice_controlling);
  EXPECT_NE(call.media.leg[0].ice_tie_breaker, 0U);
  EXPECT_EQ(leg.ice->remote_candidates.size(), 4U);  // host and relay over UDP
  EXPECT_EQ(local_candidates(leg).size(), 2U);
  EXPECT_FALSE(call.media.streams[0].leg[1].ice.has_value());
}

TEST(MicrosoftCall, CandidatesToPlacesWeMayNotSendToAreLeftOut) {
  Call call(microsoft_leg(), clear_leg());
  std::string offer = lync_head() + lync_audio("RTP/SAVP", microsoft_crypto(1));
  offer +=
      "a=candidate:2 1 UDP 5 127.0.0.1 4000 typ host\r\na=candidate:2 1 UDP 5 224.0.0.5 4000 typ host\r\n"
      "a=candidate:2 1 UDP 5 169.254.1.1 4000 typ host\r\na=candidate:2 3 UDP 5 192.0.2.9 4000 typ host\r\n"
      "a=candidate:2 1 TCP-ACT 5 192.0.2.9 4000 typ host\r\na=candidate:2 1 UDP 5 192.0.2.9 0 typ host\r\n"
      "a=x-candidate-ipv6:2 1 UDP 5 2001:db8::9 4000 typ host\r\na=candidate:2 1 UDP 5 192.0.2.9 4000 typ srflx\r\n";
  call.offer(Side::kA, offer);
  EXPECT_EQ(call.media.streams[0].leg[0].ice->remote_candidates.size(), 3U);
}

// The re-INVITE of an agent that has finished, both ways (facts as in RFC 8839 4.4.3.1.1 and [MS-ICE2]).
TEST(MicrosoftCall, OurCandidateOfferNamesThePairs) {
  Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, room_offer());
  call.answer(Side::kB, lync_answer(asked));
  EXPECT_FALSE(all_nominated(call.media, Side::kB));
  const auto far = [](int port) {
    return SocketAddress{IpAddress::v4(10, 30, 4, 21), static_cast<std::uint16_t>(port)};
  };
  call.media = with_nominated(std::move(call.media), Side::kB, 0, far(21350), far(21351));
  call.media = with_nominated(std::move(call.media), Side::kB, 1, far(20412), far(20413));
  EXPECT_TRUE(all_nominated(call.media, Side::kB));
  Written again = take(make_full_offer(call.media, Side::kB, call.random));
  EXPECT_TRUE(again.changed);
  const std::string text = text_on(microsoft_leg(), again.description);
  EXPECT_THAT(text, HasSubstr("a=remote-candidates:1 10.30.4.21 21350 2 10.30.4.21 21351\r\n"));
  EXPECT_THAT(text, HasSubstr("o=- 0 1 "));
  for (std::size_t i = 0; i < 2; ++i) {  // all else stays
    EXPECT_EQ(again.description.media[i].ice_ufrag, asked.media[i].ice_ufrag);
    EXPECT_EQ(again.description.media[i].ice_pwd, asked.media[i].ice_pwd);
    EXPECT_EQ(again.description.media[i].crypto, asked.media[i].crypto);
    EXPECT_EQ(again.description.media[i].ssrc_range, asked.media[i].ssrc_range);
    EXPECT_EQ(again.description.media[i].formats, asked.media[i].formats);
  }
  const auto spec = session_spec(again.media, contract::SessionId{5}, 2);
  EXPECT_TRUE(spec.streams[0].leg[1].ice->nominated);
  EXPECT_EQ(spec.streams[0].leg[1].remote_rtcp, far(21351));
  EXPECT_EQ(spec.streams[0].leg[1].source_rule, contract::SourceRule::kSignalled);
  // Its answer changes nothing for the room.
  auto after = take(accept_answer(again.media, Side::kB, parsed(lync_answer(again.description))));
  EXPECT_FALSE(take(make_offer(after, Side::kA, call.random)).changed);
  EXPECT_TRUE(after.streams[0].leg[1].ice->is_nominated());
}

TEST(MicrosoftCall, TheirCandidateOfferIsMirroredAndNotPassedOn) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_offer());
  const auto first = call.answer(Side::kB, room_answer(asked));
  // The chosen codecs and pairs only, as clients list them then.
  const auto chosen = [&](std::string_view ufrag) {
    std::string text = lync_head() + "m=audio 21350 RTP/SAVP 9 0 8 13 101\r\n" + lync_ice(ufrag) +
                       "a=remote-candidates:1 10.0.0.1 56000 2 10.0.0.1 56001 \r\na=rtpmap:101 telephone-event/8000\r\n"
                       "a=fmtp:101 0-16\r\na=maxptime:200\r\na=ptime:20\r\n" +
                       microsoft_crypto(3, "|2^31", kKey2);
    return text + "m=video 20412 RTP/SAVP 122\r\n" + lync_ice("i62n", 20412) +
           "a=remote-candidates:1 10.0.0.1 56004 2 10.0.0.1 56005 \r\na=rtpmap:122 X-H264UC/90000\r\n"
           "a=fmtp:122 packetization-mode=1;mst-mode=NI-TC\r\na=label:main-video\r\n" +
           microsoft_crypto(3, "|2^31", kKey2);
  };
  call.offer(Side::kA, chosen("j2zB"));
  EXPECT_FALSE(call.asked);
  const auto told = call.answer_only(Side::kA);
  EXPECT_THAT(text_on(microsoft_leg(), told),
              HasSubstr("a=remote-candidates:1 10.30.4.21 21350 2 10.30.4.21 21351\r\n"));
  EXPECT_EQ(told.media[0].ice_ufrag, first.media[0].ice_ufrag);  // no restart
  EXPECT_EQ(told.media[0].crypto, first.media[0].crypto);
  EXPECT_EQ(numbers(told.media[1]), std::vector<int>{122});
  // Another user name restarts, with a new one of ours.
  call.offer(Side::kA, chosen("Zzz9"));
  const auto restarted = call.answer_only(Side::kA);
  EXPECT_NE(restarted.media[0].ice_ufrag, first.media[0].ice_ufrag);
  EXPECT_EQ(restarted.media[1].ice_ufrag, first.media[1].ice_ufrag);
}

TEST(MicrosoftCall, APeerWithoutIceIsServedByItsAddresses) {
  Call call(microsoft_leg(EncryptionMode::kAuto), clear_leg());
  const auto asked = call.offer(Side::kA, head("192.0.2.66") + audio(4000) + microsoft_crypto(1));
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_TRUE(told.media[0].ice_ufrag.empty());
  EXPECT_TRUE(told.media[0].candidates.empty());
  EXPECT_FALSE(call.spec().streams[0].leg[0].ice.has_value());
  EXPECT_EQ(call.spec().streams[0].leg[0].remote_rtp->port, 4000);
}

TEST(MicrosoftCall, OnlyTheOlderIceIsRefused) {
  SeededRandom random(3);
  const auto refused = accept_offer(begin(microsoft_leg(), clear_leg(), random), Side::kA,
                                    parsed(sample("lync2013-fallback.sdp")), random);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, RefusalKind::kOlderIce);
  EXPECT_EQ(refused.error().status, 488);
  EXPECT_EQ(refused.error().diagnosis.code, 52063);
}

TEST(MicrosoftCall, WhereAddressesAreUselessCandidatesDecide) {
  Call call(microsoft_leg(), clear_leg());
  std::string offer = lync_head() + lync_audio("RTP/SAVP", microsoft_crypto(1));
  offer.replace(offer.find("c=IN IP4 10.30.4.21"), 19, "c=IN IP4 127.0.0.1");
  const auto asked = call.offer(Side::kA, offer);
  EXPECT_EQ(asked.media[0].direction, sdp::Direction::kSendRecv);
  call.answer(Side::kB, room_answer(asked));
  EXPECT_FALSE(call.spec().streams[0].leg[0].send);  // nowhere to yet
  call.media = with_nominated(std::move(call.media), Side::kA, 0, *SocketAddress::parse("10.30.4.21:21350"),
                              *SocketAddress::parse("10.30.4.21:21351"));
  EXPECT_TRUE(call.spec().streams[0].leg[0].send);
}

TEST(MicrosoftCall, HoldAndResumeOfEitherSide) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_offer());
  call.answer(Side::kB, room_answer(asked, "a=rtcp-fb:* nack pli\r\n"));
  // The client holds: inactive in each line.
  const auto held = call.offer(Side::kA, lync_offer("a=inactive\r\n"));
  EXPECT_TRUE(call.asked);
  EXPECT_EQ(held.media[0].direction, sdp::Direction::kInactive);
  const auto told = call.answer(Side::kB, room_answer(held, "a=inactive\r\n"));
  EXPECT_EQ(told.media[1].direction, sdp::Direction::kInactive);
  EXPECT_FALSE(call.spec().streams[0].leg[0].send);
  EXPECT_FALSE(call.spec().streams[0].leg[0].receive);  // pidgin-sipe goes on sending
  const auto resumed = call.offer(Side::kA, lync_offer());
  EXPECT_EQ(resumed.media[0].direction, sdp::Direction::kSendRecv);
  const auto back = call.answer(Side::kB, room_answer(resumed));
  EXPECT_THAT(text_on(microsoft_leg(), back), Not(HasSubstr("a=sendrecv")));  // clients leave it out
  EXPECT_TRUE(call.spec().streams[0].leg[0].send);
  // The room holds by sendonly: the client is told inactive, in each line.
  const std::string room =
      head("192.0.2.20", 5) + room_audio(5000) + "a=sendonly\r\n" + room_video(5002, "a=sendonly\r\n");
  const auto hold = call.offer(Side::kB, room);
  EXPECT_EQ(hold.media[0].direction, sdp::Direction::kInactive);
  EXPECT_EQ(hold.media[1].direction, sdp::Direction::kInactive);
  const auto room_told = call.answer(Side::kA, lync_answer(hold, "a=inactive\r\n"));
  EXPECT_EQ(room_told.media[0].direction, sdp::Direction::kInactive);
  const auto again = call.offer(Side::kB, head("192.0.2.20", 6) + room_audio(5000) + room_video(5002));
  EXPECT_EQ(again.media[0].direction, sdp::Direction::kSendRecv);
  call.answer(Side::kA, lync_answer(again));
  EXPECT_TRUE(call.spec().streams[1].leg[0].send);
  EXPECT_TRUE(call.spec().streams[1].leg[0].receive);
}

TEST(MicrosoftCall, ARoomWithoutCameraIsNotAHold) {
  Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, head("192.0.2.20") + room_audio(5000) + room_video(5002, "a=recvonly\r\n"));
  EXPECT_EQ(asked.media[0].direction, sdp::Direction::kSendRecv);
  EXPECT_EQ(asked.media[1].direction, sdp::Direction::kRecvOnly);
}

TEST(MicrosoftCall, VideoIsAddedAndDropped) {
  Call call(microsoft_leg(), clear_leg());
  const std::string lines = microsoft_crypto(1);
  auto asked = call.offer(Side::kA, lync_head() + lync_audio("RTP/SAVP", lines));
  const auto first = call.answer(Side::kB, room_answer(asked));
  // The client adds a picture.
  asked = call.offer(Side::kA, lync_head() + lync_audio("RTP/SAVP", lines) + lync_video("RTP/SAVP", lines));
  ASSERT_EQ(asked.media.size(), 2U);
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_EQ(told.media[0].ice_ufrag, first.media[0].ice_ufrag);
  EXPECT_EQ(told.media[0].crypto, first.media[0].crypto);
  EXPECT_EQ(numbers(told.media[1]), std::vector<int>{122});
  EXPECT_FALSE(told.media[1].ice_ufrag.empty());
  // And drops it.
  std::string drop = lync_head() + lync_audio("RTP/SAVP", lines) + "m=video 0 TCP/RTP/SAVP\r\n";
  asked = call.offer(Side::kA, drop);
  EXPECT_EQ(asked.media[1].port, 0);
  const auto dropped = call.answer(Side::kB, room_answer(asked));
  EXPECT_EQ(dropped.media[1].port, 0);
  EXPECT_TRUE(dropped.media[1].candidates.empty());
  // The room brings it back: new keys and a new agent's names on the Microsoft leg.
  const auto offered = call.offer(Side::kB, head("192.0.2.20", 4) + room_audio(5000) + room_video(5002));
  EXPECT_NE(offered.media[1].ice_ufrag, told.media[1].ice_ufrag);
  ASSERT_FALSE(offered.media[1].crypto.empty());
  EXPECT_FALSE(offered.media[1].crypto[0].keys == told.media[1].crypto[0].keys);
}

TEST(MicrosoftCall, LinesNobodyCanTakeAreRefusedInPlace) {
  Call call(microsoft_leg(), clear_leg());
  const std::string lines = microsoft_crypto(1);
  std::string panorama = lync_video("RTP/SAVP", lines);
  panorama.replace(panorama.find("a=label:main-video"), 18, "a=label:panoramic-video");
  std::string sharing = lync_video("RTP/SAVP", lines);
  sharing.replace(sharing.find("a=label:main-video"), 18, "a=label:applicationsharing-video");
  const std::string offer = lync_head() + lync_audio("RTP/SAVP", lines) + panorama + lync_video("RTP/SAVP", lines) +
                            sharing +
                            "m=applicationsharing 21504 TCP/RTP/SAVP 127\r\na=rtpmap:127 x-data/90000\r\na=mid:1\r\n"
                            "m=data 21506 TCP/RTP/SAVP 127\r\nm=x-ms-message 5060 sip null\r\nm=a-b.c 9 Q/R x y\r\n";
  const auto asked = call.offer(Side::kA, offer);
  EXPECT_EQ(asked.media.size(), 2U);
  const auto told = call.answer(Side::kB, room_answer(asked));
  ASSERT_EQ(told.media.size(), 8U);
  for (std::size_t i : {1U, 3U, 4U, 5U, 6U, 7U}) {
    EXPECT_EQ(told.media[i].port, 0) << i;
    EXPECT_TRUE(told.media[i].crypto.empty() && told.media[i].candidates.empty() && told.media[i].attributes.empty());
  }
  const std::string text = text_on(microsoft_leg(), told);
  EXPECT_THAT(text, HasSubstr("m=applicationsharing 0 TCP/RTP/SAVP 127\r\n"));
  EXPECT_THAT(text, HasSubstr("m=x-ms-message 0 sip null\r\nm=a-b.c 0 Q/R x y\r\n"));
}

// Two lines that both say main-video, and a label that belongs to another kind.
TEST(MicrosoftCall, ContradictingLabelsDecideNothingTwice) {
  Call call(microsoft_leg(), clear_leg());
  const std::string lines = microsoft_crypto(1);
  std::string sound = lync_audio("RTP/SAVP", lines);
  sound.replace(sound.find("a=label:main-audio"), 18, "a=label:panoramic-video\r\na=label:main-video");
  const auto asked =
      call.offer(Side::kA, lync_head() + sound + lync_video("RTP/SAVP", lines) + lync_video("RTP/SAVP", lines));
  EXPECT_EQ(asked.media.size(), 2U);
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_NE(told.media[0].port, 0);
  EXPECT_NE(told.media[1].port, 0);
  EXPECT_EQ(told.media[2].port, 0);
}

TEST(MicrosoftCall, PidginSipeIsUnderstood) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, sample("sipe-offer.sdp"));
  EXPECT_EQ(numbers(asked.media[0]), (std::vector<int>{9, 0, 8, 102}));
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_EQ(told.media[0].protocol, sdp::Protocol::kRtpSavp);  // asked by AVP and crypto
  EXPECT_EQ(told.media[0].crypto.at(0).tag, 1U);
  EXPECT_EQ(numbers(told.media[0]), (std::vector<int>{9, 0, 8, 102}));
  EXPECT_EQ(numbers(told.media[1]), std::vector<int>{98});
  EXPECT_EQ(call.spec().streams[1].leg[0].peer_ssrcs, (contract::SsrcRange{1, 100}));
  EXPECT_EQ(call.media.streams[0].leg[0].remote_rtcp->port, 42921);  // a=rtcp counts
}

TEST(MicrosoftCall, PidginSipesAnswerIsUnderstood) {
  Call call(clear_leg(), microsoft_leg());
  call.offer(Side::kA, room_offer());
  const auto told = call.answer(Side::kB, sample("sipe-answer.sdp"));
  EXPECT_EQ(numbers(told.media[0]), (std::vector<int>{9, 0, 8, 97}));
  EXPECT_EQ(numbers(told.media[1]), std::vector<int>{99});
  const auto spec = call.spec();
  EXPECT_TRUE(spec.streams[0].leg[1].receive_key.has_value());
  EXPECT_EQ(spec.streams[0].leg[1].remote_rtcp->port, 40111);
  EXPECT_EQ(spec.streams[1].leg[1].peer_ssrcs, (contract::SsrcRange{1, 100}));
  EXPECT_EQ(call.media.streams[0].leg[1].ice->remote_candidates.size(), 2U);
}

TEST(MicrosoftCall, AnAnswerThatSaysH264MeansTheirs) {
  Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, room_offer());
  std::string answer = lync_answer(asked);
  for (std::size_t at = answer.find("X-H264UC"); at != std::string::npos; at = answer.find("X-H264UC")) {
    answer.replace(at, 8, "H264");
  }
  const auto told = call.answer(Side::kB, answer);
  EXPECT_EQ(numbers(told.media[1]), std::vector<int>{99});
  EXPECT_EQ(call.spec().streams[1].leg[1].video.format, contract::VideoFormat::kH264Uc);
}

TEST(MicrosoftCall, AnOldClientsH263PassesWhereBothHaveIt) {
  Call call(microsoft_leg(), clear_leg());
  const std::string video =
      "m=video 20412 RTP/SAVP 121 34\r\na=rtpmap:121 x-rtvc1/90000\r\na=rtpmap:34 H263/90000\r\n" +
      lync_ice("i62n", 20412) + microsoft_crypto(1);
  const auto asked = call.offer(Side::kA, lync_head() + lync_audio("RTP/SAVP", microsoft_crypto(1)) + video);
  EXPECT_EQ(numbers(asked.media.at(1)), std::vector<int>{34});
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_EQ(numbers(told.media[1]), std::vector<int>{34});
  EXPECT_EQ(call.spec().streams[1].leg[0].video.format, contract::VideoFormat::kOpaque);
}

TEST(MicrosoftCall, ACallerWithoutDescriptionGetsAPresetOffer) {
  SeededRandom random(5);
  auto media = take(begin_with_preset(clear_leg(), microsoft_leg(), Side::kA, random));
  const Written asked = take(make_offer(opened(std::move(media)), Side::kB, random));
  EXPECT_EQ(numbers(asked.description.media[0]), (std::vector<int>{9, 8, 0, 101}));
  EXPECT_EQ(numbers(asked.description.media[1]), std::vector<int>{122});
  EXPECT_TRUE(asked.description.media[0].has_ice());
}

TEST(MicrosoftCall, TwoMicrosoftLegsKeepTheirCodecs) {
  Call call(microsoft_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, sample("lync2013-offer.sdp"));
  EXPECT_EQ(asked.media[1].formats[0].encoding, "X-H264UC");
  EXPECT_NE(asked.media[0].ice_ufrag, "j2zB");
  const auto told = call.answer(Side::kB, lync_answer(asked));
  EXPECT_EQ(told.media[1].formats.at(0).fmtp, "packetization-mode=1;mst-mode=NI-TC");
  EXPECT_EQ(call.spec().streams[1].leg[0].video.format, contract::VideoFormat::kOpaque);
}

TEST(MicrosoftCall, AStandardsPeerCannotUseTheirNames) {
  Call call(clear_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_head() + audio(4000) + "m=video 4002 RTP/AVP 122 99\r\n" +
                                              "a=rtpmap:122 X-H264UC/90000\r\na=rtpmap:99 H264/90000\r\n");
  EXPECT_EQ(numbers(asked.media.at(1)), std::vector<int>{99});
}

TEST(MicrosoftCall, MuxIsAnsweredAndNeverAskedFor) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_offer("a=rtcp-mux\r\na=rtcp:21350\r\n"));
  const auto told = call.answer(Side::kB, room_answer(asked));
  EXPECT_TRUE(told.media[0].rtcp_mux);
  EXPECT_EQ(told.media[0].candidates.size(), 1U);
  EXPECT_EQ(told.media[0].rtcp_port, told.media[0].port);
  Call ours(clear_leg(), microsoft_leg());
  EXPECT_FALSE(ours.offer(Side::kA, room_offer()).media[0].rtcp_mux);
}

TEST(MicrosoftCall, ARestartedDataPlaneGetsFreshSsrcs) {
  Call call(clear_leg(), microsoft_leg());
  const auto asked = call.offer(Side::kA, room_offer());
  call.answer(Side::kB, lync_answer(asked));
  const auto before = call.spec();
  StreamLeg& video = call.media.streams[1].leg[1];
  video.ssrc = video.own_ssrcs->first + 3;  // after collisions
  StreamLeg& audio = call.media.streams[0].leg[1];
  audio.ssrc = audio.own_ssrcs->first;
  call.media = with_fresh_ssrcs(std::move(call.media));
  const auto after = call.spec();
  EXPECT_EQ(after.streams[1].leg[1].ssrc, 0U);
  EXPECT_EQ(after.streams[1].leg[1].own_ssrcs.first, before.streams[1].leg[1].own_ssrcs.first + 4);
  EXPECT_EQ(after.streams[1].leg[1].own_ssrcs.last, before.streams[1].leg[1].own_ssrcs.last);
  EXPECT_EQ(after.streams[0].leg[1].own_ssrcs.first, before.streams[0].leg[1].own_ssrcs.first + 1);
  EXPECT_EQ(after.streams[0].leg[1].own_ssrcs.last, after.streams[0].leg[1].own_ssrcs.first);
}

}  // namespace
}  // namespace isthmus::media::testing
