// The end of a call, from every state and by everybody.

#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {
namespace {

/// Microsoft's own headers go to no one else.
Headers for_leg(const Step& step, Side side, Headers headers) {
  if (leg_settings(step, side).dialect == media::Dialect::kMicrosoft) return headers;
  std::erase_if(headers, [](const Header& header) { return header.name.starts_with("ms-"); });
  return headers;
}

/// BYE to a leg whose dialog stands, or as soon as RFC 3261 15 allows it.
void say_bye(Step& step, Side side, Headers headers) {
  Leg& leg = step.leg(side);
  stop_session_timers(step, side);
  if (leg.end != LegEnd::kOpen) return;
  if (leg.unacked) {
    leg.end = LegEnd::kWaitAck;
    return;
  }
  leg.end = LegEnd::kByeSent;
  send(step, side, Method::kBye, Outstanding::Purpose::kBye, {}, for_leg(step, side, std::move(headers)));
}

/// A leg that needs nothing more.
void leg_is_over(Step& step, Side side) {
  Leg& leg = step.leg(side);
  stop_session_timers(step, side);
  if (leg.unacked) {
    leg.unacked.reset();
    stop_timer(step, Timer::kResend2xx, side);
    stop_timer(step, Timer::kAck, side);
  }
  leg.end = LegEnd::kOver;
}

/// A's INVITE is still without final response.
void refuse_caller(Step& step, End& end) {
  Leg& a = step.leg(Side::kA);
  forget_provisional(step);
  if (a.invite) {
    step.call.record.end_status = end.status;
    reply(step, Side::kA, *a.invite, {end.status, end.phrase, {}, for_leg(step, Side::kA, end.headers)});
    a.invite.reset();
  }
  leg_is_over(step, Side::kA);
}

/// Requests of the legs that a change of media left open.
void abandon_exchange(Step& step) {
  Call& call = step.call;
  if (!call.exchange) return;
  const Exchange& exchange = *call.exchange;
  if (exchange.phase == Exchange::Phase::kGlare) stop_timer(step, Timer::kGlare, other(exchange.from));
  if (exchange.kind == Exchange::Kind::kForwarded && !exchange.cancelled) {
    // RFC 3261 15.1.2: requests pending when the BYE comes get 487.
    reply(step, exchange.from, exchange.transaction, {487});
  }
  call.exchange.reset();
}

}  // namespace

void end_call(Step& step, End end) {
  Call& call = step.call;
  if (call.state == State::kCancelling || call.state == State::kEnding || call.state == State::kEnded) {
    if (end.gone) {
      leg_is_over(step, *end.gone);
      finish_if_over(step);
    }
    return;
  }
  if (call.record.end_reason.empty()) call.record.end_reason = end.reason;
  call.record.ended = step.context.now;
  abandon_exchange(step);
  stop_timer(step, Timer::kSilence, Side::kA);
  if (end.gone) leg_is_over(step, *end.gone);

  switch (call.state) {
    case State::kOpening:
      refuse_caller(step, end);
      leg_is_over(step, Side::kB);
      call.state = State::kEnding;
      break;
    case State::kCalling:
    case State::kProceeding:
      refuse_caller(step, end);
      call.state = State::kCancelling;
      cancel_attempt(step);
      break;
    case State::kAnswering:
      refuse_caller(step, end);
      say_bye(step, Side::kB, end.headers);
      call.state = State::kEnding;
      break;
    default:
      say_bye(step, Side::kA, end.headers);
      say_bye(step, Side::kB, end.headers);
      call.state = State::kEnding;
      break;
  }
  close_session(step);
  finish_if_over(step);
}

void cancel_attempt(Step& step) {
  Call& call = step.call;
  stop_timer(step, Timer::kAnswer, Side::kB);
  call.calling.cancel_wanted = true;
  if (call.calling.heard) {
    step.emit(SendCancel{Side::kB, call.calling.invite, {}});
    start_timer(step, Timer::kCancelled, Side::kB, give_up_after(step));
  }
  // Else Timer B of the transaction ends an INVITE that nobody ever answers.
}

void cancelled(Step& step) {
  stop_timer(step, Timer::kCancelled, Side::kB);
  step.call.state = State::kEnding;
  step.leg(Side::kB).end = LegEnd::kOver;
  finish_if_over(step);
}

void on_cancel(Step& step, const CancelArrived& cancel) {
  Call& call = step.call;
  if (call.exchange && call.exchange->transaction == cancel.transaction) return cancel_exchange(step);
  if (call.at(Side::kA).invite != cancel.transaction) return;  // answered already: no effect (RFC 3261 9.2)
  end_call(step, {"cancelled by the caller", 487});
}

void on_bye(Step& step, Side side, ServerId transaction, Request& request) {
  Call& call = step.call;
  const bool early = call.state == State::kOpening || call.state == State::kCalling || call.state == State::kProceeding;
  if (early && side == Side::kB) {
    return reply(step, side, transaction, {481});  // RFC 3261 15: the callee cannot end an early dialog so
  }
  reply(step, side, transaction, {200});
  const bool from_a = side == Side::kA;
  End end{from_a ? "caller hung up" : "callee hung up", static_cast<std::uint16_t>(from_a ? 487 : 480)};
  end.gone = side;
  end.headers = std::move(request.crossing);
  if (from_a && step.leg(Side::kA).invite) {
    // BYE on the early dialog, or before our 2xx left (RFC 5407 3.1.3): as good as CANCEL.
    end.gone.reset();
  }
  end_call(step, std::move(end));
}

void on_bye_done(Step& step, Side side) {
  leg_is_over(step, side);
  finish_if_over(step);
}

void finish_if_over(Step& step) {
  Call& call = step.call;
  if (call.state != State::kEnding) return;
  if (call.at(Side::kA).end != LegEnd::kOver || call.at(Side::kB).end != LegEnd::kOver) return;
  if (call.session_state != SessionState::kNone) return;
  call.state = State::kEnded;
  if (!call.record.ended) call.record.ended = step.context.now;
  step.emit(Finish{});
}

}  // namespace isthmus::b2bua
