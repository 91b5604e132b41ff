#pragma once

// Private SEI messages of [MS-H264PF] 2.2.5 to 2.2.7: user data (payload type 5) under a UUID. Inside a PACSI they have
// neither emulation prevention nor trailing bits.
//
//   | 06 | 05 | payload size (8) | UUID (128) | fields |

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace isthmus::payload {

inline constexpr std::size_t kMaxLayers = 8;  ///< layer descriptions that are kept; a sender has 64 PRIDs
inline constexpr std::size_t kMaxCropWindows = 8;
inline constexpr std::size_t kStreamLayoutBytes = 45;  ///< SEI with one layer
inline constexpr std::size_t kBitstreamInfoBytes = 21;

enum class MicrosoftSei : std::uint8_t { kNone, kStreamLayout, kBitstreamInfo, kCropping };
/// Which one a SEI NAL unit is, as far as its first message says.
MicrosoftSei microsoft_sei(Bytes nal);

/// Frames a second by index, in tenths.
inline constexpr std::array<std::uint16_t, 7> kFrameRateTenths{75, 125, 150, 250, 300, 500, 600};
std::uint8_t nearest_frame_rate(std::uint32_t frames_per_second_tenths);

struct LayerDescription {
  std::uint16_t coded_width = 0;
  std::uint16_t coded_height = 0;
  std::uint16_t display_width = 0;
  std::uint16_t display_height = 0;
  std::uint32_t bit_rate = 0;   ///< bit/s
  std::uint8_t frame_rate = 4;  ///< index into kFrameRateTenths
  std::uint8_t type = 0;        ///< 0: base, 1: temporal enhancement
  std::uint8_t priority_id = 0;
  bool constrained_baseline = false;

  bool operator==(const LayerDescription&) const = default;
};

struct StreamLayout {
  std::uint64_t presence = 0;  ///< bit n: PRID n
  bool full = false;           ///< descriptions are there
  std::array<LayerDescription, kMaxLayers> layers;
  std::size_t layer_count = 0;
};

struct BitstreamInfo {
  std::uint8_t reference_frames = 0;  ///< counts reference frames, modulo 256
  std::uint8_t nal_units = 0;         ///< that the PACSI describes

  bool operator==(const BitstreamInfo&) const = default;
};

struct CropWindow {
  std::uint8_t confidence = 0;
  std::uint16_t left = 0, right = 0, top = 0, bottom = 0;
};
struct Cropping {
  std::uint8_t type = 0;
  std::array<CropWindow, kMaxCropWindows> windows;
  std::size_t window_count = 0;
};

/// Empty: another message, cut short, or sizes that do not fit. Layers beyond kMaxLayers are not kept.
std::optional<StreamLayout> read_stream_layout(Bytes nal);
std::optional<BitstreamInfo> read_bitstream_info(Bytes nal);
std::optional<Cropping> read_cropping(Bytes nal);

/// Full layout with one layer.
std::array<std::uint8_t, kStreamLayoutBytes> write_stream_layout(const LayerDescription& layer);
std::array<std::uint8_t, kBitstreamInfoBytes> write_bitstream_info(const BitstreamInfo& info);

}  // namespace isthmus::payload
