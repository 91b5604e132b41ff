// RFC 8489 14.5 and 14.7 with the vectors of RFC 5769, and the form of [MS-ICE2].

#include <gtest/gtest.h>

#include <array>
#include <string_view>
#include <vector>

#include "dataplane/wire/stun_integrity.h"

namespace isthmus::wire {
namespace {

Bytes bytes_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

std::vector<std::uint8_t> from_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return bytes;
}

// RFC 5769 2.1: the text attributes are padded with blanks there, which is why ours cannot write it again.
constexpr std::string_view kRequest =
    "0001 0058 2112a442 b7e7a701 bc34d686 fa87dfae 8022 0010 5354554e207465737420636c69656e74"
    "0024 0004 6e0001ff 8029 0008 932ff9b151263b36 0006 0009 6576746a3a6836765920 2020"
    "0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 8028 0004 e57a3bcf";
// RFC 5769 2.2
constexpr std::string_view kResponse =
    "0101 003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022 000b 7465737420766563746f7220"
    "0020 0008 0001a147e112a643 0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 8028 0004 c07d4c96";
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";

TEST(Rfc5769, Section2_1SampleRequest) {
  const auto bytes = from_hex(kRequest);
  const auto message = read_stun(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_EQ(message->priority, 0x6e0001ffU);
  EXPECT_EQ(verify_integrity(bytes, *message, bytes_of(kPassword)), IntegrityForm::kStrict);
  EXPECT_TRUE(verify_fingerprint(bytes, *message));
}

TEST(Rfc5769, Section2_2SampleResponse) {
  const auto bytes = from_hex(kResponse);
  const auto message = read_stun(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->mapped, SocketAddress::parse("192.0.2.1:32853").value());
  EXPECT_EQ(verify_integrity(bytes, *message, bytes_of(kPassword)), IntegrityForm::kStrict);
  EXPECT_TRUE(verify_fingerprint(bytes, *message));
}

TEST(Rfc8489, Section14_5AnyChangedByteBreaksIntegrity) {
  const auto good = from_hex(kRequest);
  const auto offset = read_stun(good)->integrity_offset;
  for (std::size_t i = 8; i < offset + 24; ++i) {
    auto bad = good;
    bad[i] ^= 0x01;
    const auto message = read_stun(bad);
    EXPECT_FALSE(message && verify_integrity(bad, *message, bytes_of(kPassword))) << i;
  }
  EXPECT_FALSE(verify_integrity(good, *read_stun(good), bytes_of("VOkJxbRl1RmTxUk/WvJxBu")));
}

// The attributes of a check of [MS-ICE2], in the order that peers write them.
StunWriter microsoft_check(MutableBytes buffer, const StunTransaction& transaction) {
  StunWriter writer(buffer, StunType::kBindingRequest, transaction);
  writer.add_u32(StunAttributeType::kPriority, 0x6EFFFFFF)
      .add_u64(StunAttributeType::kIceControlling, 0x0102030405060708)
      .add_text_padded(StunAttributeType::kUsername, "qW7z:Lm2K")
      .add_text_padded(StunAttributeType::kCandidateIdentifier, "1")
      .add_u32(StunAttributeType::kMsImplementationVersion, 2);
  return writer;
}
constexpr std::string_view kMicrosoftPassword = "Kf3vQm0XbT7yLr2ZpWc9HsDu";
constexpr StunTransaction kFirst = {0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18, 0x29, 0x3a, 0x00, 0x04};
constexpr StunTransaction kSecond = {0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18, 0x29, 0x3a, 0x4b, 0x5c};

TEST(MsIce2, RequestHasTheBytesOfThePaddedForm) {
  std::array<std::uint8_t, 200> buffer{};
  auto writer = microsoft_check(buffer, kFirst);
  sign_stun(writer, IntegrityForm::kPadded, bytes_of(kMicrosoftPassword));
  const auto expected = from_hex(
      "00 01 00 54 21 12 a4 42 a1 b2 c3 d4 e5 f6 07 18 29 3a 00 04 00 24 00 04 6e ff ff ff 80 2a 00 08"
      "01 02 03 04 05 06 07 08 00 06 00 0c 71 57 37 7a 3a 4c 6d 32 4b 00 00 00 80 54 00 04 31 00 00 00"
      "80 70 00 04 00 00 00 02 00 08 00 14 66 e2 ac 8b 00 dc b3 a2 0c cf 6c 2d aa 34 26 f3 b4 8c 42 95"
      "80 28 00 04 87 59 6c 4e");
  const MutableBytes message = writer.message();
  EXPECT_EQ(std::vector<std::uint8_t>(message.begin(), message.end()), expected);
  EXPECT_EQ(verify_integrity(message, *read_stun(message), bytes_of(kMicrosoftPassword)), IntegrityForm::kPadded);
  EXPECT_TRUE(verify_fingerprint(message, *read_stun(message)));
}

TEST(MsIce2, BothFormsOfTheSameRequestDiffer) {
  std::array<std::uint8_t, 200> buffer{};
  auto padded = microsoft_check(buffer, kSecond);
  sign_stun(padded, IntegrityForm::kPadded, bytes_of(kMicrosoftPassword));
  const auto padded_tail =
      from_hex("42 73 c4 47 28 c4 a8 0b 3b 4a a6 a7 10 8c 35 59 e6 37 2a 84 80 28 00 04 7c fc 78 cb");
  EXPECT_TRUE(std::equal(padded_tail.begin(), padded_tail.end(), padded.message().end() - 28));
  auto strict = microsoft_check(buffer, kSecond);
  sign_stun(strict, IntegrityForm::kStrict, bytes_of(kMicrosoftPassword));
  const auto strict_tag = from_hex("eb e7 31 a5 77 4d ab fb 9c b8 9e d4 85 b3 8c fb 92 1e 4b e1");
  EXPECT_TRUE(std::equal(strict_tag.begin(), strict_tag.end(), strict.message().end() - 28));
  EXPECT_EQ(verify_integrity(strict.message(), *read_stun(strict.message()), bytes_of(kMicrosoftPassword)),
            IntegrityForm::kStrict);
}

// The fault: the table entry 90 of old stacks. Only a message without a version may be right by that table.
TEST(MsIce2, FaultyTableIsForgivenToThoseWithoutAVersion) {
  std::array<std::uint8_t, 200> buffer{};
  auto versioned = microsoft_check(buffer, kFirst);
  sign_stun(versioned, IntegrityForm::kPadded, bytes_of(kMicrosoftPassword));
  store_be32(&versioned.message()[versioned.message().size() - 4], 0x8257dec6);
  EXPECT_FALSE(verify_fingerprint(versioned.message(), *read_stun(versioned.message())));

  // A message whose CRC meets entry 90, found by search among transaction ids.
  for (const auto& [fingerprint, good] : {std::pair{"273b1028", true}, {"a43e4028", true}, {"a43e4029", false}}) {
    const auto bytes = from_hex(std::string("0011 0008 2112a442 0000000000000000000000d0 8028 0004 ") + fingerprint);
    EXPECT_EQ(verify_fingerprint(bytes, *read_stun(bytes)), good) << fingerprint;
  }
}

TEST(Rfc8489, Section14_7FingerprintAloneOnIndications) {
  std::array<std::uint8_t, 28> buffer{};
  StunWriter writer(buffer, StunType::kBindingIndication, kFirst);
  fingerprint_stun(writer);
  ASSERT_EQ(writer.message().size(), 28U);
  auto message = read_stun(writer.message());
  ASSERT_TRUE(message);
  EXPECT_TRUE(verify_fingerprint(writer.message(), *message));
  EXPECT_FALSE(verify_integrity(writer.message(), *message, bytes_of(kPassword)));
  writer.message()[9] ^= 1;
  EXPECT_FALSE(verify_fingerprint(writer.message(), *message));
}

TEST(Rfc8489, Section6_1LongMessagesAreNotSigned) {
  std::array<std::uint8_t, 2048> buffer{};
  for (const auto& [bytes, good] : {std::pair{kMaxSignedStunBytes - kStunHeaderBytes - 4 - 24, true},
                                    {kMaxSignedStunBytes - kStunHeaderBytes - 4 - 20, false}}) {
    StunWriter writer(buffer, StunType::kBindingRequest, kFirst);
    writer.add(StunAttributeType::kSoftware, std::vector<std::uint8_t>(bytes));
    sign_stun(writer, IntegrityForm::kStrict, bytes_of(kPassword));
    EXPECT_EQ(!writer.overflowed(), good);
  }
}

TEST(Rfc8489, Section14_5NoRoomNoMessage) {
  std::array<std::uint8_t, kStunHeaderBytes + kStunSealBytes> buffer{};
  StunWriter fits(buffer, StunType::kBindingRequest, kFirst);
  sign_stun(fits, IntegrityForm::kStrict, bytes_of(kPassword));
  EXPECT_EQ(fits.message().size(), buffer.size());
  StunWriter not_quite(MutableBytes(buffer).first(buffer.size() - 1), StunType::kBindingRequest, kFirst);
  sign_stun(not_quite, IntegrityForm::kStrict, bytes_of(kPassword));
  EXPECT_TRUE(not_quite.message().empty());
}

}  // namespace
}  // namespace isthmus::wire
