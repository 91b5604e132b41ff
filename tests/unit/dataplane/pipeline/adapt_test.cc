// H.264 <-> X-H264UC by repacking (RFC 6184, [MS-H264PF] 2.2): slices bit-exact, numbers without holes, markers kept.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/payload/microsoft_sei.h"
#include "dataplane/payload/pacsi.h"
#include "tests/support/pipeline/video.h"

namespace isthmus::test {
namespace {

constexpr std::size_t kMicrosoft = 0;
constexpr std::size_t kStandards = 1;

const Payload kSps{0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a};
const Payload kPps{0x68, 0xce, 0x3c, 0x80};
const Payload kPacsi{0x7e, 0x80, 0x80, 0x07, 0x20, 0, 1};
const Payload kPrefix{0x6e, 0x80, 0x80, 0x07, 0x20};

Payload slice(std::uint8_t header, std::size_t bytes, std::uint8_t fill = 9) {
  Payload nal(bytes, fill);
  nal[0] = header;
  return nal;
}
Payload idr(std::size_t bytes = 40) { return slice(0x65, bytes); }
Payload private_sei() {
  const auto sei = payload::write_bitstream_info({1, 2});
  return Payload(sei.begin(), sei.end());
}
std::vector<unsigned> types(const std::vector<VideoPacket>& packets) {
  std::vector<unsigned> all;
  for (const VideoPacket& packet : packets) all.push_back(packet.octets[0] & 0x1fU);
  return all;
}

class Adapt : public testing::Test {
 protected:
  void make(std::function<void(contract::StreamSpec&)> change = {}) {
    bench_ = std::make_unique<VideoBench>(std::move(change));
  }
  void SetUp() override { make(); }
  void TearDown() override { EXPECT_TRUE(bench_->clean()); }

  /// The next packet of the side's stream.
  std::vector<VideoPacket> next(std::size_t side, const Payload& octets, bool marker = false) {
    auto got = bench_->send(side, sequence_++, timestamp_, marker, octets);
    if (marker) timestamp_ += 3000;
    out_.insert(out_.end(), got.begin(), got.end());
    return got;
  }
  void expect_no_holes() const {
    for (std::size_t i = 1; i < out_.size(); ++i) {
      EXPECT_EQ(out_[i].sequence, static_cast<std::uint16_t>(out_[i - 1].sequence + 1)) << i;
    }
  }
  std::uint64_t dropped(DropReason reason) const { return bench_->relay.dropped(reason); }

  std::unique_ptr<VideoBench> bench_;
  std::uint16_t sequence_ = 100;
  std::uint32_t timestamp_ = 0;
  std::vector<VideoPacket> out_;
};

TEST_F(Adapt, TakesOutWhatIsMicrosofts) {
  for (int picture = 0; picture < 3; ++picture) {
    EXPECT_TRUE(next(kMicrosoft, kPacsi).empty());
    next(kMicrosoft, kSps);
    next(kMicrosoft, kPps);
    EXPECT_TRUE(next(kMicrosoft, private_sei()).empty());
    EXPECT_TRUE(next(kMicrosoft, kPrefix).empty());
    EXPECT_TRUE(next(kMicrosoft, slice(0x6f, 20)).empty());  // subset SPS
    next(kMicrosoft, idr(), true);
  }
  EXPECT_EQ(types(out_), (std::vector<unsigned>{7, 8, 5, 7, 8, 5, 7, 8, 5}));
  EXPECT_EQ(out_[2].octets, idr());
  EXPECT_TRUE(out_[2].marker);
  EXPECT_FALSE(out_[1].marker);
  expect_no_holes();
  EXPECT_EQ(bench_->relay.link.counters.consumed.get(), 12U);
}

TEST_F(Adapt, MakesAggregatesAnew) {
  const auto got = next(kMicrosoft, stap({kPacsi, kSps, private_sei(), kPps, kPrefix, idr()}), true);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].octets, stap({kSps, kPps, idr()}));
  EXPECT_TRUE(got[0].marker);
  const auto one = next(kMicrosoft, stap({kPacsi, kPrefix, slice(0x41, 30)}), true);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].octets, slice(0x41, 30));
  EXPECT_TRUE(next(kMicrosoft, stap({kPacsi, kPrefix})).empty());
  EXPECT_EQ(next(kMicrosoft, stap({slice(0x41, 9), slice(0x41, 8)}), true)[0].octets,
            stap({slice(0x41, 9), slice(0x41, 8)}));
  expect_no_holes();
}

TEST_F(Adapt, KeepsFragmentsAsTheyAre) {
  next(kMicrosoft, stap({kSps, kPps}));
  const auto parts = packetise(idr(3000), 1100);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto got = next(kMicrosoft, parts[i], i + 1 == parts.size());
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].octets, parts[i]);
  }
  EXPECT_EQ(depacketise(out_).back(), idr(3000));
  expect_no_holes();
}

TEST_F(Adapt, DividesWhatIsLargerThanTheFarPeerTakes) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.max_payload_bytes = 500; });
  next(kMicrosoft, stap({kSps, kPps}));
  next(kMicrosoft, idr(1400), true);  // a single NAL unit
  for (const Payload& part : packetise(slice(0x41, 2600), 1300)) next(kMicrosoft, part, true);
  next(kMicrosoft, stap({slice(0x41, 400), slice(0x41, 300)}), true);
  for (const VideoPacket& packet : out_) EXPECT_LE(packet.octets.size(), 500U);
  const auto nals = depacketise(out_);
  EXPECT_THAT(nals, testing::ElementsAre(kSps, kPps, idr(1400), slice(0x41, 2600), slice(0x41, 400), slice(0x41, 300)));
  expect_no_holes();
  EXPECT_TRUE(out_.back().marker);
}

TEST_F(Adapt, GivesSingleUnitsToModeZero) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.packetization_mode = 0; });
  next(kMicrosoft, stap({kPacsi, kSps, kPps, idr()}), true);
  for (const Payload& part : packetise(slice(0x41, 1200), 500)) next(kMicrosoft, part);
  next(kMicrosoft, slice(0x41, 1200), true);
  EXPECT_THAT(types(out_), testing::ElementsAre(7, 8, 5, 1, 1));
  EXPECT_EQ(out_[3].octets, slice(0x41, 1200));
  expect_no_holes();
}

TEST_F(Adapt, FragmentsForModeZeroOnlyWhatFitsNoPacket) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.packetization_mode = 0; });
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  for (const std::size_t size : {1200U, 1201U, 1202U, 3000U}) {
    out_.clear();
    for (const Payload& part : packetise(slice(0x41, size), 500)) next(kMicrosoft, part);
    for (const VideoPacket& packet : out_) EXPECT_LE(packet.octets.size(), 1200U) << size;
    EXPECT_THAT(depacketise(out_), testing::ElementsAre(slice(0x41, size))) << size;
    EXPECT_EQ(out_.size() == 1, size <= 1200) << "fragments only where they must be: " << size;
  }
}

TEST_F(Adapt, FragmentsForModeZeroASingleUnitThatIsTooLarge) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.packetization_mode = 0; });
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  out_.clear();
  next(kMicrosoft, slice(0x41, 1300), true);
  EXPECT_EQ(out_.size(), 2U);
  EXPECT_THAT(depacketise(out_), testing::ElementsAre(slice(0x41, 1300)));
}

TEST_F(Adapt, LosesTheRestOfALargeUnitForModeZeroWhenAFragmentIsLost) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.packetization_mode = 0; });
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  const auto parts = packetise(slice(0x41, 3000), 500);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == 4) {
      ++sequence_;  // lost on the way to us
    } else {
      next(kMicrosoft, parts[i]);
    }
  }
  EXPECT_EQ(dropped(DropReason::kFragmentLost), parts.size() - 5);
}

TEST_F(Adapt, PutsTheMarkerOnTheLastPacketThatIsLeft) {
  next(kMicrosoft, stap({kSps, kPps}));
  next(kMicrosoft, idr());
  const auto end = next(kMicrosoft, private_sei(), true);
  ASSERT_EQ(end.size(), 1U);
  EXPECT_TRUE(end[0].marker);
  EXPECT_EQ(end[0].octets, (Payload{0x0c, 0x80}));  // filler data
  // A picture of which nothing is left has no marker either.
  EXPECT_TRUE(next(kMicrosoft, kPacsi, true).empty());
  expect_no_holes();
}

TEST_F(Adapt, DropsLayersThatAreNotWanted) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.max_temporal_id = 0; });
  next(kMicrosoft, stap({kPacsi, kSps, kPps, idr()}), true);
  Payload upper = kPrefix;
  upper[3] = 0x2f;  // TID 1
  EXPECT_TRUE(next(kMicrosoft, stap({upper, slice(0x01, 50)}), true).empty());
  EXPECT_EQ(dropped(DropReason::kLayerDropped), 1U);
  // Others refer to this one, and the SPS does not allow for gaps.
  EXPECT_EQ(next(kMicrosoft, stap({upper, slice(0x41, 50)}), true).size(), 1U);
  EXPECT_EQ(next(kMicrosoft, slice(0x01, 50), true).size(), 1U);  // the next picture has no layer named
  expect_no_holes();
}

TEST_F(Adapt, SendsTheParameterSetsThatAPictureLacks) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.parameter_sets = {kSps, kPps}; });
  next(kStandards, idr(), true);
  EXPECT_THAT(types(out_), testing::ElementsAre(30, 7, 8, 5));
  EXPECT_EQ(out_[1].octets, kSps);
  Payload other = kSps;
  other[3] = 0x1f;
  next(kStandards, other);  // changed in mid-call, without its PPS
  next(kStandards, idr(), true);
  EXPECT_THAT(types({out_.begin() + 4, out_.end()}), testing::ElementsAre(30, 7, 8, 5));
  next(kStandards, idr(), true);
  EXPECT_EQ(out_[9].octets, other);
  expect_no_holes();
}

TEST_F(Adapt, LeadsEachPictureWithItsPacsi) {
  next(kStandards, kSps);
  next(kStandards, kPps);
  EXPECT_TRUE(out_.empty());  // its NAL units are being counted
  const auto parts = packetise(idr(2000), 1100);
  next(kStandards, parts[0]);
  next(kStandards, parts[1], true);
  next(kStandards, slice(0x41, 100), true);
  EXPECT_THAT(types(out_), testing::ElementsAre(30, 7, 8, 28, 28, 30, 1));
  expect_no_holes();
  const auto first = payload::read_pacsi(out_[0].octets);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->scalable.idr);
  EXPECT_EQ(first->decoding_order, 0);
  ASSERT_EQ(first->sei_count, 2U);
  const auto layout = payload::read_stream_layout(first->seis[0]);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->layers[0].coded_height, 368);
  EXPECT_EQ(layout->layers[0].display_height, 360);
  EXPECT_TRUE(layout->layers[0].constrained_baseline);
  EXPECT_EQ(payload::read_bitstream_info(first->seis[1]), (payload::BitstreamInfo{1, 3}));
  const auto second = payload::read_pacsi(out_[5].octets);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->scalable.idr);
  EXPECT_EQ(second->ref_idc, 2);
  EXPECT_EQ(second->decoding_order, 3);
  EXPECT_EQ(payload::read_bitstream_info(second->seis[0]), (payload::BitstreamInfo{2, 1}));
  EXPECT_EQ(out_[0].timestamp, out_[1].timestamp);
  EXPECT_FALSE(out_[0].marker);
  EXPECT_TRUE(out_[4].marker);
}

TEST_F(Adapt, DoesNotWaitOnceEachPictureHasOneSlice) {
  next(kStandards, stap({kSps, kPps, idr()}), true);
  for (std::size_t i = 0; i < session::kSteadyPictures; ++i) next(kStandards, slice(0x41, 20), true);
  const auto parts = packetise(slice(0x41, 2000), 1100);
  const auto got = next(kStandards, parts[0]);
  EXPECT_THAT(types(got), testing::ElementsAre(30, 28));
  EXPECT_EQ(next(kStandards, parts[1], true).size(), 1U);
  expect_no_holes();
}

TEST_F(Adapt, HoldsNoMoreThanItsBoundAndNoLongerThanItsTime) {
  next(kStandards, stap({kSps, kPps}));
  for (std::size_t i = 1; i < session::kMaxHeldPackets; ++i) EXPECT_TRUE(next(kStandards, idr()).empty());
  EXPECT_EQ(bench_->relay.link.counters.held.get(), session::kMaxHeldPackets);
  EXPECT_EQ(next(kStandards, idr()).size(), session::kMaxHeldPackets + 2);
  EXPECT_EQ(bench_->relay.link.counters.held.get(), 0U);
  timestamp_ += 3000;
  EXPECT_TRUE(next(kStandards, slice(0x41, 20)).empty());
  auto late = bench_->take(bench_->relay.pass_ms(250), kMicrosoft);
  EXPECT_THAT(types(late), testing::ElementsAre(30, 1));
  out_.insert(out_.end(), late.begin(), late.end());
  timestamp_ += 3000;
  next(kStandards, slice(0x41, 20));  // the marker is lost
  timestamp_ += 3000;
  EXPECT_THAT(types(next(kStandards, slice(0x41, 20), true)), testing::ElementsAre(30, 1, 30, 1));
  expect_no_holes();
}

TEST_F(Adapt, AHeldPictureGoesWithItsSession) {
  next(kStandards, stap({kSps, kPps}));
  EXPECT_EQ(bench_->relay.link.counters.held.get(), 1U);
}

TEST_F(Adapt, ALostPacketLeavesOneHole) {
  next(kMicrosoft, kPacsi);
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  next(kMicrosoft, kPacsi);
  const auto before = next(kMicrosoft, slice(0x41, 20));
  const std::uint16_t missing = sequence_++;
  const auto after = next(kMicrosoft, slice(0x41, 22), true);
  EXPECT_EQ(after[0].sequence, static_cast<std::uint16_t>(before[0].sequence + 2));
  next(kMicrosoft, kPacsi);
  next(kMicrosoft, slice(0x41, 23), true);
  // It comes after all, and fills its place.
  const auto late = bench_->send(kMicrosoft, missing, 3000, false, slice(0x41, 21));
  ASSERT_EQ(late.size(), 1U);
  EXPECT_EQ(late[0].sequence, static_cast<std::uint16_t>(before[0].sequence + 1));
  EXPECT_EQ(late[0].octets, slice(0x41, 21));
}

TEST_F(Adapt, WhatIsLateAndWouldNeedMoreThanItsPlaceIsDropped) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.max_payload_bytes = 500; });
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  const std::uint16_t missing = sequence_++;
  next(kMicrosoft, slice(0x41, 22), true);
  EXPECT_TRUE(bench_->send(kMicrosoft, missing, 3000, false, slice(0x41, 900)).empty());
  EXPECT_EQ(dropped(DropReason::kAdaptLate), 1U);
  EXPECT_TRUE(bench_->send(kMicrosoft, missing, 3000, false, kPacsi).empty());
}

TEST_F(Adapt, CountsWhatIsNoNalUnit) {
  next(kMicrosoft, {});
  next(kMicrosoft, {0x7e, 0x80});                                      // PACSI cut short
  next(kMicrosoft, {0x7e, 0x80, 0x80, 7, 0x20, 0, 1, 0xff, 0xff, 6});  // ... that lies about sizes
  next(kMicrosoft, {0x78, 0, 9, 1});                                   // aggregate past its end
  next(kMicrosoft, {0x7c, 0xc5, 1});                                   // start and end
  EXPECT_EQ(dropped(DropReason::kNalMalformed), 5U);
  next(kMicrosoft, {0x7d, 0x85, 1, 2});  // FU-B
  next(kMicrosoft, {0x60, 1, 2});
  EXPECT_EQ(dropped(DropReason::kNalUnsupported), 2U);
  EXPECT_TRUE(out_.empty());
  // Fragments that never end cost nothing and stop nothing.
  for (int i = 0; i < 200; ++i) next(kMicrosoft, {0x7c, 0x05, 1});
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  expect_no_holes();
}

TEST_F(Adapt, AUnitInFragmentsHasABound) {
  constexpr std::size_t kBody = 1024;
  static_assert(session::kMaxFragmentedBytes % kBody == 0);
  const auto fragment = [&](std::uint8_t mark) {
    Payload part(2 + kBody, 9);
    part[0] = 0x7c;
    part[1] = mark;
    return part;
  };
  next(kMicrosoft, fragment(0x85));
  for (std::size_t i = 1; i < session::kMaxFragmentedBytes / kBody; ++i) next(kMicrosoft, fragment(0x05));
  EXPECT_EQ(dropped(DropReason::kNalMalformed), 0U);
  const std::size_t passed = out_.size();
  for (int i = 0; i < 20; ++i) next(kMicrosoft, fragment(0x05));
  EXPECT_EQ(dropped(DropReason::kNalMalformed), 20U);
  EXPECT_EQ(out_.size(), passed);
  next(kMicrosoft, fragment(0x81));  // another unit is another count
  next(kMicrosoft, fragment(0x41), true);
  EXPECT_EQ(out_.size(), passed + 2);
  expect_no_holes();
}

TEST_F(Adapt, WithoutBuffersAPictureStillPasses) {
  std::vector<io::Frame> taken;
  next(kStandards, stap({kSps, kPps}));
  // One is needed for the packet itself.
  for (io::Frame frame = bench_->relay.io.allocate(); frame.handle != nullptr; frame = bench_->relay.io.allocate()) {
    taken.push_back(frame);
  }
  bench_->relay.io.release(taken.back());
  taken.pop_back();
  const auto got = next(kStandards, idr(), true);
  EXPECT_THAT(types(got), testing::ElementsAre(24, 5));  // no PACSI
  for (const io::Frame& frame : taken) bench_->relay.io.release(frame);
}

TEST_F(Adapt, NumbersGoOnWhenTheStageIsNoLongerNeeded) {
  next(kMicrosoft, kPacsi);
  next(kMicrosoft, stap({kSps, kPps, idr()}), true);
  next(kMicrosoft, kPacsi);
  next(kMicrosoft, slice(0x41, 20), true);
  auto spec = bench_->spec;
  spec.revision = 2;
  for (auto& leg : spec.streams[0].leg) leg.video = {};
  bench_->relay.update(spec);
  next(kMicrosoft, kPacsi);  // passes as it is
  EXPECT_THAT(types(out_), testing::ElementsAre(24, 1, 30));
  expect_no_holes();
}

TEST_F(Adapt, OtherStreamsPassUntouched) {
  make([](contract::StreamSpec& stream) { stream.leg[1].video.format = contract::VideoFormat::kOpaque; });
  EXPECT_EQ(next(kMicrosoft, kPacsi).size(), 1U);
  EXPECT_EQ(next(kStandards, kSps).size(), 1U);
}

}  // namespace
}  // namespace isthmus::test
