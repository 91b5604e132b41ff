// A change of media while the call is up: re-INVITE with and without SDP, UPDATE with SDP, and re-offers of our own.

#include <algorithm>

#include "controlplane/b2bua/step.h"

namespace isthmus::b2bua {
namespace {

using Kind = Exchange::Kind;
using Phase = Exchange::Phase;

/// The offers that were refused used up version numbers of o=, which never go back (RFC 3264 8).
void keep_versions(Call& call, const media::CallMedia& refused) {
  for (const Side side : {Side::kA, Side::kB}) {
    auto& version = call.media.leg[contract::index(side)].version;
    version = std::max(version, refused.leg[contract::index(side)].version);
  }
}

/// The media stay as they were; ports drawn for the offer go back. A far side that has `taken` it is offered the old
/// ones.
void roll_back(Step& step, bool taken = false) {
  Call& call = step.call;
  const Exchange exchange = std::move(*call.exchange);
  call.exchange.reset();
  keep_versions(call, exchange.pending);
  const Side to = other(exchange.from);
  if (taken) {
    call.media = media::with_taken_offer(std::move(call.media), exchange.pending, to);
    call.follow_up.media[contract::index(to)] = true;
  }
  step.emit(WriteJournal{});
  if (exchange.new_ports) tell_relay(step, call.media, Purpose::kRestore);
}

void refuse_exchange(Step& step, Reply what, bool taken = false) {
  const Exchange& exchange = *step.call.exchange;
  const bool forwarded = exchange.kind == Kind::kForwarded;
  if (forwarded && !exchange.cancelled) reply(step, exchange.from, exchange.transaction, std::move(what));
  const bool own = exchange.kind == Kind::kOwn;
  const Side to = other(exchange.from);
  roll_back(step, taken && forwarded);
  // What one side has agreed to already was refused by the other: without a codec in common the call would stay mute.
  if (own && !media::has_codec_as_told(step.call.media, to)) {
    return end_call(step, {"no codec in common after a re-offer"});
  }
  follow_up(step);
}

/// The owner of the Call-ID waits longer (RFC 3261 14.1), and who names a time is given it; steps of 10 ms.
std::uint32_t glare_steps(Step& step, Side to, const Response& response) {
  if (response.status == 500)
    return 100 * std::min(*response.retry_after_s, kMostBusyS) + step.context.random.below(100);
  return step.leg(to).dialog.initiated ? 210 + step.context.random.below(191) : step.context.random.below(201);
}

void ask(Step& step, Side to, Method method, const sdp::SessionDescription& description) {
  Call& call = step.call;
  Headers headers = ask_interval(step, to);
  call.exchange->phase = Phase::kOffered;
  call.exchange->heard = false;
  step.emit(WriteJournal{});  // `to` may take it while nobody is here to hear so
  call.exchange->asked =
      send(step, to, method, Outstanding::Purpose::kExchange, sdp_body(step, to, description), std::move(headers)).id;
}

/// Both sides agree in `pending`; the data plane comes next.
void apply_agreed(Step& step) {
  Exchange& exchange = *step.call.exchange;
  if (exchange.kind == Kind::kForwarded) {
    auto written = media::make_answer(exchange.pending, exchange.from);
    if (!written) return refuse_exchange(step, reply_of(step, written.error()), true);
    exchange.pending = std::move(written->media);
    exchange.answer = sdp_body(step, exchange.from, written->description);
  }
  exchange.phase = Phase::kApplying;
  tell_relay(step, exchange.pending, Purpose::kApply);
}

void offer_far(Step& step) {
  Exchange& exchange = *step.call.exchange;
  const Side to = other(exchange.from);
  auto written = media::make_offer(exchange.pending, to, step.context.random);
  if (!written) return refuse_exchange(step, reply_of(step, written.error()));
  exchange.pending = std::move(written->media);
  if (!written->changed) return apply_agreed(step);
  // An UPDATE has to be answered at once (RFC 3311 5.2), so it goes on as one where the far side knows it.
  const bool as_update = exchange.method == Method::kUpdate && step.leg(to).allow.has(Method::kUpdate);
  ask(step, to, as_update ? Method::kUpdate : Method::kInvite, written->description);
}

/// Why an offer cannot be taken now; nullopt: it can.
std::optional<Reply> not_now(Step& step, Side side) {
  Call& call = step.call;
  const bool own_pending = call.exchange && call.exchange->from == side && call.exchange->transaction != 0 &&
                           call.exchange->phase != Phase::kWaitAck;
  switch (call.state) {
    case State::kCancelling:
    case State::kEnding:
    case State::kEnded: return Reply{481};
    case State::kUp: break;
    case State::kAnswered:
      if (side == Side::kA) break;
      return Reply{491};
    default:
      // RFC 3261 14.2 and RFC 3311 5.2: A's own offer is unanswered, or ours to B is.
      if (side == Side::kA) return Reply{500, "", {}, {random_retry_after(step)}};
      return Reply{491};
  }
  if (own_pending) return Reply{500, "", {}, {random_retry_after(step)}};
  if (call.exchange || is_asking(call, side) || is_asking(call, other(side))) return Reply{491};
  // RFC 5407 3.1.4 and 3.1.5: a lost ACK is made good by the next request, unless it carried the answer.
  const auto& unacked = step.leg(side).unacked;
  if (unacked && unacked->wants_answer) return Reply{491};
  if (step.leg(other(side)).unacked && call.state == State::kUp) return Reply{491};
  return std::nullopt;
}

void start_offerless(Step& step, Side side, ServerId transaction, const Request& request) {
  Call& call = step.call;
  auto written = media::make_full_offer(call.media, side, step.context.random);
  if (!written) return reply(step, side, transaction, reply_of(step, written.error()));
  Exchange exchange;
  exchange.kind = Kind::kOfferless;
  exchange.phase = Phase::kWaitAck;
  exchange.from = side;
  exchange.transaction = transaction;
  exchange.cseq = request.cseq;
  exchange.pending = std::move(written->media);
  call.exchange = std::move(exchange);
  step.leg(side).session = interval_for(step, side, request);
  step.emit(WriteJournal{});
  reply_2xx_to_invite(step, side, transaction, request.cseq,
                      {200, "", sdp_body(step, side, written->description), answer_interval(step, side), true}, true);
}

void start_forwarded(Step& step, Side side, ServerId transaction, Request& request) {
  Call& call = step.call;
  const std::uint64_t mark = mark_of(request.body->text);
  const auto& written = call.media.leg[contract::index(side)].written;
  if (mark == step.leg(side).sdp_mark && written) {
    // The same description again only refreshes the session (RFC 4028 7.4): same answer, nobody else is asked.
    step.leg(side).session = interval_for(step, side, request);
    Reply what{200, "", sdp_body(step, side, *written), answer_interval(step, side), true};
    if (request.method != Method::kInvite) return reply(step, side, transaction, std::move(what));
    return reply_2xx_to_invite(step, side, transaction, request.cseq, std::move(what), false);
  }
  auto description = read_sdp(*request.body);
  if (!description) return reply(step, side, transaction, reply_of(step, description.error()));
  auto pending = media::accept_offer(call.media, side, *description, step.context.random);
  if (!pending) return reply(step, side, transaction, reply_of(step, pending.error()));
  Exchange exchange;
  exchange.kind = Kind::kForwarded;
  exchange.from = side;
  exchange.transaction = transaction;
  exchange.method = request.method;
  exchange.cseq = request.cseq;
  exchange.mark = mark;
  exchange.session = interval_for(step, side, request);
  exchange.pending = std::move(*pending);
  exchange.new_ports = std::any_of(exchange.pending.streams.begin(), exchange.pending.streams.end(),
                                   [](const media::Stream& stream) { return !stream.leg[0].local_rtp; });
  call.exchange = std::move(exchange);
  if (!call.exchange->new_ports) return offer_far(step);
  call.exchange->phase = Phase::kPorts;
  tell_relay(step, call.exchange->pending, Purpose::kPorts);
}

}  // namespace

bool is_asking(const Call& call, Side side) {
  return std::any_of(call.outstanding.begin(), call.outstanding.end(), [side](const Outstanding& asked) {
    return asked.side == side &&
           (asked.purpose == Outstanding::Purpose::kExchange || asked.purpose == Outstanding::Purpose::kRefresh);
  });
}

void on_offer(Step& step, Side side, ServerId transaction, Request& request) {
  Call& call = step.call;
  if (auto refusal = not_now(step, side)) return reply(step, side, transaction, std::move(*refusal));
  Leg& leg = step.leg(side);
  if (leg.unacked) {
    AckArrived implied{side, {}};
    implied.ack.cseq = leg.unacked->cseq;
    on_ack(step, implied);
    if (call.state != State::kUp || call.exchange) return reply(step, side, transaction, {491});
  }
  if (auto refusal = refuse_interval(step, side, request)) {
    return reply(step, side, transaction, std::move(*refusal));
  }
  if (const auto refused = refuse_body(request)) return reply(step, side, transaction, reply_of(step, *refused));
  leg.dialog.refresh_target(request);
  if (request.allow) leg.allow = *request.allow;
  leg.supports_timer = request.supports_timer;
  if (!request.body) return start_offerless(step, side, transaction, request);
  start_forwarded(step, side, transaction, request);
}

void on_exchange_ports(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  if (!call.exchange || call.exchange->phase != Phase::kPorts) return;
  if (!answered.answer) {
    call.exchange->new_ports = false;
    return refuse_exchange(step, {503, "", {}, {retry_after(10)}});
  }
  call.exchange->pending = media::with_ports(std::move(call.exchange->pending), *answered.answer);
  if (call.exchange->cancelled) return refuse_exchange(step, {487});
  offer_far(step);
}

void on_exchange_response(Step& step, Response& response) {
  Call& call = step.call;
  if (!call.exchange) return;
  Exchange& exchange = *call.exchange;
  const Side to = other(exchange.from);
  if (response.status < 200) {
    if (!exchange.heard && exchange.cancelled) step.emit(SendCancel{to, exchange.asked, {}});
    exchange.heard = true;
    return;
  }
  if (response.status < 300) {
    step.leg(to).dialog.refresh_target(response);
    if (response.allow) step.leg(to).allow = *response.allow;
    take_interval(step, to, response);
    std::string problem = "no description";
    if (exchange.cancelled) {
      // CANCEL and 2xx crossed: the far side has the new media, nobody else wants them. Offer it the old ones.
      roll_back(step, true);
      return follow_up(step);
    }
    if (response.body && has_type(*response.body, kSdpType)) {
      auto description = read_sdp(*response.body);
      auto media = description ? media::accept_answer(exchange.pending, to, *description)
                               : media::Outcome<media::CallMedia>(tl::unexpected(description.error()));
      if (media) {
        step.leg(to).sdp_mark = mark_of(response.body->text);
        exchange.pending = std::move(*media);
        exchange.crossing = std::move(response.crossing);
        return apply_agreed(step);
      }
      problem = media.error().text;
    }
    step.emit(Note{"call.answer_refused", problem});
    return refuse_exchange(step, {488, "", {}, warning(step, 399, problem)}, true);
  }
  const bool harmless = exchange.tells_pairs && (response.local || response.status == 408);
  if ((response.status == 481 || response.status == 408) && !harmless) {
    // RFC 3261 12.2.1.2: that dialog is gone, and the call with it.
    End end{"the other side does not know the call any more"};
    end.gone = to;
    if (response.local) end = {"a re-offer was not answered"};
    return end_call(step, std::move(end));
  }
  // RFC 3261 14.1 and 14.2: an INVITE from there is under way, or one of ours before (of a process that was killed).
  const bool busy = response.status == 491 || (response.status == 500 && response.retry_after_s);
  if (busy && exchange.kind == Kind::kOwn && exchange.glare_retries < kMaxGlareRetries) {
    ++exchange.glare_retries;
    exchange.phase = Phase::kGlare;
    return start_timer(step, Timer::kGlare, to, std::chrono::milliseconds(10) * glare_steps(step, to, response));
  }
  Reply what{response.status, std::move(response.reason), {}, std::move(response.crossing)};
  if (response.status == 401 || response.status == 407) what = {403};
  if (response.local) what = {500};
  refuse_exchange(step, std::move(what));
}

void on_exchange_applied(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  if (!call.exchange || call.exchange->phase != Phase::kApplying) return;
  if (!answered.answer && answered.answer.error().kind != ErrorKind::kUnavailable) {
    step.emit(Note{"call.relay_refused", to_string(answered.answer.error())});
    return end_call(step, {"media plane: " + answered.answer.error().message});
  }
  Exchange done = std::move(*call.exchange);
  call.exchange.reset();
  call.silent.clear();  // other directions count from now on
  call.silent_packets.reset();
  call.media = answered.answer ? media::with_ports(std::move(done.pending), *answered.answer) : std::move(done.pending);
  step.emit(WriteJournal{});
  if (done.kind == Kind::kForwarded) {
    step.leg(done.from).sdp_mark = done.mark;
    step.leg(done.from).session = done.session;
    Reply what{200, "", std::move(done.answer), std::move(done.crossing), true};
    for (Header& header : answer_interval(step, done.from)) what.headers.push_back(std::move(header));
    if (done.method == Method::kInvite) {
      reply_2xx_to_invite(step, done.from, done.transaction, done.cseq, std::move(what), false);
    } else {
      reply(step, done.from, done.transaction, std::move(what));
    }
  }
  follow_up(step);
}

void on_exchange_ack(Step& step, AckArrived& arrived) {
  Call& call = step.call;
  if (!call.exchange || call.exchange->kind != Kind::kOfferless || call.exchange->from != arrived.side) return;
  Exchange& exchange = *call.exchange;
  if (!arrived.ack.body || !has_type(*arrived.ack.body, kSdpType)) {
    // Without an answer the old media stand (RFC 3261 14.2 leaves it to us; ending the call would be harsh).
    step.emit(Note{"call.answer_missing", "the ACK has no answer"});
    return roll_back(step);
  }
  auto description = read_sdp(*arrived.ack.body);
  auto media = description ? media::accept_answer(exchange.pending, arrived.side, *description)
                           : media::Outcome<media::CallMedia>(tl::unexpected(description.error()));
  if (!media) {
    step.emit(Note{"call.answer_refused", media.error().text});
    return roll_back(step);
  }
  step.leg(arrived.side).sdp_mark = mark_of(arrived.ack.body->text);
  exchange.pending = std::move(*media);
  call.follow_up.media[contract::index(other(arrived.side))] = true;
  apply_agreed(step);
}

void on_glare_timer(Step& step) {
  Call& call = step.call;
  if (!call.exchange || call.exchange->phase != Phase::kGlare) return;
  Exchange& exchange = *call.exchange;
  const Side to = other(exchange.from);
  const auto& written = exchange.pending.leg[contract::index(to)].written;
  if (!written) return roll_back(step);
  ask(step, to, Method::kInvite, *written);
}

void cancel_exchange(Step& step) {
  Exchange& exchange = *step.call.exchange;
  if (exchange.kind != Kind::kForwarded || exchange.cancelled || exchange.phase == Phase::kApplying) return;
  exchange.cancelled = true;
  reply(step, exchange.from, exchange.transaction, {487});
  if (exchange.phase == Phase::kOffered && exchange.heard) {
    step.emit(SendCancel{other(exchange.from), exchange.asked, {}});
  }
}

namespace {

/// False: there is no news in it, and nothing is asked.
bool offer_own(Step& step, Side to, media::Outcome<media::Written> written, bool tells_pairs) {
  if (!written || !written->changed) return false;
  Exchange exchange;
  exchange.kind = Kind::kOwn;
  exchange.tells_pairs = tells_pairs;
  exchange.from = other(to);
  exchange.pending = std::move(written->media);
  step.call.exchange = std::move(exchange);
  ask(step, to, Method::kInvite, written->description);
  return true;
}

}  // namespace

void follow_up(Step& step) {
  Call& call = step.call;
  if (!call.follow_up.is_due() || call.exchange || call.relay_wait || call.state != State::kUp) return;
  for (const Side side : {Side::kA, Side::kB}) {
    if (step.leg(side).unacked || is_asking(call, side)) return;
  }
  RandomSource& random = step.context.random;
  for (const Side to : {Side::kA, Side::kB}) {
    const std::size_t i = contract::index(to);
    const bool media_due = std::exchange(call.follow_up.media[i], false);
    const bool pairs_due = std::exchange(call.follow_up.pairs[i], false);  // whatever is offered names them
    if (media_due && offer_own(step, to, media::make_offer(call.media, to, random), false)) return;
    if (pairs_due && offer_own(step, to, media::make_full_offer(call.media, to, random), true)) return;
  }
}

}  // namespace isthmus::b2bua
