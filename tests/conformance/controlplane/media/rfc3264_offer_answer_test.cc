// RFC 3264, through the middle: what each side of the call sees must be a correct offer or answer.

#include <gmock/gmock.h>

#include "tests/unit/controlplane/media/call_fixture.h"

namespace isthmus::media::testing {
namespace {

using sdp::Direction;

Direction answered(Direction offered, Direction far) {
  const auto line = [](Direction d) { return "a=" + std::string(to_string(d)) + "\r\n"; };
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000, "RTP/AVP", line(offered)));
  EXPECT_EQ(offer.media[0].direction, offered);
  return call.answer(Side::kB, head("198.51.100.5") + audio(5000, "RTP/AVP", line(far))).media[0].direction;
}

TEST(Rfc3264, Section5_VersionAndIdAreNumbersThatFit63Bits) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  EXPECT_LE(std::stoull(offer.origin.session_id), std::uint64_t{1} << 62U);
  EXPECT_EQ(offer.origin.version, "1");
}

TEST(Rfc3264, Section6_SameNumberOfLinesInTheSameOrder) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + video(4002) + "m=text 4006 RTP/AVP 98\r\n" + audio(4000));
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + video(5002) + audio(5000));
  ASSERT_EQ(answer.media.size(), 3U);
  EXPECT_EQ(answer.media[0].media_text, "video");
  EXPECT_EQ(answer.media[1].media_text, "text");
  EXPECT_EQ(answer.media[1].port, 0);
  EXPECT_EQ(answer.media[2].media_text, "audio");
}

TEST(Rfc3264, Section6_ARefusedLineStaysAtPortZeroOnBothSides) {
  Call call(clear_leg(), clear_leg());
  const auto offer = call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(0));
  EXPECT_EQ(offer.media.size(), 1U);
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  EXPECT_EQ(answer.media[1].port, 0);
}

TEST(Rfc3264, Section6_1_DirectionOfTheAnswerFitsTheOffer) {
  constexpr Direction kAll[] = {Direction::kSendRecv, Direction::kSendOnly, Direction::kRecvOnly, Direction::kInactive};
  for (const Direction offered : kAll) {
    for (const Direction far : kAll) {
      const Direction answer = answered(offered, far);
      EXPECT_TRUE(!sends(answer) || receives(offered)) << to_string(offered) << " " << to_string(far);
      EXPECT_TRUE(!receives(answer) || sends(offered)) << to_string(offered) << " " << to_string(far);
    }
  }
  EXPECT_EQ(answered(Direction::kSendOnly, Direction::kSendRecv), Direction::kRecvOnly);
  EXPECT_EQ(answered(Direction::kInactive, Direction::kSendRecv), Direction::kInactive);
}

TEST(Rfc3264, Section6_1_AnswerRepeatsTheNumbersOfTheOffer) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA,
             head("192.0.2.10") +
                 "m=audio 4000 RTP/AVP 110 111\r\na=rtpmap:110 PCMA/8000\r\na=rtpmap:111 telephone-event/8000\r\n");
  const auto answer = call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  ASSERT_EQ(answer.media[0].formats.size(), 2U);
  EXPECT_EQ(answer.media[0].formats[0].payload_type, 110);
  EXPECT_EQ(answer.media[0].formats[1].payload_type, 111);
}

TEST(Rfc3264, Section7_AnAnswerWithOtherLinesIsRefused) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000) + video(4002));
  for (const std::string& lines : {audio(5000), audio(5000) + video(5002) + audio(5004), video(5002) + audio(5000)}) {
    const auto refused = accept_answer(call.media, Side::kB, parsed(head("198.51.100.5") + lines));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, RefusalKind::kProtocol);
  }
}

TEST(Rfc3264, Section8_VersionGoesUpByOneWithEachChange) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  const auto second = call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000, "RTP/AVP", "a=inactive\r\n"));
  EXPECT_EQ(second.origin.version, "2");
  EXPECT_EQ(second.origin.username, "-");
}

TEST(Rfc3264, Section8_1_AFreeSlotMayBeTakenByAnotherKind) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000) + "m=text 0 RTP/AVP 98\r\n");
  call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  call.offer(Side::kA, head("192.0.2.10", 2) + audio(4000) + video(4002));
  const auto answer = call.answer(Side::kB, head("198.51.100.5", 2) + audio(5000) + video(5002));
  EXPECT_EQ(answer.media[1].media_text, "video");
  EXPECT_NE(answer.media[1].port, 0);
}

TEST(Rfc3264, Section8_3_2_ANumberKeepsItsMeaningThroughTheSession) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + "m=audio 4000 RTP/AVP 96 8\r\na=rtpmap:96 opus/48000/2\r\n");
  call.answer(Side::kB, head("198.51.100.5") + "m=audio 5000 RTP/AVP 96 8\r\na=rtpmap:96 opus/48000/2\r\n");
  const auto again =
      call.offer(Side::kA, head("192.0.2.10", 2) +
                               "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 G722/8000\r\na=rtpmap:97 opus/48000/2\r\n");
  ASSERT_EQ(again.media[0].formats.size(), 2U);
  EXPECT_NE(again.media[0].formats[0].payload_type, 96);  // G722: 96 is opus on this leg
  EXPECT_EQ(again.media[0].formats[1].payload_type, 96);
}

TEST(Rfc3264, Section8_4_HoldByAddressIsUnderstood) {
  Call call(clear_leg(), clear_leg());
  call.offer(Side::kA, head("192.0.2.10") + audio(4000));
  call.answer(Side::kB, head("198.51.100.5") + audio(5000));
  const auto hold = call.offer(Side::kA, head("0.0.0.0", 2) + audio(4000));
  EXPECT_EQ(hold.media[0].direction, Direction::kSendOnly);
}

}  // namespace
}  // namespace isthmus::media::testing
