#include "dataplane/wire/rtcp.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace isthmus::wire {
namespace {

TEST(Rtcp, ReadsTheCompoundItWrites) {
  std::vector<std::uint8_t> buffer(512);
  RtcpWriter writer(buffer);
  const SenderInfo info{0x0123456789abcdefULL, 1000, 50, 8000};
  const ReportBlock block{7, 12, -3, 70000, 99, 0x1234, 0x5678};
  writer.sender_report(1, info, {&block, 1});
  writer.cname(1, "0123456789abcdef");
  writer.pli(1, 7);
  writer.fir(1, 7, 9);
  const std::uint32_t lost[] = {(100U << 16U) | 5U};
  writer.nack(1, 7, lost);
  writer.bye(1);
  ASSERT_TRUE(writer.ok());
  const Bytes compound(buffer.data(), writer.size());
  ASSERT_TRUE(RtcpReader::valid(compound));
  RtcpReader reader(compound);
  RtcpPacket packet;
  ASSERT_TRUE(reader.next(packet));
  EXPECT_EQ(packet.type, RtcpType::kSenderReport);
  EXPECT_EQ(packet.sender_ssrc(), 1U);
  EXPECT_EQ(read_sender_info(packet), info);
  EXPECT_EQ(read_report_block(packet, 0), block);
  EXPECT_EQ(read_report_block(packet, 1), std::nullopt);
  ASSERT_TRUE(reader.next(packet));
  EXPECT_EQ(packet.type, RtcpType::kSourceDescription);
  ASSERT_TRUE(reader.next(packet));
  EXPECT_EQ(packet.type, RtcpType::kPayloadFeedback);
  EXPECT_EQ(packet.count, kFormatPli);
  EXPECT_EQ(feedback_media_ssrc(packet), 7U);
  ASSERT_TRUE(reader.next(packet));
  EXPECT_EQ(packet.count, kFormatFir);
  EXPECT_EQ(read_fir(packet, 0)->sequence, 9);
  EXPECT_EQ(read_fir(packet, 1).has_value(), false);
  ASSERT_TRUE(reader.next(packet));
  EXPECT_EQ(read_nack(packet, 0), lost[0]);
  EXPECT_EQ(read_nack(packet, 1), std::nullopt);
  ASSERT_TRUE(reader.next(packet));
  EXPECT_EQ(packet.type, RtcpType::kBye);
  EXPECT_FALSE(reader.next(packet));
}

TEST(Rtcp, EveryCutOfACompoundIsRefusedOrShorter) {
  std::vector<std::uint8_t> buffer(256);
  RtcpWriter writer(buffer);
  writer.receiver_report(1, {});
  writer.cname(1, "name");
  for (std::size_t size = 0; size < writer.size(); ++size) {
    const std::vector<std::uint8_t> cut(buffer.begin(), buffer.begin() + static_cast<long>(size));
    if (!RtcpReader::valid(cut)) continue;
    EXPECT_EQ(size, 8U) << "only the whole receiver report stands alone";
  }
}

TEST(Rtcp, PacketsOfACompoundAreBounded) {
  for (const std::size_t packets : {kMaxRtcpPackets, kMaxRtcpPackets + 1}) {
    std::vector<std::uint8_t> compound;
    for (std::size_t i = 0; i < packets; ++i) compound.insert(compound.end(), {0x80, 201, 0, 1, 0, 0, 0, 1});
    EXPECT_EQ(RtcpReader::valid(compound), packets == kMaxRtcpPackets);
  }
}

TEST(Rtcp, PaddingBelongsToTheLastPacketAndFits) {
  const std::vector<std::uint8_t> padded = {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4};
  EXPECT_TRUE(RtcpReader::valid(padded));
  auto absurd = padded;
  absurd.back() = 200;
  EXPECT_FALSE(RtcpReader::valid(absurd));
  auto in_front = padded;
  in_front.insert(in_front.end(), {0x80, 201, 0, 1, 0, 0, 0, 1});
  EXPECT_FALSE(RtcpReader::valid(in_front));
}

TEST(Rtcp, AWriterWithoutRoomSaysSoAndWritesNothingMore) {
  std::vector<std::uint8_t> buffer(11);
  RtcpWriter writer(buffer);
  writer.receiver_report(1, {});
  EXPECT_TRUE(writer.ok());
  writer.bye(1);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 8U);
  std::vector<std::uint8_t> large(1024);
  RtcpWriter with_name(large);
  with_name.cname(1, std::string(kMaxSdesBytes, 'a'));
  EXPECT_TRUE(with_name.ok());
  with_name.cname(1, std::string(kMaxSdesBytes + 1, 'a'));
  EXPECT_FALSE(with_name.ok());
}

TEST(Ntp, CountsFrom1900) {
  EXPECT_EQ(ntp_from_unix_ns(0) >> 32U, 2'208'988'800U);
  EXPECT_EQ(ntp_from_unix_ns(500'000'000) & 0xffffffffU, 0x80000000U);
  EXPECT_EQ(ntp_middle(0x0123456789abcdefULL), 0x456789abU);
}

}  // namespace
}  // namespace isthmus::wire
