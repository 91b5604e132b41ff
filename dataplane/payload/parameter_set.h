#pragma once

// What a relay needs of sequence and picture parameter sets (H.264 7.3.2.1, 7.3.2.2).

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"

namespace isthmus::payload {

inline constexpr std::uint32_t kMaxSpsId = 31;
inline constexpr std::uint32_t kMaxPpsId = 255;
inline constexpr std::uint32_t kMaxPictureMacroblocks = 1024;  ///< a side: 16,384 samples

struct Sps {
  std::uint8_t id = 0;
  std::uint8_t profile_idc = 0;
  std::uint8_t constraints = 0;  ///< constraint_set0_flag is the highest bit
  std::uint8_t level_idc = 0;
  bool gaps_allowed = false;       ///< gaps_in_frame_num_value_allowed_flag: reference pictures may be missing
  std::uint16_t coded_width = 0;   ///< whole macroblocks
  std::uint16_t coded_height = 0;  ///< of a frame
  std::uint16_t width = 0;         ///< shown
  std::uint16_t height = 0;

  bool is_constrained_baseline() const { return profile_idc == 66 && (constraints & 0x40U) != 0; }
  bool operator==(const Sps&) const = default;
};

/// `nal` with its header. Empty: not an SPS, cut short, or beyond the bounds above.
std::optional<Sps> read_sps(Bytes nal);

struct PpsIds {
  std::uint8_t id = 0;
  std::uint8_t sps_id = 0;
};
std::optional<PpsIds> read_pps_ids(Bytes nal);

}  // namespace isthmus::payload
