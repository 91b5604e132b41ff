// Parameter sets. A Microsoft peer looks for them in band only; so each IDR picture goes out with those it needs.

#include <algorithm>

#include "dataplane/pipeline/adapt.h"

namespace isthmus::pipeline {
namespace {

using payload::NalType;
using session::StoredSet;

bool is_missing(const session::VideoPicture& picture, const StoredSet& set) {
  return set.type == static_cast<std::uint8_t>(NalType::kSps) ? !picture.has_sps : !picture.has_pps;
}

}  // namespace

void learn_set(session::VideoLeg& video, Bytes nal) {
  if (nal.empty() || nal.size() > contract::kMaxParameterSetBytes) return;
  StoredSet fresh;
  fresh.type = static_cast<std::uint8_t>(payload::nal_type(nal[0]));
  if (payload::nal_type(nal[0]) == NalType::kSps) {
    const auto sps = payload::read_sps(nal);
    if (!sps) return;
    video.sps = sps;
    fresh.id = sps->id;
  } else {
    const auto ids = payload::read_pps_ids(nal);
    if (!ids) return;
    fresh.id = ids->id;
  }
  const auto end = video.sets.begin() + static_cast<std::ptrdiff_t>(video.set_count);
  auto place = std::find_if(video.sets.begin(), end,
                            [&](const StoredSet& set) { return set.type == fresh.type && set.id == fresh.id; });
  if (place == video.sets.end()) return;  // as many as may be; a stream has two or three
  if (place == end) {
    ++video.set_count;
  } else if (place->type == static_cast<std::uint8_t>(NalType::kSps)) {  // a PPS may change at any picture
    video.new_sps |= !std::ranges::equal(Bytes(place->nal.data(), place->bytes), nal);
  }
  place->type = fresh.type;
  place->id = fresh.id;
  place->bytes = static_cast<std::uint16_t>(nal.size());
  std::copy(nal.begin(), nal.end(), place->nal.begin());
}

void send_missing_sets(AdaptJob& job) {
  session::VideoLeg& video = job.video;
  session::VideoPicture& picture = video.picture;
  if (picture.has_sps && picture.has_pps) return;
  // SPS first: a PPS refers to one.
  for (const NalType type : {NalType::kSps, NalType::kPps}) {
    for (std::size_t i = 0; i < video.set_count; ++i) {
      const StoredSet& set = video.sets[i];
      if (set.type != static_cast<std::uint8_t>(type) || set.bytes > video.limit || !is_missing(picture, set)) continue;
      send_copy(job, {}, Bytes(set.nal.data(), set.bytes), false);
      ++picture.nal_units;
    }
  }
  picture.has_sps = picture.has_pps = true;
}

}  // namespace isthmus::pipeline
