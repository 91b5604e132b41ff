#include "controlplane/media/wording.h"

#include <algorithm>

#include "controlplane/media/codec_match.h"

namespace isthmus::media {

const Wording& wording_of(Dialect dialect) {
  return dialect == Dialect::kMicrosoft ? microsoft_wording() : standards_wording();
}

sdp::PayloadFormat answered_alike(const sdp::PayloadFormat& offered, const sdp::PayloadFormat& far) {
  sdp::PayloadFormat answered = offered;
  if (same_codec(far, offered)) answered.fmtp = far.fmtp;
  return answered;
}

std::optional<std::uint64_t> bandwidth_limit(const CallMedia& media, sdp::MediaKind kind, const StreamLeg& far) {
  std::optional<std::uint64_t> lowest = far.bandwidth_bps;
  if (kind != sdp::MediaKind::kVideo) return lowest;
  for (const LegMedia& leg : media.leg) {
    const std::uint64_t cap = leg.settings.policy.video_cap_bps;
    if (cap != 0) lowest = std::min(lowest.value_or(cap), cap);
  }
  return lowest;
}

}  // namespace isthmus::media
