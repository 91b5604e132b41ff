#include "dataplane/payload/h264.h"

#include <gtest/gtest.h>

#include <vector>

namespace isthmus::payload {
namespace {

using Octets = std::vector<std::uint8_t>;

Octets stap(const std::vector<Octets>& nals) {
  Octets made{0x78};
  for (const Octets& nal : nals) {
    made.push_back(static_cast<std::uint8_t>(nal.size() >> 8U));
    made.push_back(static_cast<std::uint8_t>(nal.size()));
    made.insert(made.end(), nal.begin(), nal.end());
  }
  return made;
}

TEST(Fragment, IsReadAndWrittenAsRfc6184Says) {
  Octets payload(3);
  write_fragment_header(payload.data(), 0x65, true, false);
  EXPECT_EQ(payload, (Octets{0x7c, 0x85, 0}));
  Fragment fragment;
  ASSERT_TRUE(read_fragment(payload, fragment));
  EXPECT_TRUE(fragment.start);
  EXPECT_FALSE(fragment.end);
  EXPECT_EQ(fragment.nal_header, 0x65);
  EXPECT_EQ(fragment.body.size(), 1U);
  write_fragment_header(payload.data(), 0x41, false, true);
  EXPECT_EQ(payload, (Octets{0x5c, 0x41, 0}));
}

TEST(Fragment, RefusesWhatCannotBe) {
  Fragment fragment;
  EXPECT_FALSE(read_fragment(Octets{0x7c, 0x85}, fragment));          // nothing behind the header
  EXPECT_FALSE(read_fragment(Octets{0x7c, 0xc5, 1}, fragment));       // start and end: RFC 6184 5.8
  EXPECT_FALSE(read_fragment(Octets{0x7c, 0x80 | 28, 1}, fragment));  // a fragment of fragments
  EXPECT_FALSE(read_fragment(Octets{0x7c, 0x80, 1}, fragment));
}

TEST(StapReader, WalksItsUnits) {
  const Octets payload = stap({{0x67, 1, 2}, {0x68}, {0x65, 9}});
  ASSERT_TRUE(StapReader::valid(payload));
  StapReader reader(payload);
  Bytes nal;
  std::vector<std::size_t> sizes;
  while (reader.next(nal)) sizes.push_back(nal.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 1, 2}));
}

TEST(StapReader, HoldsItsBounds) {
  EXPECT_TRUE(StapReader::valid(stap(std::vector<Octets>(kMaxAggregated, Octets{0x41, 1}))));
  EXPECT_FALSE(StapReader::valid(stap(std::vector<Octets>(kMaxAggregated + 1, Octets{0x41, 1}))));
  EXPECT_FALSE(StapReader::valid(Octets{0x78}));
  EXPECT_FALSE(StapReader::valid(stap({{}})));
  EXPECT_FALSE(StapReader::valid(stap({{0x7c, 0x85, 1}})));  // a fragment inside
  Octets cut = stap({{0x67, 1, 2}});
  cut.pop_back();
  EXPECT_FALSE(StapReader::valid(cut));
  Octets loose = stap({{0x67, 1, 2}});
  loose.push_back(0);
  EXPECT_FALSE(StapReader::valid(loose));
}

TEST(ScalableHeader, SurvivesTheWire) {
  const ScalableHeader header{true, 33, false, 5, 9, 3, true, true, false};
  std::uint8_t bytes[3];
  write_scalable_header(bytes, header);
  EXPECT_EQ(read_scalable_header(bytes), header);
}

TEST(Prefix, IsAsOpenH264WritesIt) {
  std::uint8_t prefix[kMaxPrefixBytes];
  EXPECT_EQ(write_prefix(prefix, 0x65, {.idr = true}), 5U);
  EXPECT_EQ(Octets(prefix, prefix + 5), (Octets{0x6e, 0xc0, 0x80, 0x07, 0x20}));
  EXPECT_EQ(write_prefix(prefix, 0x01, {.temporal_id = 2, .discardable = true}), 4U);
  EXPECT_EQ(Octets(prefix, prefix + 4), (Octets{0x0e, 0x80, 0x80, 0x4f}));
}

}  // namespace
}  // namespace isthmus::payload
