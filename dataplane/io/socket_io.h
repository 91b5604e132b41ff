#pragma once

// The socket mode: ordinary UDP sockets, bound as sessions open their ports. No DPDK, no root, no hugepages.

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/io/engine.h"
#include "dataplane/io/io.h"
#include "dataplane/io/port_slots.h"
#include "dataplane/io/socket_address.h"
#include "dataplane/io/spsc_ring.h"
#include "dataplane/io/synthetic_frame.h"

namespace isthmus::io {

/// Serves one worker. The main thread hands sockets over through a ring; after that only the worker's thread touches
/// them, and closes them.
class SocketIo final : public Io {
 public:
  static constexpr std::size_t kBuffers = 1024;
  static constexpr std::size_t kHeadroomBytes = 128;
  static constexpr std::size_t kMaxPayloadBytes =
      2048;  ///< a longer datagram is cut by the kernel and counted as missed
  static constexpr std::size_t kTailroomBytes = 128;

  static Result<std::unique_ptr<SocketIo>> make(const PortSlots& slots);
  ~SocketIo() override;
  SocketIo(const SocketIo&) = delete;
  SocketIo& operator=(const SocketIo&) = delete;

  void receive(Burst& burst) override;
  std::size_t send(Burst& burst) override;
  void release(const Frame& frame) override;
  Frame allocate() override;
  IoCounters counters() const override;

  /// Main thread. Takes the socket over; false when the worker has not taken earlier ones for long.
  bool hand_over(std::size_t slot, const SocketAddress& local, int fd);
  /// Main thread. The worker closes the slot's socket at its next turn.
  void take_away(std::size_t slot);
  std::uint64_t missed() const { return missed_.load(std::memory_order_relaxed); }

 private:
  struct Command {
    std::size_t slot = 0;
    SocketAddress local;
    int fd = -1;  // -1: close
  };
  struct Socket {
    int fd = -1;
    std::uint32_t overflows = 0;  // the kernel's running count of datagrams lost on this socket
    SocketAddress local;
  };
  // What one recvmmsg or sendmmsg works on; the pointers between the parts are set once.
  struct Messages {
    std::array<mmsghdr, kBurstSize> headers{};
    std::array<iovec, kBurstSize> vectors{};
    std::array<KernelAddress, kBurstSize> addresses{};
    alignas(cmsghdr) std::array<std::array<std::uint8_t, 64>, kBurstSize> control{};
  };

  explicit SocketIo(const PortSlots& slots, int epoll_fd);
  void apply_commands();
  void flush_waiting();
  void close(const Socket& socket);
  void receive_from(std::size_t slot, Burst& burst);
  std::uint8_t read_control(Socket& socket, msghdr& header);
  std::size_t send_run(int fd, std::span<const SendView> views);

  const PortSlots& slots_;
  int epoll_fd_;
  SpscRing<Command> commands_;    // main thread to worker
  std::vector<Command> waiting_;  // main thread: closes that found the ring full
  std::vector<Socket> sockets_;   // worker, by slot
  std::vector<std::uint8_t> memory_;
  std::vector<std::uint8_t*> free_;  // worker
  Messages messages_;                // worker
  std::array<epoll_event, kBurstSize> events_{};
  // Written by the worker alone.
  std::atomic<std::uint64_t> missed_{0};
  std::atomic<std::uint64_t> tx_refused_{0};
  std::atomic<std::uint64_t> no_buffer_{0};
};

class SocketEngine final : public Engine {
 public:
  static Result<std::unique_ptr<SocketEngine>> make(std::span<const Network> networks, std::size_t workers);

  Mode mode() const override { return Mode::kSocket; }
  std::span<const PortInfo> ports() const override { return ports_; }
  Io& io(std::size_t worker) override { return *workers_[worker]; }
  bool shares_frames() const override { return false; }
  Status open_port(const SocketAddress& local, std::size_t worker) override;
  void close_port(const SocketAddress& local) override;
  bool kernel_routes() const override { return true; }
  DriverLosses driver_losses() override;

 private:
  static constexpr std::uint8_t kNoWorker = 0xff;

  explicit SocketEngine(std::span<const Network> networks);

  PortSlots slots_;
  std::vector<PortInfo> ports_;
  std::vector<std::unique_ptr<SocketIo>> workers_;
  std::vector<std::uint8_t> owner_;  // by slot
};

}  // namespace isthmus::io
