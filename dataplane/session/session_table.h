#pragma once

// All sessions of the data plane, on the control thread. It checks what the control plane asks for, allocates ports and
// SRTP contexts, builds the immutable configuration of each stream and hands it to the worker that owns the session.
//
// Every operation either happens whole or changes nothing.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/contract/inspection.h"
#include "dataplane/contract/messages.h"
#include "dataplane/contract/relay.h"
#include "dataplane/crypto/srtp.h"
#include "dataplane/session/next_hop.h"
#include "dataplane/session/port_pool.h"
#include "dataplane/session/worker_link.h"

namespace isthmus::session {

inline constexpr std::size_t kMaxSessions = 65'536;
inline constexpr std::size_t kMaxInjectDestinations = 32;  ///< of one session
inline constexpr std::size_t kMaxUnrouted = 128;           ///< packets that wait for a next hop, of all sessions
inline constexpr std::uint64_t kUnroutedNs = 1'000'000'000;

/// Told which local ports come into use; the socket mode binds them. Control thread. io::Engine has these two methods.
class PortListener {
 public:
  virtual ~PortListener() = default;
  virtual Status open_port(const SocketAddress& local, std::size_t worker) = 0;
  virtual void close_port(const SocketAddress& local) = 0;
  /// The same of media over TCP, where there is such a thing. Whoever connects waits until serve_tcp_port().
  virtual Status open_tcp_port(const SocketAddress& /*local*/, std::size_t /*worker*/) {
    return fail(ErrorKind::kUnavailable, "there is no media over TCP here", "transport");
  }
  /// A worker knows what comes there from now on.
  virtual void serve_tcp_port(const SocketAddress& /*local*/) {}
  virtual void close_tcp_port(const SocketAddress& /*local*/) {}
};

struct SessionTableDependencies {
  RandomSource& random;
  crypto::SrtpEngine& engine;
  NextHopListener& next_hops;
  PortListener& ports;
  std::vector<WorkerLink*> workers;  ///< 1..io::kMaxWorkers; they outlive the table
};

/// Control thread, all of it. `now_ns` is CLOCK_MONOTONIC, as the worker's.
class SessionTable {
 public:
  SessionTable(std::span<const io::Network> networks, SessionTableDependencies dependencies);
  /// The workers must have ended.
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  /// kExhausted with field "port" when a pool has no pair left. Of a session that exists: the same revision gets the
  /// same answer, a higher one is an update (recovery programs everything anew), a lower one kProtocolViolation.
  Result<contract::SessionState> open(const contract::SessionSpec& spec, std::uint64_t now_ns);
  /// kInvalidArgument with field "id" when there is no such session.
  Result<contract::SessionState> update(const contract::SessionSpec& spec, std::uint64_t now_ns);
  /// Whether the worker has taken up the session as it is now, so that packets meet it. True of an unknown one.
  bool in_force(contract::SessionId id) const;
  /// The last figures; of an unknown session none.
  contract::SessionStats close(contract::SessionId id, std::uint64_t now_ns);
  Result<contract::SessionStats> stats(contract::SessionId id) const;
  /// Port 0: no such leg.
  SocketAddress local_rtp(contract::SessionId id, std::uint16_t stream, contract::Side side) const;
  contract::SessionPage list(std::optional<contract::SessionId> from) const;
  /// A packet whose neighbour is not known yet waits for it, kUnroutedNs at most.
  Result<void> send_packet(contract::SessionId id, std::uint16_t stream, contract::Side side,
                           contract::Component component, const SocketAddress& destination,
                           std::span<const std::uint8_t> packet);

  /// Consent was lost: nothing goes to the peer on this component until another pair is nominated.
  void stop_sending(contract::SessionId id, std::uint16_t stream, contract::Side side, contract::Component component);
  /// Asks the peer of `side` for a key frame, at the pace that the worker keeps. kUnavailable: not by RTCP.
  Result<void> request_picture(contract::SessionId id, std::uint16_t stream, contract::Side side);

  /// Call it every few milliseconds: hands the workers' events and punts to `handler`, finds next hops for latched
  /// addresses, passes on commands that found their ring full, has TCP ports served that a worker knows now, and
  /// destroys what the workers are past.
  void poll(std::uint64_t now_ns, const std::function<void(const contract::Event&)>& handler);

  std::size_t sessions() const;
  std::vector<contract::PoolUse> pools(std::uint64_t now_ns) const;
  /// Sums over all workers: "packets_received", ..., "drop_wrong_source", ...; and some of each worker:
  /// "worker.0.packets_received", ...
  std::vector<contract::Counter> counters() const;
  /// Where the workers' cycles go. `measure` switches the counters on or off first.
  contract::StageFigures stages(std::optional<bool> measure);
  /// Follows the packets of a stream. kExhausted (field "worker") while another trace runs on its worker.
  Result<void> start_trace(const contract::TraceSpec& spec, std::uint64_t now_ns);
  Result<contract::TracePage> read_trace(contract::SessionId id, std::uint64_t from, double cycles_per_ns) const;
  void stop_trace(contract::SessionId id);
  /// Objects that wait for a worker to be past them; 0 when all is quiet.
  std::size_t retired() const;
  /// Last packet of any leg of a session, or its opening; to end silent sessions when nobody is left to ask.
  std::uint64_t last_media_ns(contract::SessionId id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace isthmus::session
