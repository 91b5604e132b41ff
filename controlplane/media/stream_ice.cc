#include "controlplane/media/stream_ice.h"

#include <algorithm>
#include <array>

#include "controlplane/media/section_reading.h"

namespace isthmus::media {
namespace {

// As Microsoft clients draw them (RFC 8839 5.4: at least 4 and 22).
constexpr std::size_t kUfragBytes = 4;
constexpr std::size_t kPasswordBytes = 24;

constexpr std::uint32_t kAudioSsrcs = 1;
constexpr std::uint32_t kVideoSsrcs = 100;  // [MS-SDPEXT] 3.1.5.31.2; some clients insist on it

// Priority of a host candidate on one interface: 2^24 * 126 + 2^8 * local preference + 256 - component (RFC 8445
// 5.1.2.1), local preference counted down by two a component as Microsoft clients do.
constexpr std::uint32_t kHostTypePreference = 126;
constexpr std::uint32_t host_priority(std::uint16_t component) {
  return (kHostTypePreference << 24U) + ((65535U - 2U * (component - 1U)) << 8U) + (256U - component);
}
static_assert(host_priority(1) == 2130706431 && host_priority(2) == 2130705918);

// Of candidates over TCP the local preference says the direction as well ([MS-ICE2], as clients write it): transport 6,
// then active 5 or passive 2, then a number that counts down.
constexpr std::uint32_t tcp_priority(bool active, std::uint16_t component) {
  const std::uint32_t preference = (6U << 12U) + ((active ? 5U : 2U) << 9U) + (active ? 0x1fbU : 0x1fdU);
  return (kHostTypePreference << 24U) + ((preference - 2U * (component - 1U)) << 8U) + (256U - component);
}
static_assert(tcp_priority(false, 1) == 2120613375 && tcp_priority(false, 2) == 2120612862);
static_assert(tcp_priority(true, 1) == 2121006079 && tcp_priority(true, 2) == 2121005566);

std::string draw_text(std::size_t size, RandomSource& random) {
  constexpr std::string_view kIceChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += kIceChars[random.below(kIceChars.size())];
  return text;
}

SecretBytes draw_password(RandomSource& random) {
  std::string text = draw_text(kPasswordBytes, random);
  const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  SecretBytes password(bytes);
  wipe(bytes);
  return password;
}

// From 1 on: 0 as SSRC means "none" to readers and to the contract.
sdp::SsrcRange draw_ssrcs(std::uint32_t count, RandomSource& random) {
  const std::uint32_t first = 1 + random.below(0xffff'ffff - count);
  return {first, first + count - 1};
}

sdp::Candidate host_candidate(std::uint16_t component, const SocketAddress& address) {
  sdp::Candidate candidate;
  candidate.foundation = "1";
  candidate.component = component;
  candidate.priority = host_priority(component);
  candidate.address = address;
  return candidate;
}

// Peers listen on it and dial from it: the kernel lets a port do both.
void add_tcp_candidates(const StreamLeg& leg, std::vector<sdp::Candidate>& candidates) {
  const bool beside_udp = !candidates.empty();
  for (const bool active : {false, true}) {
    for (const std::uint16_t component : {std::uint16_t{1}, std::uint16_t{2}}) {
      if (component == 2 && leg.rtcp_mux) continue;
      sdp::Candidate candidate = host_candidate(component, *leg.local_rtp);  // of both components: one connection
      const char* const behind = active ? "3" : "2";  // RFC 8445 5.1.1.3: another transport, another foundation
      candidate.foundation = beside_udp ? behind : active ? "2" : "1";
      candidate.transport = active ? sdp::CandidateTransport::kTcpActive : sdp::CandidateTransport::kTcpPassive;
      candidate.priority = tcp_priority(active, component);
      candidates.push_back(candidate);
    }
  }
}

bool is_usable(const LegSettings& settings, const StreamLeg& leg, const sdp::Candidate& candidate) {
  return sdp::is_tcp(candidate.transport) == leg.is_over_tcp() && candidate.component <= 2 &&
         candidate.address.port != 0 && candidate.address.ip.family == leg.family &&
         is_media_address(settings, candidate.address.ip);
}

}  // namespace

StreamIce draw_ice(RandomSource& random) {
  StreamIce ice;
  ice.local_ufrag = draw_text(kUfragBytes, random);
  ice.local_pwd = draw_password(random);
  return ice;
}

void draw_stream_identity(const LegSettings& settings, sdp::MediaKind kind, StreamLeg& leg, RandomSource& random) {
  if (settings.dialect != Dialect::kMicrosoft) return;
  leg.own_ssrcs = draw_ssrcs(kind == sdp::MediaKind::kVideo ? kVideoSsrcs : kAudioSsrcs, random);
  leg.ice = draw_ice(random);
  leg.undecided = true;
}

bool read_ice(const LegSettings& settings, const sdp::MediaSection& section, StreamLeg& leg) {
  const bool has_ice = section.ice_ufrag.size() >= contract::kMinIceUfragBytes &&
                       section.ice_pwd.size() >= contract::kMinIcePasswordBytes;
  if (!has_ice || !leg.ice) {
    leg.ice.reset();
    return false;
  }
  StreamIce& ice = *leg.ice;
  const bool is_new = ice.remote_ufrag != section.ice_ufrag || !(ice.remote_pwd == section.ice_pwd);
  const bool restarts = is_new && !ice.remote_ufrag.empty();
  if (restarts) {
    ice.nominated_rtp.reset();
    ice.nominated_rtcp.reset();
  }
  ice.remote_ufrag = section.ice_ufrag;
  ice.remote_pwd = section.ice_pwd;
  ice.peer_concluded = !section.remote_candidates.empty();
  ice.remote_candidates.clear();
  for (const sdp::Candidate& candidate : section.candidates) {
    if (is_usable(settings, leg, candidate)) ice.remote_candidates.push_back(candidate);
  }
  return restarts;
}

std::vector<sdp::Candidate> local_candidates(const StreamLeg& leg) {
  std::vector<sdp::Candidate> candidates;
  if (!leg.local_rtp) return candidates;
  if (!leg.is_over_tcp()) {
    candidates.push_back(host_candidate(1, *leg.local_rtp));
    if (leg.local_rtcp && !leg.rtcp_mux) candidates.push_back(host_candidate(2, *leg.local_rtcp));
  }
  if (leg.is_over_tcp() || leg.undecided) add_tcp_candidates(leg, candidates);
  return candidates;
}

namespace {

// Of the pairs our agent chose; before that, when the peer's agent was faster, of the candidates it is left with.
std::vector<sdp::RemoteCandidate> chosen_remote(const StreamLeg& leg) {
  const StreamIce& ice = *leg.ice;
  std::vector<sdp::RemoteCandidate> chosen;
  if (ice.nominated_rtp) {
    chosen.push_back({1, *ice.nominated_rtp});
    const bool has_own =
        ice.nominated_rtcp && (leg.is_over_tcp() ? !leg.rtcp_mux : *ice.nominated_rtcp != *ice.nominated_rtp);
    if (has_own) chosen.push_back({2, *ice.nominated_rtcp});
    return chosen;
  }
  if (!ice.peer_concluded) return chosen;
  for (const std::uint16_t component : {std::uint16_t{1}, std::uint16_t{2}}) {
    const auto found = std::ranges::find(ice.remote_candidates, component, &sdp::Candidate::component);
    if (found != ice.remote_candidates.end()) chosen.push_back({component, found->address});
  }
  return chosen;
}

}  // namespace

void write_ice(const StreamLeg& leg, sdp::MediaSection& section) {
  if (!leg.ice) return;
  section.ice_ufrag = leg.ice->local_ufrag;
  section.ice_pwd = leg.ice->local_pwd;
  section.candidates = local_candidates(leg);
  section.remote_candidates = chosen_remote(leg);
}

CallMedia with_nominated(CallMedia media, Side side, std::size_t stream, const SocketAddress& rtp,
                         const std::optional<SocketAddress>& rtcp) {
  if (stream >= media.streams.size()) return media;
  StreamLeg& leg = media.streams[stream].leg[contract::index(side)];
  if (!leg.ice || leg.ice->remote_ufrag.empty()) return media;
  leg.ice->nominated_rtp = rtp;
  leg.ice->nominated_rtcp = leg.rtcp_mux || leg.is_over_tcp() ? std::optional(rtp) : rtcp;
  return media;
}

bool all_nominated(const CallMedia& media, Side side) {
  return std::ranges::all_of(media.streams, [&](const Stream& stream) {
    const StreamLeg& leg = stream.leg[contract::index(side)];
    return !leg.accepted || !leg.ice || leg.ice->is_nominated();
  });
}

}  // namespace isthmus::media
