#include "dataplane/io/tcp/tcp_media.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <system_error>

#include "dataplane/io/socket_address.h"

namespace isthmus::io::tcp {
namespace {

constexpr std::size_t kPacketsATurn = 64;  // of one worker's ring, before sockets have their turn
constexpr std::size_t kAcceptsATurn = 16;  // of one port
constexpr int kBacklog = 16;
constexpr int kCheckMs = 500;
constexpr std::uint64_t kCheckNs = 500'000'000;
constexpr int kSendBufferBytes = 64 * 1024;  // half a second of a picture; the kernel doubles it
constexpr int kReceiveBufferBytes = 256 * 1024;
constexpr int kKeepAliveSeconds = 15;  // a peer that vanished without a word is found in four of these
constexpr int kKeepAliveProbes = 3;

std::uint64_t clock_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

/// RFC 7983 7: STUN is what begins with 0..3.
bool is_stun(Bytes packet) { return packet[0] < 4; }

tl::unexpected<Error> failed(const char* what, const SocketAddress& at) {
  return fail(ErrorKind::kUnavailable, std::string(what) + " " + isthmus::to_string(at) + ": " + std::strerror(errno),
              "port");
}

/// Bound to a port that others of ours may be bound to as well: its listener, connections that leave from it.
Result<int> bound_socket(const SocketAddress& local) {
  const int fd = ::socket(local.ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(ErrorKind::kExhausted, std::string("no socket: ") + std::strerror(errno), "port");
  const int on = 1;
  if (local.ip.is_v6()) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  // Before listen(): accepted sockets take these over, and the window is agreed with the first packet.
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  KernelAddress address;
  const socklen_t length = to_kernel(local, address);
  if (::bind(fd, &address.any, length) == 0) return fd;
  const auto error = failed("cannot bind TCP", local);
  ::close(fd);
  return error;
}

/// With it a connection ends by RST, and so does one whose process is killed: the peer knows at once, and the next
/// process can connect from the same port to the same address, of which neither kernel holds anything any more.
void set_reset(int fd, bool on) {
  const linger value{on ? 1 : 0, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

void dress(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a packet waits for no other
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveSeconds, sizeof kKeepAliveSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveSeconds, sizeof kKeepAliveSeconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveProbes, sizeof kKeepAliveProbes);
  set_reset(fd, true);
}

void watch_fd(int epoll_fd, int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_fd, operation, fd, &event);
}

Count count_of(Fate fate) {
  switch (fate) {
    case Fate::kUnconfirmed: return Count::kUnconfirmed;
    case Fate::kIdle: return Count::kIdle;
    case Fate::kSlow: return Count::kSlow;
    case Fate::kStalled: return Count::kStalled;
    case Fate::kNotConnected: return Count::kNotConnected;
    default: return Count::kClosedByPeer;
  }
}

}  // namespace

std::string_view name_of(Count count) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Count::kCounts)> kNames = {"tcp_accepted",
                                                                                             "tcp_connected",
                                                                                             "tcp_confirmed",
                                                                                             "tcp_not_connected",
                                                                                             "tcp_refused",
                                                                                             "tcp_unconfirmed",
                                                                                             "tcp_idle",
                                                                                             "tcp_slow",
                                                                                             "tcp_stalled",
                                                                                             "tcp_closed_by_peer",
                                                                                             "tcp_empty_frames",
                                                                                             "drop_tcp_oversize",
                                                                                             "drop_tcp_unconfirmed",
                                                                                             "drop_tcp_ring_full",
                                                                                             "drop_tcp_slow_receiver",
                                                                                             "drop_tcp_no_connection"};
  return kNames[static_cast<std::size_t>(count)];
}

Result<std::unique_ptr<TcpMedia>> TcpMedia::start(std::size_t workers) {
  const int epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  const int wake_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (epoll_fd < 0 || wake_fd < 0) {
    const auto error =
        fail(ErrorKind::kExhausted, std::string("media over TCP: no descriptor: ") + std::strerror(errno));
    if (epoll_fd >= 0) ::close(epoll_fd);
    if (wake_fd >= 0) ::close(wake_fd);
    return error;
  }
  std::unique_ptr<TcpMedia> made(new TcpMedia(workers, epoll_fd, wake_fd));
  try {
    made->thread_ = std::thread([&media = *made] { media.run(); });
  } catch (const std::system_error& error) {
    return fail(ErrorKind::kExhausted, std::string("media over TCP: no thread: ") + error.what());
  }
  return made;
}

TcpMedia::TcpMedia(std::size_t workers, int epoll_fd, int wake_fd) : epoll_fd_(epoll_fd), wake_fd_(wake_fd) {
  for (std::size_t i = 0; i < workers; ++i) rings_.push_back(std::make_unique<Rings>());
  watch_fd(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, EPOLLIN);
}

TcpMedia::~TcpMedia() {
  stop_.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  for (const auto& [local, port] : ports_) ::close(port.fd);
  for (const Command& command : commands_) {
    if (command.fd >= 0) ::close(command.fd);
  }
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

// ---- main thread ----

Status TcpMedia::open_port(const SocketAddress& local, std::size_t worker) {
  const auto fd = bound_socket(local);
  if (!fd) return forward_error(fd);
  if (::listen(*fd, kBacklog) != 0) {
    const auto error = failed("cannot listen at", local);
    ::close(*fd);
    return error;
  }
  give({Command::Kind::kOpen, local, {}, worker, *fd});
  return {};
}

void TcpMedia::serve_port(const SocketAddress& local) { give({Command::Kind::kServe, local, {}, 0, -1}); }

void TcpMedia::close_port(const SocketAddress& local) { give({Command::Kind::kClose, local, {}, 0, -1}); }

void TcpMedia::confirm(const SocketAddress& local, const SocketAddress& remote) {
  give({Command::Kind::kConfirm, local, remote, 0, -1});
}

void TcpMedia::give(Command command) {
  {
    const std::lock_guard lock(mutex_);
    commands_.push_back(command);
  }
  wake();
}

void TcpMedia::wake() {
  if (!asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);  // full means: awake anyway
}

// ---- the thread ----

void TcpMedia::run() {
  pthread_setname_np(pthread_self(), "media-tcp");
  while (!stop_.load(std::memory_order_relaxed)) {
    now_ns_ = clock_ns();
    apply_commands();
    const bool any = send_packets();
    if (now_ns_ - checked_ns_ >= kCheckNs) check_times();
    asleep_.store(!any);
    wait();
  }
}

// What was given before asleep_ was set is seen here; what comes later sees it and wakes us.
void TcpMedia::wait() {
  bool idle = asleep_.load();
  if (idle) {
    const std::lock_guard lock(mutex_);
    idle = commands_.empty();
  }
  if (idle && send_packets()) idle = false;
  std::array<epoll_event, 64> events{};
  const int ready = ::epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), idle ? kCheckMs : 0);
  asleep_.store(false);
  now_ns_ = clock_ns();
  // A confirmation that was given before the peer could send what it allows is known before that is read.
  apply_commands();
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd != wake_fd_) {
      serve(event.data.fd, event.events);
      continue;
    }
    std::uint64_t number = 0;
    [[maybe_unused]] const ssize_t drained = ::read(wake_fd_, &number, sizeof number);
  }
}

void TcpMedia::apply_commands() {
  std::vector<Command> commands;
  {
    const std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (const Command& command : commands) apply(command);
}

void TcpMedia::apply(const Command& command) {
  switch (command.kind) {
    case Command::Kind::kOpen:
      ports_[command.local] = {command.fd, command.worker, 0};
      place_of_[command.fd] = {command.local, {}};
      break;
    case Command::Kind::kServe:
      if (const auto found = ports_.find(command.local); found != ports_.end()) {
        watch_fd(epoll_fd_, EPOLL_CTL_ADD, found->second.fd, EPOLLIN);
      }
      break;
    case Command::Kind::kClose: end_all_of(command.local); break;
    case Command::Kind::kConfirm:
      if (const auto found = connections_.find({command.local, command.remote});
          found != connections_.end() && !found->second->confirmed()) {
        found->second->confirm();
        count(Count::kConfirmed);
      }
      break;
  }
}

/// True if there was something.
bool TcpMedia::send_packets() {
  bool any = false;
  for (const auto& rings : rings_) {
    for (std::size_t i = 0; i < kPacketsATurn && rings->from_worker.pop(packet_); ++i) {
      any = true;
      send(packet_);
    }
  }
  return any;
}

void TcpMedia::serve(int fd, std::uint32_t events) {
  const auto found = place_of_.find(fd);
  if (found == place_of_.end()) return;  // closed in this turn
  const Place place = found->second;
  if (place.second.port == 0) {
    if (const auto port = ports_.find(place.first); port != ports_.end()) accept_some(place.first, port->second);
    return;
  }
  Connection& connection = *connections_.at(place);
  if ((events & EPOLLOUT) != 0) connection.on_writable(now_ns_);
  if (connection.is_open() && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) read(connection);
  if (!connection.is_open()) return end(place);
  watch(connection);
}

void TcpMedia::accept_some(const SocketAddress& local, Port& port) {
  for (std::size_t i = 0; i < kAcceptsATurn; ++i) {
    KernelAddress address;
    socklen_t length = sizeof address;
    const int fd = ::accept4(port.fd, &address.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const SocketAddress remote = from_kernel(address);
    count(Count::kAccepted);
    if (port.connections >= kMaxConnectionsOfPort) make_room(local, port);
    const bool full = port.connections >= kMaxConnectionsOfPort || connections_.size() >= kMaxConnections;
    if (full || connections_.contains({local, remote})) {
      ::close(fd);
      count(Count::kRefused);
      continue;
    }
    add(fd, {local, remote}, port.worker, false);
  }
}

/// Strangers push out strangers, and never a peer, nor whom we dialled.
void TcpMedia::make_room(const SocketAddress& local, Port& port) {
  const Connection* oldest = nullptr;
  for (auto at = connections_.lower_bound({local, {}}); at != connections_.end() && at->first.first == local; ++at) {
    const Connection& one = *at->second;
    if (!one.confirmed() && !one.dialled() && (oldest == nullptr || one.began_ns() < oldest->began_ns())) oldest = &one;
  }
  if (oldest == nullptr || port.connections == 0) return;
  count(Count::kUnconfirmed);
  end({oldest->local(), oldest->remote()});
}

void TcpMedia::read(Connection& connection) {
  const std::uint64_t empty = connection.cutter().empty();
  const std::uint64_t oversize = connection.cutter().oversize();
  connection.read(now_ns_, [&](Bytes packet) {
    if (!connection.confirmed() && !is_stun(packet)) return count(Count::kDropUnconfirmed);
    packet_.local = connection.local();
    packet_.remote = connection.remote();
    packet_.length = static_cast<std::uint16_t>(packet.size());
    std::ranges::copy(packet, packet_.bytes.begin());
    if (!rings_[connection.worker()]->to_worker.push(packet_)) count(Count::kDropRingFull);
  });
  count(Count::kEmptyFrames, connection.cutter().empty() - empty);
  count(Count::kDropOversize, connection.cutter().oversize() - oversize);
}

void TcpMedia::send(const Packet& packet) {
  const Place place{packet.local, packet.remote};
  const auto found = connections_.find(place);
  Connection* connection = found != connections_.end() ? found->second.get() : connect(packet);
  if (connection == nullptr) return count(Count::kDropNoConnection);
  if (!connection->send(packet.view(), packet.traffic_class, now_ns_)) count(Count::kDropSlowReceiver);
  if (!connection->is_open()) return end(place);
  watch(*connection);
}

/// A check is what opens a connection; media never does.
Connection* TcpMedia::connect(const Packet& packet) {
  const auto port = ports_.find(packet.local);
  if (port == ports_.end() || packet.length == 0 || !is_stun(packet.view())) return nullptr;
  if (port->second.connections >= kMaxConnectionsOfPort) make_room(packet.local, port->second);
  if (port->second.connections >= kMaxConnectionsOfPort || connections_.size() >= kMaxConnections) return nullptr;
  const auto fd = bound_socket(packet.local);
  if (!fd) return nullptr;
  KernelAddress address;
  const socklen_t length = to_kernel(packet.remote, address);
  if (::connect(*fd, &address.any, length) != 0 && errno != EINPROGRESS) {
    ::close(*fd);
    count(Count::kNotConnected);
    return nullptr;
  }
  count(Count::kConnected);
  return add(*fd, {packet.local, packet.remote}, port->second.worker, true);
}

Connection* TcpMedia::add(int fd, const Place& place, std::size_t worker, bool connecting) {
  dress(fd);
  auto made = std::make_unique<Connection>(fd, place.first, place.second, worker, connecting, now_ns_);
  Connection* connection = made.get();
  connections_.emplace(place, std::move(made));
  place_of_[fd] = place;
  ++ports_[place.first].connections;
  connections_now_.store(connections_.size(), std::memory_order_relaxed);
  watch_fd(epoll_fd_, EPOLL_CTL_ADD, fd, connecting ? EPOLLOUT | EPOLLIN : EPOLLIN);
  return connection;
}

void TcpMedia::watch(const Connection& connection) {
  watch_fd(epoll_fd_, EPOLL_CTL_MOD, connection.fd(), connection.wants_to_write() ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void TcpMedia::end(const Place& place) {
  const auto found = connections_.find(place);
  if (found == connections_.end()) return;
  if (!found->second->is_open()) count(count_of(found->second->fate()));
  place_of_.erase(found->second->fd());
  set_reset(found->second->fd(), false);
  connections_.erase(found);  // closes it, which takes it out of the epoll set
  if (const auto port = ports_.find(place.first); port != ports_.end()) --port->second.connections;
  connections_now_.store(connections_.size(), std::memory_order_relaxed);
}

void TcpMedia::end_all_of(const SocketAddress& local) {
  std::vector<Place> places;
  for (auto at = connections_.lower_bound({local, {}}); at != connections_.end() && at->first.first == local; ++at) {
    places.push_back(at->first);
  }
  for (const Place& place : places) end(place);
  const auto port = ports_.find(local);
  if (port == ports_.end()) return;
  place_of_.erase(port->second.fd);
  ::close(port->second.fd);
  ports_.erase(port);
}

void TcpMedia::check_times() {
  checked_ns_ = now_ns_;
  std::vector<Place> over;
  for (const auto& [place, connection] : connections_) {
    connection->check_time(now_ns_);
    if (!connection->is_open()) over.push_back(place);
  }
  for (const Place& place : over) end(place);
}

}  // namespace isthmus::io::tcp
