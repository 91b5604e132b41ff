#pragma once

// Which formats of two lists are the same codec, and which payload type numbers a leg uses for them.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "controlplane/media/call_media.h"

namespace isthmus::media {

bool is_allowed(const std::vector<CodecRule>& rules, const sdp::PayloadFormat& format);

/// H264 (RFC 6184) and X-H264UC ([MS-H264PF]): the same slices, packed each in its way.
bool is_h264_family(const sdp::PayloadFormat& format);
bool is_h264uc(const sdp::PayloadFormat& format);

/// Of what one dialect's peer offers, what a peer of the other dialect can be told of, best first: G.722, G.711, Opus,
/// then events and comfort noise of the same clock; one H.264, else H.263. No RED, no FEC, nothing private.
std::vector<sdp::PayloadFormat> crossing(sdp::MediaKind kind, const std::vector<sdp::PayloadFormat>& formats);

/// telephone-event and comfort noise: they come along with a codec but are none.
bool is_auxiliary(const sdp::PayloadFormat& format);
bool has_real_codec(const std::vector<LegFormat>& formats);

/// The value of one fmtp parameter ("a=1; b=2"), trimmed; names compare without case.
std::optional<std::string_view> fmtp_parameter(std::string_view fmtp, std::string_view name);

/// Same encoding, clock and channels; H264 and X-H264UC are one encoding.
bool same_encoding(const sdp::PayloadFormat& left, const sdp::PayloadFormat& right);
/// And the parameters that make another bit stream of it: packetization-mode of H264 (RFC 6184 8.2.2), bitrate of G7221
/// (RFC 5577 5), octet-align of AMR (RFC 4867 8.3.1), mode of iLBC (RFC 3952 5).
bool same_codec(const sdp::PayloadFormat& left, const sdp::PayloadFormat& right);
/// 0: another codec; higher: closer (profile, whole fmtp, number).
unsigned likeness(const sdp::PayloadFormat& left, const sdp::PayloadFormat& right);

/// Matches each format of `answer` with one we offered, in the answer's order. A number of ours with the right encoding
/// is taken even if parameters differ: peers leave fmtp out of answers. Formats we did not offer are left out.
std::vector<LegFormat> match_answer(const std::vector<LegFormat>& offered,
                                    const std::vector<sdp::PayloadFormat>& answer);

/// Positions (in `a`, in `b`) of the codecs that both legs of a stream have, in the order of `b`; each used once. Of
/// several H264 that one X-H264UC could stand for, the one that loses least: fragments allowed, baseline profile.
struct Joined {
  std::size_t a = 0;
  std::size_t b = 0;
};
std::vector<Joined> join(const std::vector<LegFormat>& a, const std::vector<LegFormat>& b);

/// The number `format` has on this leg: the one it had before, else its own if free, else a free dynamic one. Remembers
/// it in `numbers`. Empty when all 128 are taken.
std::optional<std::uint8_t> assign_number(std::vector<sdp::PayloadFormat>& numbers, const sdp::PayloadFormat& format,
                                          const std::vector<std::uint8_t>& taken_now);
/// Remembers a number that the peer chose.
void remember_number(std::vector<sdp::PayloadFormat>& numbers, const sdp::PayloadFormat& format);

}  // namespace isthmus::media
