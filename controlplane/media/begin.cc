#include <algorithm>

#include "controlplane/media/codec_match.h"
#include "controlplane/media/negotiation.h"
#include "controlplane/media/section_reading.h"
#include "controlplane/media/stream_ice.h"
#include "fmt/format.h"

namespace isthmus::media {
namespace {

void draw_identity(LegMedia& leg, RandomSource& random) {
  // 62 bits: some readers take the id as a signed number (RFC 3264 5).
  leg.session_id = std::to_string(random.next_u64() >> 2U);
  // 96 random bits (RFC 7022 4.2).
  leg.cname = fmt::format("{:016x}{:08x}", random.next_u64(), random.next_u32());
  if (leg.settings.dialect == Dialect::kMicrosoft) leg.ice_tie_breaker = random.next_u64();
}

std::vector<LegFormat> preset_formats(const LegSettings& a, const LegSettings& b, sdp::MediaKind kind,
                                      const std::vector<sdp::PayloadFormat>& preset) {
  std::vector<LegFormat> formats;
  for (const sdp::PayloadFormat& format : preset) {
    if (formats.size() == contract::kMaxPayloadMaps) break;
    if (is_allowed(rules_for(a.policy, kind), format) && is_allowed(rules_for(b.policy, kind), format)) {
      formats.push_back({format, format});
    }
  }
  return formats;
}

}  // namespace

CallMedia begin(LegSettings a, LegSettings b, RandomSource& random) {
  CallMedia media;
  media.leg[0].settings = std::move(a);
  media.leg[1].settings = std::move(b);
  for (LegMedia& leg : media.leg) draw_identity(leg, random);
  return media;
}

Outcome<CallMedia> begin_with_preset(LegSettings a, LegSettings b, Side absent, RandomSource& random) {
  CallMedia media = begin(std::move(a), std::move(b), random);
  const LegSettings& ours = media.leg[contract::index(other(absent))].settings;
  for (const sdp::MediaKind kind : {sdp::MediaKind::kAudio, sdp::MediaKind::kVideo}) {
    const bool is_video = kind == sdp::MediaKind::kVideo;
    if (is_video && !std::ranges::all_of(media.leg, [](const LegMedia& leg) { return leg.settings.policy.video; })) {
      continue;
    }
    Stream stream;
    stream.kind = kind;
    for (const Side side : {Side::kA, Side::kB}) {
      const LegSettings& settings = media.leg[contract::index(side)].settings;
      StreamLeg& stream_leg = stream.leg[contract::index(side)];
      stream_leg.family = settings.preferred;
      draw_stream_identity(settings, kind, stream_leg, random);
    }
    StreamLeg& leg = stream.leg[contract::index(absent)];
    leg.formats = preset_formats(media.leg[0].settings, media.leg[1].settings, kind,
                                 is_video ? ours.policy.preset_video.items() : ours.policy.preset_audio.items());
    if (!has_real_codec(leg.formats)) continue;
    if (is_video) leg.feedback = {{std::nullopt, "nack pli"}, {std::nullopt, "ccm fir"}};
    leg.accepted = true;
    media.streams.push_back(std::move(stream));
  }
  if (media.streams.empty()) {
    return tl::unexpected<Refusal>(make_refusal(RefusalKind::kNoMedia, "the preset list of the zone has no codec"));
  }
  return media;
}

CallMedia without_encryption(CallMedia media, Side side) {
  ZonePolicy& policy = media.leg[contract::index(side)].settings.policy;
  if (policy.encryption == EncryptionMode::kAuto) policy.encryption = EncryptionMode::kOff;
  return media;
}

bool wants_follow_up(const CallMedia& media, Side side) {
  return std::ranges::any_of(media.streams, [&](const Stream& stream) {
    const StreamLeg& near = stream.leg[contract::index(side)];
    const StreamLeg& far = stream.leg[contract::index(other(side))];
    if (!near.accepted || !far.accepted) return false;
    std::vector<bool> shared(near.formats.size(), false);
    for (const Joined& joined : join(far.formats, near.formats)) shared[joined.b] = true;
    for (std::size_t i = 0; i < near.formats.size(); ++i) {
      if (!shared[i] && !is_auxiliary(near.formats[i].peer)) return true;
    }
    return false;
  });
}

}  // namespace isthmus::media
