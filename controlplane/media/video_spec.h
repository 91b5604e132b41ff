#pragma once

// What the data plane is told of the picture on one leg; private to this folder.

#include "controlplane/media/call_media.h"

namespace isthmus::media {

/// NAL units of sprop-parameter-sets (RFC 6184 8.1). Damaged ones, and what passes the contract's bounds, are left out.
std::vector<std::vector<std::uint8_t>> parameter_sets(std::string_view fmtp);

/// How the peer packs its video, `format` being what it takes. Opaque unless the dialects of the legs differ: between
/// two of one dialect there is nothing to adapt.
contract::VideoSpec video_spec(const CallMedia& media, Side side, const sdp::PayloadFormat& format);

/// How the peer of `leg` is asked for a picture and asks for one.
contract::FeedbackDialect feedback_dialect(const CallMedia& media, Side side, const Stream& stream);

}  // namespace isthmus::media
