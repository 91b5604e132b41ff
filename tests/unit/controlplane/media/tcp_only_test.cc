// A Microsoft client whose candidates are all TCP gets a call over TCP (R80, [MS-ICE2]); a standards peer does not.

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace isthmus::media::testing
