#include "dataplane/payload/microsoft_sei.h"

#include <algorithm>

#include "dataplane/payload/h264.h"

namespace isthmus::payload {
namespace {

using Uuid = std::array<std::uint8_t, 16>;

constexpr Uuid kStreamLayoutUuid{0x13, 0x9f, 0xb1, 0xa9, 0x44, 0x6a, 0x4d, 0xec,
                                 0x8c, 0xbf, 0x65, 0xb1, 0xe1, 0x2d, 0x2c, 0xfd};
constexpr Uuid kBitstreamInfoUuid{0x05, 0xfb, 0xc6, 0xb9, 0x5a, 0x80, 0x40, 0xe5,
                                  0xa2, 0x2a, 0xab, 0x40, 0x20, 0x26, 0x7e, 0x26};
constexpr Uuid kCroppingUuid{0xbb, 0x7f, 0xc1, 0xa0, 0x69, 0x86, 0x40, 0x52,
                             0x90, 0xf0, 0x09, 0x29, 0x21, 0x75, 0x39, 0xcf};

constexpr std::uint8_t kUserDataUnregistered = 5;  // H.264 D.1.6
constexpr std::size_t kHeaderBytes = 3;            // NAL header, payload type, payload size
constexpr std::size_t kFieldsAt = kHeaderBytes + 16;
constexpr std::size_t kLayerBytes = 16;
constexpr std::size_t kPresenceBytes = 8;
constexpr std::size_t kCropWindowBytes = 9;

/// What is behind the UUID; empty when it is another message or does not fit.
Bytes fields(Bytes nal, const Uuid& uuid) {
  if (nal.size() < kFieldsAt || nal_type(nal[0]) != NalType::kSei || nal[1] != kUserDataUnregistered) return {};
  const std::size_t size = nal[2];
  if (size < uuid.size() || kHeaderBytes + size > nal.size()) return {};
  if (!std::equal(uuid.begin(), uuid.end(), nal.begin() + kHeaderBytes)) return {};
  return nal.subspan(kFieldsAt, size - uuid.size());
}

LayerDescription read_layer(const std::uint8_t* at) {
  LayerDescription layer;
  layer.coded_width = load_be16(at);
  layer.coded_height = load_be16(at + 2);
  layer.display_width = load_be16(at + 4);
  layer.display_height = load_be16(at + 6);
  layer.bit_rate = load_be32(at + 8);
  layer.frame_rate = at[12] >> 3U;
  layer.type = at[12] & 7U;
  layer.priority_id = at[13] >> 2U;
  layer.constrained_baseline = (at[13] & 2U) != 0;
  return layer;
}

void begin(std::uint8_t* to, std::size_t sei_bytes, const Uuid& uuid) {
  to[0] = static_cast<std::uint8_t>(NalType::kSei);
  to[1] = kUserDataUnregistered;
  to[2] = static_cast<std::uint8_t>(sei_bytes - kHeaderBytes);
  std::copy(uuid.begin(), uuid.end(), to + kHeaderBytes);
}

}  // namespace

MicrosoftSei microsoft_sei(Bytes nal) {
  if (nal.size() < kFieldsAt || nal_type(nal[0]) != NalType::kSei || nal[1] != kUserDataUnregistered) {
    return MicrosoftSei::kNone;
  }
  const auto is = [&](const Uuid& uuid) { return std::equal(uuid.begin(), uuid.end(), nal.begin() + kHeaderBytes); };
  if (is(kStreamLayoutUuid)) return MicrosoftSei::kStreamLayout;
  if (is(kBitstreamInfoUuid)) return MicrosoftSei::kBitstreamInfo;
  return is(kCroppingUuid) ? MicrosoftSei::kCropping : MicrosoftSei::kNone;
}

std::uint8_t nearest_frame_rate(std::uint32_t frames_per_second_tenths) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < kFrameRateTenths.size(); ++i) {
    // Ascending: the next one is nearer as long as the middle between both is passed.
    if (2 * frames_per_second_tenths >= std::uint32_t{kFrameRateTenths[i]} + kFrameRateTenths[i - 1]) best = i;
  }
  return static_cast<std::uint8_t>(best);
}

std::optional<StreamLayout> read_stream_layout(Bytes nal) {
  Bytes rest = fields(nal, kStreamLayoutUuid);
  if (rest.size() < kPresenceBytes + 1) return std::nullopt;
  StreamLayout layout;
  for (std::size_t i = 0; i < kPresenceBytes; ++i) layout.presence |= std::uint64_t{rest[i]} << (8 * i);
  layout.full = (rest[kPresenceBytes] & 1U) != 0;
  rest = rest.subspan(kPresenceBytes + 1);
  if (!layout.full) return layout;
  if (rest.empty() || rest[0] < kLayerBytes) return std::nullopt;
  const std::size_t step = rest[0];  // a later version may describe a layer in more words
  rest = rest.subspan(1);
  for (; rest.size() >= step && layout.layer_count < kMaxLayers; rest = rest.subspan(step)) {
    layout.layers[layout.layer_count++] = read_layer(rest.data());
  }
  return layout;
}

std::optional<BitstreamInfo> read_bitstream_info(Bytes nal) {
  const Bytes rest = fields(nal, kBitstreamInfoUuid);
  if (rest.size() < 2) return std::nullopt;
  return BitstreamInfo{rest[0], rest[1]};
}

std::optional<Cropping> read_cropping(Bytes nal) {
  Bytes rest = fields(nal, kCroppingUuid);
  if (rest.size() < 2) return std::nullopt;
  const std::size_t windows = rest[0];
  Cropping cropping;
  cropping.type = rest[1];
  rest = rest.subspan(2);
  if (windows > kMaxCropWindows || rest.size() < windows * kCropWindowBytes) return std::nullopt;
  for (; cropping.window_count < windows; ++cropping.window_count) {
    const std::uint8_t* at = rest.data() + cropping.window_count * kCropWindowBytes;
    cropping.windows[cropping.window_count] = {at[0], load_be16(at + 1), load_be16(at + 3), load_be16(at + 5),
                                               load_be16(at + 7)};
  }
  return cropping;
}

std::array<std::uint8_t, kStreamLayoutBytes> write_stream_layout(const LayerDescription& layer) {
  std::array<std::uint8_t, kStreamLayoutBytes> sei{};
  begin(sei.data(), sei.size(), kStreamLayoutUuid);
  std::uint8_t* at = sei.data() + kFieldsAt;
  at[(layer.priority_id & 0x3fU) / 8U] = static_cast<std::uint8_t>(1U << (layer.priority_id % 8U));
  at[kPresenceBytes] = 1;
  at[kPresenceBytes + 1] = kLayerBytes;
  at += kPresenceBytes + 2;
  store_be16(at, layer.coded_width);
  store_be16(at + 2, layer.coded_height);
  store_be16(at + 4, layer.display_width);
  store_be16(at + 6, layer.display_height);
  store_be32(at + 8, layer.bit_rate);
  at[12] = static_cast<std::uint8_t>((std::uint32_t{layer.frame_rate} << 3U) | (layer.type & 7U));
  at[13] = static_cast<std::uint8_t>((std::uint32_t{layer.priority_id} << 2U) | (layer.constrained_baseline ? 2U : 0U));
  return sei;
}

std::array<std::uint8_t, kBitstreamInfoBytes> write_bitstream_info(const BitstreamInfo& info) {
  std::array<std::uint8_t, kBitstreamInfoBytes> sei{};
  begin(sei.data(), sei.size(), kBitstreamInfoUuid);
  sei[kFieldsAt] = info.reference_frames;
  sei[kFieldsAt + 1] = info.nal_units;
  return sei;
}

}  // namespace isthmus::payload
