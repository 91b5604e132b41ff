#include "dataplane/payload/picture_request.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/payload/report_extension.h"

namespace isthmus::payload {
namespace {

using Octets = std::vector<std::uint8_t>;

// FCI of a request for 1280x720 at 15 or 30 fps with a key frame, behind the 12 bytes of the feedback header.
Octets request_720p() {
  Octets fci{0x00, 0x01, 0x00, 0x58, 0xff, 0xff, 0xff, 0xfe, 0x00, 0x07, 0x00, 0x00, 0x00, 0x80,
             0x01, 0x44, 0x00, 0x00, 0x00, 0x00, 0x7a, 0x01, 0x00, 0x02, 0x05, 0x00, 0x02, 0xd0,
             0x00, 0x04, 0x93, 0xe0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xd4, 0xc0};
  fci.resize(88);
  fci[59] = 1;     // bin 9
  fci[63] = 0x14;  // 15 and 30 fps
  fci[67] = 1;     // may
  fci[69] = 1;     // quality bin 0
  fci[85] = 0x0e;
  fci[86] = 0x10;
  return fci;
}

TEST(SourceRequest, IsReadAndWrittenToTheByte) {
  const auto request = read_source_request(request_720p());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->source, kSourceAny);
  EXPECT_EQ(request->request_id, 7);
  EXPECT_TRUE(request->key_frame);
  ASSERT_EQ(request->entry_count, 1U);
  const SourceEntry& entry = request->entries[0];
  EXPECT_EQ(entry.payload_type, 122);
  EXPECT_EQ(entry.max_width, 1280);
  EXPECT_EQ(entry.max_height, 720);
  EXPECT_EQ(entry.min_bit_rate, 300'000U);
  EXPECT_EQ(entry.highest_bit_rate(), 1'500'000U);
  EXPECT_EQ(entry.frame_rates, std::uint32_t{kRate15 | kRate30});
  EXPECT_EQ(entry.max_pixels, 921'600U);
  Octets to(88, 0xff);
  ASSERT_EQ(write_source_request(*request, to), to.size());
  EXPECT_EQ(to, request_720p());
  to.pop_back();
  EXPECT_EQ(write_source_request(*request, to), 0U);
}

TEST(SourceRequest, OfNothing) {
  SourceRequest none;
  none.source = kSourceNone;
  Octets to(kSourceRequestBytes);
  ASSERT_EQ(write_source_request(none, to), to.size());
  const auto read = read_source_request(to);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->source, kSourceNone);
  EXPECT_EQ(read->entry_count, 0U);
}

TEST(SourceRequest, RefusesEveryCutAndTwentyOneEntries) {
  const Octets whole = request_720p();
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_source_request(Bytes(whole).first(size)));
  SourceRequest request;
  request.entry_count = kMaxSourceEntries;
  Octets most(kSourceRequestBytes + (kMaxSourceEntries + 1) * kSourceEntryBytes);
  const std::size_t bytes = write_source_request(request, most);
  ASSERT_EQ(bytes, most.size() - kSourceEntryBytes);
  EXPECT_TRUE(read_source_request(Bytes(most).first(bytes)));
  store_be16(&most[2], static_cast<std::uint16_t>(most.size()));
  most[14] = kMaxSourceEntries + 1;
  EXPECT_FALSE(read_source_request(most));
  Octets other_size = whole;
  other_size[15] = 67;
  EXPECT_FALSE(read_source_request(other_size));
  Octets lies = whole;
  lies[3] = 0x57;
  EXPECT_FALSE(read_source_request(lies));
}

TEST(SourceRequest, IsNoSpeakerHistory) {
  EXPECT_FALSE(read_source_request(Octets{0, 3, 0, 0x10, 0, 0, 1, 0x9e, 0, 0, 1, 0x9e, 0, 0, 0, 0xc9, 0, 0, 0, 0}));
}

TEST(ExtendedPli, IsReadAndWrittenToTheByte) {
  const Octets fci{0x00, 0x03, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(read_extended_pli(fci), (ExtendedPli{3, 1}));
  const auto made = write_extended_pli({3, 1});
  EXPECT_EQ(Octets(made.begin(), made.end()), fci);
  EXPECT_FALSE(read_extended_pli(Bytes(fci).first(11)));
}

TEST(ReportExtension, AreWalkedByLength) {
  const Octets both{0, 1, 0,    0x0c, 0, 9,    0xc4, 0,    0, 0x16, 0xe3, 0x60, 0, 0x0c, 0, 0x14,
                    0, 1, 0x23, 0x45, 0, 0x98, 0x96, 0x80, 0, 0x98, 0x96, 0x80, 0, 0,    0, 0};
  ReportExtensionReader reader(both);
  ReportExtension extension;
  ASSERT_TRUE(reader.next(extension));
  const auto estimate = read_estimated_bandwidth(extension);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->ssrc, 0x9c400U);
  EXPECT_EQ(estimate->bits_per_second, 1'500'000U);
  ASSERT_TRUE(reader.next(extension));
  EXPECT_EQ(extension.type, ReportExtensionType::kPeerInfo);
  EXPECT_EQ(extension.information.size(), 16U);
  EXPECT_FALSE(read_estimated_bandwidth(extension));
  EXPECT_FALSE(reader.next(extension));
}

TEST(ReportExtension, EndAtWhatDoesNotFitAndAfterTwenty) {
  ReportExtension extension;
  for (const Octets& bad : {Octets{0, 1, 0, 3}, Octets{0, 1, 0, 5}, Octets{0, 1, 0}}) {
    ReportExtensionReader reader(bad);
    EXPECT_FALSE(reader.next(extension));
  }
  Octets many;
  for (std::size_t i = 0; i <= kMaxReportExtensions; ++i) many.insert(many.end(), {0, 6, 0, 4});
  ReportExtensionReader reader(many);
  std::size_t count = 0;
  while (reader.next(extension)) ++count;
  EXPECT_EQ(count, kMaxReportExtensions);
  const Octets no_estimate{0, 1, 0, 0x0c, 0, 9, 0xc4, 0, 0xff, 0xff, 0xff, 0xfd};
  ReportExtensionReader once(no_estimate);
  ASSERT_TRUE(once.next(extension));
  EXPECT_FALSE(read_estimated_bandwidth(extension));
}

}  // namespace
}  // namespace isthmus::payload
