#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/wire/stun.h"

namespace isthmus::wire {
namespace {

constexpr StunTransaction kTransaction = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

class StunText : public testing::Test {
 protected:
  std::array<std::uint8_t, 256> buffer_{};
  StunWriter writer(StunType type = StunType::kBindingRequest, std::size_t room = 256) {
    return {MutableBytes(buffer_).first(room), type, kTransaction};
  }
};

TEST_F(StunText, IsReadAsItWasWritten) {
  auto out = writer();
  out.add_flag(StunAttributeType::kUseCandidate)
      .add_u32(StunAttributeType::kPriority, 0x6e0001ff)
      .add_u64(StunAttributeType::kIceControlling, 0x932ff9b151263b36)
      .add_text(StunAttributeType::kUsername, "evtj:h6vY")
      .add_u32(StunAttributeType::kMsImplementationVersion, 2);
  const auto read = read_stun(out.message());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->header.is(StunType::kBindingRequest));
  EXPECT_EQ(read->header.transaction, kTransaction);
  EXPECT_TRUE(read->use_candidate);
  EXPECT_EQ(read->priority, 0x6e0001ffU);
  EXPECT_EQ(read->controlling, 0x932ff9b151263b36U);
  EXPECT_FALSE(read->controlled);
  EXPECT_EQ(read->username, "evtj:h6vY");
  EXPECT_EQ(read->implementation_version, 2U);
  EXPECT_EQ(read->integrity_offset, 0U);
}

TEST_F(StunText, KeepsRealLengthOrCountsItsPadding) {
  auto plain = writer();
  plain.add_text(StunAttributeType::kUsername, "abcd:efgh");
  EXPECT_EQ(load_be16(&plain.message()[22]), 9);
  EXPECT_EQ(plain.message().size(), 36U);
  auto padded = writer();
  padded.add_text_padded(StunAttributeType::kUsername, "abcd:efgh");
  EXPECT_EQ(load_be16(&padded.message()[22]), 12);
  EXPECT_EQ(read_stun(padded.message())->username, "abcd:efgh");
}

TEST_F(StunText, CarriesAddressesOfBothFamilies) {
  for (const char* text : {"192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"}) {
    const auto address = SocketAddress::parse(text).value();
    auto out = writer(StunType::kBindingSuccess);
    out.add_xor_mapped(address);
    EXPECT_EQ(read_stun(out.message())->mapped, address);
  }
}

TEST_F(StunText, TakesThePlainAddressWhereTheMaskedOneIsMissing) {
  auto out = writer(StunType::kBindingSuccess);
  out.add(StunAttributeType::kMappedAddress, std::array<std::uint8_t, 8>{0, 1, 0x12, 0x34, 10, 0, 0, 1});
  EXPECT_EQ(read_stun(out.message())->mapped, SocketAddress::parse("10.0.0.1:4660").value());
  out.add_xor_mapped(SocketAddress::parse("10.0.0.2:1").value());
  EXPECT_EQ(read_stun(out.message())->mapped, SocketAddress::parse("10.0.0.2:1").value());
}

TEST_F(StunText, CarriesErrors) {
  auto out = writer(StunType::kBindingError);
  out.add_error(487, "Role Conflict");
  const auto read = read_stun(out.message());
  EXPECT_EQ(read->error_code, 487);
  EXPECT_EQ(load_be16(&out.message()[22]) % 4, 0);
}

TEST_F(StunText, IgnoresWhatStandsBehindIntegrity) {
  auto out = writer();
  out.add(StunAttributeType::kMessageIntegrity, std::array<std::uint8_t, 20>{})
      .add_u32(StunAttributeType::kPriority, 7)
      .add_u32(StunAttributeType::kFingerprint, 1);
  const auto read = read_stun(out.message());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->integrity_offset, 20U);
  EXPECT_FALSE(read->priority);
  EXPECT_EQ(read->fingerprint_offset, 52U);
}

TEST_F(StunText, TakesTheFirstOfTwo) {
  auto out = writer();
  out.add_u32(StunAttributeType::kPriority, 1).add_u32(StunAttributeType::kPriority, 2);
  EXPECT_EQ(read_stun(out.message())->priority, 1U);
}

TEST_F(StunText, RefusesSizesThatCannotBe) {
  for (const auto type :
       {StunAttributeType::kPriority, StunAttributeType::kIceControlled, StunAttributeType::kIceControlling,
        StunAttributeType::kMessageIntegrity, StunAttributeType::kXorMappedAddress, StunAttributeType::kMappedAddress,
        StunAttributeType::kMsImplementationVersion, StunAttributeType::kFingerprint}) {
    auto out = writer();
    out.add(type, std::array<std::uint8_t, 5>{});
    EXPECT_TRUE(parse_stun(out.message()));
    EXPECT_FALSE(read_stun(out.message())) << static_cast<int>(type);
  }
  auto behind = writer();
  behind.add_u32(StunAttributeType::kFingerprint, 1).add_u32(StunAttributeType::kSoftware, 1);
  EXPECT_FALSE(read_stun(behind.message()));
}

TEST_F(StunText, BoundsTheUsername) {
  std::array<std::uint8_t, 600> room{};
  for (const auto& [bytes, good] : {std::pair{kMaxStunUsernameBytes, true}, {kMaxStunUsernameBytes + 4, false}}) {
    StunWriter out(room, StunType::kBindingRequest, kTransaction);
    out.add_text(StunAttributeType::kUsername, std::string(bytes, 'u'));
    EXPECT_EQ(read_stun(out.message()).has_value(), good);
  }
}

TEST_F(StunText, NamesUnknownAttributesUpToItsBound) {
  auto out = writer();
  for (std::uint16_t i = 0; i < kMaxUnknownStunAttributes + 1; ++i) {
    out.add_u32(static_cast<StunAttributeType>(0x7f00 + i), 0);
  }
  out.add_u32(static_cast<StunAttributeType>(0xff00), 0);
  const auto read = read_stun(out.message());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->unknown_count, kMaxUnknownStunAttributes);
  EXPECT_EQ(read->unknown[0], 0x7f00);
}

TEST_F(StunText, WriterStopsAtItsBuffer) {
  auto out = writer(StunType::kBindingRequest, 28);
  out.add_u32(StunAttributeType::kPriority, 1);
  EXPECT_EQ(out.message().size(), 28U);
  out.add_flag(StunAttributeType::kUseCandidate);
  EXPECT_TRUE(out.overflowed());
  EXPECT_TRUE(out.message().empty());
  EXPECT_TRUE(writer(StunType::kBindingRequest, 19).overflowed());
}

}  // namespace
}  // namespace isthmus::wire
