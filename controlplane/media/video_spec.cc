#include "controlplane/media/video_spec.h"

#include <algorithm>

#include "controlplane/media/codec_match.h"
#include "controlplane/sdp/text.h"

namespace isthmus::media {
namespace {

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

contract::VideoSpec video_spec(const CallMedia& media, Side side, const sdp::PayloadFormat& format) {
  contract::VideoSpec spec;
  if (!is_between_dialects(media) || !is_h264_family(format)) return spec;
  if (media.leg[contract::index(side)].settings.dialect == Dialect::kMicrosoft) {
    spec.format = contract::VideoFormat::kH264Uc;
    return spec;
  }
  spec.format = contract::VideoFormat::kH264;
  const bool fragments = fmtp_parameter(format.fmtp, "packetization-mode").value_or("0") == "1";
  spec.packetization_mode = fragments ? 1 : 0;
  spec.parameter_sets = parameter_sets(format.fmtp);
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
