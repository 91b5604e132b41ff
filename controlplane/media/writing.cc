#include <algorithm>
#include <array>

#include "controlplane/media/codec_match.h"
#include "controlplane/media/encryption.h"
#include "controlplane/media/negotiation.h"
#include "controlplane/media/section_reading.h"
#include "controlplane/media/stream_ice.h"
#include "controlplane/media/wording.h"
#include "controlplane/sdp/limits.h"

namespace isthmus::media {
namespace {

using sdp::MediaKind;
using sdp::MediaSection;

tl::unexpected<Refusal> violation(std::string text) {
  return tl::unexpected<Refusal>(make_refusal(RefusalKind::kProtocol, std::move(text)));
}

// Port 0, the words and formats as seen (RFC 3264 6: at least one format, no attribute needed).
MediaSection refused_section(const MediaSection& seen) {
  MediaSection section = seen;
  section.port = 0;
  if (section.formats.empty() && sdp::is_rtp(section.protocol))
    section.formats.push_back(*sdp::static_payload_format(0));
  return section;
}

void write_addresses(const StreamLeg& leg, const IpAddress& session_address, MediaSection& section) {
  section.port = leg.local_rtp->port;
  if (leg.local_rtp->ip != session_address) section.connection = sdp::Connection{leg.local_rtp->ip, {}};
  const bool is_next = leg.local_rtcp && leg.local_rtcp->port == leg.local_rtp->port + 1;
  if (leg.local_rtcp && !is_next) section.rtcp_port = leg.local_rtcp->port;
}

Dialect dialect_of(const CallMedia& media, Side side) { return media.leg[contract::index(side)].settings.dialect; }

// What both descriptions of a stream share: from the far leg's peer to this leg, by this list and nothing else.
MediaSection base_section(const Stream& stream, Side to, const IpAddress& session_address) {
  const StreamLeg& near = stream.leg[contract::index(to)];
  const StreamLeg& far = stream.leg[contract::index(other(to))];
  MediaSection section;
  section.kind = stream.kind;
  section.media_text = std::string(to_string(stream.kind));
  section.protocol = near.protocol;
  section.protocol_text = std::string(to_string(near.protocol));
  section.direction = far.peer_wish;
  write_addresses(near, session_address, section);
  return section;
}

// The rest, as the leg's dialect says it.
void complete(const CallMedia& media, const Stream& stream, Side to, bool is_answer, MediaSection& section) {
  const SectionContext context{
      media,    stream.kind, other(to), stream.leg[contract::index(to)], stream.leg[contract::index(other(to))],
      is_answer};
  wording_of(dialect_of(media, to)).complete_section(context, section);
}

// The address of c= for the session: that of the first stream with ports on this leg.
IpAddress session_address(const CallMedia& media, Side side) {
  for (const Stream& stream : media.streams) {
    const StreamLeg& leg = stream.leg[contract::index(side)];
    if (leg.local_rtp) return leg.local_rtp->ip;
  }
  IpAddress none;
  none.family = media.leg[contract::index(side)].settings.preferred;
  return none;
}

// Fewer formats than it was told, and still all that this leg agreed to: a Microsoft client's offer after ICE lists the
// chosen ones only.
bool only_fewer_formats(const StreamView& told, const StreamView& now, const StreamLeg& leg) {
  StreamView same = now;
  same.formats = told.formats;
  if (same != told) return false;
  const bool is_part = std::ranges::all_of(now.formats, [&](const sdp::PayloadFormat& format) {
    return std::ranges::find(told.formats, format) != told.formats.end();
  });
  return is_part && std::ranges::all_of(leg.formats, [&](const LegFormat& agreed) {
           return std::ranges::any_of(
               now.formats, [&](const sdp::PayloadFormat& format) { return same_codec(agreed.peer, format); });
         });
}

bool is_news(const CallMedia& media, Side to, const std::vector<StreamView>& now) {
  const std::vector<StreamView>& told = media.leg[contract::index(to)].told;
  if (told.size() != now.size()) return true;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (told[i] == now[i]) continue;
    if (!only_fewer_formats(told[i], now[i], media.streams[i].leg[contract::index(to)])) return true;
  }
  return false;
}

std::vector<StreamView> views_of(const CallMedia& media, Side side) {
  std::vector<StreamView> views;
  for (const Stream& stream : media.streams) {
    const StreamLeg& leg = stream.leg[contract::index(side)];
    StreamView view;
    view.active = leg.accepted;
    if (leg.accepted) {
      view.direction = leg.peer_wish;
      for (const LegFormat& format : leg.formats) view.formats.push_back(format.peer);
      view.feedback = leg.feedback;
      view.bandwidth_bps = leg.bandwidth_bps;
      view.ptime_ms = leg.ptime_ms;
      view.maxptime_ms = leg.maxptime_ms;
    }
    views.push_back(std::move(view));
  }
  return views;
}

// o= by the rules of RFC 3264 5 and 8: user, id and address stay, the version counts changes.
Written finish(CallMedia media, Side to, sdp::SessionDescription description) {
  LegMedia& leg = media.leg[contract::index(to)];
  const IpAddress address = session_address(media, to);
  description.connection = sdp::Connection{address, {}};
  description.origin.session_id = leg.session_id;
  wording_of(dialect_of(media, to)).complete_description(media, to, description);
  description.origin.address = leg.written ? leg.written->origin.address : to_string(address);
  description.origin.is_v6 = leg.written ? leg.written->origin.is_v6 : address.is_v6();
  if (leg.written) {
    description.origin.version = leg.written->origin.version;
    if (description == *leg.written) return Written{std::move(media), std::move(description), false};
  }
  description.origin.version = wording_of(dialect_of(media, to)).origin_version(++leg.version);
  leg.written = description;
  return Written{std::move(media), std::move(description), true};
}

Outcome<void> set_offered_encryption(const LegSettings& settings, StreamLeg& leg, bool went_on, RandomSource& random) {
  // A stream that goes on keeps its keys, and stays clear if it was agreed so.
  if (went_on) return {};
  auto offered = offer_encryption(settings, random);
  if (!offered) return tl::unexpected<Refusal>(offered.error());
  leg.protocol = leg.is_over_tcp() ? sdp::over_tcp(offered->protocol) : offered->protocol;
  leg.own_crypto = std::move(offered->crypto);
  leg.send_crypto.reset();
  leg.receive_crypto.reset();
  return {};
}

Outcome<void> set_offered_formats(std::vector<sdp::PayloadFormat> worded, StreamLeg& leg) {
  std::vector<LegFormat> formats;
  std::vector<std::uint8_t> taken;
  for (sdp::PayloadFormat& own : worded) {
    const auto number = assign_number(leg.numbers, own, taken);
    if (!number) return violation("no payload type number is left on this leg");
    own.payload_type = *number;
    // The spelling this leg knows, so that a description does not change for a capital letter.
    const auto known = std::ranges::find(leg.numbers, *number, &sdp::PayloadFormat::payload_type);
    if (known != leg.numbers.end() && same_encoding(*known, own)) own.encoding = known->encoding;
    taken.push_back(*number);
    formats.push_back({own, own});
  }
  leg.formats = std::move(formats);
  return {};
}

Outcome<MediaSection> offered_section(CallMedia& media, std::size_t at, Side to, RandomSource& random) {
  const LegSettings& settings = media.leg[contract::index(to)].settings;
  Stream& stream = media.streams[at];
  StreamLeg& leg = stream.leg[contract::index(to)];
  const StreamLeg& far = stream.leg[contract::index(other(to))];
  if (!leg.local_rtp) return violation("a stream is to be offered that has no ports yet");
  // Before our first description on this leg "accepted" only stands for a preset (RFC 3264 5, delayed offer).
  const bool went_on = leg.accepted && media.leg[contract::index(to)].written.has_value();
  if (auto done = set_offered_encryption(settings, leg, went_on, random); !done) {
    return tl::unexpected<Refusal>(done.error());
  }
  const Wording& wording = wording_of(settings.dialect);
  if (auto done =
          set_offered_formats(wording.offered_formats(stream.kind, far.formats, dialect_of(media, other(to))), leg);
      !done) {
    return tl::unexpected<Refusal>(done.error());
  }
  if (!went_on) {
    leg.offers_mux = settings.policy.offer_rtcp_mux;
    // A stream that comes back is a new one to the peer's agent (RFC 8839 4.4.1.2).
    if (leg.ice && !leg.ice->remote_ufrag.empty()) leg.ice = draw_ice(random);
  }

  MediaSection section = base_section(stream, to, session_address(media, to));
  for (const LegFormat& format : leg.formats) section.formats.push_back(format.own);
  section.rtcp_mux = leg.offers_mux;
  section.crypto = leg.own_crypto;
  complete(media, stream, to, false, section);
  return section;
}

// Every stream that the far leg has and this leg has no line for gets one at the end.
void add_lines(CallMedia& media, Side to) {
  LegMedia& leg = media.leg[contract::index(to)];
  for (std::size_t at = 0; at < media.streams.size(); ++at) {
    if (!media.streams[at].leg[contract::index(other(to))].accepted) continue;
    if (std::ranges::any_of(leg.lines, [&](const LegLine& line) { return line.stream == at; })) continue;
    if (leg.lines.size() < sdp::kMaxMediaSections) leg.lines.push_back(LegLine{at, {}});
  }
}

Outcome<MediaSection> answered_section(CallMedia& media, std::size_t at, Side to) {
  Stream& stream = media.streams[at];
  StreamLeg& leg = stream.leg[contract::index(to)];
  const StreamLeg& far = stream.leg[contract::index(other(to))];
  if (!leg.local_rtp) return violation("a stream is to be answered that has no ports yet");
  // The codecs that both have, in the far peer's order, under the numbers of the offer (RFC 3264 6.1).
  const Wording& wording = wording_of(dialect_of(media, to));
  std::vector<sdp::PayloadFormat> formats;
  bool has_codec = false;
  for (const Joined& joined : join(leg.formats, far.formats)) {
    LegFormat& format = leg.formats[joined.a];
    if (has_codec && stream.kind == MediaKind::kVideo && wording.answers_one_video_codec()) break;
    format.own = wording.answered_format(format.peer, far.formats[joined.b].peer, dialect_of(media, other(to)));
    formats.push_back(format.own);
    has_codec = has_codec || !is_auxiliary(format.own);
  }
  if (!has_codec) return MediaSection{};
  if (dialect_of(media, to) != dialect_of(media, other(to))) formats = crossing(stream.kind, formats);
  leg.offers_mux = leg.rtcp_mux;

  MediaSection section = base_section(stream, to, session_address(media, to));
  const sdp::Direction allowed = sdp::reversed(leg.peer_direction);
  section.direction = sdp::make_direction(sdp::sends(far.peer_direction) && sdp::sends(allowed),
                                          sdp::receives(far.peer_direction) && sdp::receives(allowed));
  section.formats = std::move(formats);
  section.rtcp_mux = leg.rtcp_mux;
  if (leg.send_crypto) section.crypto = {*leg.send_crypto};
  complete(media, stream, to, true, section);
  return section;
}

}  // namespace

bool has_codec_as_told(const CallMedia& media, Side to) {
  const std::vector<StreamView>& told = media.leg[contract::index(to)].told;
  const std::vector<StreamView> now = views_of(media, other(to));
  for (std::size_t i = 0; i < std::min(told.size(), now.size()); ++i) {
    if (!told[i].active) continue;
    for (const sdp::PayloadFormat& format : now[i].formats) {
      const auto same = [&](const sdp::PayloadFormat& known) { return same_codec(known, format); };
      if (!is_auxiliary(format) && std::ranges::any_of(told[i].formats, same)) return true;
    }
  }
  return false;
}

Outcome<Written> make_offer(CallMedia media, Side to, RandomSource& random) {
  const LegMedia& leg = media.leg[contract::index(to)];
  if (leg.written && !is_news(media, to, views_of(media, other(to)))) {
    sdp::SessionDescription same = *leg.written;
    return Written{std::move(media), std::move(same), false};
  }
  return make_full_offer(std::move(media), to, random);
}

Outcome<Written> make_full_offer(CallMedia media, Side to, RandomSource& random) {
  media.leg[contract::index(to)].told = views_of(media, other(to));
  add_lines(media, to);
  sdp::SessionDescription description;
  auto& lines = media.leg[contract::index(to)].lines;
  bool any = false;
  for (LegLine& line : lines) {
    const bool wanted = line.stream && media.streams[*line.stream].leg[contract::index(other(to))].accepted;
    if (!wanted) {
      if (line.stream) media.streams[*line.stream].leg[contract::index(to)].accepted = false;
      description.media.push_back(refused_section(line.seen));
      continue;
    }
    auto section = offered_section(media, *line.stream, to, random);
    if (!section) return tl::unexpected<Refusal>(section.error());
    any = true;
    line.seen = outline_of(*section);
    description.media.push_back(std::move(*section));
  }
  if (!any && lines.empty()) {
    return tl::unexpected<Refusal>(make_refusal(RefusalKind::kNoMedia, "there is no stream to offer"));
  }
  return finish(std::move(media), to, std::move(description));
}

Outcome<Written> make_answer(CallMedia media, Side to) {
  sdp::SessionDescription description;
  media.leg[contract::index(to)].told = views_of(media, other(to));
  auto& lines = media.leg[contract::index(to)].lines;
  for (LegLine& line : lines) {
    MediaSection section;
    if (line.stream) {
      StreamLeg& leg = media.streams[*line.stream].leg[contract::index(to)];
      const StreamLeg& far = media.streams[*line.stream].leg[contract::index(other(to))];
      if (leg.accepted && far.accepted) {
        auto answered = answered_section(media, *line.stream, to);
        if (!answered) return tl::unexpected<Refusal>(answered.error());
        section = std::move(*answered);
      }
      leg.accepted = section.is_active();
    }
    description.media.push_back(section.is_active() ? std::move(section) : refused_section(line.seen));
  }
  return finish(std::move(media), to, std::move(description));
}

CallMedia with_taken_offer(CallMedia kept, const CallMedia& offered, Side to) {
  const LegMedia& taken = offered.leg[contract::index(to)];
  LegMedia& leg = kept.leg[contract::index(to)];
  leg.version = taken.version;
  leg.written = taken.written;
  leg.told = taken.told;
  for (std::size_t i = leg.lines.size(); i < taken.lines.size(); ++i) leg.lines.push_back({{}, taken.lines[i].seen});
  return kept;
}

}  // namespace isthmus::media
