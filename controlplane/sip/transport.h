#pragma once

// Listeners, connections and where a message goes. Everything is numeric: names are resolved before they get here.
//
//   datagram/connection -> framing -> source limits -> parse (400/413/505 here) -> TransportUser

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "controlplane/sip/counters.h"
#include "controlplane/sip/limits.h"
#include "controlplane/sip/message.h"
#include "controlplane/sip/network.h"
#include "controlplane/sip/source_limits.h"
#include "controlplane/sip/tls_context.h"
#include "controlplane/sip/tls_outcome.h"
#include "dataplane/base/random.h"

namespace isthmus::sip {

struct Refusal;

enum class Transport : std::uint8_t { kUdp, kTcp, kTls };
/// "UDP", as in Via.
std::string_view to_string(Transport transport);
inline bool is_reliable(Transport transport) { return transport != Transport::kUdp; }

/// Order number of a listener, from listen().
enum class ListenerId : std::uint32_t {};
/// One connection with its generation; kNoConnection for UDP.
enum class ConnectionId : std::uint64_t {};
inline constexpr ConnectionId kNoConnection{0};

/// Who is at the far end of a TLS connection.
struct VerifiedPeer {
  std::string name;                ///< the one that connections are told apart by: what we asked for, or the first SAN
  std::vector<std::string> names;  ///< all SANs that were verified (TlsOutcome::names)
  bool is_known = false;           ///< one of them is that of a configured peer
};

/// Where a message came from, as seen on the wire. A value.
struct Flow {
  Transport transport = Transport::kUdp;
  ListenerId listener{};  ///< for outgoing connections the listener they were opened for
  ConnectionId connection = kNoConnection;
  SocketAddress local;
  SocketAddress remote;
  /// TLS, where the peer showed a certificate. Shared by all messages of the connection, which may end before they do.
  std::shared_ptr<const VerifiedPeer> peer{};
};

/// Where a request is to go.
struct Target {
  Transport transport = Transport::kUdp;
  SocketAddress address;
  ListenerId listener{};  ///< must have the same transport: its address is the source and stands in Via
  /// TLS: what the peer's certificate must say (a DNS name or an address); empty: the address. A connection that was
  /// verified for another name is another connection.
  std::string peer_name{};
  bool operator==(const Target&) const = default;
};

/// Where requests go that belong to what came by `flow`: its connection while there is one.
Target target_back(const Flow& flow);

/// Next hop of a URI as it is written: maddr or host, port (0: none), transport parameter.
struct NextHop {
  Transport transport = Transport::kUdp;
  std::string host;
  std::uint16_t port = 0;
};
Result<NextHop> next_hop_of(const Uri& uri, Transport default_transport);

/// Next hop of a URI with a numeric host: maddr, transport and port parameters, 5060 (5061 for TLS) by default.
/// kUnavailable for names, which somebody else must resolve.
Result<Target> target_of(const Uri& uri, ListenerId listener, Transport default_transport);

struct ListenerSettings {
  std::string name;
  Transport transport = Transport::kUdp;
  SocketAddress address;        ///< port 0: any free one
  std::string advertised_host;  ///< in Via; empty: the local address
  /// For kTls. Shared with the handshakes that began with it (see TransportLayer::set_tls).
  std::shared_ptr<const TlsContext> tls{};
};

struct TransportSettings {
  std::chrono::milliseconds connect_timeout{5'000};         ///< until TCP, and TLS where there is some, are up
  std::chrono::milliseconds handshake_timeout{5'000};       ///< accepted connections, TLS
  std::chrono::milliseconds first_request_timeout{10'000};  ///< accepted connections: until the first whole message
  std::chrono::milliseconds message_timeout{10'000};        ///< from a message's first byte to its last
  std::chrono::milliseconds idle_timeout{120'000};          ///< connections of unknown peers
  std::size_t max_connections = 4096;
  std::size_t max_unsent_bytes = 1024 * 1024;  ///< per connection; more: it is closed
  SourceLimits source;
  std::string user_agent = "Isthmus";  ///< warn-agent of refusals
};

class TransportUser {
 public:
  virtual ~TransportUser() = default;
  /// A request whose top Via has received/rport set, or a response whose top Via is ours.
  virtual void on_message(Message&& message, const Flow& flow) = 0;
  /// A connection ended or could not be made. What was sent on it may not have arrived.
  virtual void on_connection_closed(ConnectionId connection, const Error& why) = 0;
};

/// One thread, that of the loop. Outlives nobody: the network and the timers outlive it.
class TransportLayer {
 public:
  TransportLayer(Network& network, event_loop::Timers& timers, RandomSource& random, TransportSettings settings);
  ~TransportLayer();
  TransportLayer(const TransportLayer&) = delete;
  TransportLayer& operator=(const TransportLayer&) = delete;

  /// Before the first listener.
  void set_user(TransportUser& user) { user_ = &user; }
  void clear_user() { user_ = nullptr; }
  Result<ListenerId> listen(const ListenerSettings& settings);
  /// The address really bound.
  SocketAddress local_address(ListenerId listener) const;
  Transport transport_of(ListenerId listener) const;
  /// Host and port for Via and Contact: "192.0.2.1:5060", "[2001:db8::1]:5060".
  std::string sent_by(ListenerId listener) const;
  /// Certificates for connections to come; those that are up stay as they are. kInvalidArgument if it is no TLS
  /// listener.
  Status set_tls(ListenerId listener, std::shared_ptr<const TlsContext> tls);
  /// Whether send_request would find a connection.
  bool is_connected_to(const Target& target) const { return by_target_.contains(target); }
  /// First listener with this transport.
  Result<ListenerId> find_listener(Transport transport) const;

  /// Sources for which the rates and the idle time-out of unknown peers do not hold (configured peers).
  void set_known_sources(const std::vector<IpAddress>& sources, const std::vector<IpPrefix>& ranges = {});
  /// The same by name, for those that come with a certificate.
  void set_known_names(const std::vector<std::string>& names);

  /// RFC 3261 18.1.1: where a request of this size goes that is meant for `target`. What UDP could cut into fragments
  /// goes by TCP to the same address, from our TCP listener on the same local one; not if there is none, nor to a peer
  /// that lately took no TCP connection.
  Target target_for_size(const Target& target, std::size_t bytes) const;
  bool takes_tcp(const SocketAddress& peer) const;

  /// Sends a request's bytes: over UDP at once, else over the connection to that target (made if there is none).
  /// Failure that is known at once is the result; what comes later is on_connection_closed.
  Result<ConnectionId> send_request(std::string_view bytes, const Target& target);
  /// RFC 3261 18.2.2: the connection the request came over; else a new one to the Via's address.
  Status send_response(std::string_view bytes, const Via& top_via, const Flow& request_flow);

  const Counters& counters() const { return counters_; }
  Counters& counters() { return counters_; }
  std::size_t connections() const;

 private:
  struct Listener;
  class Connection;
  struct TargetHash {
    std::size_t operator()(const Target& target) const noexcept;
  };

  void on_datagram(ListenerId listener, std::string_view bytes, const SocketAddress& from);
  void on_accepted(ListenerId listener, std::unique_ptr<Stream> stream);
  /// `bytes` is one whole message.
  void take_message(std::string_view bytes, const Flow& flow);
  /// False if its source sends more than it may; a request of a configured peer has its 503 then.
  bool is_within_rate(const Message& request, const Flow& flow);
  void refuse_message(const Message& request, const Refusal& refusal, const Flow& flow);
  void send_answer(const Message& answer, const Flow& flow);
  /// A CRLF CRLF between messages.
  bool take_keep_alive(const Flow& flow);
  bool is_via_ours(const Via& via, const Flow& flow) const;
  Result<Connection*> connection_to(const Target& target);
  Connection* find(ConnectionId id);
  Connection& adopt(std::unique_ptr<Stream> stream, const Flow& flow, bool is_outgoing, std::string peer_name);
  /// From now on requests to its target find it.
  void enlist(const Connection& connection);
  /// Counts a TLS connection that failed, and says so in the log, within bounds.
  void report_tls(const Connection& connection, TlsFailure failure, std::string_view detail);
  /// A TCP connection to that address could not be made.
  void note_no_tcp(const SocketAddress& peer);
  /// Removes it; its memory goes, and the user hears of it, when nothing of it is on the call stack any more.
  void drop(ConnectionId id, const Error& why);
  void bury();

  Network& network_;
  event_loop::Timers& timers_;
  RandomSource& random_;
  TransportSettings settings_;
  TransportUser* user_ = nullptr;
  Counters counters_;
  SourceTable sources_;
  std::unordered_set<std::string> known_names_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  struct Dropped;
  std::vector<Dropped> dropped_;
  event_loop::TimerId burial_ = event_loop::kNoTimer;
  std::unordered_map<Target, ConnectionId, TargetHash> by_target_;
  std::unordered_map<SocketAddress, event_loop::TimePoint> no_tcp_;  ///< peers that took no TCP connection, and when
  std::uint64_t last_connection_ = 0;
  std::size_t tls_lines_ = 0;  // in the log since tls_lines_since_
  event_loop::TimePoint tls_lines_since_{};
  std::string scratch_;  // for what is serialised and sent at once
};

}  // namespace isthmus::sip
