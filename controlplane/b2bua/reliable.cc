// Provisional responses to the caller, reliable ones included (RFC 3262).

#include <algorithm>

#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {
namespace {

void send_reliable(Step& step, Provisional provisional) {
  Leg& a = step.leg(Side::kA);
  // RFC 3262 7.1: first value between 1 and 2^31 - 1.
  a.reliable.rseq = a.reliable.rseq == 0 ? 1 + step.context.random.below(0x7ffffffeU) : a.reliable.rseq + 1;
  provisional.headers.push_back({"Require", "100rel"});
  provisional.headers.push_back({"RSeq", std::to_string(a.reliable.rseq)});
  a.reliable.interval = t1(step);
  reply(step, Side::kA, *a.invite,
        {provisional.status, provisional.reason, provisional.body, provisional.headers, true});
  a.reliable.outstanding = std::move(provisional);
  start_timer(step, Timer::kResendReliable, Side::kA, t1(step));
  start_timer(step, Timer::kPrack, Side::kA, give_up_after(step));
}

}  // namespace

void send_provisional(Step& step, Provisional provisional) {
  Leg& a = step.leg(Side::kA);
  if (!a.invite) return;
  // Reliably where the caller insists, and where a description goes along that the caller must not miss.
  const bool reliable = a.requires_100rel || (a.supports_100rel && provisional.body.has_value());
  if (!reliable) {
    reply(step, Side::kA, *a.invite,
          {provisional.status, std::move(provisional.reason), std::move(provisional.body),
           std::move(provisional.headers), true});
    return;
  }
  if (!a.reliable.outstanding) return send_reliable(step, std::move(provisional));
  auto& queued = a.reliable.queued;
  if (queued.size() == kMaxQueuedProvisional) {
    // The answer stays, it is one at most.
    queued.erase(std::find_if(queued.begin(), queued.end(), [](const Provisional& one) { return !one.body; }));
  }
  queued.push_back(std::move(provisional));
}

bool reliable_answer_pending(const Call& call) {
  const auto has_body = [](const Provisional& one) { return one.body.has_value(); };
  const Reliable& reliable = call.at(Side::kA).reliable;
  return (reliable.outstanding && has_body(*reliable.outstanding)) ||
         std::any_of(reliable.queued.begin(), reliable.queued.end(), has_body);
}

void forget_provisional(Step& step) {
  Leg& a = step.leg(Side::kA);
  if (a.reliable.outstanding) {
    stop_timer(step, Timer::kResendReliable, Side::kA);
    stop_timer(step, Timer::kPrack, Side::kA);
  }
  a.reliable.outstanding.reset();
  a.reliable.queued.clear();
}

void on_prack(Step& step, Side side, ServerId transaction, const Request& request) {
  Leg& leg = step.leg(side);
  const bool matches = side == Side::kA && request.rack && leg.reliable.outstanding &&
                       request.rack->rseq == leg.reliable.rseq && request.rack->cseq == leg.invite_cseq;
  if (!matches) return reply(step, side, transaction, {481});
  if (request.body) {
    // An offer in PRACK would need an answer at once (RFC 3262 5), before the far side can be asked.
    return reply(step, side, transaction, {488, "", {}, warning(step, 399, "no offer is taken in PRACK")});
  }
  stop_timer(step, Timer::kResendReliable, side);
  stop_timer(step, Timer::kPrack, side);
  if (leg.reliable.outstanding->body) step.call.calling.so_far.answered_reliably = true;
  leg.reliable.outstanding.reset();
  reply(step, side, transaction, {200});
  if (step.call.state == State::kAnswering && !step.call.relay_wait && !reliable_answer_pending(step.call)) {
    return send_final_2xx(step);
  }
  if (!leg.reliable.queued.empty() && leg.invite) {
    Provisional next = std::move(leg.reliable.queued.front());
    leg.reliable.queued.pop_front();
    send_reliable(step, std::move(next));
  }
}

void on_resend_reliable(Step& step) {
  Leg& a = step.leg(Side::kA);
  if (!a.reliable.outstanding || !a.invite) return;
  a.reliable.interval *= 2;  // RFC 3262 3: doubling without the bound of T2
  const Provisional& again = *a.reliable.outstanding;
  reply(step, Side::kA, *a.invite, {again.status, again.reason, again.body, again.headers, true});
  start_timer(step, Timer::kResendReliable, Side::kA, a.reliable.interval);
}

void on_prack_missing(Step& step) {
  if (!step.leg(Side::kA).reliable.outstanding) return;
  forget_provisional(step);
  end_call(step, {"no PRACK to a reliable response", 504});  // RFC 3262 3: 5xx
}

}  // namespace isthmus::b2bua
