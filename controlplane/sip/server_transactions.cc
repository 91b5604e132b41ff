#include "controlplane/sip/server_transactions.h"

#include <algorithm>
#include <utility>

#include "controlplane/sip/token.h"
#include "controlplane/sip/transaction_key.h"

namespace isthmus::sip {

namespace {

constexpr int kTimeoutFactor = 64;  // H, J, L are 64*T1

Event event_of(std::uint16_t status) {
  if (status < 200) return Event::kProvisional;
  return status < 300 ? Event::kSuccess : Event::kFailure;
}

}  // namespace

TransactionLayer::Servers::~Servers() {
  slots_.for_each([this](Server& server) { stop_timers(server); });
}

void TransactionLayer::Servers::on_request(Message&& request, const Flow& flow) {
  if (request.method() == Method::kAck) return on_ack(std::move(request), flow);
  if (request.method() == Method::kBenotify) {
    // [MS-SIP]: "best effort", never answered. A transaction would wait for its answer for ever.
    ++shared_.transport.counters().benotify_ignored;
    return;
  }
  if (const auto known = by_key_.find(server_key(request)); known != by_key_.end()) {
    ++shared_.transport.counters().request_retransmissions;
    step(known->second, *slots_.find(known->second), Event::kRequest);
    return;
  }
  if (slots_.size() >= shared_.settings.max_server_transactions) return refuse_for_room(request, flow);
  const bool merged = is_merged(request);
  const ServerId id = start(request, flow);
  if (merged) {
    ++shared_.transport.counters().merged_requests;
    (void)respond(id, make_response(id, 482, {}, {}));
  } else if (request.method() == Method::kCancel) {
    on_cancel(id, std::move(request));
  } else {
    shared_.user.on_request(id, std::move(request), flow);
  }
}

bool TransactionLayer::Servers::is_merged(const Message& request) const {
  if (request.method() == Method::kCancel) return false;
  const std::string key = merge_key(request);
  return !key.empty() && by_merge_key_.contains(key);
}

ServerId TransactionLayer::Servers::start(Message& request, const Flow& flow) {
  const auto [id, server] = slots_.emplace();
  server->machine = request.method() == Method::kInvite ? Machine::kInviteServer : Machine::kServer;
  // RFC 3261 17.2.1: an INVITE is in Proceeding from the start.
  server->state = server->machine == Machine::kInviteServer ? State::kProceeding : State::kTrying;
  server->key = server_key(request);
  server->tag = make_token(shared_.random);
  server->flow = flow;
  server->top_via = request.vias().front();
  server->interval = shared_.settings.t1;
  if (request.method() != Method::kCancel) server->merge_key = merge_key(request);
  server->request = Message::skeleton_of(request);
  by_key_.emplace(server->key, id);
  if (!server->merge_key.empty()) by_merge_key_.emplace(server->merge_key, id);
  if (server->machine == Machine::kInviteServer) {
    server->trying =
        shared_.timers.start(shared_.settings.trying_after, [this, started = id] { send_trying(started); });
  }
  return id;
}

void TransactionLayer::Servers::refuse_for_room(const Message& request, const Flow& flow) {
  ++shared_.transport.counters().server_transactions_refused;
  Message answer = Message::response(request, 503, {}, make_token(shared_.random));
  answer.add(HeaderId::kRetryAfter, std::to_string(shared_.settings.retry_after.count()));
  (void)shared_.transport.send_response(answer.text(), request.vias().front(), flow);
}

void TransactionLayer::Servers::on_ack(Message&& ack, const Flow& flow) {
  const auto known = by_key_.find(server_key(ack));
  if (known == by_key_.end()) return shared_.user.on_ack_2xx(std::move(ack), flow);
  const std::uint16_t actions = step(known->second, *slots_.find(known->second), Event::kAck);
  if ((actions & step::kPass) != 0) return shared_.user.on_ack_2xx(std::move(ack), flow);
  ++shared_.transport.counters().ack_absorbed;
}

void TransactionLayer::Servers::on_cancel(ServerId id, Message&& cancel) {
  const auto invite = by_key_.find(server_key(cancel, to_string(Method::kInvite)));
  if (invite == by_key_.end()) {
    ++shared_.transport.counters().cancel_unmatched;
    (void)respond(id, make_response(id, 481, {}, {}));
    return;
  }
  const ServerId invite_id = invite->second;
  const Server& server = *slots_.find(invite_id);
  // RFC 3261 9.2: 200 in any case, with the To tag of the INVITE's responses.
  (void)respond(id, make_response(id, 200, {}, server.tag));
  if (server.state == State::kProceeding) shared_.user.on_cancel(invite_id, std::move(cancel));
}

void TransactionLayer::Servers::send_trying(ServerId id) {
  Server* const server = slots_.find(id);
  if (server == nullptr) return;
  server->trying = event_loop::kNoTimer;
  if (server->state == State::kProceeding && server->last.empty()) (void)respond(id, make_response(id, 100, {}, {}));
}

Message TransactionLayer::Servers::make_response(ServerId id, std::uint16_t status, std::string_view reason,
                                                 std::string_view to_tag) const {
  const Server* const server = slots_.find(id);
  if (server == nullptr || server->request.headers().empty()) return {};
  const std::string_view tag = to_tag.empty() ? std::string_view(server->tag) : to_tag;
  return Message::response(server->request, status, reason, status == 100 ? std::string_view{} : tag);
}

std::string TransactionLayer::Servers::to_tag(ServerId id) const {
  const Server* const server = slots_.find(id);
  return server == nullptr ? std::string() : server->tag;
}

Status TransactionLayer::Servers::respond(ServerId id, const Message& response) {
  Server* const server = slots_.find(id);
  if (server == nullptr) return fail(ErrorKind::kInvalidArgument, "the transaction is over");
  const Event event = event_of(response.status());
  if ((advance(server->machine, server->state, event).actions & step::kRefused) != 0) {
    return fail(ErrorKind::kInvalidArgument, "the request has its final response");
  }
  shared_.timers.cancel(std::exchange(server->trying, event_loop::kNoTimer));
  server->last.clear();
  response.append_to(server->last);
  server->last_is_2xx = event == Event::kSuccess;
  if (!response.to_tag().empty()) server->tag = response.to_tag();
  const Status sent = send_last(*server);
  step(id, *server, event);
  return sent;
}

Status TransactionLayer::Servers::resend_2xx(ServerId id) {
  Server* const server = slots_.find(id);
  if (server == nullptr || server->state != State::kAccepted || !server->last_is_2xx) {
    return fail(ErrorKind::kInvalidArgument, "no 2xx to send again");
  }
  ++shared_.transport.counters().response_retransmissions;
  return send_last(*server);
}

Status TransactionLayer::Servers::send_last(Server& server) {
  return shared_.transport.send_response(server.last, server.top_via, server.flow);
}

std::uint16_t TransactionLayer::Servers::step(ServerId id, Server& server, Event event) {
  const auto [next, actions] = advance(server.machine, server.state, event);
  server.state = next;
  if ((actions & step::kResend) != 0 && !server.last.empty()) {
    ++shared_.transport.counters().response_retransmissions;
    // A failure is known to the user from the first time.
    if (!send_last(server)) ++shared_.transport.counters().send_failed;
  }
  start_timers(id, server, actions);
  if (server.state != State::kTrying && server.state != State::kProceeding) server.request = Message();
  if (server.state == State::kTerminated) end(id, server);
  if ((actions & step::kTellTimeout) != 0) {
    ++shared_.transport.counters().ack_timed_out;
    shared_.user.on_ack_timeout(id);
  }
  return actions;
}

void TransactionLayer::Servers::start_timers(ServerId id, Server& server, std::uint16_t actions) {
  const TransactionSettings& settings = shared_.settings;
  const bool reliable = is_reliable(server.flow.transport);
  if ((actions & step::kStopRetransmit) != 0) {
    shared_.timers.cancel(std::exchange(server.retransmit, event_loop::kNoTimer));
  }
  if ((actions & step::kStopTimeout) != 0) shared_.timers.cancel(std::exchange(server.timeout, event_loop::kNoTimer));
  if ((actions & step::kStartRetransmit) != 0 && !reliable) start_retransmit(id, server);
  if ((actions & step::kStartTimeout) != 0) {
    server.timeout =
        shared_.timers.start(settings.t1 * kTimeoutFactor, [this, id] { on_timer(id, Event::kTimeoutTimer); });
  }
  if ((actions & step::kStartWait) != 0) {
    std::chrono::milliseconds wait = settings.t1 * kTimeoutFactor;  // L, J
    if (server.state == State::kConfirmed) wait = settings.t4;      // I
    if (server.state != State::kAccepted && reliable) wait = {};
    if (wait.count() == 0) {
      server.state = State::kTerminated;
    } else {
      server.timeout = shared_.timers.start(wait, [this, id] { on_timer(id, Event::kWaitTimer); });
    }
  }
}

void TransactionLayer::Servers::start_retransmit(ServerId id, Server& server) {
  server.retransmit = shared_.timers.start(server.interval, [this, id] { on_timer(id, Event::kRetransmitTimer); });
  server.interval = std::min(server.interval * 2, shared_.settings.t2);  // G
}

void TransactionLayer::Servers::on_timer(ServerId id, Event event) {
  if (Server* const server = slots_.find(id)) step(id, *server, event);
}

void TransactionLayer::Servers::stop_timers(Server& server) {
  shared_.timers.cancel(server.trying);
  shared_.timers.cancel(server.retransmit);
  shared_.timers.cancel(server.timeout);
}

void TransactionLayer::Servers::end(ServerId id, Server& server) {
  stop_timers(server);
  by_key_.erase(server.key);
  if (const auto merged = by_merge_key_.find(server.merge_key); merged != by_merge_key_.end() && merged->second == id) {
    by_merge_key_.erase(merged);
  }
  slots_.erase(id);
}

}  // namespace isthmus::sip
