#pragma once

// A full ICE agent (RFC 8445) for one leg of a call, in the profile of [MS-ICE2] where the peer speaks that: checks of
// all streams of the leg are paced together, nomination is regular, both components have to come up.
//
// It is a machine without sockets, threads or clock: packets and the time come in, packets to send and the outcome of
// each stream go out. Whoever holds it decides the thread.
//
//   Agent agent(settings, random);
//   agent.add_stream(0, {...});                 our description was written
//   agent.set_remote(0, credentials, candidates, now)   the peer's has come
//   agent.start(now)                            both are known to both: checks begin
//   loop: on_packet / on_timer at next_timer(), take_outgoing(), status(0)

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "controlplane/ice/address_rule.h"
#include "controlplane/ice/check_message.h"
#include "controlplane/ice/checklist.h"
#include "dataplane/base/random.h"
#include "dataplane/contract/messages.h"

namespace isthmus::ice {

using contract::Component;
using event_loop::Duration;
using event_loop::TimePoint;
/// Position of a stream in the session.
using StreamIndex = std::uint16_t;

inline constexpr std::size_t kMaxTransactions =
    256;                                            ///< checks in flight, cancelled ones that may be answered included
inline constexpr std::size_t kMaxEarlyChecks = 16;  ///< of a stream, before the peer's description is here
inline constexpr unsigned kMaxSends = 7;            ///< of one check (RFC 8489 6.2.1, Rc)

/// Of all checks of an agent together (RFC 8445 14.2, Ta); 50 a second (threat model B2).
inline constexpr Duration kPace = std::chrono::milliseconds(20);
inline constexpr Duration kMinRto = std::chrono::milliseconds(500);  ///< RFC 8445 14.3
/// With a valid pair for each component, this long better ones are waited for before we nominate (RFC 8445 8.1.1).
inline constexpr Duration kNominationWait = std::chrono::milliseconds(200);
/// A peer that nominates aggressively (RFC 5245 8.1.1.2) does so with several pairs at once, of which the best counts;
/// what comes later than this is a change of mind and counts in any case.
inline constexpr Duration kAggressiveWindow = std::chrono::seconds(1);

struct AgentSettings {
  bool controlling = false;
  std::uint64_t tie_breaker = 0;
  contract::StunForm form = contract::StunForm::kRfc8489;  ///< of our requests, until the peer shows another one
  AddressRule addresses{};
  Duration overall = std::chrono::seconds(10);  ///< from start to the end of all checks ([MS-ICE2])
};

struct StreamSettings {
  Credentials local;
  std::vector<sdp::Candidate> candidates;  ///< ours; a component is one that has a candidate here
};

enum class Phase : std::uint8_t {
  kWaiting,    ///< the peer's description is missing, or start()
  kChecking,   ///< checks run, or the other component's do
  kNominated,  ///< every component has its pair
  kFailed,
};
enum class Failure : std::uint8_t {
  kNone,
  kNoCandidates,  ///< nothing of what the peer named may or can be checked
  kNoPair,        ///< no check of any component succeeded
  kOneComponent,  ///< one component came up, the other did not
  kNotNominated,  ///< pairs are valid, but the controlling peer chose none
};
std::string_view to_string(Phase phase);
std::string_view to_string(Failure failure);  ///< "no-pair", for records

/// What people need to see of one stream, and the outcome.
struct StreamStatus {
  Phase phase = Phase::kWaiting;
  Failure failure = Failure::kNone;
  std::optional<SocketAddress> rtp{};   ///< the peer's end of the nominated pairs
  std::optional<SocketAddress> rtcp{};  ///< empty where RTCP is multiplexed
  std::size_t pairs = 0;
  std::size_t valid = 0;
  std::uint16_t last_error = 0;  ///< of the last error response

  bool operator==(const StreamStatus&) const = default;
};

struct Outgoing {
  StreamIndex stream = 0;
  Component component = Component::kRtp;
  SocketAddress destination;
  std::vector<std::uint8_t> packet;
};

/// Packets that were not what they should be, by reason.
struct AgentCounters {
  std::uint64_t malformed = 0;
  std::uint64_t unauthenticated = 0;     ///< integrity, user name or fingerprint wrong; never answered
  std::uint64_t unexpected_answers = 0;  ///< no such transaction
  std::uint64_t asymmetric_answers = 0;  ///< RFC 8445 7.2.5.2.1
  std::uint64_t role_conflicts = 0;
  std::uint64_t refused_sources = 0;  ///< addresses that may not be checked, or one too many
};

class Agent {
 public:
  Agent(AgentSettings settings, RandomSource& random);

  /// A new stream, or one that restarts (RFC 8445 9): what was known of it is forgotten.
  void add_stream(StreamIndex stream, StreamSettings settings);
  void remove_stream(StreamIndex stream);
  bool has_stream(StreamIndex stream) const { return streams_.contains(stream); }
  const Credentials* local_credentials(StreamIndex stream) const;

  /// The peer's description, as often as it comes; other credentials than before are a restart and need add_stream.
  void set_remote(StreamIndex stream, Credentials remote, const std::vector<sdp::Candidate>& candidates, TimePoint now);
  /// Checks of all streams that have both descriptions begin; streams that join later begin with the next call.
  void start(TimePoint now);

  void on_packet(StreamIndex stream, Component component, const SocketAddress& source, Bytes packet, TimePoint now);
  void on_timer(TimePoint now);
  std::optional<TimePoint> next_timer() const;

  std::vector<Outgoing> take_outgoing() { return std::exchange(outgoing_, {}); }
  StreamStatus status(StreamIndex stream) const;
  bool is_controlling() const { return settings_.controlling; }
  std::uint64_t tie_breaker() const { return settings_.tie_breaker; }
  const AgentCounters& counters() const { return counters_; }

 private:
  struct Selected {
    PairIndex pair = 0;
    TimePoint at{};  ///< when its component was first nominated
  };
  struct EarlyCheck {
    std::uint16_t component = 1;
    SocketAddress source;
    std::uint32_t priority = 0;
    bool use_candidate = false;
    std::string username;
  };
  struct Stream {
    Credentials local;
    std::optional<Credentials> remote{};
    std::vector<std::uint16_t> components{};
    Checklist checklist;
    std::vector<EarlyCheck> early{};
    std::map<std::uint16_t, Selected> selected{};  ///< by component
    Phase phase = Phase::kWaiting;
    Failure failure = Failure::kNone;
    std::optional<TimePoint> deadline{};
    std::optional<TimePoint> all_valid_since{};  ///< each component has a succeeded pair
    std::uint16_t last_error = 0;
  };
  struct Transaction {
    wire::StunTransaction id{};
    StreamIndex stream = 0;
    PairIndex pair = 0;
    SocketAddress destination;
    std::uint16_t component = 1;
    std::vector<std::uint8_t> packet;
    bool use_candidate = false;
    bool controlling = false;
    bool cancelled = false;  ///< not sent again; an answer still counts (RFC 8445 7.3.1.4)
    unsigned sends = 0;
    TimePoint sent_at{};
    TimePoint next_at{};
    Duration interval{};
  };

  // requests.cc: what the peer asks
  void on_request(StreamIndex index, Stream& stream, std::uint16_t component, const SocketAddress& source,
                  const wire::StunMessage& message, wire::IntegrityForm form, TimePoint now);
  bool resolve_role(StreamIndex index, Stream& stream, std::uint16_t component, const SocketAddress& source,
                    const wire::StunMessage& message, wire::IntegrityForm form);
  void triggered_check(StreamIndex index, Stream& stream, const EarlyCheck& check, TimePoint now);
  void nominated_by_peer(StreamIndex index, Stream& stream, PairIndex pair, TimePoint now);

  // answers.cc: what the peer answers
  void on_answer(StreamIndex index, Stream& stream, std::uint16_t component, const SocketAddress& source,
                 const wire::StunMessage& message, TimePoint now);
  void on_success(Stream& stream, const Transaction& transaction, TimePoint now);
  void on_error(Stream& stream, const Transaction& transaction, std::uint16_t code);
  void unfreeze(const std::string& foundation);

  // agent.cc: checks of ours, nomination, the end
  void pace(TimePoint now);
  bool send_one(TimePoint now);
  bool retransmit_one(TimePoint now);
  void send_check(StreamIndex index, Stream& stream, PairIndex pair, TimePoint now);
  std::optional<PairIndex> unfreezable(const Stream& stream) const;
  void unfreeze_unused(Stream& stream);
  void drop_finished(TimePoint now);
  void consider_nomination(Stream& stream, TimePoint now);
  void select(StreamIndex index, Stream& stream, PairIndex pair, TimePoint now);
  void complete_if_done(Stream& stream);
  void fail(StreamIndex index, Stream& stream, Failure why);
  void switch_role(bool controlling);
  void cancel_checks(StreamIndex index, PairIndex pair);
  void drop_oldest();
  void give_up(const Transaction& transaction);
  std::size_t pairs_at_work() const;
  bool has_check_to_send() const;
  static bool is_nominating(const Stream& stream, std::uint16_t component);
  bool is_waiting_to_nominate(const Stream& stream) const;
  Failure failure_of(const Stream& stream) const;
  void emit(StreamIndex stream, std::uint16_t component, const SocketAddress& destination,
            std::vector<std::uint8_t> packet);

  AgentSettings settings_;
  RandomSource& random_;
  wire::IntegrityForm form_;
  std::map<StreamIndex, Stream> streams_;
  std::vector<Transaction> transactions_;  ///< oldest first
  std::vector<Outgoing> outgoing_;
  std::optional<TimePoint> next_send_{};  ///< not before this, by the pace
  StreamIndex last_served_ = 0;
  AgentCounters counters_;
};

}  // namespace isthmus::ice
