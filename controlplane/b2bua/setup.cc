// INVITE in, ports, INVITE out, and what to do when a target does not want the call.

#include "controlplane/b2bua/identity.h"
#include "controlplane/b2bua/step.h"
#include "controlplane/b2bua/zone_media.h"

namespace isthmus::b2bua {
namespace {

constexpr std::uint32_t kExhaustedRetryAfterS = 10;  // a call lasts minutes; asking again sooner is of no use
constexpr std::size_t kTagBytes = 8;                 // 64 bits (threat model B1)
constexpr std::size_t kCallIdBytes = 16;
// 24 characters, as clients draw them; any token of base64 letters will do.
constexpr std::size_t kConversationIdBytes = 12;

void fail_call(Step& step, Reply what, std::string reason) {
  Call& call = step.call;
  forget_provisional(step);
  call.record.end_status = what.status;
  if (call.record.end_reason.empty()) call.record.end_reason = std::move(reason);
  Leg& a = step.leg(Side::kA);
  if (a.invite) {
    reply(step, Side::kA, *a.invite, std::move(what));
    a.invite.reset();
  }
  call.state = State::kEnding;
  a.end = LegEnd::kOver;
  step.leg(Side::kB).end = LegEnd::kOver;
  close_session(step);
  finish_if_over(step);
}

/// "Not here", "not now" or "not this way": another zone may still have the callee. A refusal by the callee or for the
/// call's content is the last word.
bool is_worth_another_zone(const Response& failure) {
  const unsigned status = failure.status;
  return (status >= 300 && status < 400) || status == 401 || status == 404 || status == 407 || status == 408 ||
         status == 410 || (status >= 500 && status < 600);
}

/// This peer of the zone is the trouble, not the callee (RFC 3263 4.3).
bool is_worth_another_peer(const Response& failure) { return failure.local || failure.status == 503; }

/// RFC 3261 16.7 step 6: a 6xx first, then the lowest class; in it, what the callee said before "not found".
unsigned rank(const Response& failure) {
  if (failure.status >= 600) return 0;
  if (failure.status == 408 || failure.status == 503 || failure.local) return 900;
  if (failure.status >= 500) return 800;
  if (failure.status == 404) return 700;
  return failure.status >= 400 ? 400 : 750;
}

/// What A is told. Challenges and redirections of another network are not A's to follow, and a 503 of a peer must not
/// look like ours (RFC 3261 16.7 step 6).
std::uint16_t status_for_caller(const Response& failure) {
  if (failure.local) return failure.status == 408 ? 504 : 502;
  if (failure.status == 401 || failure.status == 407) return 403;
  if (failure.status == 503) return 500;
  if (failure.status >= 300 && failure.status < 400) return 480;
  return failure.status;
}

void open_session(Step& step) {
  Call& call = step.call;
  close_session(step);
  call.session = contract::SessionId{step.context.random.next_u64() | 1U};
  call.revision = 0;
  tell_relay(step, call.media, Purpose::kOpen);
}

void answer_with_failure(Step& step) {
  const Response& failure = *step.call.best_failure;
  Reply what;
  what.status = status_for_caller(failure);
  if (what.status == failure.status) what.reason = failure.reason;
  what.headers = failure.crossing;
  std::string reason = "target answered " + std::to_string(failure.status) + " " + failure.reason;
  if (failure.local) reason = failure.status == 408 ? "target did not answer" : "target could not be reached";
  fail_call(step, std::move(what), std::move(reason));
}

}  // namespace

void begin(Step& step, Began& began) {
  Call& call = step.call;
  Leg& a = step.leg(Side::kA);
  Request& invite = began.invite;
  call.record.began = step.context.now;
  a.invite = began.transaction;
  a.invite_cseq = invite.cseq;
  a.dialog.establish_from(invite);
  a.allow = invite.allow.value_or(MethodSet{});
  a.supports_timer = invite.supports_timer;
  a.supports_100rel = invite.supports_100rel || invite.requires_100rel;
  a.requires_100rel = invite.requires_100rel;
  // Lync shows a call with a description in a 18x as failed unless it asked for one: 180 alone is always safe.
  a.takes_early_media =
      dialect(step, Side::kA) == Dialect::kStandards || (a.supports_100rel && invite.supports_ms_early_media);
  call.invite_crossing = std::move(invite.crossing);
  call.delayed = !invite.body.has_value();

  if (call.attempts.empty()) return fail_call(step, {404}, "no rule leads to a zone");
  if (auto refusal = refuse_interval(step, Side::kA, invite)) {
    return fail_call(step, std::move(*refusal), "session interval too small");
  }
  if (const auto refused = refuse_body(invite)) return fail_call(step, reply_of(step, *refused), refused->text);
  if (call.delayed && a.requires_100rel) {
    // The first reliable response would have to carry an offer before anybody was asked (RFC 3262 5).
    return fail_call(step, {420, "", {}, {{"Unsupported", "100rel"}}}, "100rel required in an INVITE without SDP");
  }
  if (invite.body) {
    a.sdp_mark = mark_of(invite.body->text);
    auto offer = read_sdp(*invite.body);
    if (!offer) return fail_call(step, reply_of(step, offer.error()), offer.error().text);
    call.offer = std::move(*offer);
  }
  a.session = interval_for(step, Side::kA, invite);
  call.attempt = 0;
  try_attempt(step);
}

void try_attempt(Step& step) {
  Call& call = step.call;
  const Attempt& attempt = call.attempts[call.attempt];
  Leg& b = step.leg(Side::kB);
  // What an answer decided about the ports was that target's word: the next one is offered everything again.
  const bool same_zone =
      call.session_state == SessionState::kOpen && b.zone == attempt.target.zone && !call.calling.so_far.decided;
  b.zone = attempt.target.zone;
  const config::Zone* zone = step.zone(Side::kB);
  b.is_tls = zone != nullptr && attempt.peer < zone->peers.size() &&
             zone->peers[attempt.peer].transport == config::Transport::kTls;
  call.calling = Calling{};
  call.state = State::kOpening;

  RandomSource& random = step.context.random;
  media::LegSettings to_a = leg_settings(step, Side::kA);
  media::LegSettings to_b = leg_settings(step, Side::kB);
  auto media = call.delayed ? media::begin_with_preset(std::move(to_a), std::move(to_b), Side::kA, random)
                            : media::accept_offer(media::begin(std::move(to_a), std::move(to_b), random), Side::kA,
                                                  *call.offer, random);
  if (!media) {
    Reply what = reply_of(step, media.error());
    Response failure;
    failure.status = what.status;
    failure.crossing = std::move(what.headers);
    failure.reason = "";
    step.emit(Note{"call.media_refused", media.error().text});
    call.record.end_reason = media.error().text;
    return attempt_failed(step, std::move(failure));
  }
  if (same_zone) return send_invite(step);
  call.media = std::move(*media);
  open_session(step);
}

void on_ports(Step& step, RelayAnswered& answered) {
  Call& call = step.call;
  if (!answered.answer) {
    const Error& error = answered.answer.error();
    call.session_state = SessionState::kNone;
    Reply what{
        503,
        "",
        {},
        warning(step, 399, error.kind == ErrorKind::kExhausted ? "no media port left" : "media plane not available")};
    what.headers.push_back(retry_after(kExhaustedRetryAfterS));
    const bool exhausted = error.kind == ErrorKind::kExhausted;
    return fail_call(step, std::move(what), exhausted ? "media-pool-exhausted" : "media plane: " + error.message);
  }
  call.session_state = SessionState::kOpen;
  call.media = media::with_ports(std::move(call.media), *answered.answer);
  send_invite(step);
}

void send_invite(Step& step) {
  Call& call = step.call;
  const Attempt& attempt = call.attempts[call.attempt];
  const config::Zone* zone = step.zone(Side::kB);
  const std::string_view zone_domain = zone == nullptr ? std::string_view() : std::string_view(zone->caller_domain);
  auto written = media::make_offer(call.media, Side::kB, step.context.random);
  if (!written) {
    Response failure;
    Reply what = reply_of(step, written.error());
    failure.status = what.status;
    failure.crossing = std::move(what.headers);
    call.record.end_reason = written.error().text;
    return attempt_failed(step, std::move(failure));
  }
  call.calling.offered = std::move(written->media);

  Leg& b = step.leg(Side::kB);
  Dialog dialog;
  dialog.initiated = true;
  Headers headers = crossing_to(call.invite_crossing, MessageKind::kRequest, dialect(step, Side::kA), dialect_of(zone));
  std::string caller = step.leg(Side::kA).dialog.remote_name;
  if (dialect(step, Side::kA) == Dialect::kMicrosoft) caller = asserted_caller(headers, caller);
  dialog.local_name = identity_for(caller, zone_domain, attempt.target.caller_domain);
  dialog.remote_name = "<" + attempt.uri + ">";
  dialog.remote_target = attempt.uri;
  if (call.calling.so_far.timer_retries > 0 || call.calling.so_far.clear_retry) {
    // The same request again in other words (RFC 3261 8.1.3.5): same Call-ID, next CSeq.
    dialog.call_id = std::move(b.dialog.call_id);
    dialog.local_tag = std::move(b.dialog.local_tag);
    dialog.local_cseq = b.dialog.local_cseq;
  } else {
    dialog.call_id = random_token(step.context.random, kCallIdBytes);
    dialog.local_tag = random_token(step.context.random, kTagBytes);
  }
  b.dialog = std::move(dialog);
  b.session.duty = SessionDuty::kNone;

  repair_identities(headers, zone_domain, attempt.target.caller_domain);
  for (Header& header : ask_interval(step, Side::kB)) headers.push_back(std::move(header));
  if (dialect_of(zone) == Dialect::kMicrosoft) {
    if (b.conversation_id.empty()) b.conversation_id = random_token(step.context.random, kConversationIdBytes);
    headers.push_back({"Ms-Conversation-ID", b.conversation_id});
  }
  step.emit(WriteJournal{});
  call.calling.invite = send(step, Side::kB, Method::kInvite, Outstanding::Purpose::kSetup,
                             sdp_body(step, Side::kB, written->description), std::move(headers))
                            .id;
  call.state = State::kCalling;
  start_timer(step, Timer::kAnswer, Side::kB, step.context.config.timers.invite_expiry);
}

void attempt_failed(Step& step, Response failure) {
  Call& call = step.call;
  const Attempt& failed = call.attempts[call.attempt];
  call.record.history.push_back({routing::Step::Kind::kNote, failed.target.rule, failed.target.zone,
                                 failed.target.alias,
                                 failure.local ? (failure.status == 408 ? "no answer" : "not reachable")
                                               : "answered " + std::to_string(failure.status)});
  stop_timer(step, Timer::kAnswer, Side::kB);
  const bool heard_media = call.calling.so_far.answered_early;
  // The caller was given an answer that belongs to this attempt; another one would have to be a different call.
  std::size_t next = call.attempts.size();
  if (!heard_media && is_worth_another_zone(failure)) {
    next = call.attempt + 1;
    while (!is_worth_another_peer(failure) && next < call.attempts.size() &&
           call.attempts[next].target == failed.target) {
      ++next;
    }
  }
  if (!call.best_failure || rank(failure) < rank(*call.best_failure)) call.best_failure = std::move(failure);
  if (next >= call.attempts.size()) return answer_with_failure(step);
  call.attempt = next;
  call.record.end_reason.clear();
  try_attempt(step);
}

void on_answer_timer(Step& step) {
  if (step.call.state != State::kCalling && step.call.state != State::kProceeding) return;
  // RFC 3261 16.8: CANCEL where something was heard; the attempt counts as 408 either way.
  if (step.call.calling.heard) step.emit(SendCancel{Side::kB, step.call.calling.invite, {}});
  std::erase_if(step.call.outstanding, [&](const Outstanding& asked) { return asked.id == step.call.calling.invite; });
  Response failure;
  failure.status = 408;
  failure.reason = "Request Timeout";
  failure.local = true;
  attempt_failed(step, std::move(failure));
}

}  // namespace isthmus::b2bua
