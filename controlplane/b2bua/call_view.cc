#include "controlplane/b2bua/call_view.h"

#include <charconv>

#include <fmt/format.h>

#include "controlplane/b2bua/identity.h"
#include "controlplane/media/negotiation.h"

namespace isthmus::b2bua {
namespace {

StreamLegView leg_view(const media::Stream& stream, Side side) {
  const media::StreamLeg& leg = stream.leg[contract::index(side)];
  StreamLegView view;
  if (const sdp::PayloadFormat* codec = media::spoken_codec(stream, side)) {
    view.codec = fmt::format("{}/{}", codec->encoding, codec->clock_hz);
  }
  view.encryption = leg.is_secured() ? std::string(sdp::suite_name(leg.send_crypto->suite)) : "none";
  view.direction = sdp::to_string(leg.peer_direction);
  if (leg.local_rtp) view.local = to_string(*leg.local_rtp);
  if (leg.transmit_rtp()) view.remote = to_string(*leg.transmit_rtp());
  return view;
}

}  // namespace

std::string call_name(std::uint64_t id) {
  std::string name(16, '0');
  for (auto digit = name.rbegin(); id != 0; ++digit, id >>= 4) *digit = "0123456789abcdef"[id & 15U];
  return name;
}

std::optional<std::uint64_t> call_id_of(std::string_view name) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id, 16);
  const bool whole = error == std::errc() && end == name.data() + name.size();
  if (name.size() != 16 || !whole || call_name(id) != name) return std::nullopt;
  return id;
}

std::string history_line(const routing::Step& step) {
  std::string line;
  switch (step.kind) {
    case routing::Step::Kind::kTransform: line = fmt::format("transform {}: {}", step.name, step.alias); break;
    case routing::Step::Kind::kRule:
    case routing::Step::Kind::kSkipped:
      line = fmt::format("rule {}: {}{}{}", step.name, step.zone, step.alias.empty() ? "" : " as ", step.alias);
      break;
    case routing::Step::Kind::kNote:
      line = step.zone.empty() ? std::string("search") : fmt::format("{} as {}", step.zone, step.alias);
      break;
  }
  return line + " (" + step.reason + ")";
}

CallView view_of(const Call& call) {
  CallView view;
  view.id = call_name(call.record.id);
  view.state = to_string(call.state);
  view.dialled = call.record.dialled;
  for (const Side side : {Side::kA, Side::kB}) {
    const Leg& leg = call.at(side);
    LegView& to = view.leg[contract::index(side)];
    const NameAddress name = split_name_address(leg.dialog.remote_name);
    to.zone = leg.zone;
    to.uri = name.uri;
    to.display_name = name.display;
    to.call_id = leg.dialog.call_id;
    to.signalling = leg.peer;
    to.user_agent = leg.user_agent;
  }
  if (call.attempt < call.attempts.size()) {
    view.target = call.attempts[call.attempt].uri;
    view.rule = call.attempts[call.attempt].target.rule;
  }
  view.began = call.record.began;
  view.answered = call.record.answered;
  view.ended = call.record.ended;
  view.session = call.session_state == SessionState::kNone ? contract::SessionId{} : call.session;
  for (const media::Stream& stream : call.media.streams) {
    StreamView& to = view.streams.emplace_back();
    to.kind = stream.kind == sdp::MediaKind::kVideo ? contract::MediaKind::kVideo : contract::MediaKind::kAudio;
    to.active = stream.leg[0].accepted && stream.leg[1].accepted;
    for (const Side side : {Side::kA, Side::kB}) to.leg[contract::index(side)] = leg_view(stream, side);
  }
  for (const routing::Step& step : call.record.history) view.history.push_back(history_line(step));
  view.end_reason = call.record.end_reason;
  view.end_status = call.record.end_status;
  view.last_stats = call.record.last_stats;
  return view;
}

}  // namespace isthmus::b2bua
