#pragma once

// The client half of TransactionLayer. Inside of the folder.

#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/sip/slots.h"
#include "controlplane/sip/transaction_states.h"
#include "controlplane/sip/transactions.h"

namespace isthmus::sip {

struct TransactionLayer::Shared {
  TransportLayer& transport;
  event_loop::Timers& timers;
  RandomSource& random;
  TransactionUser& user;
  TransactionSettings settings;
};

class TransactionLayer::Clients {
 public:
  explicit Clients(Shared& shared) : shared_(shared) {}
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  Result<ClientId> send(Message&& request, const Target& target, const SendOptions& options);
  Status cancel(ClientId invite, const std::vector<Header>& headers);
  Status send_ack(Message&& ack, const Target& target);
  void forget(ClientId id);
  void on_response(Message&& response, const Flow& flow);
  void on_connection_closed(ConnectionId connection, const Error& why);
  std::size_t size() const { return slots_.size(); }

 private:
  struct Client {
    Machine machine = Machine::kClient;
    State state = State::kTrying;
    bool is_cancel = false;     // its responses go nowhere
    bool is_forgotten = false;  // by the user
    enum class Cancel : std::uint8_t { kNo, kWaiting, kSent } cancel = Cancel::kNo;
    std::string key;
    Target target;
    /// Where it was to go over UDP, had it not been too large.
    std::optional<Target> moved_from{};
    ConnectionId connection = kNoConnection;
    std::uint32_t cseq = 0;
    Message request;       // until its final response
    std::string bytes;     // of the request; then of the ACK: to send again
    bool has_ack = false;  // bytes are the ACK
    std::vector<Header> cancel_headers;
    std::chrono::milliseconds interval{};  // of the retransmit timer
    std::optional<std::chrono::milliseconds> timer_c{};
    event_loop::TimerId retransmit = event_loop::kNoTimer;
    event_loop::TimerId timeout = event_loop::kNoTimer;  // and the wait timer after it
    event_loop::TimerId c = event_loop::kNoTimer;
  };
  /// Transactions that wait for something to come over a connection; entries of finished ones are swept now and then.
  struct Waiting {
    std::vector<ClientId> ids;
    std::size_t sweep_at = 64;
  };

  /// Puts our Via on top and writes the request. True: it is too large for UDP, and `target` is another one now.
  bool address(Message& request, Target& target, std::string_view branch, std::string& bytes);
  /// Its bytes are written.
  Result<ClientId> start(Client&& fresh, Message&& request);
  void step(ClientId id, Client& client, Event event, Message* response, const Flow* flow, const Error* error);
  /// The request with another Via on top.
  std::string with_other_via(Message& request, const Target& target, std::string_view branch) const;
  /// What address() moved goes to `meant` after all.
  std::string address_back(Message& request, const Target& meant, std::string_view branch);
  /// RFC 3261 18.1.1. False: it was not too large for UDP, or its connection was there.
  bool move_back(ClientId id, Client& client);
  void start_timers(ClientId id, Client& client, std::uint16_t actions);
  void start_retransmit(ClientId id, Client& client);
  void restart_timer_c(ClientId id, Client& client);
  void on_timer(ClientId id, Event event);
  void send_failure_ack(Client& client, const Message* response);
  void send_cancel(ClientId id, Client& client);
  void resend(Client& client);
  void wait_on(ConnectionId connection, ClientId id);
  void stop_timers(Client& client);
  void end(ClientId id, Client& client);

  Shared& shared_;
  Slots<Client, ClientId> slots_;
  std::unordered_map<std::string, ClientId> by_key_;
  std::unordered_map<std::uint64_t, Waiting> waiting_;
};

}  // namespace isthmus::sip
