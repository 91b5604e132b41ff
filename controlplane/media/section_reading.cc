#include "controlplane/media/section_reading.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "controlplane/media/codec_match.h"

namespace isthmus::media {
namespace {

// Feedback whose meaning the data plane carries from leg to leg. Generic NACK is not: each leg has its own sequence.
constexpr std::array<std::string_view, 3> kCrossingFeedback = {"nack pli", "ccm fir", "ccm tmmbr"};

tl::unexpected<Refusal> no_address(std::string text) {
  return tl::unexpected<Refusal>(make_refusal(RefusalKind::kNoUsableAddress, std::move(text)));
}

// ::ffff:a.b.c.d (RFC 4291 2.5.5.2): judged, and refused, as what it hides.
bool is_mapped(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.is_v6() && std::equal(kPrefix.begin(), kPrefix.end(), address.bytes.begin());
}

std::vector<sdp::RtcpFeedback> crossing_feedback(const LegSettings& settings, const sdp::MediaSection& section) {
  std::vector<sdp::RtcpFeedback> crossing;
  if (section.kind != sdp::MediaKind::kVideo) return crossing;
  // A Microsoft client asks by source request or by PLI, announced or not ([MS-RTP] 2.2.12).
  if (settings.dialect == Dialect::kMicrosoft) return {{std::nullopt, "nack pli"}, {std::nullopt, "ccm fir"}};
  for (const std::string_view value : kCrossingFeedback) {
    const bool given = std::ranges::any_of(section.feedback, [&](const sdp::RtcpFeedback& feedback) {
      // "ccm tmmbr smaxpr=120" is tmmbr too.
      return feedback.value == value || feedback.value.starts_with(std::string(value) + " ");
    });
    if (given) crossing.push_back({std::nullopt, std::string(value)});
  }
  return crossing;
}

constexpr std::uint64_t kMicrosoftUnlimitedBps = 99'980'000;  // b=CT:99980 of every client that is not limited

std::optional<std::uint64_t> real_limit(std::optional<std::uint64_t> bps) {
  return bps && *bps < kMicrosoftUnlimitedBps ? bps : std::nullopt;
}

// "main-video send=4000;recv=4000": kbit/s the Microsoft side takes (session level).
std::optional<std::uint64_t> microsoft_video_limit(const sdp::SessionDescription& description) {
  for (const sdp::Attribute& attribute : description.attributes) {
    if (attribute.name != "x-mediabw" || !attribute.value.starts_with("main-video ")) continue;
    const auto kbps = fmtp_parameter(std::string_view(attribute.value).substr(11), "recv");
    std::uint64_t value = 0;
    if (!kbps) continue;
    const auto [end, error] = std::from_chars(kbps->data(), kbps->data() + kbps->size(), value);
    if (error == std::errc{} && end == kbps->data() + kbps->size() && value > 0 &&
        value < kMicrosoftUnlimitedBps / 1000) {
      return value * 1000;
    }
  }
  return real_limit(sdp::bandwidth_bps(description.bandwidths));
}

bool has_usable_candidate(const LegSettings& settings, const sdp::MediaSection& section, bool tcp) {
  return section.has_ice() && std::ranges::any_of(section.candidates, [&](const sdp::Candidate& candidate) {
           return sdp::is_tcp(candidate.transport) == tcp && is_media_address(settings, candidate.address.ip) &&
                  (candidate.address.ip.is_v6() ? settings.has_v6 : settings.has_v4);
         });
}

std::optional<std::uint64_t> limit_of(const LegSettings& settings, const sdp::SessionDescription& description,
                                      const sdp::MediaSection& section) {
  const bool is_microsoft = settings.dialect == Dialect::kMicrosoft;
  const auto written = sdp::bandwidth_bps(section.bandwidths);
  const auto own = is_microsoft ? real_limit(written) : written;
  if (own || section.kind != sdp::MediaKind::kVideo) return own;
  return is_microsoft ? microsoft_video_limit(description) : sdp::bandwidth_bps(description.bandwidths);
}

}  // namespace

bool is_tcp_only(const LegSettings& settings, const sdp::MediaSection& section) {
  if (settings.dialect != Dialect::kMicrosoft || !has_usable_candidate(settings, section, true)) return false;
  return sdp::is_over_tcp(section.protocol) || !has_usable_candidate(settings, section, false);
}

void decide_transport(StreamLeg& leg, bool tcp) {
  if (!leg.undecided) return;
  leg.undecided = false;
  if (tcp) leg.local_rtcp = leg.local_rtp;  // the data plane has one port for both then
}

bool is_media_address(const LegSettings& settings, const IpAddress& address) {
  if (address.is_loopback()) return settings.policy.allow_loopback;
  return !(address.is_unspecified() || address.is_link_local() || address.is_multicast() || address.is_broadcast() ||
           is_mapped(address));
}

sdp::MediaSection outline_of(const sdp::MediaSection& section) {
  sdp::MediaSection outline;
  outline.kind = section.kind;
  outline.media_text = section.media_text;
  outline.protocol = section.protocol;
  outline.protocol_text = section.protocol_text;
  for (const sdp::PayloadFormat& format : section.formats) {
    const sdp::PayloadFormat* known = sdp::static_payload_format(format.payload_type);
    outline.formats.push_back(known != nullptr ? *known : sdp::PayloadFormat{format.payload_type, {}, 0, 1, {}});
  }
  outline.format_text = section.format_text;
  return outline;
}

const std::vector<CodecRule>& rules_for(const ZonePolicy& policy, sdp::MediaKind kind) {
  return kind == sdp::MediaKind::kVideo ? policy.video_codecs.items() : policy.audio_codecs.items();
}

Outcome<PeerAddresses> read_addresses(const LegSettings& settings, const sdp::SessionDescription& description,
                                      const sdp::MediaSection& section) {
  const sdp::Connection* connection = sdp::connection_of(description, section);
  if (connection == nullptr) return no_address("the m= line has no c= line");
  if (!connection->is_numeric()) return no_address("c= has a host name where an address is needed");
  PeerAddresses addresses;
  addresses.family = connection->address.family;
  const bool has_family = connection->address.is_v6() ? settings.has_v6 : settings.has_v4;
  if (connection->address.is_unspecified()) {
    if (!has_family) addresses.family = settings.preferred;
    return addresses;
  }
  if (!is_media_address(settings, connection->address)) {
    return no_address("media to " + to_string(connection->address) + " is not allowed");
  }
  if (!has_family) {
    return no_address(connection->address.is_v6() ? "this leg has no IPv6 media address"
                                                  : "this leg has no IPv4 media address");
  }
  addresses.rtp = SocketAddress{connection->address, section.port};
  if (section.rtcp_port) {
    addresses.rtcp = SocketAddress{connection->address, *section.rtcp_port};
    if (section.rtcp_connection && section.rtcp_connection->is_numeric() &&
        section.rtcp_connection->address.family == addresses.family &&
        is_media_address(settings, section.rtcp_connection->address)) {
      addresses.rtcp->ip = section.rtcp_connection->address;
    }
    if (*section.rtcp_port == 0) addresses.rtcp.reset();
  } else if (section.port < 65535) {
    addresses.rtcp = SocketAddress{connection->address, static_cast<std::uint16_t>(section.port + 1)};  // RFC 3550 11
  }
  return addresses;
}

Outcome<void> read_transport(const LegSettings& settings, const sdp::SessionDescription& description,
                             const sdp::MediaSection& section, StreamLeg& leg) {
  auto addresses = read_addresses(settings, description, section);
  // Where candidates decide, c= only says where media goes until then.
  const bool by_ice = leg.ice && has_usable_candidate(settings, section, leg.is_over_tcp());
  if (!addresses && by_ice) {
    addresses = PeerAddresses{std::nullopt, std::nullopt, leg.local_rtp ? leg.family : settings.preferred};
  }
  if (!addresses) return tl::unexpected<Refusal>(addresses.error());
  if (leg.is_over_tcp()) {
    if (!by_ice) return no_address("a stream over TCP has no TCP candidate that can be used");
    // Nothing goes to an address that no connection leads to.
    addresses->rtp.reset();
    addresses->rtcp.reset();
  }
  const bool has_ports = leg.local_rtp.has_value();
  if (addresses->rtp && has_ports && addresses->family != leg.family) {
    return no_address("a stream cannot change between IPv4 and IPv6 while it has its ports");
  }
  if (!has_ports) leg.family = addresses->family;
  leg.remote_rtp = addresses->rtp;
  leg.rtcp_mux = section.rtcp_mux && settings.policy.accept_rtcp_mux;
  leg.remote_rtcp = leg.rtcp_mux ? addresses->rtp : addresses->rtcp;
  leg.peer_direction = section.direction;
  if (!addresses->rtp && !by_ice) leg.peer_direction = sdp::make_direction(sdp::sends(section.direction), false);
  leg.peer_wish = leg.peer_direction;
  leg.feedback = crossing_feedback(settings, section);
  leg.bandwidth_bps = limit_of(settings, description, section);
  if (settings.dialect == Dialect::kMicrosoft) leg.peer_ssrcs = section.ssrc_range;
  leg.ptime_ms = section.ptime_ms;
  leg.maxptime_ms = section.maxptime_ms;
  return {};
}

}  // namespace isthmus::media
