#include "dataplane/session/video_leg.h"

namespace isthmus::session {

bool needs_adapting(const contract::VideoSpec& from, const contract::VideoSpec& to) {
  if (from.format == contract::VideoFormat::kOpaque || to.format == contract::VideoFormat::kOpaque) return false;
  return from.format != to.format || to.max_temporal_id < 7 ||
         (to.packetization_mode == 0 && from.packetization_mode != 0) || to.max_payload_bytes < from.max_payload_bytes;
}

}  // namespace isthmus::session
