// What B says to the INVITE, what A hears of it, and A's ACK.

#include <algorithm>

#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {
namespace {

Calling::Fork* fork_of(Calling& calling, const std::string& tag) {
  const auto found = std::find_if(calling.forks.begin(), calling.forks.end(),
                                  [&tag](const Calling::Fork& fork) { return fork.tag == tag; });
  if (found != calling.forks.end()) return &*found;
  if (calling.forks.size() == kMaxForks) return nullptr;
  calling.forks.push_back({tag, 0, {}});
  return &calling.forks.back();
}

/// PRACK for a reliable response (RFC 3262 4). False: a copy, or out of order, to be ignored.
bool acknowledge_reliable(Step& step, const Response& response) {
  if (!response.requires_100rel || !response.rseq) return true;
  Calling::Fork* fork = fork_of(step.call.calling, response.to_tag);
  if (fork == nullptr) return false;
  if (fork->rseq != 0 && *response.rseq != fork->rseq + 1) return false;
  fork->rseq = *response.rseq;
  if (response.body && !fork->answer && has_type(*response.body, kSdpType)) fork->answer = response.body;
  Dialog early = step.leg(Side::kB).dialog;
  early.establish_from(response);
  Headers headers{{"RAck", std::to_string(*response.rseq) + " " + std::to_string(response.cseq) + " INVITE"}};
  send(step, Side::kB, Method::kPrack, Outstanding::Purpose::kPrack, {}, std::move(headers));
  std::get<SendRequest>(step.actions.back()).early = std::move(early);
  return true;
}

/// Whatever answers next, another fork or the target asked anew: the version of o= towards A goes on (RFC 3264 8).
void keep_answered_version(Call& call, const media::CallMedia& answered) {
  const media::LegMedia& said = answered.leg[contract::index(Side::kA)];
  for (media::CallMedia* const later : {&*call.calling.offered, &call.media}) {
    media::LegMedia& to_a = later->leg[contract::index(Side::kA)];
    to_a.version = said.version;
    to_a.written = said.written;
  }
}

/// The caller's INVITE has its answer (RFC 3262 5): whoever takes the call joins the leg that was agreed with it.
void keep_answered_leg(Call& call, const media::CallMedia& answered) {
  const std::size_t a = contract::index(Side::kA);
  for (media::CallMedia* const later : {&*call.calling.offered, &call.media}) {
    later->leg[a] = answered.leg[a];
    for (std::size_t i = 0; i < std::min(later->streams.size(), answered.streams.size()); ++i) {
      later->streams[i].leg[a] = answered.streams[i].leg[a];
    }
  }
}

/// The data plane gives up the other transport with the first answer, of whichever fork.
void keep_decisions(Call& call, const media::CallMedia& told) {
  for (media::CallMedia* const later : {&*call.calling.offered, &call.media}) {
    *later = media::with_decisions(std::move(*later), Side::kB, told);
  }
}

/// 1xx that callers know; all others mean 183 (RFC 3261 8.1.3.2). Lync sends 101 Progress Report.
bool is_known_provisional(std::uint16_t status) { return (status >= 180 && status <= 183) || status == 199; }

/// Early media: the data plane first, A when it has it. An answer that A has reliably, or will have, is the only one.
bool start_early_media(Step& step, const Response& response, Provisional& provisional) {
  Call& call = step.call;
  if (call.delayed || !call.calling.offered || !response.body || !has_type(*response.body, kSdpType)) return false;
  auto description = read_sdp(*response.body);
  if (!description) return false;
  auto media = media::accept_answer(*call.calling.offered, Side::kB, *description);
  if (!media) return false;
  if (!call.calling.so_far.answered_reliably && !reliable_answer_pending(call)) {
    auto written = media::make_answer(std::move(*media), Side::kA);
    if (!written) return false;
    keep_answered_version(call, written->media);
    media = std::move(written->media);
    if (step.leg(Side::kA).takes_early_media) provisional.body = sdp_body(step, Side::kA, written->description);
  }
  keep_decisions(call, *media);
  call.calling.so_far.decided = true;
  call.calling.early = std::move(*media);
  call.calling.early_tag = response.to_tag;
  call.calling.waiting = std::move(provisional);
  tell_relay(step, *call.calling.early, Purpose::kEarly);
  return true;
}

void on_provisional(Step& step, Response& response) {
  Call& call = step.call;
  const bool first = !call.calling.heard;
  call.calling.heard = true;
  if (call.calling.cancel_wanted) {
    if (first) step.emit(SendCancel{Side::kB, call.calling.invite, {}});
    if (first) start_timer(step, Timer::kCancelled, Side::kB, give_up_after(step));
    return;
  }
  if (call.state != State::kCalling && call.state != State::kProceeding) return;
  if (response.status == 100) return;
  start_timer(step, Timer::kAnswer, Side::kB, step.context.config.timers.invite_expiry);  // RFC 3261 16.7 step 2
  if (!acknowledge_reliable(step, response)) return;
  if (response.allow) step.leg(Side::kB).allow = *response.allow;
  call.state = State::kProceeding;
  if (!is_known_provisional(response.status)) {
    response.status = 183;
    response.reason.clear();
    response.body.reset();
  }
  Provisional provisional{response.status, response.reason, {}, response.crossing};
  if (start_early_media(step, response, provisional)) return;
  if (response.status == 199) return;  // RFC 6228: one fork ended, nothing for A
  send_provisional(step, std::move(provisional));
}

/// B's media are agreed in `media`; A's 2xx follows when the data plane knows.
void answer_agreed(Step& step, media::CallMedia media, Response& response) {
  Call& call = step.call;
  call.media = std::move(media);
  call.calling.offered.reset();
  call.calling.early.reset();
  call.calling.waiting = Provisional{response.status, response.reason, {}, std::move(response.crossing)};
  call.state = State::kAnswering;
  // An answer that waits for its turn still goes first; the rest is no news any more.
  std::erase_if(step.leg(Side::kA).reliable.queued, [](const Provisional& queued) { return !queued.body; });
  tell_relay(step, call.media, Purpose::kAnswer);
}

/// B accepted the call, but not in a way that can be put through: both ends are told.
void answer_refused(Step& step, const media::Refusal& refusal) {
  step.emit(Note{"call.answer_refused", refusal.text});
  step.call.state = State::kAnswering;  // B's dialog stands and has to be ended with BYE
  end_call(step, {"answer of the target: " + refusal.text, 488, "", {}, reply_of(step, refusal).headers});
}

void on_2xx(Step& step, Response& response) {
  Call& call = step.call;
  Leg& b = step.leg(Side::kB);
  if (call.state != State::kCalling && call.state != State::kProceeding) {
    step.emit(EndFork{Side::kB, call.calling.invite});
    if (call.state == State::kCancelling) cancelled(step);
    return;
  }
  stop_timer(step, Timer::kAnswer, Side::kB);
  b.dialog.establish_from(response);
  if (response.allow) b.allow = *response.allow;
  b.supports_timer = response.supports_timer;
  take_interval(step, Side::kB, response);
  step.emit(WriteJournal{});
  step.emit(SendAck{Side::kB, call.calling.invite, response.cseq});

  if (!response.body) {
    // The peer trusts that its 183 arrived, or the answer came reliably in a 18x (RFC 3262 5).
    const bool was_early = call.calling.early && call.calling.early_tag == response.to_tag;
    if (was_early) return answer_agreed(step, std::move(*call.calling.early), response);
    if (Calling::Fork* fork = fork_of(call.calling, response.to_tag); fork != nullptr) response.body = fork->answer;
  }
  if (!response.body) {
    return answer_refused(step, media::make_refusal(media::RefusalKind::kProtocol, "the 2xx has no description"));
  }
  if (!has_type(*response.body, kSdpType)) {
    return answer_refused(step, media::make_refusal(media::RefusalKind::kMalformed, "the body is not SDP"));
  }
  auto description = read_sdp(*response.body);
  if (!description) return answer_refused(step, description.error());
  auto media = media::accept_answer(*call.calling.offered, Side::kB, *description);
  if (!media) return answer_refused(step, media.error());
  b.sdp_mark = mark_of(response.body->text);
  answer_agreed(step, std::move(*media), response);
}

/// The same target once more, in words that it asked for. False: it is a failure like any other.
bool ask_again(Step& step, const Response& response) {
  Call& call = step.call;
  Leg& b = step.leg(Side::kB);
  if (response.status == 422 && response.session.min_se_s && call.calling.so_far.timer_retries < kMaxTimerRetries &&
      *response.session.min_se_s > b.session.min_se_s) {
    b.session.min_se_s = *response.session.min_se_s;
    ++call.calling.so_far.timer_retries;
  } else if (response.status == 488 && !call.calling.so_far.clear_retry) {
    media::CallMedia clear = media::without_encryption(call.media, Side::kB);
    const config::Zone* zone = step.zone(Side::kB);
    if (zone == nullptr || !zone->offer_savp || zone->media_encryption != config::MediaEncryption::kAuto) return false;
    call.media = std::move(clear);
    call.calling.so_far.clear_retry = true;
  } else {
    return false;
  }
  const Calling::SoFar so_far = call.calling.so_far;
  call.calling = Calling{};
  call.calling.so_far = so_far;
  send_invite(step);
  return true;
}

}  // namespace

void on_invite_response(Step& step, Response& response) {
  Call& call = step.call;
  if (!response.product.empty()) step.leg(Side::kB).user_agent = std::move(response.product);
  if (response.status < 200) return on_provisional(step, response);
  if (response.status < 300) return on_2xx(step, response);
  if (call.state == State::kCancelling) return cancelled(step);
  if (call.state != State::kCalling && call.state != State::kProceeding) return;
  stop_timer(step, Timer::kAnswer, Side::kB);
  if (ask_again(step, response)) return;
  attempt_failed(step, std::move(response));
}

void on_early_media(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  if (!call.calling.waiting || call.state != State::kProceeding) return;
  Provisional provisional = std::move(*call.calling.waiting);
  call.calling.waiting.reset();
  if (!answered.answer) {
    // Ringing without early media is better than no ringing.
    provisional.body.reset();
    call.calling.early.reset();
  } else if (provisional.body) {
    call.calling.so_far.answered_early = true;
    if (step.leg(Side::kA).supports_100rel) keep_answered_leg(call, *call.calling.early);
  }
  send_provisional(step, std::move(provisional));
}

void on_answer_applied(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  if (call.state != State::kAnswering) return;
  // While the data plane is away it forwards nothing; it is given everything again when it is back.
  if (!answered.answer && answered.answer.error().kind != ErrorKind::kUnavailable) {
    return end_call(step, {"media plane: " + answered.answer.error().message, 500});
  }
  if (reliable_answer_pending(call)) return;  // RFC 3262 3: not before its PRACK
  send_final_2xx(step);
}

void send_final_2xx(Step& step) {
  Call& call = step.call;
  Leg& a = step.leg(Side::kA);
  Reply what{
      call.calling.waiting->status, call.calling.waiting->reason, {}, std::move(call.calling.waiting->headers), true};
  if (call.calling.so_far.answered_reliably) {
    // What another fork has agreed to, A can only hear in an offer, once this INVITE is done (RFC 3261 14.1).
    call.follow_up.media[contract::index(Side::kA)] = true;
  } else {
    auto written = call.delayed ? media::make_full_offer(std::move(call.media), Side::kA, step.context.random)
                                : media::make_answer(std::move(call.media), Side::kA);
    if (!written) return end_call(step, {written.error().text, written.error().status});
    call.media = std::move(written->media);
    what.body = sdp_body(step, Side::kA, written->description);
  }
  forget_provisional(step);
  for (Header& header : answer_interval(step, Side::kA)) what.headers.push_back(std::move(header));
  call.calling.waiting.reset();
  call.record.answered = step.context.now;
  call.state = State::kAnswered;
  const ServerId transaction = *a.invite;
  a.invite.reset();
  step.emit(WriteJournal{});
  reply_2xx_to_invite(step, Side::kA, transaction, a.invite_cseq, std::move(what), call.delayed);
}

void reply_2xx_to_invite(Step& step, Side side, ServerId transaction, std::uint32_t cseq, Reply what,
                         bool wants_answer) {
  step.leg(side).unacked = Unacked{transaction, cseq, t1(step), wants_answer};
  reply(step, side, transaction, std::move(what));
  start_timer(step, Timer::kResend2xx, side, t1(step));
  start_timer(step, Timer::kAck, side, give_up_after(step));
}

void on_resend_2xx(Step& step, Side side) {
  Leg& leg = step.leg(side);
  if (!leg.unacked) return;
  // RFC 3261 13.3.1.4: from T1, doubling up to T2, whatever the transport.
  leg.unacked->interval = std::min(2 * leg.unacked->interval, step.context.config.timers.t2);
  step.emit(ResendResponse{side, leg.unacked->transaction});
  start_timer(step, Timer::kResend2xx, side, leg.unacked->interval);
}

void on_ack_missing(Step& step, Side side) {
  Leg& leg = step.leg(side);
  if (!leg.unacked) return;
  leg.unacked.reset();
  stop_timer(step, Timer::kResend2xx, side);
  if (leg.end == LegEnd::kWaitAck) {
    leg.end = LegEnd::kByeSent;
    send(step, side, Method::kBye, Outstanding::Purpose::kBye, {});
    return;
  }
  end_call(step, {"no ACK to the 2xx", 408});  // RFC 3261 13.3.1.4
}

namespace {

/// Delayed offer: the ACK of the first INVITE brings A's answer (RFC 3261 13.2.1).
void confirm_delayed(Step& step, AckArrived& arrived) {
  Call& call = step.call;
  std::string missing = "the ACK has no answer";
  if (arrived.ack.body && has_type(*arrived.ack.body, kSdpType)) {
    auto description = read_sdp(*arrived.ack.body);
    auto media = description ? media::accept_answer(call.media, Side::kA, *description)
                             : media::Outcome<media::CallMedia>(tl::unexpected(description.error()));
    if (media) {
      step.leg(Side::kA).sdp_mark = mark_of(arrived.ack.body->text);
      call.media = std::move(*media);
      call.state = State::kUp;
      // B agreed to a preset; now A's own list is known (R38).
      call.follow_up.media[contract::index(Side::kB)] = media::wants_follow_up(call.media, Side::kB);
      return tell_relay(step, call.media, Purpose::kConfirm);
    }
    missing = media.error().text;
  }
  call.state = State::kUp;
  end_call(step, {"delayed offer: " + missing});
}

}  // namespace

void on_ack(Step& step, AckArrived& arrived) {
  Call& call = step.call;
  Leg& leg = step.leg(arrived.side);
  if (!leg.unacked || arrived.ack.cseq != leg.unacked->cseq) return;  // a copy, or of another INVITE
  const bool wants_answer = leg.unacked->wants_answer;
  leg.unacked.reset();
  stop_timer(step, Timer::kResend2xx, arrived.side);
  stop_timer(step, Timer::kAck, arrived.side);
  if (leg.end == LegEnd::kWaitAck) {
    leg.end = LegEnd::kByeSent;
    send(step, arrived.side, Method::kBye, Outstanding::Purpose::kBye, {});
    return;
  }
  if (call.state == State::kAnswered) {
    call.calling = Calling{};
    call.offer.reset();
    call.invite_crossing.clear();
    call.best_failure.reset();
    step.emit(Note{"call.up", ""});
    if (!wants_answer) {
      call.state = State::kUp;  // in the journal it is that already: both states recover alike
      return follow_up(step);
    }
    confirm_delayed(step, arrived);
    step.emit(WriteJournal{});
    return;
  }
  if (call.state == State::kUp && wants_answer) on_exchange_ack(step, arrived);
  if (call.state == State::kUp) follow_up(step);
}

}  // namespace isthmus::b2bua
