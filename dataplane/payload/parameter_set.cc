#include "dataplane/payload/parameter_set.h"

#include "dataplane/payload/bit_reader.h"
#include "dataplane/payload/h264.h"

namespace isthmus::payload {
namespace {

constexpr std::uint32_t kMaxFramesInCycle = 255;  // H.264 7.4.2.1.1

bool has_chroma_format(std::uint8_t profile) {
  switch (profile) {
    case 44:
    case 83:
    case 86:
    case 100:
    case 110:
    case 118:
    case 122:
    case 128:
    case 134:
    case 135:
    case 138:
    case 139:
    case 244: return true;
    default: return false;
  }
}

// H.264 7.3.2.1.1.1
void skip_scaling_list(BitReader& bits, unsigned size) {
  std::uint32_t last = 8;
  std::uint32_t next = 8;
  for (unsigned i = 0; i < size && bits.ok(); ++i) {
    // Unsigned: a delta is -128..127, but a sender may write any (the sum modulo 256 is what the standard takes).
    if (next != 0) next = (last + static_cast<std::uint32_t>(bits.signed_golomb())) & 0xffU;
    if (next != 0) last = next;
  }
}

/// chroma_format_idc; 1 where the profile has none.
std::uint32_t read_chroma(BitReader& bits, std::uint8_t profile, bool& separate_planes) {
  if (!has_chroma_format(profile)) return 1;
  const std::uint32_t format = bits.unsigned_golomb();
  if (format == 3) separate_planes = bits.bit() != 0;
  bits.unsigned_golomb();  // bit_depth_luma_minus8
  bits.unsigned_golomb();
  bits.bit();  // qpprime_y_zero_transform_bypass_flag
  if (bits.bit() != 0) {
    const unsigned lists = format == 3 ? 12 : 8;
    for (unsigned i = 0; i < lists; ++i) {
      if (bits.bit() != 0) skip_scaling_list(bits, i < 6 ? 16 : 64);
    }
  }
  return format;
}

bool skip_order_count(BitReader& bits) {
  const std::uint32_t type = bits.unsigned_golomb();
  if (type == 0) {
    bits.unsigned_golomb();
  } else if (type == 1) {
    bits.bit();
    bits.signed_golomb();
    bits.signed_golomb();
    const std::uint32_t frames = bits.unsigned_golomb();
    if (frames > kMaxFramesInCycle) return false;
    for (std::uint32_t i = 0; i < frames && bits.ok(); ++i) bits.signed_golomb();
  }
  return type <= 2;
}

struct Crop {
  std::uint32_t left = 0, right = 0, top = 0, bottom = 0;
};

// H.264 7.4.2.1.1, table 6-1: crop units in samples.
bool apply_crop(Sps& sps, const Crop& crop, std::uint32_t chroma, bool frame_only) {
  const std::uint32_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
  const std::uint32_t unit_y = (chroma == 1 ? 2U : 1U) * (frame_only ? 1U : 2U);
  constexpr std::uint32_t kMost = 16U * kMaxPictureMacroblocks;
  if (crop.left > kMost || crop.right > kMost || crop.top > kMost || crop.bottom > kMost) return false;
  const std::uint32_t x = unit_x * (crop.left + crop.right);
  const std::uint32_t y = unit_y * (crop.top + crop.bottom);
  if (x >= sps.coded_width || y >= sps.coded_height) return false;
  sps.width = static_cast<std::uint16_t>(sps.coded_width - x);
  sps.height = static_cast<std::uint16_t>(sps.coded_height - y);
  return true;
}

}  // namespace

std::optional<Sps> read_sps(Bytes nal) {
  if (nal.size() < 5 || nal_type(nal[0]) != NalType::kSps) return std::nullopt;
  Sps sps;
  sps.profile_idc = nal[1];
  sps.constraints = nal[2];
  sps.level_idc = nal[3];
  BitReader bits(nal.subspan(4));
  const std::uint32_t id = bits.unsigned_golomb();
  bool separate_planes = false;
  std::uint32_t chroma = read_chroma(bits, sps.profile_idc, separate_planes);
  if (separate_planes) chroma = 0;
  bits.unsigned_golomb();  // log2_max_frame_num_minus4
  if (id > kMaxSpsId || chroma > 3 || !skip_order_count(bits)) return std::nullopt;
  bits.unsigned_golomb();  // max_num_ref_frames
  sps.id = static_cast<std::uint8_t>(id);
  sps.gaps_allowed = bits.bit() != 0;
  const std::uint32_t width = bits.unsigned_golomb();
  const std::uint32_t height = bits.unsigned_golomb();
  const bool frame_only = bits.bit() != 0;
  if (!frame_only) bits.bit();  // mb_adaptive_frame_field_flag
  bits.bit();                   // direct_8x8_inference_flag
  Crop crop;
  if (bits.bit() != 0) {
    crop.left = bits.unsigned_golomb();
    crop.right = bits.unsigned_golomb();
    crop.top = bits.unsigned_golomb();
    crop.bottom = bits.unsigned_golomb();
  }
  const std::uint32_t field = frame_only ? 1 : 2;
  if (!bits.ok() || width >= kMaxPictureMacroblocks || height >= kMaxPictureMacroblocks / field) return std::nullopt;
  sps.coded_width = static_cast<std::uint16_t>(16 * (width + 1));
  sps.coded_height = static_cast<std::uint16_t>(16 * (height + 1) * field);
  if (!apply_crop(sps, crop, chroma, frame_only)) return std::nullopt;
  return sps;
}

std::optional<PpsIds> read_pps_ids(Bytes nal) {
  if (nal.size() < 2 || nal_type(nal[0]) != NalType::kPps) return std::nullopt;
  BitReader bits(nal.subspan(1));
  const std::uint32_t id = bits.unsigned_golomb();
  const std::uint32_t sps_id = bits.unsigned_golomb();
  if (!bits.ok() || id > kMaxPpsId || sps_id > kMaxSpsId) return std::nullopt;
  return PpsIds{static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(sps_id)};
}

}  // namespace isthmus::payload
