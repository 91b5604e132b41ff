#pragma once

// The shell round the calls: gives them what happens, does what they want. SIP transactions, data plane, journal and
// timers meet here and nowhere else.

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controlplane/b2bua/archive.h"
#include "controlplane/b2bua/call_view.h"
#include "controlplane/b2bua/counters.h"
#include "controlplane/b2bua/header_table.h"
#include "controlplane/b2bua/ice_legs.h"
#include "controlplane/b2bua/low_keys.h"
#include "controlplane/b2bua/machine.h"
#include "controlplane/b2bua/message_writer.h"
#include "controlplane/b2bua/screening.h"
#include "controlplane/event_loop/timers.h"
#include "controlplane/journal/journal.h"
#include "controlplane/routing/dial_plan.h"
#include "controlplane/sip/transactions.h"
#include "controlplane/trust/trust_table.h"
#include "dataplane/contract/relay.h"

namespace isthmus::b2bua {

inline constexpr std::size_t kKeptEndedCalls = 200;  ///< last ended calls that can still be looked at

inline constexpr std::size_t kMaxAddressesOfPeer = 4;  ///< tried for one call

/// Where a host is, best first; empty where it cannot be told now. Port 0: none is written.
using Locate = std::function<std::vector<SocketAddress>(const std::string& host, std::uint16_t port, sip::Transport)>;
/// Numeric hosts only.
std::vector<SocketAddress> locate_numeric(const std::string& host, std::uint16_t port, sip::Transport transport);

/// All of it belongs to the event-loop thread.
class B2bua final : public sip::TransactionUser {
 public:
  struct Dependencies {
    sip::TransportLayer& transport;
    contract::Relay& relay;
    journal::Journal& journal;
    event_loop::Timers& timers;
    RandomSource& random;
    std::function<WallTime()> wall_clock = [] { return std::chrono::system_clock::now(); };
    Locate locate = locate_numeric;
  };

  /// `listeners` in the order of configuration.listeners. The configuration has been checked.
  static Result<std::unique_ptr<B2bua>> create(const Dependencies& dependencies, config::ControlPlane configuration,
                                               std::vector<sip::ListenerId> listeners);
  ~B2bua() override;

  /// The transactions that this is the user of; before anything else.
  void attach(sip::TransactionLayer& transactions) { transactions_ = &transactions; }
  /// Takes up the calls of the journal and begins to follow the data plane. Once, after attach().
  void start();

  /// Peers that are known by name are somewhere else now: as sources they are trusted there, and no longer where they
  /// were.
  void refresh_sources();

  // ---- looking ----
  std::size_t calls() const { return calls_.size(); }
  /// Up to `limit` calls with a name after `after`, ascending.
  std::vector<CallView> views(std::string_view after, std::size_t limit) const;
  std::optional<CallView> view(std::string_view name) const;    ///< running or lately ended
  const std::deque<CallView>& ended() const { return ended_; }  ///< oldest first, at most kKeptEndedCalls
  routing::Route test_route(std::string_view alias, std::string_view from_zone) const;
  const Counters& counters() const { return counters_; }
  /// An SRTP key of a running call that nears its end.
  struct LowKey {
    std::string call;
    contract::KeyLifetimeLowEvent told;
  };
  std::vector<LowKey> low_keys() const;
  bool is_relay_connected() const { return relay_connected_; }
  const config::ControlPlane& configuration() const { return configuration_; }
  /// Called once for each call when it is over, with its record.
  void on_ended(std::function<void(const CallView&)> handler) { ended_handler_ = std::move(handler); }

  // ---- steering ----
  /// False: no such call.
  bool hang_up(std::string_view name, std::string_view reason = "ended by the operator");
  /// No new calls from now on (503); `end_calls` hangs up those that run.
  void drain(bool end_calls);
  bool is_draining() const { return draining_; }

  // ---- sip::TransactionUser ----
  void on_request(sip::ServerId transaction, sip::Message&& request, const sip::Flow& flow) override;
  void on_cancel(sip::ServerId invite, sip::Message&& cancel) override;
  void on_ack_2xx(sip::Message&& ack, const sip::Flow& flow) override;
  void on_response(sip::ClientId transaction, sip::Message&& response, const sip::Flow& flow) override;
  void on_timeout(sip::ClientId transaction) override;
  void on_transport_error(sip::ClientId transaction, const Error& why) override;
  void on_transport_error(sip::ServerId transaction, const Error& why) override;

 private:
  using CallKey = std::uint64_t;
  static constexpr std::size_t kTimerKinds = static_cast<std::size_t>(Timer::kSilence) + 1;

  /// A running call with what only this process knows of it.
  struct Entry {
    Call call;
    std::array<std::optional<sip::Target>, 2> link;  ///< by Side: where its messages came from or went to
    /// By Side: the next hop that was asked for last, and what it came to.
    struct Hop {
      std::string uri;
      std::optional<sip::Target> link;
      std::optional<sip::Target> target;
    };
    std::array<Hop, 2> hop;
    std::optional<IpAddress> source;  ///< of leg A, for the limit per source
    std::array<std::array<event_loop::TimerId, 2>, kTimerKinds> timers{};
    std::vector<std::pair<ClientId, sip::ClientId>> clients;  ///< INVITEs, oldest first
    std::vector<ServerId> servers;                            ///< INVITEs without final response
    std::vector<std::uint64_t> sessions;                      ///< every one it opened
    std::vector<std::string> tags;                            ///< local ones, also of attempts that are over
    IceLegs ice;
    event_loop::TimerId ice_timer = event_loop::kNoTimer;
    bool in_step = false;
    std::vector<Event> waiting;  ///< what happened while a step was performed

    std::optional<sip::ClientId> find_client(ClientId id) const;
  };
  /// A client transaction of ours.
  struct Client {
    CallKey call = 0;
    Side side = Side::kB;
    ClientId id = 0;
    Method method = Method::kInvite;
    std::string confirmed_tag;  ///< of the 2xx that was acknowledged
    std::string ended_tag;      ///< of the last fork that was ended with BYE
    std::uint32_t cseq = 0;     ///< of the INVITE, once it was acknowledged
    std::optional<sip::Target> target;
  };
  struct DialogPlace {
    CallKey call = 0;
    Side side = Side::kA;
  };

  B2bua(const Dependencies& dependencies, config::ControlPlane configuration, routing::DialPlan plan,
        trust::TrustTable trust, std::vector<sip::ListenerId> listeners);

  // door.cc: requests outside of dialogs
  void on_new_request(sip::ServerId transaction, const sip::Message& request, const sip::Flow& flow);
  void on_new_call(sip::ServerId transaction, const sip::Message& invite, const sip::Flow& flow,
                   const config::Zone& zone);
  std::optional<Refused> admit(const sip::Message& invite, const sip::Flow& flow, const config::Zone& zone);
  bool is_loop(const sip::Message& invite) const;
  void answer_options(sip::ServerId transaction, const sip::Flow& flow);
  void refuse(sip::ServerId transaction, const Refused& refused, const sip::Message& request, const sip::Flow& flow);
  void refuse_in_dialog(Entry& entry, Side side, sip::ServerId transaction, std::uint16_t status,
                        const sip::Message& request, const sip::Flow& flow);
  std::uint64_t& counter_of_403(std::string_view why);
  std::vector<Attempt> attempts_of(const routing::Route& route, const routing::DialledUri& dialled) const;
  const config::Zone* zone_of(const sip::Flow& flow) const;
  Dialect dialect_of(const Entry& entry, Side side) const;

  // b2bua.cc: events to calls
  void on_dialog_request(sip::ServerId transaction, const sip::Message& request, const sip::Flow& flow);
  Entry* find(CallKey key);
  Entry* find_dialog(const sip::Message& message, Side& side);
  Entry* find_session(contract::SessionId session);
  void tell(CallKey key, Event event);
  /// What a Microsoft peer says beside the status.
  static void log_diagnosis(const Entry& entry, const Signal& signal, std::string_view message);
  void tell_response(const Client& client, Response response);
  void on_relay_event(const contract::Event& event);
  void on_key_lifetime_low(const contract::KeyLifetimeLowEvent& event);

  // ice.cc: the agents beside a call
  void serve_ice(CallKey key);
  void on_punt(const contract::PuntEvent& punt);
  void on_ice_timer(CallKey key);

  // perform.cc: actions of calls
  void perform(Entry& entry, Actions actions);
  void perform(Entry& entry, SendRequest& action);
  void perform(Entry& entry, SendCancel& action);
  void perform(Entry& entry, SendAck& action);
  void perform(Entry& entry, EndFork& action);
  void perform(Entry& entry, SendResponse& action);
  void perform(Entry& entry, ResendResponse& action);
  void perform(Entry& entry, OpenSession& action);
  void perform(Entry& entry, UpdateSession& action);
  void perform(Entry& entry, CloseSession& action);
  void perform(Entry& entry, QueryStats& action);
  void perform(Entry& entry, RequestPicture& action);
  void perform(Entry& entry, StartTimer& action);
  void perform(Entry& entry, StopTimer& action);
  void perform(Entry& entry, WriteJournal& action);
  void perform(Entry& entry, Note& action);
  void perform(Entry& entry, Finish& action);
  void repeat_ack(const Client& client);
  void end_fork(const sip::Message& response, const sip::Target& target);
  const Writing& writing_for(sip::ListenerId listener);
  void remove(CallKey key);
  void stop_timers(Entry& entry);
  void retire(sip::ClientId client);
  void sweep_retired();

  // hops.cc: where requests go
  std::optional<sip::Target> first_target(Entry& entry);
  std::optional<sip::Target> target_of(Entry& entry, Side side, const Dialog& dialog);
  /// Addresses of a peer that one of our listeners can send to, at most kMaxAddressesOfPeer.
  std::vector<sip::Target> targets_of(const config::Zone& zone, const config::Peer& peer) const;
  std::optional<sip::Target> named_hop(const sip::NextHop& hop, const sip::Target& link) const;

  // recovery.cc
  void take_up_journal();
  void on_relay_connection(bool connected, std::uint64_t incarnation);
  void list_sessions(std::uint64_t round, std::optional<contract::SessionId> from);
  void reconcile();

  Dependencies deps_;
  config::ControlPlane configuration_;
  routing::DialPlan plan_;
  trust::TrustTable trust_;
  std::vector<sip::ListenerId> listeners_;  ///< as configuration_.listeners
  sip::TransactionLayer* transactions_ = nullptr;

  std::unordered_map<CallKey, std::unique_ptr<Entry>> calls_;
  std::unordered_map<std::string, DialogPlace> dialogs_;    ///< by local tag
  std::unordered_map<std::uint64_t, CallKey> sessions_;     ///< by SessionId
  std::unordered_map<std::uint64_t, DialogPlace> servers_;  ///< INVITE server transactions, for CANCEL
  std::unordered_map<std::uint64_t, Client> clients_;       ///< by sip::ClientId
  std::unordered_map<IpAddress, std::uint32_t> calls_by_source_;
  std::deque<std::pair<event_loop::TimePoint, sip::ClientId>> retired_;  ///< clients_ to forget, oldest first
  std::unordered_map<std::uint32_t, Writing> writings_;                  ///< by sip::ListenerId
  ArchiveWriter record_writer_{journal::kMaxContentBytes};
  const sip::Message* current_response_ = nullptr;  ///< during the step that a response caused
  event_loop::TimerId retire_timer_ = event_loop::kNoTimer;
  /// Answers of the data plane may come when this is gone: their callbacks look here first. Nobody else shares it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  double new_call_tokens_ = 0;  ///< bucket of limits.calls_per_second
  event_loop::TimePoint tokens_at_{};

  bool relay_connected_ = false;
  std::uint64_t relay_round_ = 0;  ///< one more for each connection, so that an old listing is recognised
  std::unordered_map<std::uint64_t, contract::Revision> listed_;
  std::vector<CallKey> expected_;  ///< calls whose session should be in that listing
  bool draining_ = false;

  Counters counters_;
  LowKeys low_keys_;
  std::deque<CallView> ended_;
  std::function<void(const CallView&)> ended_handler_;
};

}  // namespace isthmus::b2bua
