// What became of ICE on a leg: pairs, none, or a path that went away ([MS-ICE2], RFC 8445, RFC 7675).

#include "controlplane/b2bua/step.h"
#include "controlplane/media/stream_ice.h"

namespace isthmus::b2bua {
namespace {

std::string stream_name(const Call& call, Side side, std::uint16_t stream) {
  const bool is_video = stream < call.media.streams.size() && call.media.streams[stream].kind == sdp::MediaKind::kVideo;
  return std::string(is_video ? "video" : "audio") + " of leg " + (side == Side::kA ? "a" : "b");
}

}  // namespace

void on_ice_nominated(Step& step, const IceNominated& event) {
  Call& call = step.call;
  if (call.state == State::kEnding || call.state == State::kCancelling) return;
  for_each_media(call, [&event](media::CallMedia& media) {
    media.leg[contract::index(event.side)].ice_controlling = event.controlling;  // a role conflict may have changed it
    media = media::with_nominated(std::move(media), event.side, event.stream, event.rtp, event.rtcp);
  });
  step.emit(Note{"call.ice_nominated", stream_name(call, event.side, event.stream) + " by " + to_string(event.rtp)});
  call.relay_behind = true;
  // [MS-ICE2]: the controlling side tells the chosen pairs in a second offer, when all streams have theirs.
  if (event.controlling && media::all_nominated(call.media, event.side)) {
    call.follow_up.pairs[contract::index(event.side)] = true;
  }
  if (call.state == State::kUp || call.state == State::kAnswered) step.emit(WriteJournal{});
  catch_up_relay(step);
}

void catch_up_relay(Step& step) {
  Call& call = step.call;
  if (!call.relay_behind || call.relay_wait || call.session_state != SessionState::kOpen) return;
  call.relay_behind = false;
  tell_relay(step, call.calling.early ? *call.calling.early : call.media, Purpose::kRestore);
}

void on_ice_failed(Step& step, const IceFailed& event) {
  const std::string what = stream_name(step.call, event.side, event.stream) + ": " + event.why;
  step.emit(Note{"call.ice_failed", what});
  End end{"ice processing failed (no media connectivity), " + what, 480};
  // R147. 22 is Microsoft's number for a failure with both ends inside the network, the only place where we are.
  end.headers = {{"Reason", "SIP;cause=480;text=\"No media connectivity: ICE processing failed\""},
                 {"ms-client-diagnostics",
                  "22;reason=\"Call failed to establish due to a media connectivity failure when both endpoints are "
                  "internal\""}};
  end_call(step, std::move(end));
}

// A peer that answers no checks may still send media, and some do so: the call ends when it does neither.
void on_consent_lost(Step& step, const ConsentLost& event) {
  Call& call = step.call;
  if (call.state != State::kUp) return;
  step.emit(Note{"call.consent_lost", stream_name(call, event.side, event.stream)});
  const std::pair place{event.stream, static_cast<std::uint8_t>(contract::index(event.side))};
  call.consent_lost.insert(place);
  end_if_gone(step, place);
}

void end_if_gone(Step& step, const std::pair<std::uint16_t, std::uint8_t>& place) {
  Call& call = step.call;
  if (!call.consent_lost.contains(place) || !call.silent.contains(place)) return;
  end_call(step, {"the peer is gone: no answer to consent checks and no media, " +
                  stream_name(call, place.second == 0 ? Side::kA : Side::kB, place.first)});
}

}  // namespace isthmus::b2bua
