#include "controlplane/media/video_spec.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "controlplane/media/codec_match.h"
#include "controlplane/sdp/text.h"

namespace isthmus::media {
namespace {

// H.264 table A-1, by level_idc (level 1b of baseline counts as 1.1: what it lacks is bit rate).
struct Level {
  std::uint32_t level_idc;
  std::uint32_t frame_macroblocks;
  std::uint32_t macroblocks_per_second;
};
constexpr std::array kLevels = {
    Level{10, 99, 1485},      Level{11, 396, 3000},      Level{12, 396, 6000},    Level{13, 396, 11880},
    Level{21, 792, 19800},    Level{22, 1620, 20250},    Level{30, 1620, 40500},  Level{31, 3600, 108000},
    Level{32, 5120, 216000},  Level{40, 8192, 245760},   Level{42, 8704, 522240}, Level{50, 22080, 589824},
    Level{51, 36864, 983040}, Level{52, 36864, 2073600},
};
constexpr std::uint32_t kLargestValue = 16'711'680;  // macroblocks a second of level 6.2

std::optional<std::uint32_t> number_of(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::uint32_t level_of(std::string_view fmtp) {
  // Absent: baseline, level 1 (RFC 6184 8.1).
  const std::string_view profile = fmtp_parameter(fmtp, "profile-level-id").value_or("42000A");
  return profile.size() == 6 ? number_of(profile.substr(4), 16).value_or(0) : 0;
}

bool is_between_dialects(const CallMedia& media) {
  return media.leg[0].settings.dialect != media.leg[1].settings.dialect;
}

}  // namespace

std::vector<std::vector<std::uint8_t>> parameter_sets(std::string_view fmtp) {
  std::vector<std::vector<std::uint8_t>> sets;
  std::string_view text = fmtp_parameter(fmtp, "sprop-parameter-sets").value_or("");
  while (!text.empty() && sets.size() < contract::kMaxParameterSets) {
    const auto unit = sdp::decode_base64(sdp::trim(sdp::next_part(text, ',')));
    if (!unit || unit->empty() || unit->size() > contract::kMaxParameterSetBytes) continue;
    sets.emplace_back(unit->view().begin(), unit->view().end());
  }
  return sets;
}

PictureLimits picture_limits(std::string_view peer, std::string_view own) {
  const bool may_differ = fmtp_parameter(peer, "level-asymmetry-allowed").value_or("0") == "1";
  const std::uint32_t level = may_differ ? level_of(peer) : std::min(level_of(peer), level_of(own));
  PictureLimits limits{kLevels.front().frame_macroblocks, kLevels.front().macroblocks_per_second};
  for (const Level& known : kLevels) {
    if (known.level_idc <= level) limits = {known.frame_macroblocks, known.macroblocks_per_second};
  }
  const auto raise = [&](std::string_view name, std::uint32_t& limit) {
    const auto given = number_of(fmtp_parameter(peer, name).value_or(""), 10);
    if (given) limit = std::clamp(*given, limit, kLargestValue);
  };
  raise("max-fs", limits.frame_macroblocks);
  raise("max-mbps", limits.macroblocks_per_second);
  return limits;
}

contract::VideoSpec video_spec(const CallMedia& media, Side side, const LegFormat& agreed) {
  contract::VideoSpec spec;
  const sdp::PayloadFormat& format = agreed.peer;
  if (!is_between_dialects(media) || !is_h264_family(format)) return spec;
  if (media.leg[contract::index(side)].settings.dialect == Dialect::kMicrosoft) {
    spec.format = contract::VideoFormat::kH264Uc;
    return spec;
  }
  spec.format = contract::VideoFormat::kH264;
  const bool fragments = fmtp_parameter(format.fmtp, "packetization-mode").value_or("0") == "1";
  spec.packetization_mode = fragments ? 1 : 0;
  spec.parameter_sets = parameter_sets(format.fmtp);
  const PictureLimits limits = picture_limits(format.fmtp, agreed.own.fmtp);
  spec.max_frame_macroblocks = limits.frame_macroblocks;
  spec.max_macroblocks_per_second = limits.macroblocks_per_second;
  return spec;
}

contract::FeedbackDialect feedback_dialect(const CallMedia& media, Side side, const Stream& stream) {
  const LegSettings& settings = media.leg[contract::index(side)].settings;
  if (stream.kind != sdp::MediaKind::kVideo || !is_between_dialects(media)) return contract::FeedbackDialect::kRfc4585;
  if (settings.dialect == Dialect::kMicrosoft) return contract::FeedbackDialect::kMicrosoft;
  // A peer that announces neither is asked by SIP INFO (RFC 5168).
  const bool has_feedback = std::ranges::any_of(
      stream.leg[contract::index(side)].feedback,
      [](const sdp::RtcpFeedback& feedback) { return feedback.value == "nack pli" || feedback.value == "ccm fir"; });
  return has_feedback ? contract::FeedbackDialect::kRfc4585 : contract::FeedbackDialect::kNone;
}

}  // namespace isthmus::media
