#pragma once

// What the data plane is told of the picture on one leg; private to this folder.

#include "controlplane/media/call_media.h"

namespace isthmus::media {

/// NAL units of sprop-parameter-sets (RFC 6184 8.1). Damaged ones, and what passes the contract's bounds, are left out.
std::vector<std::vector<std::uint8_t>> parameter_sets(std::string_view fmtp);

/// What a peer may be sent: the limits of its level, or of ours where that is lower and levels may not differ by
/// direction (RFC 6184 8.2.2, level-asymmetry-allowed), raised by its max-fs and max-mbps.
struct PictureLimits {
  std::uint32_t frame_macroblocks = 0;
  std::uint32_t macroblocks_per_second = 0;
};
PictureLimits picture_limits(std::string_view peer, std::string_view own);

/// How the peer packs its video, `format` being what both sides said. Opaque unless the dialects of the legs differ:
/// between two of one dialect there is nothing to adapt.
contract::VideoSpec video_spec(const CallMedia& media, Side side, const LegFormat& format);

/// How the peer of `leg` is asked for a picture and asks for one.
contract::FeedbackDialect feedback_dialect(const CallMedia& media, Side side, const Stream& stream);

}  // namespace isthmus::media
