// [MS-SDPEXT] as clients of 2010 and later write it.

#include <algorithm>

#include "controlplane/media/codec_match.h"
#include "controlplane/media/stream_ice.h"
#include "controlplane/media/wording.h"

namespace isthmus::media {
namespace {

constexpr std::uint8_t kTelephoneEventNumber = 101;
constexpr std::uint8_t kH264UcNumber = 122;
// Never with sprop-parameter-sets: clients refuse the whole description ([MS-H264PF], parameter sets go in band).
constexpr std::string_view kH264UcParameters = "packetization-mode=1;mst-mode=NI-TC";
constexpr std::string_view kTelephoneEvents = "0-16";
constexpr std::uint64_t kUnlimitedKbps = 99980;  // b=CT of every client that is not limited
constexpr std::uint32_t kPacketTimeMs = 20;
constexpr std::uint32_t kMaxPacketTimeMs = 200;
// Video source requests and picture loss by layer ([MS-RTP] 2.2.12), in both directions.
constexpr std::string_view kVideoFeedback = "x-message app send:src,x-pli recv:src,x-pli";

bool is_named(const sdp::PayloadFormat& format, std::string_view encoding) {
  return sdp::equal_ignoring_case(format.encoding, encoding);
}

// A codec parameter of another stack can make a client refuse everything: nothing is passed on that is not known here.
sdp::PayloadFormat translated(const sdp::PayloadFormat& format) {
  sdp::PayloadFormat out = format;
  out.fmtp.clear();
  if (is_h264_family(format)) return {kH264UcNumber, "X-H264UC", 90000, 1, std::string(kH264UcParameters)};
  if (is_named(format, "telephone-event")) {
    out.payload_type = kTelephoneEventNumber;
    out.fmtp = kTelephoneEvents;
  }
  return out;
}

// The far peer does not listen: held, with every line of the call. A picture alone may well be one-way (no camera).
bool is_held(const SectionContext& context) {
  const Side far = context.far_side;
  return std::ranges::any_of(context.media.streams, [&](const Stream& stream) {
    const StreamLeg& leg = stream.leg[contract::index(far)];
    return stream.kind == sdp::MediaKind::kAudio && leg.accepted && !sdp::receives(leg.peer_wish);
  });
}

class MicrosoftWording final : public Wording {
 public:
  std::vector<sdp::PayloadFormat> offered_formats(sdp::MediaKind /*kind*/, const std::vector<LegFormat>& far,
                                                  Dialect far_dialect) const override {
    std::vector<sdp::PayloadFormat> formats;
    for (const LegFormat& format : far) {
      if (far_dialect == Dialect::kMicrosoft) {
        formats.push_back(format.peer);
      } else if (is_named(format.peer, "opus")) {
        continue;  // taken where a client offers it; none of 2010 to 2016 does, and unknown names are a risk
      } else if (!is_h264_family(format.peer) || std::ranges::none_of(formats, is_h264uc)) {
        formats.push_back(translated(format.peer));
      }
    }
    return formats;
  }

  sdp::PayloadFormat answered_format(const sdp::PayloadFormat& offered, const sdp::PayloadFormat& far,
                                     Dialect far_dialect) const override {
    if (far_dialect == Dialect::kMicrosoft) return answered_alike(offered, far);
    sdp::PayloadFormat answered = translated(offered);
    answered.payload_type = offered.payload_type;
    answered.encoding = offered.encoding;
    return answered;
  }

  bool answers_one_video_codec() const override { return true; }
  // An offer of AVP with a=crypto asks "with or without"; SAVP says "with" (MS-SDPEXT 3.1.5, a=crypto).
  sdp::Protocol answered_protocol(sdp::Protocol /*theirs*/, bool secured) const override {
    return secured ? sdp::Protocol::kRtpSavp : sdp::Protocol::kRtpAvp;
  }

  std::string origin_version(std::uint64_t count) const override { return std::to_string(count - 1); }

  void complete_section(const SectionContext& context, sdp::MediaSection& section) const override {
    const bool is_video = context.kind == sdp::MediaKind::kVideo;
    section.label = is_video ? "main-video" : "main-audio";
    section.source = section.label;
    section.ssrc_range = context.near.own_ssrcs;
    section.rtcp_rsize = true;
    if (is_video) {
      section.feedback = {{std::nullopt, std::string(kVideoFeedback)}};
    } else {
      section.ptime_ms = context.far.ptime_ms.value_or(kPacketTimeMs);
      section.maxptime_ms = context.far.maxptime_ms.value_or(kMaxPacketTimeMs);
    }
    // Said always: some clients do not assume "the next port".
    if (context.near.local_rtcp) {
      section.rtcp_port = section.rtcp_mux ? section.port : context.near.local_rtcp->port;
    }
    // Clients know one word for "held"; a direction of one way they overlook or take for a broken line.
    if (is_held(context)) section.direction = sdp::Direction::kInactive;
    write_ice(context.near, section);
  }

  void complete_description(const CallMedia& media, Side to, sdp::SessionDescription& description) const override {
    description.session_name = "session";
    description.bandwidths = {{"CT", kUnlimitedKbps}};
    // The id and the first version are 0, as with every client.
    description.origin.session_id = "0";
    for (const Stream& stream : media.streams) {
      const StreamLeg& far = stream.leg[contract::index(other(to))];
      if (stream.kind != sdp::MediaKind::kVideo || !far.accepted) continue;
      const auto limit = bandwidth_limit(media, stream.kind, far);
      if (!limit || *limit / 1000 >= kUnlimitedKbps) continue;
      const std::string kbps = std::to_string(*limit / 1000);
      std::string value = "main-video send=" + kbps;
      value += ";recv=" + kbps;
      description.attributes.push_back({"x-mediabw", std::move(value)});
    }
  }
};

}  // namespace

const Wording& microsoft_wording() {
  static const MicrosoftWording wording;
  return wording;
}

}  // namespace isthmus::media
