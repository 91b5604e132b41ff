#pragma once

// The server half of TransactionLayer. Inside of the folder.

#include <string>
#include <unordered_map>

#include "controlplane/sip/client_transactions.h"
#include "controlplane/sip/slots.h"
#include "controlplane/sip/transaction_states.h"
#include "controlplane/sip/transactions.h"

namespace isthmus::sip {

class TransactionLayer::Servers {
 public:
  explicit Servers(Shared& shared) : shared_(shared) {}
  ~Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  void on_request(Message&& request, const Flow& flow);
  Message make_response(ServerId id, std::uint16_t status, std::string_view reason, std::string_view to_tag) const;
  std::string to_tag(ServerId id) const;
  Status respond(ServerId id, const Message& response);
  Status resend_2xx(ServerId id);
  std::size_t size() const { return slots_.size(); }

 private:
  struct Server {
    Machine machine = Machine::kServer;
    State state = State::kTrying;
    std::string key;
    std::string merge_key;
    std::string tag;  // of To, ours
    Flow flow;
    Via top_via;
    Message request;   // until its final response
    std::string last;  // response sent last, as bytes
    bool last_is_2xx = false;
    std::chrono::milliseconds interval{};  // of the retransmit timer
    event_loop::TimerId trying = event_loop::kNoTimer;
    event_loop::TimerId retransmit = event_loop::kNoTimer;
    event_loop::TimerId timeout = event_loop::kNoTimer;  // and the wait timer after it
  };

  void on_ack(Message&& ack, const Flow& flow);
  void on_cancel(ServerId id, Message&& cancel);
  /// 503 without a transaction.
  void refuse_for_room(const Message& request, const Flow& flow);
  /// Nothing is there for `request` yet.
  ServerId start(Message& request, const Flow& flow);
  bool is_merged(const Message& request) const;
  void send_trying(ServerId id);
  std::uint16_t step(ServerId id, Server& server, Event event);
  void start_timers(ServerId id, Server& server, std::uint16_t actions);
  void start_retransmit(ServerId id, Server& server);
  void on_timer(ServerId id, Event event);
  Status send_last(Server& server);
  void stop_timers(Server& server);
  void end(ServerId id, Server& server);

  Shared& shared_;
  Slots<Server, ServerId> slots_;
  std::unordered_map<std::string, ServerId> by_key_;
  std::unordered_map<std::string, ServerId> by_merge_key_;
};

}  // namespace isthmus::sip
