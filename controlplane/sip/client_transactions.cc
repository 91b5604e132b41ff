#include "controlplane/sip/client_transactions.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "controlplane/sip/token.h"
#include "controlplane/sip/transaction_key.h"

namespace isthmus::sip {

namespace {

constexpr int kTimeoutFactor = 64;  // B, F, H, J, L, M are 64*T1
constexpr std::string_view kMaxForwards = "70";

bool is_open(State state) { return state == State::kTrying || state == State::kProceeding; }

Event event_of(std::uint16_t status) {
  if (status < 200) return Event::kProvisional;
  return status < 300 ? Event::kSuccess : Event::kFailure;
}

/// RFC 3261 17.1.1.3 and 9.1: request URI, From, Call-ID, CSeq number, Route and the one Via of the INVITE.
Message companion(const Message& invite, Method method, std::string_view to) {
  Message message = Message::request(method, invite.request_uri().text);
  message.add(HeaderId::kVia, *invite.header(HeaderId::kVia));
  for (const Header& header : invite.headers()) {
    if (header.id == HeaderId::kRoute) message.add(HeaderId::kRoute, header.value);
  }
  message.add(HeaderId::kMaxForwards, kMaxForwards);
  message.add(HeaderId::kFrom, invite.from().text);
  message.add(HeaderId::kTo, to);
  message.add(HeaderId::kCallId, invite.call_id());
  message.add(HeaderId::kCSeq, std::to_string(invite.cseq().number) + " " + std::string(to_string(method)));
  return message;
}

std::string via_value(const TransportLayer& transport, const Target& target, std::string_view branch) {
  std::string via("SIP/2.0/");
  via.append(to_string(target.transport)).append(" ").append(transport.sent_by(target.listener));
  via.append(";branch=").append(branch).append(";rport");
  return via;
}

}  // namespace

TransactionLayer::Clients::~Clients() {
  slots_.for_each([this](Client& client) { stop_timers(client); });
}

Result<ClientId> TransactionLayer::Clients::send(Message&& request, const Target& target, const SendOptions& options) {
  if (slots_.size() >= shared_.settings.max_client_transactions) {
    ++shared_.transport.counters().client_transactions_refused;
    return fail(ErrorKind::kExhausted, "too many requests wait for an answer");
  }
  Client client;
  client.machine = request.method() == Method::kInvite ? Machine::kInviteClient : Machine::kClient;
  client.target = target;
  if (client.machine == Machine::kInviteClient) client.timer_c = options.timer_c;
  const std::string branch = make_branch(shared_.random);
  client.key = client_key(branch, request.method_name());
  if (address(request, client.target, branch, client.bytes)) client.moved_from = target;
  return start(std::move(client), std::move(request));
}

bool TransactionLayer::Clients::address(Message& request, Target& target, std::string_view branch, std::string& bytes) {
  request.add_first(HeaderId::kVia, via_value(shared_.transport, target, branch));
  bytes = request.text();
  if (target.transport != Transport::kUdp) return false;
  const Target fitting = shared_.transport.target_for_size(target, bytes.size());
  if (fitting == target) return false;
  ++shared_.transport.counters().requests_moved_to_tcp;
  target = fitting;
  bytes = with_other_via(request, target, branch);
  return true;
}

std::string TransactionLayer::Clients::with_other_via(Message& request, const Target& target,
                                                      std::string_view branch) const {
  request.remove_top_via();
  request.add_first(HeaderId::kVia, via_value(shared_.transport, target, branch));
  return request.text();
}

std::string TransactionLayer::Clients::address_back(Message& request, const Target& meant, std::string_view branch) {
  ++shared_.transport.counters().requests_moved_back;
  return with_other_via(request, meant, branch);
}

bool TransactionLayer::Clients::move_back(ClientId id, Client& client) {
  if (!client.moved_from || client.state != State::kTrying || shared_.transport.takes_tcp(client.target.address)) {
    return false;
  }
  const std::string branch(client.request.vias().front().branch());
  client.target = *std::exchange(client.moved_from, std::nullopt);
  client.connection = kNoConnection;
  client.bytes = address_back(client.request, client.target, branch);
  if (!shared_.transport.send_request(client.bytes, client.target)) return false;
  start_timers(id, client, step::kStartRetransmit);
  return true;
}

Result<ClientId> TransactionLayer::Clients::start(Client&& fresh, Message&& request) {
  auto sent = shared_.transport.send_request(fresh.bytes, fresh.target);
  if (!sent && fresh.moved_from) {  // no connection can be had, for want of room in the table; as one that is refused
    const std::string branch(request.vias().front().branch());
    fresh.target = *std::exchange(fresh.moved_from, std::nullopt);
    fresh.bytes = address_back(request, fresh.target, branch);
    sent = shared_.transport.send_request(fresh.bytes, fresh.target);
  }
  if (!sent) return forward_error(sent);
  fresh.connection = *sent;
  fresh.interval = shared_.settings.t1;
  fresh.cseq = request.cseq().number;
  fresh.request = std::move(request);
  if (is_reliable(fresh.target.transport)) fresh.bytes = std::string();  // never sent again
  const auto [id, client] = slots_.emplace(std::move(fresh));
  by_key_.emplace(client->key, id);
  if (client->connection != kNoConnection) wait_on(client->connection, id);
  start_timers(id, *client, step::kStartRetransmit | step::kStartTimeout);
  return id;
}

Status TransactionLayer::Clients::send_ack(Message&& ack, const Target& target) {
  Target to = target;
  const std::string branch = make_branch(shared_.random);
  std::string bytes;
  const bool moved = address(ack, to, branch, bytes);
  auto sent = shared_.transport.send_request(bytes, to);
  if (!sent && moved) sent = shared_.transport.send_request(address_back(ack, target, branch), target);
  if (!sent) return forward_error(sent);
  return {};
}

Status TransactionLayer::Clients::cancel(ClientId invite, const std::vector<Header>& headers) {
  Client* const client = slots_.find(invite);
  if (client == nullptr || client->machine != Machine::kInviteClient || !is_open(client->state)) {
    return fail(ErrorKind::kInvalidArgument, "only an INVITE without a final response can be cancelled");
  }
  if (client->cancel != Client::Cancel::kNo) return {};
  client->cancel_headers = headers;
  client->cancel = Client::Cancel::kWaiting;
  // RFC 3261 9.1: not before a provisional response.
  if (client->state == State::kProceeding) send_cancel(invite, *client);
  return {};
}

void TransactionLayer::Clients::send_cancel(ClientId id, Client& client) {
  client.cancel = Client::Cancel::kSent;
  shared_.timers.cancel(client.c);
  shared_.timers.cancel(client.timeout);
  client.timeout =
      shared_.timers.start(shared_.settings.t1 * kTimeoutFactor, [this, id] { on_timer(id, Event::kTimeoutTimer); });
  Message cancel = companion(client.request, Method::kCancel, client.request.to().text);
  for (const Header& header : std::exchange(client.cancel_headers, {})) cancel.add(header.name, header.value);
  Client own;
  own.is_cancel = true;
  own.target = client.target;
  own.key = client_key(client.request.vias().front().branch(), to_string(Method::kCancel));
  own.bytes = cancel.text();
  // If it cannot be sent, the time-out of the INVITE ends the matter.
  (void)start(std::move(own), std::move(cancel));
}

void TransactionLayer::Clients::forget(ClientId id) {
  if (Client* const client = slots_.find(id)) client->is_forgotten = true;
}

void TransactionLayer::Clients::on_response(Message&& response, const Flow& flow) {
  const auto found = by_key_.find(client_key(response.vias().front().branch(), response.cseq().method_name));
  Client* const client = found == by_key_.end() ? nullptr : slots_.find(found->second);
  if (client == nullptr || client->cseq != response.cseq().number) {
    ++shared_.transport.counters().response_unmatched;
    return;
  }
  step(found->second, *client, event_of(response.status()), &response, &flow, nullptr);
}

void TransactionLayer::Clients::on_connection_closed(ConnectionId connection, const Error& why) {
  const auto found = waiting_.find(static_cast<std::uint64_t>(connection));
  if (found == waiting_.end()) return;
  const Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  for (const ClientId id : waiting.ids) {
    Client* const client = slots_.find(id);
    if (client == nullptr || move_back(id, *client)) continue;
    step(id, *client, Event::kTransportError, nullptr, nullptr, &why);
  }
}

/// The user is told last: it may do anything, also to this transaction.
void TransactionLayer::Clients::step(ClientId id, Client& client, Event event, Message* response, const Flow* flow,
                                     const Error* error) {
  const auto [next, actions] = advance(client.machine, client.state, event);
  client.state = next;
  if ((actions & step::kResend) != 0) resend(client);
  if ((actions & step::kSendAck) != 0) send_failure_ack(client, response);
  start_timers(id, client, actions);
  const bool is_provisional = event == Event::kProvisional && (actions & step::kPass) != 0;
  if (is_provisional && response->status() > 100) restart_timer_c(id, client);
  if (is_provisional && client.cancel == Client::Cancel::kWaiting) send_cancel(id, client);
  const bool tells = !client.is_cancel && !client.is_forgotten;
  if (!is_open(client.state)) {
    shared_.timers.cancel(std::exchange(client.c, event_loop::kNoTimer));
    client.request = Message();
  }
  if (client.state == State::kTerminated) end(id, client);
  if ((actions & step::kTellTimeout) != 0) ++shared_.transport.counters().client_timed_out;
  if (!tells) return;
  // A response and a transport error come with what happened; both machines pass them on for no other event.
  assert((actions & step::kPass) == 0 || (response != nullptr && flow != nullptr));
  assert((actions & step::kTellTransportError) == 0 || error != nullptr);
  if ((actions & step::kPass) != 0) shared_.user.on_response(id, std::move(*response), *flow);
  if ((actions & step::kTellTimeout) != 0) shared_.user.on_timeout(id);
  if ((actions & step::kTellTransportError) != 0) shared_.user.on_transport_error(id, *error);
}

void TransactionLayer::Clients::start_timers(ClientId id, Client& client, std::uint16_t actions) {
  const TransactionSettings& settings = shared_.settings;
  const bool reliable = is_reliable(client.target.transport);
  if ((actions & step::kStopRetransmit) != 0) {
    shared_.timers.cancel(std::exchange(client.retransmit, event_loop::kNoTimer));
  }
  if ((actions & step::kStopTimeout) != 0) shared_.timers.cancel(std::exchange(client.timeout, event_loop::kNoTimer));
  if ((actions & step::kStartRetransmit) != 0 && !reliable) start_retransmit(id, client);
  if ((actions & step::kStartTimeout) != 0) {
    client.timeout =
        shared_.timers.start(settings.t1 * kTimeoutFactor, [this, id] { on_timer(id, Event::kTimeoutTimer); });
  }
  if ((actions & step::kStartWait) != 0) {
    std::chrono::milliseconds wait = settings.t1 * kTimeoutFactor;  // M
    if (client.state == State::kCompleted) {
      wait = client.machine == Machine::kInviteClient ? settings.timer_d : settings.t4;  // D, K
      if (reliable) wait = {};
    }
    if (client.state == State::kAccepted) client.bytes = std::string();
    if (wait.count() == 0) {
      client.state = State::kTerminated;
    } else {
      client.timeout = shared_.timers.start(wait, [this, id] { on_timer(id, Event::kWaitTimer); });
    }
  }
}

void TransactionLayer::Clients::start_retransmit(ClientId id, Client& client) {
  const std::chrono::milliseconds t2 = shared_.settings.t2;
  const bool is_invite = client.machine == Machine::kInviteClient;
  // E is T2 from the first time it fires after a provisional response (RFC 3261 17.1.2.2).
  if (!is_invite && client.state == State::kProceeding) client.interval = t2;
  client.retransmit = shared_.timers.start(client.interval, [this, id] { on_timer(id, Event::kRetransmitTimer); });
  // A doubles without end (17.1.1.2), E up to T2.
  client.interval = is_invite ? client.interval * 2 : std::min(client.interval * 2, t2);
}

void TransactionLayer::Clients::restart_timer_c(ClientId id, Client& client) {
  if (!client.timer_c) return;
  shared_.timers.cancel(client.c);
  client.c = shared_.timers.start(*client.timer_c, [this, id] {
    const Client* const waiting = slots_.find(id);
    if (waiting != nullptr && !waiting->is_forgotten) shared_.user.on_timer_c(id);
  });
}

void TransactionLayer::Clients::on_timer(ClientId id, Event event) {
  if (Client* const client = slots_.find(id)) step(id, *client, event, nullptr, nullptr, nullptr);
}

void TransactionLayer::Clients::send_failure_ack(Client& client, const Message* response) {
  if (response != nullptr && !client.has_ack) {
    client.bytes = companion(client.request, Method::kAck, response->to().text).text();
    client.has_ack = true;
  }
  if (!shared_.transport.send_request(client.bytes, client.target)) ++shared_.transport.counters().send_failed;
}

void TransactionLayer::Clients::resend(Client& client) {
  ++shared_.transport.counters().request_retransmissions;
  if (client.bytes.empty()) return;
  if (!shared_.transport.send_request(client.bytes, client.target)) ++shared_.transport.counters().send_failed;
}

void TransactionLayer::Clients::wait_on(ConnectionId connection, ClientId id) {
  Waiting& waiting = waiting_[static_cast<std::uint64_t>(connection)];
  if (waiting.ids.size() >= waiting.sweep_at) {
    std::erase_if(waiting.ids, [this](ClientId other) {
      const Client* const client = slots_.find(other);
      return client == nullptr || !is_open(client->state);
    });
    waiting.sweep_at = std::max<std::size_t>(64, waiting.ids.size() * 2);
  }
  waiting.ids.push_back(id);
}

void TransactionLayer::Clients::stop_timers(Client& client) {
  shared_.timers.cancel(client.retransmit);
  shared_.timers.cancel(client.timeout);
  shared_.timers.cancel(client.c);
}

void TransactionLayer::Clients::end(ClientId id, Client& client) {
  stop_timers(client);
  by_key_.erase(client.key);
  slots_.erase(id);
}

}  // namespace isthmus::sip
