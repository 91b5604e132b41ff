#include "controlplane/b2bua/machine.h"

#include <algorithm>

#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {

std::string_view to_string(State state) {
  switch (state) {
    case State::kOpening: return "opening";
    case State::kCalling: return "calling";
    case State::kProceeding: return "proceeding";
    case State::kAnswering: return "answering";
    case State::kAnswered: return "answered";
    case State::kUp: return "up";
    case State::kCancelling: return "cancelling";
    case State::kEnding: return "ending";
    case State::kEnded: return "ended";
  }
  return "";
}

std::string_view to_string(Timer timer) {
  switch (timer) {
    case Timer::kAnswer: return "answer";
    case Timer::kCancelled: return "cancelled";
    case Timer::kResend2xx: return "resend-2xx";
    case Timer::kAck: return "ack";
    case Timer::kResendReliable: return "resend-reliable";
    case Timer::kPrack: return "prack";
    case Timer::kRefresh: return "refresh";
    case Timer::kExpiry: return "expiry";
    case Timer::kGlare: return "glare";
    case Timer::kSilence: return "silence";
  }
  return "";
}

namespace {

void on_update(Step& step, Side side, ServerId transaction, Request& request) {
  if (request.body) return on_offer(step, side, transaction, request);
  if (step.call.state == State::kEnding || step.call.state == State::kCancelling) {
    return reply(step, side, transaction, {481});
  }
  if (auto refusal = refuse_interval(step, side, request)) {
    return reply(step, side, transaction, std::move(*refusal));
  }
  step.leg(side).dialog.refresh_target(request);
  step.leg(side).supports_timer = request.supports_timer;
  step.leg(side).session = interval_for(step, side, request);
  reply(step, side, transaction, {200, "", {}, answer_interval(step, side), true});
}

void on_request(Step& step, RequestArrived& arrived) {
  Dialog& dialog = step.leg(arrived.side).dialog;
  Request& request = arrived.request;
  // RFC 3261 12.2.2: a request from the past.
  if (request.cseq < dialog.remote_cseq) return reply(step, arrived.side, arrived.transaction, {500});
  dialog.remote_cseq = request.cseq;
  switch (request.method) {
    case Method::kInvite: return on_offer(step, arrived.side, arrived.transaction, request);
    case Method::kUpdate: return on_update(step, arrived.side, arrived.transaction, request);
    case Method::kBye: return on_bye(step, arrived.side, arrived.transaction, request);
    case Method::kPrack: return on_prack(step, arrived.side, arrived.transaction, request);
    case Method::kInfo: return on_info(step, arrived.side, arrived.transaction, request);
    case Method::kOptions: return on_options(step, arrived.side, arrived.transaction);
    case Method::kAck:
    case Method::kCancel: return;  // events of their own
  }
}

void on_response(Step& step, ResponseArrived& arrived) {
  Call& call = step.call;
  Response& response = arrived.response;
  const auto found = std::find_if(
      call.outstanding.begin(), call.outstanding.end(),
      [&arrived](const Outstanding& asked) { return asked.id == arrived.transaction && asked.side == arrived.side; });
  const bool success = response.status >= 200 && response.status < 300;
  if (found == call.outstanding.end()) {
    // Another fork, or an attempt that was given up.
    if (success && arrived.method == Method::kInvite) step.emit(EndFork{arrived.side, arrived.transaction});
    return;
  }
  const Outstanding asked = *found;
  const bool final = response.status >= 200;
  if (final) call.outstanding.erase(found);
  using Purpose = Outstanding::Purpose;
  if (success && asked.method == Method::kInvite && asked.purpose != Purpose::kSetup) {
    step.emit(SendAck{asked.side, asked.id, asked.cseq});
  }
  switch (asked.purpose) {
    case Purpose::kSetup: return on_invite_response(step, response);
    case Purpose::kExchange: return on_exchange_response(step, response);
    case Purpose::kRefresh: return on_refresh_response(step, asked.side, response);
    case Purpose::kInfo: return on_info_response(step, asked, response);
    case Purpose::kBye:
      if (final) on_bye_done(step, asked.side);
      return;
    case Purpose::kPrack: return;
  }
}

void on_relay_answer_for(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  if (!call.relay_wait || call.relay_wait->revision != answered.revision) return;  // overtaken by a later one
  const contract::Revision revision = call.relay_wait->revision;
  const auto purpose = call.relay_wait->purpose;
  call.relay_wait.reset();
  switch (purpose) {
    case Purpose::kOpen: return on_ports(step, answered);
    case Purpose::kEarly: return on_early_media(step, answered);
    case Purpose::kAnswer: return on_answer_applied(step, answered);
    case Purpose::kPorts: return on_exchange_ports(step, answered);
    case Purpose::kApply: return on_exchange_applied(step, answered);
    case Purpose::kReprogram: return on_reprogrammed(step, answered);
    case Purpose::kConfirm:
    case Purpose::kRestore:
      if (!answered.answer && answered.answer.error().kind != ErrorKind::kUnavailable) {
        step.emit(Note{"call.relay_refused",
                       "revision " + std::to_string(revision) + ": " + to_string(answered.answer.error())});
        if (purpose == Purpose::kConfirm) return end_call(step, {"media plane: " + answered.answer.error().message});
      }
      return follow_up(step);
  }
}

void on_relay_answer(Step& step, RelayAnswered& answered) {
  on_relay_answer_for(step, answered);
  // The caller's PRACK may have come while the data plane was told something else.
  const bool is_due = step.call.state == State::kAnswering && !step.call.relay_wait && step.call.calling.waiting &&
                      !reliable_answer_pending(step.call);
  if (is_due && answered.answer) send_final_2xx(step);
  catch_up_relay(step);
}

void on_timer(Step& step, const TimerFired& fired) {
  Call& call = step.call;
  switch (fired.timer) {
    case Timer::kAnswer: return on_answer_timer(step);
    case Timer::kCancelled:
      if (call.state == State::kCancelling) cancelled(step);
      return;
    case Timer::kResend2xx: return on_resend_2xx(step, fired.side);
    case Timer::kAck: return on_ack_missing(step, fired.side);
    case Timer::kResendReliable: return on_resend_reliable(step);
    case Timer::kPrack: return on_prack_missing(step);
    case Timer::kRefresh: return on_refresh_timer(step, fired.side);
    case Timer::kExpiry:
      if (step.leg(fired.side).session.duty == SessionDuty::kNone) return;
      return end_call(step, {"session expired without refresh", 408});
    case Timer::kGlare: return on_glare_timer(step);
    case Timer::kSilence: return on_silence_timer(step);
  }
}

/// Finds the rule for an event.
struct Dispatch {
  Step& step;

  void operator()(Began& event) const { begin(step, event); }
  void operator()(RequestArrived& event) const { on_request(step, event); }
  void operator()(CancelArrived& event) const { on_cancel(step, event); }
  void operator()(AckArrived& event) const { on_ack(step, event); }
  void operator()(ResponseArrived& event) const { on_response(step, event); }
  void operator()(RelayAnswered& event) const { on_relay_answer(step, event); }
  void operator()(RelayClosed& event) const {
    if (event.stats) step.call.record.last_stats = std::move(event.stats);
    if (event.session != step.call.session) return;
    step.call.session_state = SessionState::kNone;
    finish_if_over(step);
  }
  void operator()(StatsArrived& event) const { on_stats(step, event); }
  void operator()(RelayRestarted&) const { on_relay_restarted(step); }
  void operator()(RelayOutOfStep&) const {
    if (step.call.session_state == SessionState::kOpen) tell_relay(step, step.call.media, Purpose::kRestore);
  }
  void operator()(MediaStarted& event) const { on_media_started(step, event); }
  void operator()(MediaTimedOut& event) const { on_media_timed_out(step, event); }
  void operator()(IceNominated& event) const { on_ice_nominated(step, event); }
  void operator()(IceFailed& event) const { on_ice_failed(step, event); }
  void operator()(ConsentLost& event) const { on_consent_lost(step, event); }
  void operator()(PictureWanted& event) const { on_picture_wanted(step, event); }
  void operator()(TimerFired& event) const { on_timer(step, event); }
  void operator()(EndAsked& event) const { end_call(step, {std::move(event.reason), 503}); }
};

}  // namespace

Actions apply(Call& call, Event event, const Context& context) {
  Actions actions;
  if (call.state == State::kEnded) return actions;
  Step step{call, context, actions};
  std::visit(Dispatch{step}, event);
  return actions;
}

Actions resume(Call& call, const Context& context) {
  Actions actions;
  Step step{call, context, actions};
  const State was = call.state;
  call.calling = Calling{};
  call.exchange.reset();
  call.outstanding.clear();
  call.relay_wait.reset();
  for (Leg& leg : call.leg) {
    leg.dialog.local_cseq += kRecoveryCseqStep;
    leg.invite.reset();
    leg.unacked.reset();
    leg.reliable = Reliable{};
  }
  if (was == State::kAnswered || was == State::kUp) {
    call.state = State::kUp;
    for (const Side side : {Side::kA, Side::kB}) (void)answer_interval(step, side);
    step.emit(WriteJournal{});
    follow_up(step);  // an ACK that it waited for went to the process before
    return actions;
  }
  // The transactions of an unanswered call are gone with the process, so nobody can be answered or cancelled. A dialog
  // that B confirmed is ended.
  call.state = State::kEnding;
  if (call.record.end_reason.empty()) call.record.end_reason = "the control plane restarted during call set-up";
  step.leg(Side::kA).end =
      was == State::kEnding && step.leg(Side::kA).end != LegEnd::kOver ? LegEnd::kOpen : LegEnd::kOver;
  if (was != State::kAnswering && was != State::kEnding) step.leg(Side::kB).end = LegEnd::kOver;
  for (const Side side : {Side::kA, Side::kB}) {
    Leg& leg = step.leg(side);
    if (leg.end == LegEnd::kOver) continue;
    leg.end = LegEnd::kByeSent;
    send(step, side, Method::kBye, Outstanding::Purpose::kBye, {});
  }
  close_session(step);
  finish_if_over(step);
  return actions;
}

}  // namespace isthmus::b2bua
