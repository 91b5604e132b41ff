#pragma once

// Inside of the machine: one step of one call, and the parts that every verb needs. Not for other folders.

#include <string>
#include <string_view>
#include <utility>

#include "controlplane/b2bua/header_table.h"
#include "controlplane/b2bua/machine.h"
#include "controlplane/media/negotiation.h"

namespace isthmus::b2bua {

struct Step {
  Call& call;
  const Context& context;
  Actions& actions;

  template <typename A>
  void emit(A action) {
    actions.emplace_back(std::move(action));
  }
  Leg& leg(Side side) { return call.at(side); }
  const config::Zone* zone(Side side) const { return context.config.find_zone(call.at(side).zone); }
};

// ---- answering ----
struct Reply {
  std::uint16_t status = 200;
  std::string reason{};
  std::optional<Body> body{};
  Headers headers{};
  bool with_contact = false;
};
void reply(Step& step, Side side, ServerId transaction, Reply what);
Headers warning(const Step& step, std::uint16_t code, std::string_view text);
Reply reply_of(const Step& step, const media::Refusal& refusal);
/// For a body that is no session description.
Reply reply_of(const Step& step, const BodyRefusal& refusal);
/// Nothing: there is no body, or it is a description.
std::optional<BodyRefusal> refuse_body(const Signal& signal);
Dialect dialect(const Step& step, Side side);
/// Retry-After of 0..10 s (RFC 3261 14.2).
Header random_retry_after(Step& step);
Header retry_after(std::uint32_t seconds);

// ---- asking ----
/// Takes the next CSeq of the leg's dialog and remembers that a response is due.
Outstanding& send(Step& step, Side side, Method method, Outstanding::Purpose purpose, std::optional<Body> body,
                  Headers headers = {});
void start_timer(Step& step, Timer timer, Side side, std::chrono::milliseconds after);
void stop_timer(Step& step, Timer timer, Side side);
std::chrono::milliseconds t1(const Step& step);
std::chrono::milliseconds give_up_after(const Step& step);  ///< 64*T1

// ---- data plane ----
/// Open or update, with the next revision; the answer comes back to `purpose`.
void tell_relay(Step& step, const media::CallMedia& media, Purpose purpose);
void close_session(Step& step);

/// Tells it of pairs that were nominated while it was busy with something else.
void catch_up_relay(Step& step);

// ---- descriptions ----
/// Every copy of the call's media that is in use.
template <typename Change>
void for_each_media(Call& call, Change change) {
  change(call.media);
  if (call.calling.offered) change(*call.calling.offered);
  if (call.calling.early) change(*call.calling.early);
  if (call.exchange) change(call.exchange->pending);
}

/// As the dialect of that leg words it.
Body sdp_body(const Step& step, Side to, const sdp::SessionDescription& description);
/// FNV-1a of the text, to recognise a description that was seen before.
std::uint64_t mark_of(std::string_view text);
media::Outcome<sdp::SessionDescription> read_sdp(const Body& body);
media::LegSettings leg_settings(const Step& step, Side side);

// ---- setup.cc: INVITE in, INVITE out, the next target ----
void begin(Step& step, Began& began);
void on_ports(Step& step, RelayAnswered& answered);
void try_attempt(Step& step);
void attempt_failed(Step& step, Response failure);
void on_answer_timer(Step& step);
/// The INVITE towards the current attempt, from the media as they are.
void send_invite(Step& step);

// ---- answering.cc: responses to our INVITE, 18x and 2xx to A, ACK ----
void on_invite_response(Step& step, Response& response);
void on_early_media(Step& step, RelayAnswered& answered);
void on_answer_applied(Step& step, RelayAnswered& answered);
void on_ack(Step& step, AckArrived& arrived);
void on_resend_2xx(Step& step, Side side);
void on_ack_missing(Step& step, Side side);
/// 2xx for an INVITE, sent again until its ACK comes.
void reply_2xx_to_invite(Step& step, Side side, ServerId transaction, std::uint32_t cseq, Reply what,
                         bool wants_answer);
void send_final_2xx(Step& step);

// ---- reliable.cc: RFC 3262 ----
void send_provisional(Step& step, Provisional provisional);
/// A description is on its way to the caller reliably: sent without PRACK yet, or its turn comes.
bool reliable_answer_pending(const Call& call);
void on_prack(Step& step, Side side, ServerId transaction, const Request& request);
void on_resend_reliable(Step& step);
void on_prack_missing(Step& step);
void forget_provisional(Step& step);

// ---- ending.cc ----
struct End {
  std::string reason;          ///< for the record
  std::uint16_t status = 480;  ///< to A where it still waits for a final response
  std::string phrase{};
  std::optional<Side> gone{};  ///< this leg is over already (it sent BYE, or does not know the dialog any more)
  Headers headers{};           ///< for the BYE or final response to the other leg
};
void end_call(Step& step, End end);
void on_bye(Step& step, Side side, ServerId transaction, Request& request);
void on_bye_done(Step& step, Side side);
void on_cancel(Step& step, const CancelArrived& cancel);
void cancel_attempt(Step& step);
void cancelled(Step& step);
void finish_if_over(Step& step);

// ---- exchange.cc: re-INVITE and UPDATE with SDP ----
void on_offer(Step& step, Side side, ServerId transaction, Request& request);
void on_exchange_ports(Step& step, RelayAnswered& answered);
void on_exchange_response(Step& step, Response& response);
void on_exchange_applied(Step& step, RelayAnswered& answered);
void on_exchange_ack(Step& step, AckArrived& arrived);
void on_glare_timer(Step& step);
void cancel_exchange(Step& step);
/// A re-INVITE or UPDATE of ours on this leg has no final response yet.
bool is_asking(const Call& call, Side side);
/// Starts the own re-offer that is wanted, when nothing else is going on.
void follow_up(Step& step);

// ---- ice_outcome.cc ----
void on_ice_nominated(Step& step, const IceNominated& event);
void on_ice_failed(Step& step, const IceFailed& event);
void on_consent_lost(Step& step, const ConsentLost& event);
/// Ends the call when a peer answers no checks and sends no media either.
void end_if_gone(Step& step, const std::pair<std::uint16_t, std::uint8_t>& place);

// ---- session_timer.cc: RFC 4028 ----
/// 422 when the asked interval is too short.
std::optional<Reply> refuse_interval(Step& step, Side side, const Request& request);
/// As UAS: interval and refresher for the 2xx to this request; they are the leg's when it is sent.
SessionTimer interval_for(const Step& step, Side side, const Request& request);
/// What that 2xx says of the leg's session; its timers start here.
Headers answer_interval(Step& step, Side side);
Headers ask_interval(Step& step, Side side);
void take_interval(Step& step, Side side, const Response& response);
void on_refresh_timer(Step& step, Side side);
void on_refresh_response(Step& step, Side side, Response& response);
void stop_session_timers(Step& step, Side side);

// ---- passing.cc: INFO, OPTIONS, UPDATE without SDP, media events ----
void on_info(Step& step, Side side, ServerId transaction, Request& request);
void on_info_response(Step& step, const Outstanding& asked, Response& response);
void on_picture_wanted(Step& step, const PictureWanted& wanted);
void on_options(Step& step, Side side, ServerId transaction);
void on_media_timed_out(Step& step, const MediaTimedOut& event);
void on_media_started(Step& step, const MediaStarted& event);
void on_stats(Step& step, StatsArrived& arrived);
void on_silence_timer(Step& step);
void on_relay_restarted(Step& step);
void on_reprogrammed(Step& step, RelayAnswered& answered);

}  // namespace isthmus::b2bua
