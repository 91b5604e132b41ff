#include "controlplane/sip/transactions.h"

#include <utility>

#include "controlplane/sip/client_transactions.h"
#include "controlplane/sip/server_transactions.h"

namespace isthmus::sip {

TransactionLayer::TransactionLayer(TransportLayer& transport, event_loop::Timers& timers, RandomSource& random,
                                   TransactionUser& user, TransactionSettings settings)
    : shared_(std::make_unique<Shared>(Shared{transport, timers, random, user, settings})),
      servers_(std::make_unique<Servers>(*shared_)),
      clients_(std::make_unique<Clients>(*shared_)) {
  transport.set_user(*this);
}

TransactionLayer::~TransactionLayer() { shared_->transport.clear_user(); }

Result<ClientId> TransactionLayer::send_request(Message&& request, const Target& target, const SendOptions& options) {
  return clients_->send(std::move(request), target, options);
}

Status TransactionLayer::cancel(ClientId invite, const std::vector<Header>& headers) {
  return clients_->cancel(invite, headers);
}

Status TransactionLayer::send_ack(Message&& ack, const Target& target) {
  return clients_->send_ack(std::move(ack), target);
}

void TransactionLayer::forget(ClientId transaction) { clients_->forget(transaction); }

Message TransactionLayer::make_response(ServerId transaction, std::uint16_t status, std::string_view reason,
                                        std::string_view to_tag) const {
  return servers_->make_response(transaction, status, reason, to_tag);
}

std::string TransactionLayer::to_tag(ServerId transaction) const { return servers_->to_tag(transaction); }

Status TransactionLayer::respond(ServerId transaction, const Message& response) {
  return servers_->respond(transaction, response);
}

Status TransactionLayer::respond(ServerId transaction, std::uint16_t status, std::string_view reason) {
  const Message response = make_response(transaction, status, reason);
  if (!response.is_response()) return fail(ErrorKind::kInvalidArgument, "the request has its final response");
  return respond(transaction, response);
}

Status TransactionLayer::resend_2xx(ServerId transaction) { return servers_->resend_2xx(transaction); }

std::size_t TransactionLayer::server_transactions() const { return servers_->size(); }
std::size_t TransactionLayer::client_transactions() const { return clients_->size(); }
Counters& TransactionLayer::counters() { return shared_->transport.counters(); }

void TransactionLayer::on_message(Message&& message, const Flow& flow) {
  if (message.is_request()) return servers_->on_request(std::move(message), flow);
  // RFC 3261 8.1.3.3: another Via below ours means that it took a wrong way.
  if (message.vias().size() != 1) {
    ++counters().response_via_not_ours;
    return;
  }
  clients_->on_response(std::move(message), flow);
}

void TransactionLayer::on_connection_closed(ConnectionId connection, const Error& why) {
  clients_->on_connection_closed(connection, why);
}

}  // namespace isthmus::sip
