#include "controlplane/media/codec_match.h"
#include "controlplane/media/encryption.h"
#include "controlplane/media/negotiation.h"
#include "controlplane/media/section_reading.h"
#include "controlplane/media/stream_ice.h"

namespace isthmus::media {
namespace {

tl::unexpected<Refusal> violation(std::string text) {
  return tl::unexpected<Refusal>(make_refusal(RefusalKind::kProtocol, std::move(text)));
}

// Into `leg`, or the reason why the stream cannot go on.
Outcome<void> read_answered(const LegSettings& settings, const sdp::SessionDescription& answer,
                            const sdp::MediaSection& section, const sdp::MediaSection& offered, StreamLeg& leg) {
  const bool tcp = leg.undecided ? is_tcp_only(settings, section) : leg.is_over_tcp();
  if (!sdp::is_rtp(section.protocol) || (sdp::is_over_tcp(section.protocol) && !tcp))
    return violation("the answer changes the protocol of an m= line");
  std::vector<LegFormat> formats = match_answer(leg.formats, section.formats);
  if (!has_real_codec(formats)) {
    return tl::unexpected<Refusal>(
        make_refusal(RefusalKind::kNoCommonCodec, "the answer has no codec that was offered"));
  }
  auto encryption = take_answered(settings, leg, section);
  if (!encryption) return tl::unexpected<Refusal>(encryption.error());
  if (tcp) leg.protocol = sdp::over_tcp(leg.protocol);
  decide_transport(leg, tcp);
  if (auto transport = read_transport(settings, answer, section, leg); !transport) return transport;
  // A peer without ICE is served by its addresses alone (R150).
  if (leg.ice) read_ice(settings, section, leg);
  if (leg.rtcp_mux && !offered.rtcp_mux) return violation("the answer has a=rtcp-mux that was not offered");

  leg.formats = std::move(formats);
  for (const LegFormat& format : leg.formats) {
    if (format.own.payload_type != format.peer.payload_type) remember_number(leg.numbers, format.peer);
  }
  // A key that was in use and is not any more never comes back: its packet index may be gone (RFC 3711 3.2.1).
  if (leg.send_crypto && !encryption->send) leg.own_crypto.clear();
  leg.send_crypto = std::move(encryption->send);
  leg.receive_crypto = std::move(encryption->receive);
  leg.protocol = leg.is_over_tcp() ? sdp::over_tcp(section.protocol) : section.protocol;
  // An answer cannot take more than was offered (RFC 3264 6.1).
  const sdp::Direction allowed = sdp::reversed(offered.direction);
  leg.peer_wish = sdp::make_direction(sdp::sends(leg.peer_direction) || !sdp::sends(allowed),
                                      sdp::receives(leg.peer_direction) || !sdp::receives(allowed));
  leg.peer_direction = sdp::make_direction(sdp::sends(leg.peer_direction) && sdp::sends(allowed),
                                           sdp::receives(leg.peer_direction) && sdp::receives(allowed));
  leg.accepted = true;
  return {};
}

}  // namespace

Outcome<CallMedia> accept_answer(CallMedia media, Side from, const sdp::SessionDescription& answer) {
  LegMedia& leg = media.leg[contract::index(from)];
  if (!leg.written) return violation("an answer came without an offer");
  const sdp::SessionDescription& offer = *leg.written;
  if (answer.media.size() != offer.media.size()) {
    return violation("the answer has " + std::to_string(answer.media.size()) + " m= lines where the offer has " +
                     std::to_string(offer.media.size()));
  }
  std::optional<Refusal> failure;
  bool any = false;
  bool any_offered = false;
  for (std::size_t i = 0; i < answer.media.size(); ++i) {
    const sdp::MediaSection& section = answer.media[i];
    const sdp::MediaSection& offered = offer.media[i];
    if (section.media_text != offered.media_text) return violation("the answer changes the media of an m= line");
    if (!leg.lines[i].stream || !offered.is_active()) continue;
    any_offered = true;
    StreamLeg& stream_leg = media.streams[*leg.lines[i].stream].leg[contract::index(from)];
    stream_leg.accepted = false;
    if (!section.is_active()) continue;
    const auto read = read_answered(leg.settings, answer, section, offered, stream_leg);
    if (read) {
      any = true;
    } else if (!failure || failure->kind == RefusalKind::kNoCommonCodec) {
      failure = read.error();
    }
  }
  const bool is_soft =
      !failure || failure->kind == RefusalKind::kNoCommonCodec || failure->kind == RefusalKind::kNoUsableAddress;
  if (failure && (!is_soft || !any)) return tl::unexpected<Refusal>(*failure);
  if (any_offered && !any) {
    return tl::unexpected<Refusal>(make_refusal(RefusalKind::kNoMedia, "the answer refuses every stream"));
  }
  return media;
}

}  // namespace isthmus::media
