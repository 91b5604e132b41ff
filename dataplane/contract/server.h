#pragma once

// The data plane's side of the contract: a listening seqpacket socket, one active control plane. Plain descriptors: the
// owner adds `poll_fd()` to its own epoll set for EPOLLIN and calls `handle_ready()` when it is readable.
//
//   accepted --Hello--> active --next Hello of another connection, EOF, error--> closed
//
// The answer to open and update leaves when what it confirms is in force (Handler::in_force), so that a control plane
// that has the answer may tell the peers. It waits here until then: nothing else does.
//
// A connection becomes active with a valid Hello; the one before it is closed then. Answers and events leave in the
// order in which they were made. When the peer does not read, answers stop being made (requests wait in the socket) and
// events beyond the bound are dropped and counted.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dataplane/contract/inspection.h"
#include "dataplane/contract/messages.h"
#include "dataplane/contract/relay.h"

namespace isthmus::contract {

/// The data plane behind the socket. Called on the thread of `handle_ready()`; never waits. Arguments have passed
/// validate(): bounds hold, policy is the handler's.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Result<SessionState> open(const SessionSpec& spec) = 0;
  virtual Result<SessionState> update(const SessionSpec& spec) = 0;
  /// Whether packets meet what open() or update() has answered. Asked until it says so.
  virtual bool in_force(SessionId /*session*/, Revision /*revision*/) { return true; }
  virtual Result<SessionStats> close(SessionId session) = 0;
  virtual Result<SessionStats> stats(SessionId session) = 0;
  virtual Result<SessionPage> list(std::optional<SessionId> from) = 0;
  virtual Result<DataplaneStatus> status() = 0;
  virtual Status send_packet(SessionId session, std::uint16_t stream, Side side, Component component,
                             const SocketAddress& destination, std::span<const std::uint8_t> packet) = 0;
  virtual Status request_picture(SessionId session, std::uint16_t stream, Side side) = 0;
  virtual Result<StageFigures> stages(std::optional<bool> /*measure*/) { return cannot_be_inspected(); }
  virtual Status start_trace(const TraceSpec& /*spec*/) { return cannot_be_inspected(); }
  virtual Result<TracePage> read_trace(SessionId /*session*/, std::uint64_t /*from*/) { return cannot_be_inspected(); }
  virtual Status stop_trace(SessionId /*session*/) { return cannot_be_inspected(); }
  /// A control plane became active (true) or went (false); not called between two when one replaces the other.
  virtual void control_plane_changed(bool /*connected*/) {}

 private:
  static tl::unexpected<Error> cannot_be_inspected() {
    return fail(ErrorKind::kUnavailable, "this data plane shows nothing of its packets' way");
  }
};

/// Set by the supervisor in the data plane's environment: the only user id that may connect.
inline constexpr const char* kPeerUidVariable = "ISTHMUS_CONTRACT_PEER_UID";

struct ServerConfig {
  int listen_fd = -1;  ///< an inherited listening socket (taken over, closed at the end); -1: make one at `path`
  std::string path;    ///< made with mode 0600 where no descriptor is given; a stale socket there is replaced
  std::optional<uid_t> allowed_uid{};             ///< absent: kPeerUidVariable, else our own effective user id
  std::uint64_t incarnation = 0;                  ///< drawn at each start of the data plane
  std::size_t max_queued_events = 1024;           ///< beyond it the new event is dropped and counted
  std::uint16_t oldest_version = kOldestVersion;  ///< other than the defaults only in tests of version skew
  std::uint16_t newest_version = kVersion;
};

struct ServerCounters {
  std::uint64_t connections = 0;
  std::uint64_t refused_peers = 0;  ///< wrong user id, or more than kMaxWaitingConnections without a Hello
  std::uint64_t requests = 0;
  std::uint64_t bad_messages = 0;  ///< malformed, out of order or absurd; each got a typed error
  std::uint64_t events_sent = 0;
  std::uint64_t events_dropped = 0;  ///< no control plane, or its queue was full
};

class Server {
 public:
  static constexpr int kMaxWaitingConnections = 4;      ///< accepted, no Hello yet
  static constexpr int kMaxMessagesPerTurn = 64;        ///< of one handle_ready(); the rest waits in the socket
  static constexpr std::size_t kMaxQueuedAnswers = 64;  ///< then reading stops until the peer takes some

  /// `handler` outlives the server.
  static Result<std::unique_ptr<Server>> make(const ServerConfig& config, Handler& handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Readable (level-triggered) while there is something for handle_ready() to do.
  int poll_fd() const;
  /// Does what can be done without waiting. Same thread as publish().
  void handle_ready();
  /// Queues an event for the active control plane. Never waits.
  void publish(const Event& event);

  /// Answers wait for what they confirm: call release_answers() every millisecond or so.
  bool holds_answers() const;
  void release_answers();

  bool connected() const;
  const ServerCounters& counters() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isthmus::contract
