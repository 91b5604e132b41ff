#include <algorithm>
#include <charconv>

#include "controlplane/media/codec_match.h"
#include "controlplane/media/wording.h"

namespace isthmus::media {
namespace {

// A larger b= limits nothing, and its TIAS would not fit the 32 bits that readers take.
constexpr std::uint64_t kNoRealLimitBps = 4'000'000'000;

// What X-H264UC is offered as: baseline, level 3.1 (1280x720 at 30), which every Microsoft client and room system has.
constexpr std::string_view kBaseline31 = "42801F";
constexpr std::uint8_t kLevel31 = 31;  // level_idc, RFC 6184 8.1
constexpr std::uint8_t kNumberOfMode1 = 97;
constexpr std::uint8_t kNumberOfMode0 = 98;

sdp::PayloadFormat h264(std::uint8_t number, std::string_view profile, std::string_view mode) {
  return {number, "H264", 90000, 1,
          "profile-level-id=" + std::string(profile) + ";packetization-mode=" + std::string(mode)};
}

// The level of an answer may be lower than that of the offer (RFC 6184 8.2.2); the profile may not differ.
std::string capped_profile(std::string_view offered) {
  std::string profile(offered);
  if (profile.size() != 6) return std::string(kBaseline31);
  unsigned level = 0;
  const std::string_view digits = std::string_view(profile).substr(4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), level, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::string(kBaseline31);
  if (level > kLevel31) profile.replace(4, 2, kBaseline31.substr(4));
  return profile;
}

// A format of a Microsoft peer in the words of RFC 6184, 4733 and 3551.
void add_translated(const sdp::PayloadFormat& format, std::vector<sdp::PayloadFormat>& out) {
  if (is_h264_family(format)) {
    // One bit stream, both packetisations: which one the peer has is not known yet.
    if (std::ranges::any_of(out, is_h264_family)) return;
    out.push_back(h264(kNumberOfMode1, kBaseline31, "1"));
    out.push_back(h264(kNumberOfMode0, kBaseline31, "0"));
    return;
  }
  sdp::PayloadFormat translated = format;
  if (sdp::equal_ignoring_case(format.encoding, "telephone-event")) translated.fmtp = "0-15";
  out.push_back(std::move(translated));
}

class StandardsWording final : public Wording {
 public:
  std::vector<sdp::PayloadFormat> offered_formats(sdp::MediaKind /*kind*/, const std::vector<LegFormat>& far,
                                                  Dialect far_dialect) const override {
    std::vector<sdp::PayloadFormat> formats;
    for (const LegFormat& format : far) {
      if (far_dialect == Dialect::kStandards) {
        formats.push_back(format.peer);
      } else {
        add_translated(format.peer, formats);
      }
    }
    return formats;
  }

  sdp::PayloadFormat answered_format(const sdp::PayloadFormat& offered, const sdp::PayloadFormat& far,
                                     Dialect far_dialect) const override {
    if (far_dialect == Dialect::kStandards) return answered_alike(offered, far);
    if (!is_h264_family(offered)) return offered;
    sdp::PayloadFormat answered = offered;
    const std::string profile(fmtp_parameter(offered.fmtp, "profile-level-id").value_or("42000A"));
    const std::string mode(fmtp_parameter(offered.fmtp, "packetization-mode").value_or("0"));
    answered.fmtp = h264(offered.payload_type, capped_profile(profile), mode).fmtp;
    return answered;
  }

  bool answers_one_video_codec() const override { return false; }
  sdp::Protocol answered_protocol(sdp::Protocol theirs, bool /*secured*/) const override { return theirs; }

  std::string origin_version(std::uint64_t count) const override { return std::to_string(count); }

  void complete_section(const SectionContext& context, sdp::MediaSection& section) const override {
    const auto limit = bandwidth_limit(context.media, context.kind, context.far);
    if (limit && *limit <= kNoRealLimitBps) {
      section.bandwidths.push_back({"AS", (*limit + 999) / 1000});
      section.bandwidths.push_back({"TIAS", *limit});
    }
    section.ptime_ms = context.far.ptime_ms;
    section.maxptime_ms = context.far.maxptime_ms;
    for (const sdp::RtcpFeedback& feedback : context.far.feedback) {
      const bool wanted =
          !context.is_answer || std::ranges::find(context.near.feedback, feedback) != context.near.feedback.end();
      if (wanted) section.feedback.push_back(feedback);
    }
  }

  void complete_description(const CallMedia& /*media*/, Side /*to*/,
                            sdp::SessionDescription& /*description*/) const override {}
};

}  // namespace

const Wording& standards_wording() {
  static const StandardsWording wording;
  return wording;
}

}  // namespace isthmus::media
