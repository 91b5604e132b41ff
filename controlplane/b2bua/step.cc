#include "controlplane/b2bua/step.h"

#include "controlplane/b2bua/body_choice.h"
#include "controlplane/b2bua/diagnostics.h"
#include "controlplane/b2bua/zone_media.h"
#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/writer.h"

namespace isthmus::b2bua {

void reply(Step& step, Side side, ServerId transaction, Reply what) {
  keep_for(dialect(step, side), what.headers);
  step.emit(SendResponse{side, transaction, what.status, std::move(what.reason), std::move(what.body),
                         std::move(what.headers), what.with_contact});
}

Headers warning(const Step& step, std::uint16_t code, std::string_view text) {
  const media::Refusal words{media::RefusalKind::kProtocol, 0, code, std::string(text)};
  return {{"Warning", media::warning_value(words, step.context.config.node.host_name)}};
}

Reply reply_of(const Step& step, const media::Refusal& refusal) {
  Reply what;
  what.status = refusal.status;
  what.headers = {{"Warning", media::warning_value(refusal, step.context.config.node.host_name)},
                  client_diagnostics(refusal.diagnosis)};
  return what;
}

Reply reply_of(const Step& step, const BodyRefusal& refusal) {
  Reply what{refusal.status, "", {}, warning(step, 399, refusal.text)};
  if (refusal.status == 415) what.headers.push_back({"Accept", std::string(kAcceptedBodies)});
  what.headers.push_back(client_diagnostics({}));
  return what;
}

std::optional<BodyRefusal> refuse_body(const Signal& signal) {
  if (signal.body_refused) return signal.body_refused;
  if (signal.body && !has_type(*signal.body, kSdpType)) return refusal_of_type(signal.body->content_type);
  return std::nullopt;
}

Dialect dialect(const Step& step, Side side) { return dialect_of(step.zone(side)); }

Header retry_after(std::uint32_t seconds) { return {"Retry-After", std::to_string(seconds)}; }
Header random_retry_after(Step& step) { return retry_after(step.context.random.below(11)); }

Outstanding& send(Step& step, Side side, Method method, Outstanding::Purpose purpose, std::optional<Body> body,
                  Headers headers) {
  Outstanding asked;
  asked.id = step.call.next_client++;
  asked.side = side;
  asked.method = method;
  asked.cseq = ++step.leg(side).dialog.local_cseq;
  asked.purpose = purpose;
  keep_for(dialect(step, side), headers);
  step.emit(SendRequest{side, asked.id, method, asked.cseq, std::move(body), std::move(headers)});
  step.call.outstanding.push_back(asked);
  return step.call.outstanding.back();
}

void start_timer(Step& step, Timer timer, Side side, std::chrono::milliseconds after) {
  step.emit(StartTimer{timer, side, after});
}
void stop_timer(Step& step, Timer timer, Side side) { step.emit(StopTimer{timer, side}); }

std::chrono::milliseconds t1(const Step& step) { return step.context.config.timers.t1; }
std::chrono::milliseconds give_up_after(const Step& step) { return 64 * t1(step); }

void tell_relay(Step& step, const media::CallMedia& media, Purpose purpose) {
  Call& call = step.call;
  contract::SessionSpec spec = media::session_spec(media, call.session, ++call.revision);
  spec.media_timeout_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(step.context.config.timers.media_timeout).count());
  call.relay_wait = Call::RelayWait{call.revision, purpose};
  if (purpose == Purpose::kOpen || purpose == Purpose::kReprogram) {
    call.session_state = SessionState::kOpening;
    step.emit(OpenSession{std::move(spec)});
  } else {
    step.emit(UpdateSession{std::move(spec)});
  }
}

void close_session(Step& step) {
  Call& call = step.call;
  call.relay_wait.reset();
  if (call.session_state == SessionState::kNone || call.session_state == SessionState::kClosing) return;
  call.session_state = SessionState::kClosing;
  step.emit(CloseSession{call.session});
}

Body sdp_body(const Step& step, Side to, const sdp::SessionDescription& description) {
  return {std::string(kSdpType), sdp::serialise(description, dialect(step, to))};
}

std::uint64_t mark_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

media::Outcome<sdp::SessionDescription> read_sdp(const Body& body) {
  auto description = sdp::parse(body.text);
  if (!description) return tl::unexpected(media::refusal_from(description.error()));
  return std::move(*description);
}

media::LegSettings leg_settings(const Step& step, Side side) {
  const config::Zone* zone = step.zone(side);
  return zone_settings(step.context.config, zone, step.call.at(side).is_tls);
}

}  // namespace isthmus::b2bua
