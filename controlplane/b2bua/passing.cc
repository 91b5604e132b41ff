// What passes through a call without changing it, and what the data plane reports.

#include <algorithm>
#include <array>

#include "controlplane/b2bua/body_choice.h"
#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {
namespace {

constexpr std::array<std::string_view, 3> kInfoTypes{"application/dtmf-relay", "application/dtmf",
                                                     "application/media_control+xml"};
constexpr std::string_view kMediaControl = "application/media_control+xml";
/// RFC 5168 6.
constexpr std::string_view kPictureFastUpdate =
    "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n<media_control><vc_primitive><to_encoder>"
    "<picture_fast_update></picture_fast_update></to_encoder></vc_primitive></media_control>\r\n";
constexpr std::string_view kInfoAccept = "application/dtmf-relay, application/dtmf, application/media_control+xml";

std::uint64_t packets_of(const contract::SessionStats& stats) {
  std::uint64_t packets = 0;
  for (const contract::StreamStats& stream : stats.streams) {
    for (const contract::LegStats& leg : stream.leg) packets += leg.packets_received;
  }
  return packets;
}

/// Directions in which media should flow now.
std::size_t flows_of(const contract::SessionSpec& spec) {
  std::size_t flows = 0;
  for (const contract::StreamSpec& stream : spec.streams) {
    for (const contract::LegSpec& leg : stream.leg) flows += leg.receive && leg.remote_rtp ? 1U : 0U;
  }
  return flows;
}

/// A key frame of the peer of `side`, of each picture that it sends.
void request_pictures(Step& step, Side side) {
  const Call& call = step.call;
  for (std::size_t i = 0; i < call.media.streams.size(); ++i) {
    const media::Stream& stream = call.media.streams[i];
    if (stream.kind != sdp::MediaKind::kVideo || !stream.leg[contract::index(side)].accepted) continue;
    step.emit(RequestPicture{call.session, static_cast<std::uint16_t>(i), side});
  }
}

/// INFO for a Microsoft peer, which knows RTCP alone: the wish for a picture goes that way, everything else nowhere.
void on_info_for_microsoft(Step& step, Side side, ServerId transaction, const Request& request) {
  const bool wants_picture =
      has_type(*request.body, kMediaControl) && request.body->text.find("picture_fast_update") != std::string::npos;
  if (!wants_picture) {
    return reply(step, side, transaction, {415, "", {}, {{"Accept", std::string(kMediaControl)}}});
  }
  request_pictures(step, other(side));
  reply(step, side, transaction, {200});
}

}  // namespace

void on_picture_wanted(Step& step, const PictureWanted& wanted) {
  const Call& call = step.call;
  const Leg& leg = step.leg(wanted.side);
  if (call.state != State::kUp || dialect(step, wanted.side) == Dialect::kMicrosoft) return;
  if (leg.allow.bits() != 0 && !leg.allow.has(Method::kInfo)) return;
  const bool asking =
      std::any_of(call.outstanding.begin(), call.outstanding.end(), [&wanted](const Outstanding& asked) {
        return asked.side == wanted.side && asked.purpose == Outstanding::Purpose::kInfo;
      });
  if (asking) return;
  send(step, wanted.side, Method::kInfo, Outstanding::Purpose::kInfo,
       Body{std::string(kMediaControl), std::string(kPictureFastUpdate)});
}

void on_info(Step& step, Side side, ServerId transaction, Request& request) {
  Call& call = step.call;
  if (call.state == State::kEnding || call.state == State::kCancelling) return reply(step, side, transaction, {481});
  if (!request.body) return reply(step, side, transaction, {200});  // RFC 2976: a probe
  const bool known = std::any_of(kInfoTypes.begin(), kInfoTypes.end(),
                                 [&request](std::string_view type) { return has_type(*request.body, type); });
  if (!known) return reply(step, side, transaction, {415, "", {}, {{"Accept", std::string(kInfoAccept)}}});
  if (call.state == State::kUp && dialect(step, other(side)) == Dialect::kMicrosoft) {
    return on_info_for_microsoft(step, side, transaction, request);
  }
  const auto passing = std::count_if(call.outstanding.begin(), call.outstanding.end(), [](const Outstanding& asked) {
    return asked.purpose == Outstanding::Purpose::kInfo;
  });
  if (call.state != State::kUp || static_cast<std::size_t>(passing) >= kMaxPassing) {
    return reply(step, side, transaction, {500, "", {}, {random_retry_after(step)}});
  }
  send(step, other(side), Method::kInfo, Outstanding::Purpose::kInfo, std::move(request.body),
       std::move(request.crossing))
      .reply_to = transaction;
}

void on_info_response(Step& step, const Outstanding& asked, Response& response) {
  if (response.status < 200 || asked.reply_to == 0) return;  // 0: our own wish for a picture, which nobody waits for
  Reply what{response.status, std::move(response.reason)};
  if (response.local || response.status == 401 || response.status == 407) what = {500};
  reply(step, other(asked.side), asked.reply_to, std::move(what));
}

void on_options(Step& step, Side side, ServerId transaction) {
  reply(step, side, transaction, {200, "", {}, {{"Accept", std::string(kAcceptedBodies)}}, true});
}

void on_media_timed_out(Step& step, const MediaTimedOut& event) {
  Call& call = step.call;
  if (call.state != State::kUp) return;
  step.emit(Note{"call.media_timed_out",
                 "stream " + std::to_string(event.stream) + " from leg " + (event.side == Side::kA ? "a" : "b")});
  const std::pair place{event.stream, static_cast<std::uint8_t>(contract::index(event.side))};
  call.silent.insert(place);
  end_if_gone(step, place);
  if (call.state != State::kUp) return;
  const contract::SessionSpec spec = media::session_spec(call.media, call.session, call.revision);
  const std::size_t flows = flows_of(spec);
  if (flows != 0 && call.silent.size() >= flows) step.emit(QueryStats{call.session});
}

void on_media_started(Step& step, const MediaStarted& event) {
  Call& call = step.call;
  call.silent.erase({event.stream, static_cast<std::uint8_t>(contract::index(event.side))});
  call.consent_lost.erase({event.stream, static_cast<std::uint8_t>(contract::index(event.side))});
  call.silent_packets.reset();
  stop_timer(step, Timer::kSilence, Side::kA);
}

void on_stats(Step& step, StatsArrived& arrived) {
  Call& call = step.call;
  if (call.state != State::kUp || !arrived.stats) return;
  const std::uint64_t packets = packets_of(*arrived.stats);
  if (!call.silent_packets) {
    // Nothing flows in any direction that should: one more time-out, then the call is over.
    call.silent_packets = packets;
    return start_timer(step, Timer::kSilence, Side::kA, step.context.config.timers.media_timeout);
  }
  const bool still_silent = packets == *call.silent_packets;
  call.silent_packets.reset();
  call.silent.clear();
  if (still_silent) end_call(step, {"media timed out in every direction"});
}

void on_silence_timer(Step& step) {
  if (step.call.state == State::kUp && step.call.silent_packets) step.emit(QueryStats{step.call.session});
}

void on_relay_restarted(Step& step) {
  Call& call = step.call;
  if (call.session_state != SessionState::kOpen && call.session_state != SessionState::kOpening) return;
  if (call.state == State::kOpening) return;  // its open failed, or goes to the new data plane by itself
  // SSRCs are the data plane's to name. Secured: it goes on with the one whose index it remembers under the key, or
  // takes a fresh one, since an index that starts at 0 again must not meet its old key (RFC 3711 9.1). Clear: sequence
  // numbers start anew at random, and under the old SSRC half of the jumps read as late packets, which receivers drop
  // for as long as the jump is wide (RFC 3550 A.1).
  for_each_media(call, [](media::CallMedia& media) { media = media::with_fresh_ssrcs(std::move(media)); });
  tell_relay(step, call.calling.early ? *call.calling.early : call.media, Purpose::kReprogram);
}

void on_reprogrammed(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  call.session_state = SessionState::kOpen;
  if (answered.answer) {
    for_each_media(call, [&answered](media::CallMedia& media) {
      if (!media.streams.empty()) media = media::with_ports(std::move(media), *answered.answer);
    });
    step.emit(Note{"call.media_restored", ""});
    step.emit(WriteJournal{});
    return follow_up(step);
  }
  if (answered.answer.error().kind == ErrorKind::kUnavailable) return;  // gone again; told anew when it is back
  call.session_state = SessionState::kNone;
  end_call(step, {"media could not be restored: " + answered.answer.error().message, 500});
}

}  // namespace isthmus::b2bua
