#include "controlplane/media/codec_match.h"

#include <algorithm>
#include <array>

namespace isthmus::media {
namespace {

using sdp::equal_ignoring_case;
using sdp::PayloadFormat;

constexpr std::uint8_t kFirstDynamic = 96;  // RFC 3551 6
constexpr std::uint8_t kLastDynamic = 127;

struct Distinction {
  std::string_view encoding;
  std::string_view parameter;
  std::string_view when_absent;
};
constexpr std::array kDistinctions = {
    Distinction{"H264", "packetization-mode", "0"},
    Distinction{"G7221", "bitrate", ""},
    Distinction{"AMR", "octet-align", "0"},
    Distinction{"AMR-WB", "octet-align", "0"},
    Distinction{"iLBC", "mode", "30"},
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The profile is the first byte of profile-level-id, and of the second the flag that makes baseline "constrained"
// (RFC 6184 8.1); the level may differ between the two ends.
std::string_view h264_profile(const PayloadFormat& format) {
  const std::string_view id = fmtp_parameter(format.fmtp, "profile-level-id").value_or("42000A");
  return id.substr(0, 2);
}

bool same_profile(const PayloadFormat& left, const PayloadFormat& right) {
  if (!equal_ignoring_case(left.encoding, "H264")) return true;
  return equal_ignoring_case(h264_profile(left), h264_profile(right));
}

// Exactly one of the two is X-H264UC: bit streams that the data plane turns into each other, whatever the parameters.
bool is_adapted(const PayloadFormat& left, const PayloadFormat& right) {
  return is_h264_family(left) && is_h264_family(right) && is_h264uc(left) != is_h264uc(right);
}

// How well an H264 format serves an X-H264UC peer. Without fragments (mode 0) a slice that does not fit a packet is
// lost; every Microsoft client decodes baseline.
unsigned adapted_likeness(const PayloadFormat& left, const PayloadFormat& right) {
  const PayloadFormat& plain = is_h264uc(left) ? right : left;
  const bool fragments = fmtp_parameter(plain.fmtp, "packetization-mode").value_or("0") == "1";
  return 1U + (fragments ? 4U : 0U) + (h264_profile(plain) == "42" ? 2U : 0U);
}

// The order in which audio codecs cross; RTP clock 8000 for all but Opus, so that one set of events serves them.
constexpr std::array<std::string_view, 4> kCrossingAudio = {"G722", "PCMU", "PCMA", "opus"};
// PCMU and PCMA are as good as each other: the peer's order holds.
constexpr std::array<unsigned, 4> kCrossingRank = {0, 1, 1, 2};
constexpr unsigned kComfortNoiseRank = 3;
constexpr unsigned kEventRank = 4;
constexpr unsigned kDoesNotCross = 5;

unsigned crossing_rank(const PayloadFormat& format) {
  if (equal_ignoring_case(format.encoding, "G722") && format.channels != 1) return kDoesNotCross;
  for (std::size_t i = 0; i < kCrossingAudio.size(); ++i) {
    if (equal_ignoring_case(format.encoding, kCrossingAudio[i])) return kCrossingRank[i];
  }
  if (!is_auxiliary(format) || format.clock_hz != 8000) return kDoesNotCross;
  return equal_ignoring_case(format.encoding, "CN") ? kComfortNoiseRank : kEventRank;
}

bool is_h263(const PayloadFormat& format) {
  return equal_ignoring_case(format.encoding, "H263") || equal_ignoring_case(format.encoding, "H263-1998");
}

std::vector<PayloadFormat> crossing_video(const std::vector<PayloadFormat>& formats) {
  std::vector<PayloadFormat> out;
  const auto keep = [&](auto&& wanted) {
    if (out.empty()) std::ranges::copy_if(formats, std::back_inserter(out), wanted);
  };
  keep(is_h264uc);
  keep(is_h264_family);
  keep(is_h263);
  return out;
}

const PayloadFormat* find_number(const std::vector<PayloadFormat>& numbers, std::uint8_t payload_type) {
  const auto found = std::ranges::find(numbers, payload_type, &PayloadFormat::payload_type);
  return found == numbers.end() ? nullptr : &*found;
}

bool is_taken(const std::vector<std::uint8_t>& taken, std::uint8_t payload_type) {
  return std::ranges::find(taken, payload_type) != taken.end();
}

}  // namespace

bool is_allowed(const std::vector<CodecRule>& rules, const PayloadFormat& format) {
  const std::string_view encoding = is_h264uc(format) ? std::string_view("H264") : format.encoding;
  return std::ranges::any_of(rules, [&](const CodecRule& rule) {
    return equal_ignoring_case(rule.encoding, encoding) && (rule.clock_hz == 0 || rule.clock_hz == format.clock_hz) &&
           (rule.channels == 0 || rule.channels == format.channels);
  });
}

bool is_h264uc(const PayloadFormat& format) { return equal_ignoring_case(format.encoding, "X-H264UC"); }
bool is_h264_family(const PayloadFormat& format) {
  return is_h264uc(format) || equal_ignoring_case(format.encoding, "H264");
}

std::vector<PayloadFormat> crossing(sdp::MediaKind kind, const std::vector<PayloadFormat>& formats) {
  if (kind == sdp::MediaKind::kVideo) return crossing_video(formats);
  std::vector<PayloadFormat> out;
  for (unsigned rank = 0; rank < kDoesNotCross; ++rank) {
    std::ranges::copy_if(formats, std::back_inserter(out),
                         [rank](const PayloadFormat& format) { return crossing_rank(format) == rank; });
  }
  return out;
}

bool is_auxiliary(const PayloadFormat& format) {
  return equal_ignoring_case(format.encoding, "telephone-event") || equal_ignoring_case(format.encoding, "CN");
}

bool has_real_codec(const std::vector<LegFormat>& formats) {
  return std::ranges::any_of(formats, [](const LegFormat& format) { return !is_auxiliary(format.peer); });
}

std::optional<std::string_view> fmtp_parameter(std::string_view fmtp, std::string_view name) {
  while (!fmtp.empty()) {
    const std::size_t end = fmtp.find(';');
    const std::string_view part = fmtp.substr(0, end);
    fmtp.remove_prefix(end == std::string_view::npos ? fmtp.size() : end + 1);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    if (equal_ignoring_case(trimmed(part.substr(0, equals)), name)) return trimmed(part.substr(equals + 1));
  }
  return std::nullopt;
}

bool same_encoding(const PayloadFormat& left, const PayloadFormat& right) {
  if (left.encoding.empty() || left.clock_hz != right.clock_hz || left.channels != right.channels) return false;
  return equal_ignoring_case(left.encoding, right.encoding) || is_adapted(left, right);
}

bool same_codec(const PayloadFormat& left, const PayloadFormat& right) {
  if (!same_encoding(left, right)) return false;
  if (is_adapted(left, right)) return true;
  for (const Distinction& distinction : kDistinctions) {
    if (!equal_ignoring_case(left.encoding, distinction.encoding)) continue;
    const auto value = [&](const PayloadFormat& format) {
      return fmtp_parameter(format.fmtp, distinction.parameter).value_or(distinction.when_absent);
    };
    if (!equal_ignoring_case(value(left), value(right))) return false;
  }
  return true;
}

unsigned likeness(const PayloadFormat& left, const PayloadFormat& right) {
  if (!same_codec(left, right)) return 0;
  if (is_adapted(left, right)) return adapted_likeness(left, right);
  return 1U + (left.payload_type == right.payload_type ? 1U : 0U) + (left.fmtp == right.fmtp ? 2U : 0U) +
         (same_profile(left, right) ? 4U : 0U);
}

std::vector<LegFormat> match_answer(const std::vector<LegFormat>& offered, const std::vector<PayloadFormat>& answer) {
  std::vector<LegFormat> matched;
  std::vector<bool> used(offered.size(), false);
  for (const PayloadFormat& format : answer) {
    std::size_t best = offered.size();
    unsigned best_likeness = 0;
    for (std::size_t i = 0; i < offered.size(); ++i) {
      if (used[i] || !same_encoding(offered[i].own, format)) continue;
      unsigned value = likeness(offered[i].own, format);
      // An answer repeats the numbers of the offer (RFC 3264 6.1): the strongest sign there is.
      if (offered[i].own.payload_type == format.payload_type) value += 8;
      if (value > best_likeness) {
        best_likeness = value;
        best = i;
      }
    }
    if (best == offered.size()) continue;
    used[best] = true;
    matched.push_back(LegFormat{offered[best].own, format});
  }
  return matched;
}

namespace {

// What we wrote on one leg was made from what the peer of the other leg wrote.
unsigned leg_likeness(const LegFormat& a, const LegFormat& b) {
  return std::max(likeness(a.peer, b.own), likeness(a.own, b.peer));
}

std::optional<Joined> best_adapted(const std::vector<LegFormat>& a, const std::vector<LegFormat>& b) {
  std::optional<Joined> best;
  unsigned best_likeness = 0;
  for (std::size_t in_a = 0; in_a < a.size(); ++in_a) {
    for (std::size_t in_b = 0; in_b < b.size(); ++in_b) {
      if (!is_adapted(a[in_a].own, b[in_b].own)) continue;
      const unsigned value = leg_likeness(a[in_a], b[in_b]);
      if (value <= best_likeness) continue;
      best_likeness = value;
      best = Joined{in_a, in_b};
    }
  }
  return best;
}

}  // namespace

std::vector<Joined> join(const std::vector<LegFormat>& a, const std::vector<LegFormat>& b) {
  std::vector<Joined> joined;
  std::vector<bool> used(a.size(), false);
  const std::optional<Joined> adapted = best_adapted(a, b);
  for (std::size_t in_b = 0; in_b < b.size(); ++in_b) {
    if (adapted && is_h264_family(b[in_b].own)) {
      if (in_b == adapted->b) joined.push_back(*adapted);
      continue;
    }
    std::size_t best = a.size();
    unsigned best_likeness = 0;
    for (std::size_t in_a = 0; in_a < a.size(); ++in_a) {
      if (used[in_a]) continue;
      const unsigned value = leg_likeness(a[in_a], b[in_b]);
      if (value > best_likeness) {
        best_likeness = value;
        best = in_a;
      }
    }
    if (best == a.size()) continue;
    used[best] = true;
    joined.push_back({best, in_b});
  }
  return joined;
}

std::optional<std::uint8_t> assign_number(std::vector<PayloadFormat>& numbers, const PayloadFormat& format,
                                          const std::vector<std::uint8_t>& taken_now) {
  unsigned best_likeness = 0;
  std::optional<std::uint8_t> number;
  for (const PayloadFormat& known : numbers) {
    const unsigned value = likeness(known, format);
    if (value > best_likeness && !is_taken(taken_now, known.payload_type)) {
      best_likeness = value;
      number = known.payload_type;
    }
  }
  if (number) return number;
  const auto is_free = [&](std::uint8_t candidate) {
    return !is_taken(taken_now, candidate) && find_number(numbers, candidate) == nullptr;
  };
  if (is_free(format.payload_type)) number = format.payload_type;
  for (std::uint8_t candidate = kFirstDynamic; !number && candidate <= kLastDynamic; ++candidate) {
    if (is_free(candidate)) number = candidate;
  }
  // All dynamic numbers have had a meaning: take one that this description does not use.
  for (std::uint8_t candidate = kFirstDynamic; !number && candidate <= kLastDynamic; ++candidate) {
    if (!is_taken(taken_now, candidate)) number = candidate;
  }
  if (!number) return std::nullopt;
  PayloadFormat known = format;
  known.payload_type = *number;
  remember_number(numbers, known);
  return number;
}

void remember_number(std::vector<PayloadFormat>& numbers, const PayloadFormat& format) {
  const auto found = std::ranges::find(numbers, format.payload_type, &PayloadFormat::payload_type);
  if (found != numbers.end()) {
    *found = format;
  } else {
    numbers.push_back(format);
  }
}

}  // namespace isthmus::media
