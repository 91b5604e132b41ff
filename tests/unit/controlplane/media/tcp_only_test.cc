// A Microsoft client whose candidates are all TCP gets a call over TCP (R80, [MS-ICE2]); a standards peer does not.

#include <gmock/gmock.h>

#include "dataplane/contract/codec.h"
#include "tests/unit/controlplane/media/microsoft_fixture.h"

namespace isthmus::media::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ice(std::string_view candidates) {
  return "a=ice-ufrag:j2zB\r\na=ice-pwd:NgnfxSz25/jc3ckWNDDhhTGL\r\n" + std::string(candidates);
}

constexpr std::string_view kTcp =
    "a=candidate:1 1 TCP-PASS 2120613375 10.30.4.21 21350 typ host \r\n"
    "a=candidate:1 2 TCP-PASS 2120612862 10.30.4.21 21350 typ host \r\n"
    "a=candidate:2 1 TCP-ACT 2121006079 10.30.4.21 21350 typ host \r\n"
    "a=candidate:2 2 TCP-ACT 2121005566 10.30.4.21 21350 typ host \r\n";
constexpr std::string_view kUdp = "a=candidate:3 1 UDP 2130706431 10.30.4.21 21352 typ host \r\n";

std::string audio_line(std::string_view protocol, std::string_view candidates) {
  return "m=audio 21350 " + std::string(protocol) + " 0 8\r\n" + ice(candidates) + microsoft_crypto(1);
}

SocketAddress peer() { return {IpAddress::v4(10, 30, 4, 21), 21350}; }

/// As the data plane opens a leg over TCP: one port for both.
void open_over_tcp(CallMedia& media) {
  for (Stream& stream : media.streams) stream.leg[0].local_rtcp = stream.leg[0].local_rtp;
}

TEST(TcpOnly, LegIsOverTcpWhateverTheProfileSays) {
  for (const char* protocol : {"RTP/SAVP", "TCP/RTP/SAVP"}) {
    Call call(microsoft_leg(), clear_leg());
    const auto asked = call.offer(Side::kA, lync_head() + audio_line(protocol, kTcp));
    EXPECT_THAT(sdp::serialise(asked, Dialect::kStandards), HasSubstr(" RTP/AVP ")) << "the far leg is as always";
    const StreamLeg& leg = call.media.streams[0].leg[0];
    EXPECT_TRUE(leg.is_over_tcp());
    EXPECT_FALSE(call.media.streams[0].leg[1].is_over_tcp());
    EXPECT_EQ(leg.ice->remote_candidates.size(), 4U);
    EXPECT_FALSE(leg.remote_rtp.has_value());
    open_over_tcp(call.media);
    const auto told = call.answer(Side::kB, room_answer(asked));
    const std::string text = sdp::serialise(told, Dialect::kMicrosoft);
    EXPECT_THAT(text, HasSubstr("m=audio 56000 TCP/RTP/SAVP 0 8\r\n"));
    EXPECT_THAT(text, HasSubstr("a=candidate:1 1 TCP-PASS 2120613375 10.0.0.1 56000 typ host\r\n"
                                "a=candidate:1 2 TCP-PASS 2120612862 10.0.0.1 56000 typ host\r\n"
                                "a=candidate:2 1 TCP-ACT 2121006079 10.0.0.1 56000 typ host\r\n"
                                "a=candidate:2 2 TCP-ACT 2121005566 10.0.0.1 56000 typ host\r\na=rtcp:56000\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("UDP")));
  }
}

TEST(TcpOnly, DataPlaneIsToldSoAndSendsNothingBeforeThereIsAPair) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_head() + audio_line("TCP/RTP/SAVP", kTcp));
  open_over_tcp(call.media);
  call.answer(Side::kB, room_answer(asked));
  contract::LegSpec leg = call.spec().streams[0].leg[0];
  EXPECT_EQ(leg.transport, contract::LegTransport::kTcp);
  EXPECT_TRUE(leg.rtcp_mux);
  EXPECT_FALSE(leg.remote_rtp.has_value());
  EXPECT_FALSE(leg.send);
  EXPECT_TRUE(leg.receive);
  EXPECT_EQ(call.spec().streams[0].leg[1].transport, contract::LegTransport::kUdp);
  call.media = with_nominated(std::move(call.media), Side::kA, 0, peer(), std::nullopt);
  leg = call.spec().streams[0].leg[0];
  EXPECT_EQ(leg.remote_rtp, peer());
  EXPECT_EQ(leg.remote_rtcp, peer());
  EXPECT_TRUE(leg.send);
  EXPECT_TRUE(leg.ice->nominated);
}

TEST(TcpOnly, OfferAfterIceIsMirrored) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_head() + audio_line("RTP/SAVP", kTcp));
  open_over_tcp(call.media);
  const auto first = call.answer(Side::kB, room_answer(asked));
  call.media = with_nominated(std::move(call.media), Side::kA, 0, peer(), std::nullopt);
  const std::string again =
      lync_head() + audio_line("TCP/RTP/SAVP",
                               "a=candidate:1 1 TCP-PASS 2120613375 10.30.4.21 21350 typ host \r\n"
                               "a=candidate:1 2 TCP-PASS 2120612862 10.30.4.21 21350 typ host \r\n"
                               "a=remote-candidates:1 10.0.0.1 56000 2 10.0.0.1 56000 \r\n");
  call.media = take(accept_offer(call.media, Side::kA, parsed(again), call.random));
  EXPECT_TRUE(call.media.streams[0].leg[0].ice->is_nominated());
  EXPECT_FALSE(take(make_offer(call.media, Side::kB, call.random)).changed);
  const std::string text = sdp::serialise(take(make_answer(call.media, Side::kA)).description, Dialect::kMicrosoft);
  EXPECT_THAT(text, HasSubstr("m=audio 56000 TCP/RTP/SAVP 0 8\r\n"));
  EXPECT_THAT(text, HasSubstr("a=remote-candidates:1 10.30.4.21 21350 2 10.30.4.21 21350\r\n"));
  EXPECT_THAT(text, HasSubstr("inline:" + [&] {
                const std::string before = sdp::serialise(first, Dialect::kMicrosoft);
                const std::size_t at = before.find("inline:") + 7;
                return before.substr(at, 40);
              }()));
}

TEST(TcpOnly, OurOwnOfferLaterStaysOverTcp) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_head() + audio_line("RTP/SAVP", kTcp));
  open_over_tcp(call.media);
  call.answer(Side::kB, room_answer(asked));
  Written offered = take(make_full_offer(call.media, Side::kA, call.random));
  EXPECT_THAT(sdp::serialise(offered.description, Dialect::kMicrosoft), HasSubstr("TCP/RTP/SAVP"));
  for (const char* protocol : {"RTP/SAVP", "TCP/RTP/SAVP"}) {
    const auto after = take(accept_answer(offered.media, Side::kA, parsed(lync_head() + audio_line(protocol, kTcp))));
    EXPECT_TRUE(after.streams[0].leg[0].is_over_tcp());
  }
  const auto back = accept_answer(offered.media, Side::kA, parsed(lync_head() + audio_line("RTP/SAVP", kUdp)));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind, RefusalKind::kNoUsableAddress);
}

TEST(TcpOnly, UdpIsTakenWhereItIsOffered) {
  Call call(microsoft_leg(), clear_leg());
  const auto asked = call.offer(Side::kA, lync_head() + audio_line("RTP/SAVP", std::string(kTcp) + std::string(kUdp)));
  EXPECT_FALSE(call.media.streams[0].leg[0].is_over_tcp());
  EXPECT_EQ(call.media.streams[0].leg[0].ice->remote_candidates.size(), 1U);
  // While it has its ports the stream stays there.
  const auto later =
      accept_offer(call.media, Side::kA, parsed(lync_head() + audio_line("TCP/RTP/SAVP", kTcp)), call.random);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().kind, RefusalKind::kNoUsableAddress);
}

TEST(TcpOnly, WhatCannotBeUsedIsRefused) {
  SeededRandom random(1);
  const auto refused = [&](const LegSettings& settings, const std::string& offer) {
    return !accept_offer(begin(settings, clear_leg(), random), Side::kA, parsed(offer), random).has_value();
  };
  // Without candidates there is nobody to connect to.
  EXPECT_TRUE(refused(microsoft_leg(), lync_head() + "m=audio 21350 TCP/RTP/SAVP 0 8\r\n" + microsoft_crypto(1)));
  EXPECT_TRUE(
      refused(microsoft_leg(),
              lync_head() + audio_line("TCP/RTP/SAVP", "a=candidate:1 1 TCP-PASS 5 127.0.0.1 21350 typ host \r\n")));
  // Standards peers have UDP.
  EXPECT_TRUE(refused(leg(EncryptionMode::kAuto, true), lync_head() + audio_line("TCP/RTP/SAVP", kTcp)));
  EXPECT_FALSE(refused(microsoft_leg(), lync_head() + audio_line("TCP/RTP/SAVP", kTcp)));
}

// ---- we call ----

constexpr std::string_view kOursOverUdp =
    "a=candidate:1 1 UDP 2130706431 10.0.0.2 56002 typ host\r\n"
    "a=candidate:1 2 UDP 2130705918 10.0.0.2 56003 typ host\r\n";
constexpr std::string_view kOursOverTcp =
    "a=candidate:2 1 TCP-PASS 2120613375 10.0.0.2 56002 typ host\r\n"
    "a=candidate:2 2 TCP-PASS 2120612862 10.0.0.2 56002 typ host\r\n"
    "a=candidate:3 1 TCP-ACT 2121006079 10.0.0.2 56002 typ host\r\n"
    "a=candidate:3 2 TCP-ACT 2121005566 10.0.0.2 56002 typ host\r\n";

/// As the contract takes it, but for the numbers that opened() gives as SSRCs, whatever the ranges.
contract::SessionSpec valid(contract::SessionSpec spec) {
  for (contract::StreamSpec& stream : spec.streams) stream.leg[0].ssrc = stream.leg[1].ssrc = 0;
  const auto good = contract::validate(spec);
  EXPECT_TRUE(good) << to_string(good.error());
  return spec;
}

/// A standards peer calls a Microsoft client; both streams are undecided.
class TcpOffered : public ::testing::Test {
 protected:
  explicit TcpOffered(bool tcp = true) {
    call.tcp = tcp;
    asked = call.offer(Side::kA, head("192.0.2.20") + room_audio(5000));
  }
  const StreamLeg& leg() const { return call.media.streams[0].leg[1]; }
  contract::LegSpec spec() const { return valid(call.spec()).streams[0].leg[1]; }
  std::string text() const { return sdp::serialise(asked, Dialect::kMicrosoft); }
  std::string answered(std::string_view protocol, std::string_view candidates) const {
    return lync_head() + "m=audio 21350 " + std::string(protocol) + " 0 8\r\n" + ice(candidates) +
           microsoft_crypto(static_cast<int>(asked.media.at(0).crypto.at(0).tag));
  }
  Outcome<CallMedia> answer(std::string_view protocol, std::string_view candidates) const {
    return accept_answer(call.media, Side::kB, parsed(answered(protocol, candidates)));
  }

  Call call{clear_leg(), microsoft_leg()};
  sdp::SessionDescription asked;
};
class TcpNotThere : public TcpOffered {
 protected:
  TcpNotThere() : TcpOffered(false) {}
};

TEST_F(TcpOffered, OurOfferNamesBoth) {
  EXPECT_TRUE(leg().undecided);
  EXPECT_FALSE(call.media.streams[0].leg[0].undecided) << "standards peers have UDP";
  EXPECT_THAT(text(), HasSubstr("m=audio 56002 RTP/SAVP "));
  EXPECT_THAT(text(), HasSubstr(std::string(kOursOverUdp) + std::string(kOursOverTcp) + "a=rtcp:56003\r\n"));
  EXPECT_EQ(spec().transport, contract::LegTransport::kUdpOrTcp);
  EXPECT_FALSE(spec().rtcp_mux);
  EXPECT_EQ(spec().rtcp_port, 56003);
}

TEST_F(TcpOffered, AnswerWithTcpAloneDecides) {
  for (const char* protocol : {"RTP/SAVP", "TCP/RTP/SAVP"}) {
    const CallMedia before = call.media;
    call.answer(Side::kB, answered(protocol, kTcp));
    EXPECT_FALSE(leg().undecided);
    EXPECT_TRUE(leg().is_over_tcp());
    EXPECT_FALSE(leg().remote_rtp.has_value());
    EXPECT_EQ(leg().ice->remote_candidates.size(), 4U);
    EXPECT_EQ(spec().transport, contract::LegTransport::kTcp);
    EXPECT_TRUE(spec().rtcp_mux);
    EXPECT_EQ(spec().rtp_port, 56002);
    EXPECT_EQ(spec().rtcp_port, 56002);
    call.media = with_nominated(std::move(call.media), Side::kB, 0, peer(), std::nullopt);
    EXPECT_EQ(spec().remote_rtcp, peer());
    // The offer after ICE.
    const std::string later =
        sdp::serialise(take(make_full_offer(call.media, Side::kB, call.random)).description, Dialect::kMicrosoft);
    EXPECT_THAT(later, HasSubstr("m=audio 56002 TCP/RTP/SAVP "));
    EXPECT_THAT(later, HasSubstr("a=candidate:1 1 TCP-PASS 2120613375 10.0.0.2 56002 typ host\r\n"));
    EXPECT_THAT(later, HasSubstr("a=remote-candidates:1 10.30.4.21 21350 2 10.30.4.21 21350\r\n"));
    EXPECT_THAT(later, Not(HasSubstr("UDP")));
    call.media = before;
  }
}

TEST_F(TcpOffered, AnswerWithUdpDecides) {
  for (const std::string& candidates : {std::string(kUdp), std::string(kTcp) + std::string(kUdp)}) {
    const auto after = answer("RTP/SAVP", candidates);
    ASSERT_TRUE(after) << after.error().text;
    const StreamLeg& now = after->streams[0].leg[1];
    EXPECT_FALSE(now.undecided);
    EXPECT_FALSE(now.is_over_tcp());
    EXPECT_EQ(now.ice->remote_candidates.size(), 1U);
    EXPECT_EQ(now.local_rtcp->port, 56003);
    EXPECT_EQ(session_spec(*after, contract::SessionId{5}, 2).streams[0].leg[1].transport,
              contract::LegTransport::kUdp);
    const std::string later =
        sdp::serialise(take(make_full_offer(*after, Side::kB, call.random)).description, Dialect::kMicrosoft);
    EXPECT_THAT(later, HasSubstr(std::string(kOursOverUdp)));
    EXPECT_THAT(later, Not(HasSubstr("TCP")));
  }
}

TEST_F(TcpOffered, AnswerWithoutIceIsOverUdp) {  // R150
  const auto after = accept_answer(call.media, Side::kB,
                                   parsed(lync_head() + "m=audio 21350 RTP/SAVP 0 8\r\n" +
                                          microsoft_crypto(static_cast<int>(asked.media[0].crypto[0].tag))));
  ASSERT_TRUE(after) << after.error().text;
  EXPECT_FALSE(after->streams[0].leg[1].undecided);
  EXPECT_EQ(session_spec(*after, contract::SessionId{5}, 2).streams[0].leg[1].transport, contract::LegTransport::kUdp);
}

TEST_F(TcpOffered, WordsOfTcpWithoutACandidateAreRefused) {
  const auto after = answer("TCP/RTP/SAVP", kUdp);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().kind, RefusalKind::kProtocol);
}

TEST_F(TcpNotThere, OurOfferNamesUdpAlone) {
  EXPECT_FALSE(leg().undecided);
  EXPECT_THAT(text(), HasSubstr(std::string(kOursOverUdp)));
  EXPECT_THAT(text(), Not(HasSubstr("TCP")));
  EXPECT_EQ(spec().transport, contract::LegTransport::kUdp);
  EXPECT_FALSE(answer("TCP/RTP/SAVP", kTcp));
  EXPECT_FALSE(answer("RTP/SAVP", kTcp)->streams[0].leg[1].is_over_tcp()) << "served by its address, as before";
}

TEST(TcpOnly, ARefusedStreamIsDecidedByTheOfferThatBringsIt) {
  Call call(clear_leg(), microsoft_leg());
  call.tcp = true;
  const auto asked = call.offer(Side::kA, room_offer());
  std::string answer = lync_head() + audio_line("RTP/SAVP", kUdp);
  call.answer(Side::kB, answer + "m=video 0 RTP/SAVP 122\r\n");
  EXPECT_FALSE(call.media.streams[0].leg[1].undecided);
  ASSERT_TRUE(call.media.streams[1].leg[1].undecided);
  EXPECT_EQ(valid(call.spec()).streams[1].leg[1].transport, contract::LegTransport::kUdpOrTcp);
  std::string video = lync_video("TCP/RTP/SAVP", microsoft_crypto(1));
  for (std::size_t at = video.find(" UDP "); at != std::string::npos; at = video.find(" UDP ")) {
    video.replace(at, 5, " TCP-PASS ");
  }
  const CallMedia after = take(accept_offer(call.media, Side::kB, parsed(answer + video), call.random));
  EXPECT_FALSE(after.streams[1].leg[1].undecided);
  EXPECT_TRUE(after.streams[1].leg[1].is_over_tcp());
  EXPECT_EQ(after.streams[1].leg[1].local_rtcp, after.streams[1].leg[1].local_rtp);
  EXPECT_FALSE(after.streams[0].leg[1].is_over_tcp());
}

TEST(TcpOnly, TheOfferThatACallerWithoutOneGetsNamesBoth) {  // R38
  SeededRandom random(3);
  CallMedia media = opened(take(begin_with_preset(microsoft_leg(), clear_leg(), Side::kA, random)), true);
  EXPECT_TRUE(media.streams[0].leg[0].undecided);
  Written asked = take(make_offer(std::move(media), Side::kB, random));
  media = take(accept_answer(std::move(asked.media), Side::kB, parsed(room_answer(asked.description))));
  const Written offered = take(make_full_offer(std::move(media), Side::kA, random));
  EXPECT_THAT(sdp::serialise(offered.description, Dialect::kMicrosoft), HasSubstr("TCP-PASS"));
}

TEST_F(TcpOffered, WhatTheDataPlaneWasToldHoldsForOtherAnswers) {
  const CallMedia other = call.media;
  for (const bool tcp : {true, false}) {
    const CallMedia told = take(answer("RTP/SAVP", tcp ? kTcp : kUdp));
    const CallMedia held = with_decisions(other, Side::kB, told);
    EXPECT_FALSE(held.streams[0].leg[1].undecided);
    EXPECT_EQ(held.streams[0].leg[1].is_over_tcp(), tcp);
    const auto second =
        accept_answer(held, Side::kB, parsed(answered("RTP/SAVP", std::string(kUdp) + std::string(kTcp))));
    ASSERT_TRUE(second) << second.error().text;
    EXPECT_EQ(session_spec(*second, contract::SessionId{5}, 3).streams[0].leg[1].transport,
              tcp ? contract::LegTransport::kTcp : contract::LegTransport::kUdp);
  }
}

}  // namespace
}  // namespace isthmus::media::testing
