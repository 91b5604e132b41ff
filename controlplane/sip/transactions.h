#pragma once

// Transactions (RFC 3261 17 with RFC 6026) between the transport and its user.
//
//   user: send_request -> [client transaction] -> on_response ... on_timeout / on_transport_error
//   user: on_request <- [server transaction] <- respond
//   ACK for a non-2xx and CANCEL's 200 are made here; ACK and retransmission of 2xx are the user's, with help from
//   here.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "controlplane/sip/message.h"
#include "controlplane/sip/transport.h"
#include "dataplane/base/random.h"

namespace isthmus::sip {

/// Names a transaction with its generation: using one that is over does nothing. 0 names none.
enum class ServerId : std::uint64_t {};
enum class ClientId : std::uint64_t {};

/// RFC 3261 table 4.
struct TransactionSettings {
  std::chrono::milliseconds t1{500};
  std::chrono::milliseconds t2{4'000};
  std::chrono::milliseconds t4{5'000};
  std::chrono::milliseconds timer_d{32'000};      ///< wait for copies of a non-2xx to INVITE, UDP
  std::chrono::milliseconds trying_after{200};    ///< 100 Trying by itself (RFC 3261 17.2.1)
  std::size_t max_server_transactions = 100'000;  ///< more: 503 with Retry-After
  std::size_t max_client_transactions = 100'000;
  std::chrono::seconds retry_after{5};  ///< in that 503
};

/// Owner of the calls. Messages are given away. No callback runs inside a call of TransactionLayer.
class TransactionUser {
 public:
  virtual ~TransactionUser() = default;
  /// A new request, neither ACK, CANCEL nor BENOTIFY, of any method: answer each one (405 or 501 for what is not
  /// handled).
  virtual void on_request(ServerId transaction, Message&& request, const Flow& flow) = 0;
  /// CANCEL for an INVITE that has no final response yet; the CANCEL itself has its 200. The user answers the INVITE
  /// 487.
  virtual void on_cancel(ServerId invite, Message&& cancel) = 0;
  /// ACK of a 2xx, or one that matches nothing.
  virtual void on_ack_2xx(Message&& ack, const Flow& flow) = 0;
  /// 1xx (100 too), then one final response; for an INVITE, every 2xx that comes until 64*T1 after the first (copies
  /// and other forks alike): each wants an ACK.
  virtual void on_response(ClientId transaction, Message&& response, const Flow& flow) = 0;
  /// No final response came (timer B or F): treat as 408.
  virtual void on_timeout(ClientId transaction) = 0;
  /// The request could not be delivered: treat as 503.
  virtual void on_transport_error(ClientId transaction, const Error& why) = 0;
  /// Timer C of the options ran out; the transaction goes on (RFC 3261 16.8: CANCEL, or give up).
  virtual void on_timer_c(ClientId) {}
  /// No ACK for a non-2xx (timer H). Nothing to do but to know.
  virtual void on_ack_timeout(ServerId) {}
  /// A response could not be sent.
  virtual void on_transport_error(ServerId, const Error&) {}
};

struct SendOptions {
  /// INVITE only: on_timer_c when no final response came this long after the last provisional one (not 100).
  std::optional<std::chrono::milliseconds> timer_c{};
};

/// One thread, that of the loop. Outlives nobody: transport, timers, random and user outlive it.
class TransactionLayer final : private TransportUser {
 public:
  TransactionLayer(TransportLayer& transport, event_loop::Timers& timers, RandomSource& random, TransactionUser& user,
                   TransactionSettings settings = {});
  ~TransactionLayer() override;
  TransactionLayer(const TransactionLayer&) = delete;
  TransactionLayer& operator=(const TransactionLayer&) = delete;

  // ---- client side
  /// Adds Via (own branch, rport) on top and sends. Max-Forwards, From, To, Call-ID, CSeq are the caller's.
  /// An error is known at once and nothing was sent: no callback follows.
  Result<ClientId> send_request(Message&& request, const Target& target, const SendOptions& options = {});
  /// CANCEL for an INVITE of ours, same Via and request URI (RFC 3261 9.1); `headers` such as Reason are added. Sent
  /// when a provisional response has come, kept back until then. kInvalidArgument once it has a final response.
  /// The CANCEL's own responses are absorbed here; the INVITE's come as usual, and on_timeout 64*T1 after the CANCEL.
  Status cancel(ClientId invite, const std::vector<Header>& headers = {});
  /// ACK of a 2xx: Via is added, no transaction. The user keeps it and sends it for every copy of the 2xx.
  Status send_ack(Message&& ack, const Target& target);
  /// No more callbacks for it; the protocol goes on behind (ACK for non-2xx).
  void forget(ClientId transaction);

  // ---- server side
  /// Via, From, To (with the transaction's own tag, or `to_tag` if one is given), Call-ID and CSeq filled in. An empty
  /// Message if the transaction is over.
  Message make_response(ServerId transaction, std::uint16_t status, std::string_view reason = {},
                        std::string_view to_tag = {}) const;
  /// The tag that make_response uses.
  std::string to_tag(ServerId transaction) const;
  /// kInvalidArgument if it is over or has its final response; transport errors as they are.
  Status respond(ServerId transaction, const Message& response);
  /// make_response and respond in one.
  Status respond(ServerId transaction, std::uint16_t status, std::string_view reason = {});
  /// The 2xx last sent for an INVITE once more, as long as it waits for its ACK (64*T1, RFC 6026 timer L).
  Status resend_2xx(ServerId transaction);

  std::size_t server_transactions() const;
  std::size_t client_transactions() const;
  Counters& counters();

 private:
  class Servers;
  class Clients;
  struct Shared;

  void on_message(Message&& message, const Flow& flow) override;
  void on_connection_closed(ConnectionId connection, const Error& why) override;

  std::unique_ptr<Shared> shared_;
  std::unique_ptr<Servers> servers_;
  std::unique_ptr<Clients> clients_;
};

}  // namespace isthmus::sip
