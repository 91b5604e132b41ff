#include <algorithm>
#include <map>

#include "controlplane/media/codec_match.h"
#include "controlplane/media/encryption.h"
#include "controlplane/media/negotiation.h"
#include "controlplane/media/section_reading.h"
#include "controlplane/media/stream_ice.h"
#include "controlplane/media/wording.h"

namespace isthmus::media {
namespace {

using sdp::MediaKind;
using sdp::MediaSection;

bool is_candidate(const LegSettings& settings, const MediaSection& section) {
  return section.is_active() && sdp::is_rtp(section.protocol) &&
         (!sdp::is_over_tcp(section.protocol) || is_tcp_only(settings, section)) &&
         (section.kind == MediaKind::kAudio || section.kind == MediaKind::kVideo);
}

// Presentation and panorama lines need a floor or a mixer; they are never the main picture.
bool is_main(const MediaSection& section) {
  if (section.content && *section.content != "main" && section.content->find("main") == std::string::npos) return false;
  // The word of the m-line decides the kind; a label only tells pictures apart.
  if (section.kind != MediaKind::kVideo) return true;
  return !section.label || (*section.label != "panoramic-video" && *section.label != "applicationsharing-video");
}

class OfferReading {
 public:
  OfferReading(CallMedia media, Side from, const sdp::SessionDescription& offer, RandomSource& random)
      : media_(std::move(media)), from_(from), offer_(offer), random_(random) {}

  Outcome<CallMedia> run() {
    LegMedia& leg = media_.leg[contract::index(from_)];
    if (offer_.media.size() < leg.lines.size()) {
      return tl::unexpected<Refusal>(
          make_refusal(RefusalKind::kProtocol, "a new offer has fewer m= lines than the one before"));
    }
    const bool is_first = leg.lines.empty();
    if (is_first) leg.ice_controlling = false;
    leg.lines.resize(offer_.media.size());
    for (Stream& stream : media_.streams) {
      StreamLeg& stream_leg = stream.leg[contract::index(from_)];
      was_accepted_.push_back(stream_leg.accepted);
      stream_leg.accepted = false;
    }
    // Lines that have a stream keep it; what is left goes to the others in their order.
    for (std::size_t i = 0; i < offer_.media.size(); ++i) prepare_line(i);
    for (const bool bound : {true, false}) {
      for (std::size_t i = 0; i < offer_.media.size(); ++i) {
        if (leg.lines[i].stream.has_value() == bound) read_line(i);
      }
    }
    if (const auto refusal = verdict(is_first)) return tl::unexpected<Refusal>(*refusal);
    return std::move(media_);
  }

 private:
  struct KindState {
    std::size_t taken = 0;
    std::optional<Refusal> failure{};  ///< Of the first line of that kind which could not be taken.
  };

  LegMedia& leg_media() { return media_.leg[contract::index(from_)]; }

  void prepare_line(std::size_t i) {
    LegLine& line = leg_media().lines[i];
    line.seen = outline_of(offer_.media[i]);
    // A slot that was free may come back as another kind (RFC 3264 8.1).
    if (line.stream && media_.streams[*line.stream].kind != offer_.media[i].kind) line.stream.reset();
  }

  void read_line(std::size_t i) {
    const MediaSection& section = offer_.media[i];
    if (!is_candidate(leg_media().settings, section)) return;
    has_candidate_ = true;
    KindState& kind = kinds_[section.kind];
    LegLine& line = leg_media().lines[i];
    if (kind.taken == kMaxStreamsOfKind || (!line.stream && !is_main(section))) return;
    if (section.kind == MediaKind::kVideo && !(policy(from_).video && policy(other(from_)).video)) return;

    const std::optional<std::size_t> position = line.stream ? line.stream : free_stream(section.kind);
    Stream stream =
        position && *position < media_.streams.size() ? media_.streams[*position] : new_stream(section.kind);
    const auto read = read_section(section, position, stream.leg[contract::index(from_)]);
    if (!read) {
      if (!kind.failure) kind.failure = read.error();
      return;
    }
    bind(i, position, std::move(stream));
    ++kind.taken;
  }

  const ZonePolicy& policy(Side side) const { return media_.leg[contract::index(side)].settings.policy; }

  // A stream of that kind which no line of this offer has taken: one that the other leg brought in, or an ended one.
  std::optional<std::size_t> free_stream(MediaKind kind) const {
    for (std::size_t i = 0; i < media_.streams.size(); ++i) {
      if (media_.streams[i].kind == kind && !media_.streams[i].leg[contract::index(from_)].accepted) return i;
    }
    return std::nullopt;
  }

  Outcome<void> read_section(const MediaSection& section, std::optional<std::size_t> position, StreamLeg& leg) {
    const LegSettings& settings = leg_media().settings;
    std::vector<LegFormat> formats = usable_formats(section);
    if (!section.has_ice() && !section.legacy_candidates.empty() && dialect(from_) == Dialect::kMicrosoft) {
      return tl::unexpected<Refusal>(
          make_refusal(RefusalKind::kOlderIce, "the ICE candidates are of the grammar before MS-ICE2"));
    }
    if (!has_real_codec(formats)) {
      return tl::unexpected<Refusal>(
          make_refusal(RefusalKind::kNoCommonCodec,
                       "no " + std::string(to_string(section.kind)) + " codec of the offer is allowed"));
    }
    auto crypto = choose_offered(settings, section);
    if (!crypto) return tl::unexpected<Refusal>(crypto.error());
    const bool went_on = position && *position < was_accepted_.size() && was_accepted_[*position];
    // A leg without ICE for a while starts anew when the peer has it again.
    if (dialect(from_) == Dialect::kMicrosoft && !leg.ice) leg.ice = draw_ice(random_);
    if (auto chosen = choose_protocol(section, crypto->has_value(), leg); !chosen) return chosen;
    if (auto transport = read_transport(settings, offer_, section, leg); !transport) return transport;

    read_ice_of(section, leg, went_on);
    leg.formats = std::move(formats);
    for (const LegFormat& format : leg.formats) remember_number(leg.numbers, format.peer);
    leg.receive_crypto = std::move(*crypto);
    set_own_key(leg, went_on);
    leg.accepted = true;
    return {};
  }

  // A leg that has its ports keeps what carries it.
  Outcome<void> choose_protocol(const MediaSection& section, bool secured, StreamLeg& leg) {
    const LegSettings& settings = leg_media().settings;
    const bool has_chosen = leg.local_rtp && !leg.undecided;
    const bool tcp = has_chosen ? leg.is_over_tcp() : is_tcp_only(settings, section);
    if (sdp::is_over_tcp(section.protocol) && !tcp) {
      return tl::unexpected<Refusal>(
          make_refusal(RefusalKind::kNoUsableAddress, "a stream cannot change to TCP while it has its ports"));
    }
    leg.protocol = wording_of(settings.dialect).answered_protocol(section.protocol, secured);
    if (tcp) leg.protocol = sdp::over_tcp(leg.protocol);
    decide_transport(leg, tcp);
    return {};
  }

  Stream new_stream(MediaKind kind) {
    Stream stream{kind, {}};
    for (const Side side : {Side::kA, Side::kB}) {
      draw_stream_identity(media_.leg[contract::index(side)].settings, kind, stream.leg[contract::index(side)],
                           random_);
    }
    return stream;
  }

  Dialect dialect(Side side) const { return media_.leg[contract::index(side)].settings.dialect; }

  std::vector<LegFormat> usable_formats(const MediaSection& section) const {
    std::vector<sdp::PayloadFormat> usable;
    for (const sdp::PayloadFormat& format : section.formats) {
      // The name means what it says in its own dialect only.
      if (format.encoding.empty() || (is_h264uc(format) && dialect(from_) != Dialect::kMicrosoft)) continue;
      if (is_allowed(rules_for(policy(from_), section.kind), format) &&
          is_allowed(rules_for(policy(other(from_)), section.kind), format)) {
        usable.push_back(format);
      }
    }
    if (dialect(from_) != dialect(other(from_))) usable = crossing(section.kind, usable);
    std::vector<LegFormat> formats;
    formats.reserve(usable.size());
    for (const sdp::PayloadFormat& format : usable) formats.push_back({format, format});
    return formats;
  }

  // A peer that restarts, or a stream that comes back, gets a new name and password of ours (RFC 8839 4.4.1.1.1).
  void read_ice_of(const MediaSection& section, StreamLeg& leg, bool went_on) {
    if (dialect(from_) != Dialect::kMicrosoft) return;
    const bool is_known = leg.ice && !leg.ice->remote_ufrag.empty();
    if (is_known && !went_on) leg.ice = draw_ice(random_);
    if (!read_ice(leg_media().settings, section, leg)) return;
    leg.ice = draw_ice(random_);
    read_ice(leg_media().settings, section, leg);
  }

  // Our key stays while the stream and the suite do; an ended stream that comes back gets a new one.
  void set_own_key(StreamLeg& leg, bool went_on) {
    if (!leg.receive_crypto) {
      leg.send_crypto.reset();
      leg.own_crypto.clear();
      return;
    }
    const sdp::CryptoAttribute& theirs = *leg.receive_crypto;
    if (went_on && leg.send_crypto && leg.send_crypto->suite == theirs.suite) {
      leg.send_crypto->tag = theirs.tag;
    } else {
      leg.send_crypto = draw_key(leg_media().settings, theirs.suite, theirs.tag, random_);
    }
    // The chosen line's form is the answer's, with its identifier or without ([MS-SDPEXT], a=crypto).
    if (dialect(from_) == Dialect::kMicrosoft) leg.send_crypto->keys.front().mki = theirs.keys.front().mki;
    leg.own_crypto = {*leg.send_crypto};
  }

  void bind(std::size_t i, std::optional<std::size_t> position, Stream stream) {
    auto& lines = leg_media().lines;
    const std::size_t at = position.value_or(media_.streams.size());
    if (at == media_.streams.size()) {
      const LegSettings& far = media_.leg[contract::index(other(from_))].settings;
      stream.leg[contract::index(other(from_))].family = far.preferred;
      media_.streams.push_back(std::move(stream));
      was_accepted_.push_back(false);
    } else {
      media_.streams[at] = std::move(stream);
      for (LegLine& line : lines) {
        if (line.stream == at) line.stream.reset();
      }
    }
    lines[i].stream = at;
  }

  std::optional<Refusal> verdict(bool is_first) const {
    std::size_t taken = 0;
    std::optional<Refusal> first_failure;
    for (const auto& [kind, state] : kinds_) {
      taken += state.taken;
      if (state.taken > 0 || !state.failure) continue;
      // A kind that is lost to encryption is not dropped silently: the caller would not know why the picture is gone.
      const RefusalKind why = state.failure->kind;
      if (why != RefusalKind::kNoCommonCodec && why != RefusalKind::kNoUsableAddress) return state.failure;
      if (!first_failure) first_failure = state.failure;
    }
    if (taken > 0) return std::nullopt;
    if (first_failure) return first_failure;
    if (!is_first && !has_candidate_) return std::nullopt;  // all m-lines at port 0: the call goes on without media
    return make_refusal(RefusalKind::kNoMedia, "the offer has no audio or video stream that can be taken");
  }

  CallMedia media_;
  Side from_;
  const sdp::SessionDescription& offer_;
  RandomSource& random_;
  std::vector<bool> was_accepted_;  ///< By stream: before this offer.
  std::map<MediaKind, KindState> kinds_;
  bool has_candidate_ = false;
};

}  // namespace

Outcome<CallMedia> accept_offer(CallMedia media, Side from, const sdp::SessionDescription& offer,
                                RandomSource& random) {
  return OfferReading(std::move(media), from, offer, random).run();
}

}  // namespace isthmus::media
