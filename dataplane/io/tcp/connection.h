#pragma once

// One TCP connection that carries media: bytes in, packets out of them; packets in, bytes out. It belongs to the thread
// of TcpMedia. Nothing here waits.

#include <cstdint>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/io/tcp/frame_cutter.h"

namespace isthmus::io::tcp {

inline constexpr std::size_t kMaxQueuedBytes = 64UL * 1024;       ///< behind what the kernel holds; more is dropped
inline constexpr std::size_t kMaxUnconfirmedBytes = 64UL * 1024;  ///< from somebody who has proved nothing yet
inline constexpr std::size_t kMaxUnconfirmedPackets = 50;         ///< of these, to be looked at
inline constexpr std::size_t kReadBytes = 16UL * 1024;            ///< of one connection, before the next has its turn

/// Why a connection is not served any more.
enum class Fate : std::uint8_t { kOpen, kClosedByPeer, kUnconfirmed, kIdle, kSlow, kStalled, kNotConnected };

class Connection {
 public:
  /// Takes the descriptor over. `connecting`: connect() is under way.
  Connection(int fd, const SocketAddress& local, const SocketAddress& remote, std::size_t worker, bool connecting,
             std::uint64_t now_ns);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Reads what there is, at most kReadBytes, and gives each packet to `take(Bytes)`.
  template <typename Take>
  void read(std::uint64_t now_ns, Take&& take) {
    bool any = false;
    cutter_.feed(receive(now_ns), [&](Bytes packet) {
      any = true;
      if (!confirmed_ && ++unconfirmed_packets_ > kMaxUnconfirmedPackets) {
        fate_ = Fate::kUnconfirmed;
        return false;
      }
      take(packet);
      return true;
    });
    if (!cutter_.is_inside()) {
      inside_since_ns_ = 0;
    } else if (any || inside_since_ns_ == 0) {
      inside_since_ns_ = now_ns;
    }
  }
  /// Behind its length. False: there is no room, and it is dropped whole.
  bool send(Bytes packet, std::uint8_t traffic_class, std::uint64_t now_ns);
  /// The socket takes bytes again, or connect() has ended.
  void on_writable(std::uint64_t now_ns);
  /// The peer has proved to be the one that the port is for.
  void confirm() { confirmed_ = true; }
  /// What is too long in coming ends the connection.
  void check_time(std::uint64_t now_ns);

  int fd() const { return fd_; }
  const SocketAddress& local() const { return local_; }
  const SocketAddress& remote() const { return remote_; }
  std::size_t worker() const { return worker_; }
  bool confirmed() const { return confirmed_; }
  /// We connected to it: somebody whom the control plane has named.
  bool dialled() const { return dialled_; }
  std::uint64_t began_ns() const { return began_ns_; }
  Fate fate() const { return fate_; }
  bool is_open() const { return fate_ == Fate::kOpen; }
  bool wants_to_write() const { return connecting_ || queued() > 0; }
  const FrameCutter& cutter() const { return cutter_; }

 private:
  Bytes receive(std::uint64_t now_ns);
  std::size_t queued() const { return queue_.size() - sent_; }
  void write_queue(std::uint64_t now_ns);

  const int fd_;
  const SocketAddress local_;
  const SocketAddress remote_;
  const std::size_t worker_;
  const std::uint64_t began_ns_;
  const bool dialled_;
  bool connecting_;
  bool confirmed_ = false;
  std::uint8_t traffic_class_ = 0;
  Fate fate_ = Fate::kOpen;
  FrameCutter cutter_;
  std::size_t unconfirmed_bytes_ = 0;
  std::size_t unconfirmed_packets_ = 0;
  std::uint64_t heard_ns_;
  std::uint64_t inside_since_ns_ = 0;  // a packet began then and has not ended
  std::uint64_t wrote_ns_ = 0;         // the kernel took something, or the queue was empty
  std::vector<std::uint8_t> queue_;
  std::size_t sent_ = 0;  // of queue_
};

}  // namespace isthmus::io::tcp
