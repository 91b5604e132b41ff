#include "dataplane/payload/pacsi.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/payload/microsoft_sei.h"

namespace isthmus::payload {
namespace {

using Octets = std::vector<std::uint8_t>;

// IDR access unit, 1280x720, 30 fps, 1.2 Mbit/s, PRID 0, DONC 100, one reference frame, five NAL units.
const Octets kIdrPacsi{0x7e, 0xc0, 0x80, 0x07, 0x20, 0x00, 0x64, 0x00, 0x2d, 0x06, 0x05, 0x2a, 0x13, 0x9f, 0xb1, 0xa9,
                       0x44, 0x6a, 0x4d, 0xec, 0x8c, 0xbf, 0x65, 0xb1, 0xe1, 0x2d, 0x2c, 0xfd, 0x01, 0x00, 0x00, 0x00,
                       0x00, 0x00, 0x00, 0x00, 0x01, 0x10, 0x05, 0x00, 0x02, 0xd0, 0x05, 0x00, 0x02, 0xd0, 0x00, 0x12,
                       0x4f, 0x80, 0x20, 0x02, 0x00, 0x00, 0x00, 0x15, 0x06, 0x05, 0x12, 0x05, 0xfb, 0xc6, 0xb9, 0x5a,
                       0x80, 0x40, 0xe5, 0xa2, 0x2a, 0xab, 0x40, 0x20, 0x26, 0x7e, 0x26, 0x01, 0x05};

LayerDescription layer_720p() {
  LayerDescription layer;
  layer.coded_width = layer.display_width = 1280;
  layer.coded_height = layer.display_height = 720;
  layer.bit_rate = 1'200'000;
  layer.frame_rate = 4;
  layer.constrained_baseline = true;
  return layer;
}

TEST(Pacsi, IsWrittenToTheByte) {
  const auto layout = write_stream_layout(layer_720p());
  const auto info = write_bitstream_info({1, 5});
  Pacsi pacsi;
  pacsi.scalable.idr = true;
  pacsi.decoding_order = 100;
  pacsi.add(layout);
  pacsi.add(info);
  Octets to(kIdrPacsi.size());
  ASSERT_EQ(write_pacsi(pacsi, to), to.size());
  EXPECT_EQ(to, kIdrPacsi);
  to.pop_back();
  EXPECT_EQ(write_pacsi(pacsi, to), 0U);
}

TEST(Pacsi, IsReadWithItsMessages) {
  const auto pacsi = read_pacsi(kIdrPacsi);
  ASSERT_TRUE(pacsi);
  EXPECT_EQ(pacsi->ref_idc, 3);
  EXPECT_TRUE(pacsi->scalable.idr);
  EXPECT_EQ(pacsi->scalable.temporal_id, 0);
  EXPECT_EQ(pacsi->decoding_order, 100);
  ASSERT_EQ(pacsi->sei_count, 2U);
  const auto layout = read_stream_layout(pacsi->seis[0]);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->presence, 1U);
  ASSERT_EQ(layout->layer_count, 1U);
  EXPECT_EQ(layout->layers[0], layer_720p());
  EXPECT_EQ(read_bitstream_info(pacsi->seis[1]), (BitstreamInfo{1, 5}));
  EXPECT_EQ(microsoft_sei(pacsi->seis[0]), MicrosoftSei::kStreamLayout);
  EXPECT_EQ(microsoft_sei(pacsi->seis[1]), MicrosoftSei::kBitstreamInfo);
  EXPECT_FALSE(read_cropping(pacsi->seis[1]));
}

TEST(Pacsi, RefusesEveryCut) {
  // Without SEIs, with the first one, and whole: all other lengths are no PACSI.
  for (std::size_t size = 0; size < kIdrPacsi.size(); ++size) {
    const bool good = size == 7 || size == 54;
    EXPECT_EQ(read_pacsi(Bytes(kIdrPacsi).first(size)).has_value(), good) << size;
  }
}

TEST(Pacsi, HoldsTheBoundOfItsMessages) {
  Octets nal{0x7e, 0x80, 0x80, 0x07, 0x00};
  for (std::size_t i = 0; i < kMaxPacsiSeis; ++i) nal.insert(nal.end(), {0, 1, 6});
  ASSERT_TRUE(read_pacsi(nal));
  EXPECT_EQ(read_pacsi(nal)->sei_count, kMaxPacsiSeis);
  nal.insert(nal.end(), {0, 1, 6});
  EXPECT_FALSE(read_pacsi(nal));
  EXPECT_FALSE(read_pacsi(Octets{0x7e, 0x80, 0x80, 0x07, 0x00, 0, 0}));  // a message of nothing
}

TEST(Pacsi, SkipsPictureIndices) {
  const auto pacsi = read_pacsi(Octets{0x7e, 0x80, 0x80, 0x67, 0x60, 1, 2, 3, 0, 7});
  ASSERT_TRUE(pacsi);
  EXPECT_EQ(pacsi->decoding_order, 7);
  EXPECT_EQ(pacsi->scalable.temporal_id, 3);
  EXPECT_FALSE(read_pacsi(Octets{0x7e, 0x80, 0x80, 0x67, 0x40, 1, 2}));
}

TEST(StreamLayout, KeepsNoMoreLayersThanItSays) {
  auto sei = write_stream_layout(layer_720p());
  Octets many(sei.begin(), sei.end());
  const Octets one(many.end() - 16, many.end());
  for (int i = 1; i < 12; ++i) many.insert(many.end(), one.begin(), one.end());
  many[2] = static_cast<std::uint8_t>(many.size() - 3);
  const auto layout = read_stream_layout(many);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->layer_count, kMaxLayers);
  many[2] = 255;  // past the end
  EXPECT_FALSE(read_stream_layout(many));
  sei[28] = 15;  // descriptions too small to be ones
  EXPECT_FALSE(read_stream_layout(sei));
}

TEST(StreamLayout, UpdateHasNoDescriptions) {
  auto sei = write_stream_layout(layer_720p());
  sei[27] = 0;
  sei[2] = 25;
  const auto layout = read_stream_layout(Bytes(sei).first(28));
  ASSERT_TRUE(layout);
  EXPECT_FALSE(layout->full);
  EXPECT_EQ(layout->layer_count, 0U);
}

TEST(Cropping, HoldsItsBound) {
  const Octets uuid{0xbb, 0x7f, 0xc1, 0xa0, 0x69, 0x86, 0x40, 0x52, 0x90, 0xf0, 0x09, 0x29, 0x21, 0x75, 0x39, 0xcf};
  const auto made = [&](std::uint8_t windows) {
    Octets sei{6, 5, static_cast<std::uint8_t>(18 + 9 * windows)};
    sei.insert(sei.end(), uuid.begin(), uuid.end());
    sei.insert(sei.end(), {windows, 1});
    for (std::uint8_t i = 0; i < windows; ++i) sei.insert(sei.end(), {i, 0, 1, 0, 2, 0, 3, 0, 4});
    return sei;
  };
  const auto cropping = read_cropping(made(kMaxCropWindows));
  ASSERT_TRUE(cropping);
  EXPECT_EQ(cropping->window_count, kMaxCropWindows);
  EXPECT_EQ(cropping->windows[7].confidence, 7);
  EXPECT_EQ(cropping->windows[7].bottom, 4);
  EXPECT_FALSE(read_cropping(made(kMaxCropWindows + 1)));
  Octets cut = made(2);
  cut[2] = static_cast<std::uint8_t>(cut[2] - 1);
  EXPECT_FALSE(read_cropping(cut));
}

TEST(FrameRate, IsTheNearest) {
  EXPECT_EQ(nearest_frame_rate(0), 0);
  EXPECT_EQ(nearest_frame_rate(99), 0);
  EXPECT_EQ(nearest_frame_rate(150), 2);
  EXPECT_EQ(nearest_frame_rate(299), 4);
  EXPECT_EQ(nearest_frame_rate(10'000), 6);
}

}  // namespace
}  // namespace isthmus::payload
