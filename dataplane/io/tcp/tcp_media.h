#pragma once

// Media over TCP (RFC 4571): the kernel's sockets, served by one thread off the media cores. Ports come into use with
// sessions; peers connect to them, or we connect from them when the control plane's first check goes to an address that
// no connection leads to. Whoever connects is a stranger until confirm(): his STUN is looked at, nothing else of his.
//
//   peer -- TCP -- Connection -- Rings (one pair a worker) -- TcpIo -- the worker's stages
//
// The main thread opens and closes ports and confirms connections; a worker touches its Rings alone.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/io/tcp/connection.h"
#include "dataplane/io/tcp/rings.h"

namespace isthmus::io::tcp {

inline constexpr std::size_t kMaxConnections = 4096;     ///< of all ports
inline constexpr std::size_t kMaxConnectionsOfPort = 8;  ///< the oldest unconfirmed one makes room for the next

/// What became of connections and of packets that the pipeline does not see. `value` has the names.
enum class Count : std::uint8_t {
  kAccepted,
  kConnected,  ///< by us
  kConfirmed,
  kNotConnected,  ///< connect() failed or took too long
  kRefused,       ///< too many, or no port of ours any more
  kUnconfirmed,   ///< closed: nothing proved in time, or too much before that
  kIdle,
  kSlow,     ///< closed: a packet that did not end
  kStalled,  ///< closed: the peer takes nothing
  kClosedByPeer,
  kEmptyFrames,
  kDropOversize,      ///< from here on packets that are lost
  kDropUnconfirmed,   ///< no STUN, from a stranger
  kDropRingFull,      ///< the worker is behind
  kDropSlowReceiver,  ///< the peer is behind
  kDropNoConnection,  ///< nothing leads to the address
  kCounts,
};
/// "tcp_accepted", ..., "drop_tcp_slow_receiver"
std::string_view name_of(Count count);

class TcpMedia {
 public:
  static Result<std::unique_ptr<TcpMedia>> start(std::size_t workers);
  ~TcpMedia();
  TcpMedia(const TcpMedia&) = delete;
  TcpMedia& operator=(const TcpMedia&) = delete;

  // ---- main thread ----
  /// Listens; whoever connects waits in the kernel. kUnavailable: it does not give us the port.
  Status open_port(const SocketAddress& local, std::size_t worker);
  /// From now on connections are taken and read.
  void serve_port(const SocketAddress& local);
  /// With all its connections.
  void close_port(const SocketAddress& local);
  /// The peer at `remote` has shown that it knows the password of the session that has `local`.
  void confirm(const SocketAddress& local, const SocketAddress& remote);

  // ---- a worker ----
  Rings& rings(std::size_t worker) { return *rings_[worker]; }
  /// After packets were put into a ring.
  void wake();

  // ---- any thread ----
  std::uint64_t value(Count count) const {
    return counts_[static_cast<std::size_t>(count)].load(std::memory_order_relaxed);
  }
  std::size_t connections() const { return connections_now_.load(std::memory_order_relaxed); }

 private:
  struct Command {
    enum class Kind : std::uint8_t { kOpen, kServe, kClose, kConfirm };
    Kind kind = Kind::kOpen;
    SocketAddress local;
    SocketAddress remote;
    std::size_t worker = 0;
    int fd = -1;
  };
  struct Port {
    int fd = -1;
    std::size_t worker = 0;
    std::size_t connections = 0;
  };
  using Place = std::pair<SocketAddress, SocketAddress>;  // local, remote

  TcpMedia(std::size_t workers, int epoll_fd, int wake_fd);
  void give(Command command);
  void run();
  void apply_commands();
  void apply(const Command& command);
  bool send_packets();
  void serve(int fd, std::uint32_t events);
  void accept_some(const SocketAddress& local, Port& port);
  void make_room(const SocketAddress& local, Port& port);
  void read(Connection& connection);
  void send(const Packet& packet);
  Connection* connect(const Packet& packet);
  Connection* add(int fd, const Place& place, std::size_t worker, bool connecting);
  void watch(const Connection& connection);
  void end(const Place& place);
  void end_all_of(const SocketAddress& local);
  void check_times();
  void wait();
  void count(Count what, std::uint64_t by = 1) {
    counts_[static_cast<std::size_t>(what)].fetch_add(by, std::memory_order_relaxed);
  }

  const int epoll_fd_;
  const int wake_fd_;
  std::vector<std::unique_ptr<Rings>> rings_;
  std::mutex mutex_;
  std::vector<Command> commands_;  // guarded by mutex_
  std::atomic<bool> stop_{false};
  std::atomic<bool> asleep_{false};
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Count::kCounts)> counts_{};
  std::atomic<std::size_t> connections_now_{0};
  // The thread's own.
  std::map<SocketAddress, Port> ports_;
  std::map<Place, std::unique_ptr<Connection>> connections_;
  std::map<int, Place> place_of_;  // by descriptor; of a listening one, without a remote address
  Packet packet_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t checked_ns_ = 0;
  std::thread thread_;
};

}  // namespace isthmus::io::tcp
