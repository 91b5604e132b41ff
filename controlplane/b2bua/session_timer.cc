// Session timers (RFC 4028), each leg for itself.

#include <algorithm>

#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {
namespace {

constexpr std::uint32_t kLeastIntervalS = 90;     // RFC 4028 5
constexpr std::uint32_t kMostIntervalS = 86'400;  // a day; longer ones are of no use to anybody
constexpr std::chrono::seconds kBusyRetry{2};     // something else runs in the dialog

std::uint32_t seconds(std::chrono::seconds value) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value.count(), kLeastIntervalS, kMostIntervalS));
}

std::uint32_t minimum_of(const Step& step, Side side) {
  const config::Zone* zone = step.zone(side);
  return zone == nullptr ? kLeastIntervalS : seconds(zone->session_minimum);
}

std::uint32_t wanted_of(const Step& step, Side side) {
  const config::Zone* zone = step.zone(side);
  return zone == nullptr ? 1800 : seconds(zone->session_interval);
}

void start(Step& step, Side side) {
  const SessionTimer& session = step.leg(side).session;
  if (session.duty == SessionDuty::kNone) return stop_session_timers(step, side);
  const std::chrono::seconds interval(session.interval_s);
  if (session.duty == SessionDuty::kOurs) {
    start_timer(step, Timer::kRefresh, side, interval / 2);  // RFC 4028 7.2
    start_timer(step, Timer::kExpiry, side, interval);
  } else {
    stop_timer(step, Timer::kRefresh, side);
    const auto margin = std::min<std::chrono::seconds>(std::chrono::seconds(32), interval / 3);  // RFC 4028 10
    start_timer(step, Timer::kExpiry, side, interval - margin);
  }
}

void refresh(Step& step, Side side) {
  Leg& leg = step.leg(side);
  const auto& written = step.call.media.leg[contract::index(side)].written;
  const bool by_update = leg.allow.has(Method::kUpdate);
  if (!by_update && !written) return;
  send(step, side, by_update ? Method::kUpdate : Method::kInvite, Outstanding::Purpose::kRefresh,
       by_update ? std::nullopt : std::optional(sdp_body(step, side, *written)), ask_interval(step, side));
}

}  // namespace

std::optional<Reply> refuse_interval(Step& step, Side side, const Request& request) {
  const std::uint32_t minimum = minimum_of(step, side);
  if (!request.supports_timer || !request.session.expires_s || *request.session.expires_s >= minimum) {
    return std::nullopt;
  }
  return Reply{422, "", {}, {{"Min-SE", std::to_string(minimum)}}};
}

SessionTimer interval_for(const Step& step, Side side, const Request& request) {
  SessionTimer session = step.call.at(side).session;
  const SessionTimerWords& words = request.session;
  if (!request.supports_timer && !words.expires_s) {
    session.duty = SessionDuty::kNone;
    return session;
  }
  const std::uint32_t least = std::max(minimum_of(step, side), std::min(words.min_se_s.value_or(0), kMostIntervalS));
  const std::uint32_t wanted = wanted_of(step, side);
  session.interval_s = std::max(least, std::min(words.expires_s.value_or(wanted), wanted));
  // RFC 4028 9, table 2: who does not know session timers cannot refresh.
  const bool ours = !request.supports_timer || words.refresher == Refresher::kUas;
  session.duty = ours ? SessionDuty::kOurs : SessionDuty::kPeers;
  return session;
}

Headers answer_interval(Step& step, Side side) {
  const SessionTimer& session = step.leg(side).session;
  start(step, side);
  if (session.duty == SessionDuty::kNone) return {};
  const bool ours = session.duty == SessionDuty::kOurs;
  Headers headers{
      {"Session-Expires", std::to_string(session.interval_s) + (ours ? ";refresher=uas" : ";refresher=uac")}};
  if (!ours) headers.push_back({"Require", "timer"});
  return headers;
}

Headers ask_interval(Step& step, Side side) {
  const SessionTimer& session = step.leg(side).session;
  const std::uint32_t least = std::max(minimum_of(step, side), std::min(session.min_se_s, kMostIntervalS));
  std::string value = std::to_string(std::max(least, wanted_of(step, side)));
  if (session.duty == SessionDuty::kOurs) value += ";refresher=uac";
  if (session.duty == SessionDuty::kPeers) value += ";refresher=uas";
  return {{"Session-Expires", std::move(value)}, {"Min-SE", std::to_string(least)}};
}

void take_interval(Step& step, Side side, const Response& response) {
  SessionTimer& session = step.leg(side).session;
  if (!response.session.expires_s) {
    session.duty = SessionDuty::kNone;
  } else {
    session.interval_s = std::clamp(*response.session.expires_s, kLeastIntervalS, kMostIntervalS);
    session.duty = response.session.refresher == Refresher::kUas ? SessionDuty::kPeers : SessionDuty::kOurs;
  }
  start(step, side);
}

void stop_session_timers(Step& step, Side side) {
  stop_timer(step, Timer::kRefresh, side);
  stop_timer(step, Timer::kExpiry, side);
}

void on_refresh_timer(Step& step, Side side) {
  Call& call = step.call;
  if (step.leg(side).session.duty != SessionDuty::kOurs || step.leg(side).end != LegEnd::kOpen) return;
  if (call.state != State::kUp || call.exchange || step.leg(side).unacked || is_asking(call, side)) {
    return start_timer(step, Timer::kRefresh, side, kBusyRetry);
  }
  refresh(step, side);
}

void on_refresh_response(Step& step, Side side, Response& response) {
  Call& call = step.call;
  Leg& leg = step.leg(side);
  if (response.status < 200 || call.state != State::kUp) return;
  if (response.status < 300) {
    leg.dialog.refresh_target(response);
    take_interval(step, side, response);
    if (response.body && has_type(*response.body, kSdpType) && mark_of(response.body->text) != leg.sdp_mark) {
      // The same offer, another answer: the peer moved. Only what the data plane sends changes.
      auto description = read_sdp(*response.body);
      if (!description) return;
      auto media = media::accept_answer(call.media, side, *description);
      if (!media) return;
      leg.sdp_mark = mark_of(response.body->text);
      call.media = std::move(*media);
      step.emit(WriteJournal{});
      tell_relay(step, call.media, Purpose::kRestore);
    }
    return follow_up(step);
  }
  if (response.status == 481 || response.status == 408) {
    End end{"session refresh failed"};
    if (!response.local) end.gone = side;
    return end_call(step, std::move(end));  // RFC 4028 10
  }
  if (response.status == 422 && response.session.min_se_s.value_or(0) > leg.session.min_se_s) {
    leg.session.min_se_s = *response.session.min_se_s;
    return refresh(step, side);
  }
  if (response.status == 491 || response.status == 500) {
    return start_timer(step, Timer::kRefresh, side, kBusyRetry);
  }
  // Other refusals say nothing about the session; it ends when it expires.
}

}  // namespace isthmus::b2bua
