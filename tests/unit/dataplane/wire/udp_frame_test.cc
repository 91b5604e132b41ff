#include "dataplane/wire/udp_frame.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/base/random.h"

namespace isthmus::wire {
namespace {

std::vector<std::uint8_t> frame_of(const SocketAddress& from, const SocketAddress& to,
                                   const std::vector<std::uint8_t>& payload) {
  const HeaderTemplate headers = make_template(from, to, 46);
  std::vector<std::uint8_t> frame(headers.bytes.begin(), headers.bytes.begin() + headers.header_bytes);
  frame.insert(frame.end(), payload.begin(), payload.end());
  const auto sum = sum_words_plain(payload.data(), payload.size());
  const auto bytes = static_cast<std::uint16_t>(payload.size());
  if (from.ip.is_v4()) {
    finish_v4(frame.data(), bytes, headers.ip_sum, headers.udp_sum, sum);
  } else {
    finish_v6(frame.data(), bytes, headers.udp_sum, sum);
  }
  return frame;
}

const SocketAddress kFromV4 = *SocketAddress::parse("192.0.2.1:56000");
const SocketAddress kToV4 = *SocketAddress::parse("198.51.100.2:20002");
const SocketAddress kFromV6 = *SocketAddress::parse("[2001:db8:1::1]:56000");
const SocketAddress kToV6 = *SocketAddress::parse("[2001:db8:2::2]:20002");

/// What a receiver computes over pseudo header, UDP header and payload; 0 when the checksum is right (RFC 768).
std::uint16_t udp_residue(const std::vector<std::uint8_t>& frame, bool v6) {
  const std::size_t header = kEthernetBytes + (v6 ? kIpv6Bytes : kIpv4Bytes);
  std::vector<std::uint8_t> covered(frame.begin() + kEthernetBytes + (v6 ? 8 : 12),
                                    frame.begin() + static_cast<long>(header));
  covered.insert(covered.end(), {0, kProtocolUdp, frame[header + 4], frame[header + 5]});
  covered.insert(covered.end(), frame.begin() + static_cast<long>(header), frame.end());
  return checksum(sum_words_plain(covered.data(), covered.size()));
}

TEST(UdpFrame, WritesWhatItReadsInBothFamilies) {
  for (const std::size_t size : {0U, 1U, 2U, 160U, 172U, 1401U}) {
    std::vector<std::uint8_t> payload(size);
    SeededRandom(size + 1).fill(payload);
    for (const bool v6 : {false, true}) {
      auto frame = v6 ? frame_of(kFromV6, kToV6, payload) : frame_of(kFromV4, kToV4, payload);
      UdpFrame udp;
      ASSERT_TRUE(parse_udp(frame.data(), frame.size(), udp));
      EXPECT_EQ(udp.v6, v6);
      EXPECT_EQ(udp.source_port(), 56000);
      EXPECT_EQ(udp.destination_port(), 20002);
      EXPECT_EQ(std::vector<std::uint8_t>(udp.payload(), udp.payload() + udp.payload_bytes), payload);
      EXPECT_EQ(udp_residue(frame, v6), 0) << size << (v6 ? " IPv6" : " IPv4");
      if (!v6) {
        EXPECT_EQ(checksum(sum_words_plain(frame.data() + kEthernetBytes, kIpv4Bytes)), 0);
      }
    }
  }
}

struct Damage {
  const char* name;
  std::size_t offset;
  std::uint8_t value;
  DropReason reason;
};

TEST(UdpFrame, NamesWhatIsWrongWithAFrame) {
  const auto good = frame_of(kFromV4, kToV4, std::vector<std::uint8_t>(20));
  const Damage damages[] = {
      {"ARP", 13, 0x06, DropReason::kNotIp},
      {"IPv4 options", 14, 0x46, DropReason::kIpMalformed},
      {"total length past the frame", 16, 0xff, DropReason::kIpMalformed},
      {"more fragments", 20, 0x20, DropReason::kIpFragment},
      {"fragment offset", 21, 0x01, DropReason::kIpFragment},
      {"TCP", 23, 6, DropReason::kNotUdp},
      {"UDP length past the packet", 38, 0x10, DropReason::kUdpMalformed},
      {"UDP length below its header", 39, 7, DropReason::kUdpMalformed},
  };
  for (const Damage& damage : damages) {
    auto frame = good;
    frame[damage.offset] = damage.value;
    UdpFrame udp;
    EXPECT_FALSE(parse_udp(frame.data(), frame.size(), udp)) << damage.name;
    EXPECT_EQ(to_string(why_not_udp(frame.data(), frame.size())), to_string(damage.reason)) << damage.name;
  }
}

TEST(UdpFrame, EveryCutOfAFrameIsRefused) {
  for (const bool v6 : {false, true}) {
    const std::vector<std::uint8_t> payload(20);
    const auto good = v6 ? frame_of(kFromV6, kToV6, payload) : frame_of(kFromV4, kToV4, payload);
    for (std::size_t size = 0; size < good.size(); ++size) {
      std::vector<std::uint8_t> cut(good.begin(),
                                    good.begin() + static_cast<long>(size));  // its own end, for the sanitizer
      UdpFrame udp;
      EXPECT_FALSE(parse_udp(cut.data(), cut.size(), udp)) << size;
      (void)why_not_udp(cut.data(), cut.size());
    }
  }
}

TEST(UdpFrame, PaddingBehindThePacketIsNoPayload) {
  auto frame = frame_of(kFromV4, kToV4, std::vector<std::uint8_t>(4));
  frame.resize(60);  // shortest Ethernet frame
  UdpFrame udp;
  ASSERT_TRUE(parse_udp(frame.data(), frame.size(), udp));
  EXPECT_EQ(udp.payload_bytes, 4);
}

TEST(Checksum, AllKernelsAgreeAtEverySizeAndAlignment) {
  std::vector<std::uint8_t> bytes(1600);
  SeededRandom(7).fill(bytes);
  for (std::size_t offset = 0; offset < 4; ++offset) {
    for (std::size_t size = 0; size + offset <= 1500; size += size < 300 ? 1 : 37) {
      const auto expected = fold_sum(sum_words_plain(bytes.data() + offset, size));
      EXPECT_EQ(fold_sum(sum_words_sse(bytes.data() + offset, size)), expected) << size;
      EXPECT_EQ(fold_sum(fastest_sum()(bytes.data() + offset, size)), expected) << size;
    }
  }
}

TEST(Checksum, MatchesTheExampleOfRfc1071) {
  const std::uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};  // section 3: sum ddf2
  const std::uint16_t sum = fold_sum(sum_words_plain(bytes, sizeof bytes));
  std::uint8_t stored[2];
  std::memcpy(stored, &sum, sizeof sum);
  EXPECT_EQ(load_be16(stored), 0xddf2);
}

}  // namespace
}  // namespace isthmus::wire
