#include "dataplane/contract/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>
#include <vector>

#include "dataplane/base/log.h"
#include "dataplane/contract/codec.h"
#include "dataplane/contract/listen_socket.h"

namespace isthmus::contract {
namespace {

constexpr int kSendBufferBytes = 1 << 20;  // what the kernel grants of it; one message needs kMaxMessageBytes

/// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Outgoing {
  SecretBytes datagram;
  bool is_event = false;
};

/// An answer that waits until what it says is in force.
struct HeldAnswer {
  std::uint64_t request_id = 0;
  SessionState state;
};

struct Connection {
  explicit Connection(int socket) : fd(socket) {}

  Descriptor fd;
  std::uint16_t version = 0;  ///< 0: no Hello yet
  std::uint64_t last_request = 0;
  std::deque<Outgoing> queue;
  std::deque<HeldAnswer> held;
  std::size_t queued_answers = 0;
  std::size_t queued_events = 0;
  std::uint32_t interest = EPOLLIN;
  bool closing = false;

  bool waiting() const { return version == 0; }
  std::size_t unread_answers() const { return queued_answers + held.size(); }
};

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerConfig& config, Handler& handler, int listen_fd, int epoll_fd, uid_t allowed)
      : config_(config),
        handler_(handler),
        listen_(listen_fd),
        epoll_(epoll_fd),
        allowed_(allowed),
        buffer_(kMaxMessageBytes + 1) {}
  ~Impl() {
    if (config_.listen_fd < 0) ::unlink(config_.path.c_str());
  }

  int poll_fd() const { return epoll_.get(); }
  bool connected() const { return active_ != nullptr; }
  bool holds_answers() const { return active_ != nullptr && !active_->held.empty(); }
  void release_answers();
  const ServerCounters& counters() const { return counters_; }
  void handle_ready();
  void publish(const Event& event);

 private:
  void accept_all();
  void read_some(Connection& connection);
  void take(Connection& connection, Bytes datagram);
  void greet(Connection& connection, const Envelope& envelope);
  void serve(Connection& connection, Envelope& envelope);
  Message call(Message& request);
  void answer(Connection& connection, std::uint64_t request_id, const Message& message);
  void refuse(Connection& connection, std::uint64_t request_id, const Error& error);
  void enqueue(Connection& connection, SecretBytes datagram, bool is_event);
  void flush(Connection& connection);
  void update_interest(Connection& connection);
  void remove_closed();

  const ServerConfig config_;
  Handler& handler_;
  Descriptor listen_;
  Descriptor epoll_;
  const uid_t allowed_;
  std::vector<std::uint8_t> buffer_;  ///< one longer than a message may be, so that a longer one shows
  std::vector<std::unique_ptr<Connection>> connections_;  ///< oldest first; waiting ones and the active one
  Connection* active_ = nullptr;
  ServerCounters counters_;
};

void Server::Impl::handle_ready() {
  std::array<epoll_event, kMaxWaitingConnections + 2> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      accept_all();
      continue;
    }
    // A connection that an earlier event of this turn closed still exists: remove_closed() is the last step.
    auto& connection = *static_cast<Connection*>(event.data.ptr);
    if (connection.closing) continue;
    if ((event.events & EPOLLOUT) != 0) flush(connection);
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_some(connection);
    update_interest(connection);
  }
  remove_closed();
}

void Server::Impl::accept_all() {
  for (int i = 0; i < kMaxWaitingConnections; ++i) {
    const int fd = ::accept4(listen_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    auto connection = std::make_unique<Connection>(fd);
    const Result<uid_t> uid = peer_uid(fd);
    if (!uid || *uid != allowed_) {
      ++counters_.refused_peers;
      log::warn("contract.peer_refused", {{"uid", uid ? *uid : 0}, {"allowed_uid", allowed_}});
      continue;
    }
    // Left over from a control plane that gave up waiting, most likely: the newest ones are worth keeping.
    const auto waiting = [](const auto& each) { return each->waiting() && !each->closing; };
    if (std::ranges::count_if(connections_, waiting) >= kMaxWaitingConnections) {
      (*std::ranges::find_if(connections_, waiting))->closing = true;
      ++counters_.refused_peers;
    }
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
    epoll_event event{};
    event.events = connection->interest;
    event.data.ptr = connection.get();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) continue;
    connections_.push_back(std::move(connection));
  }
}

void Server::Impl::read_some(Connection& connection) {
  for (int i = 0; i < kMaxMessagesPerTurn && !connection.closing; ++i) {
    if (connection.unread_answers() >= kMaxQueuedAnswers) return;
    const ssize_t size = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
      connection.closing = true;
      return;
    }
    const auto used = std::span(buffer_).first(static_cast<std::size_t>(size));
    take(connection, used);
    wipe(used);
  }
}

void Server::Impl::take(Connection& connection, Bytes datagram) {
  const Result<EnvelopeHeader> header = decode_header(datagram);
  if (!header) return refuse(connection, 0, header.error());
  Result<Envelope> envelope = decode(datagram);
  if (!envelope) return refuse(connection, header->request_id, envelope.error());
  if (connection.waiting()) return greet(connection, *envelope);
  serve(connection, *envelope);
}

void Server::Impl::greet(Connection& connection, const Envelope& envelope) {
  const auto* hello = std::get_if<Hello>(&envelope.message);
  if (hello == nullptr) {
    refuse(connection, envelope.request_id,
           {ErrorKind::kProtocolViolation, "the first message is not a Hello", "kind"});
    connection.closing = true;
    return;
  }
  const std::uint16_t version = std::min(hello->newest_version, config_.newest_version);
  if (version < hello->oldest_version || version < config_.oldest_version) {
    refuse(connection, envelope.request_id,
           {ErrorKind::kProtocolViolation,
            "this side speaks versions " + std::to_string(config_.oldest_version) + " to " +
                std::to_string(config_.newest_version) + " of the contract",
            "version"});
    connection.closing = true;
    return;
  }
  connection.version = version;
  connection.last_request = envelope.request_id;
  const bool replaced = active_ != nullptr;
  if (replaced) active_->closing = true;
  active_ = &connection;
  ++counters_.connections;
  log::info("contract.control_plane", {{"state", replaced ? "replaced" : "connected"}, {"version", version}});
  answer(connection, envelope.request_id, Welcome{version, config_.incarnation});
  if (!replaced) handler_.control_plane_changed(true);
}

void Server::Impl::serve(Connection& connection, Envelope& envelope) {
  const auto violation = [&](const char* what, const char* field) {
    refuse(connection, envelope.request_id, {ErrorKind::kProtocolViolation, what, field});
  };
  // The codec takes all versions that this build speaks; this connection has agreed on one.
  if (envelope.version != connection.version) return violation("is not the one agreed on", "version");
  if (envelope.request_id <= connection.last_request) return violation("is not above the one before", "request_id");
  connection.last_request = envelope.request_id;
  const std::size_t kind = envelope.message.index();
  if (kind == Message(Hello{}).index()) return violation("a second Hello", "kind");
  if (kind >= Message(Welcome{}).index()) return violation("is not a request", "kind");
  ++counters_.requests;
  Message reply = call(envelope.message);
  const auto* state = std::get_if<SessionState>(&reply);
  if (state != nullptr && !handler_.in_force(state->id, state->revision)) {
    connection.held.push_back({envelope.request_id, std::move(*std::get_if<SessionState>(&reply))});
    return;
  }
  answer(connection, envelope.request_id, reply);
}

void Server::Impl::release_answers() {
  if (!holds_answers() || active_->closing) return;
  Connection& connection = *active_;
  std::deque<HeldAnswer> waiting = std::exchange(connection.held, {});
  for (HeldAnswer& held : waiting) {
    if (handler_.in_force(held.state.id, held.state.revision)) {
      answer(connection, held.request_id, held.state);
    } else {
      connection.held.push_back(std::move(held));
    }
  }
  update_interest(connection);
}

namespace {

template <typename T>
Message message_of(Result<T> result) {
  if (!result) return std::move(result.error());
  return *std::move(result);
}

Message message_of(const Status& status) {
  if (!status) return status.error();
  return Done{};
}

}  // namespace

Message Server::Impl::call(Message& request) {
  if (const auto* open = std::get_if<OpenRequest>(&request)) return message_of(handler_.open(open->spec));
  if (const auto* update = std::get_if<UpdateRequest>(&request)) return message_of(handler_.update(update->spec));
  if (const auto* close = std::get_if<CloseRequest>(&request)) return message_of(handler_.close(close->session));
  if (const auto* stats = std::get_if<StatsRequest>(&request)) return message_of(handler_.stats(stats->session));
  if (const auto* list = std::get_if<ListRequest>(&request)) return message_of(handler_.list(list->from));
  if (const auto* send = std::get_if<SendPacketRequest>(&request)) {
    const Status status =
        handler_.send_packet(send->session, send->stream, send->side, send->component, send->destination, send->packet);
    if (!status) return status.error();
    return Done{};
  }
  if (const auto* picture = std::get_if<PictureRequest>(&request)) {
    const Status status = handler_.request_picture(picture->session, picture->stream, picture->side);
    if (!status) return status.error();
    return Done{};
  }
  if (const auto* stages = std::get_if<StagesRequest>(&request)) return message_of(handler_.stages(stages->measure));
  if (const auto* start = std::get_if<TraceStartRequest>(&request)) {
    return message_of(handler_.start_trace(start->spec));
  }
  if (const auto* read = std::get_if<TraceReadRequest>(&request)) {
    return message_of(handler_.read_trace(read->session, read->from));
  }
  if (const auto* stop = std::get_if<TraceStopRequest>(&request)) {
    return message_of(handler_.stop_trace(stop->session));
  }
  return message_of(handler_.status());
}

void Server::Impl::answer(Connection& connection, std::uint64_t request_id, const Message& message) {
  Result<SecretBytes> datagram = encode({connection.version, request_id, message});
  if (!datagram) {
    // Our own handler made something that the contract does not allow; the peer is told so instead of waiting for ever.
    log::error("contract.answer_not_sent", {{"error", to_string(datagram.error())}});
    datagram = encode({connection.version, request_id, Message(datagram.error())});
    if (!datagram) return;
  }
  enqueue(connection, *std::move(datagram), false);
}

void Server::Impl::refuse(Connection& connection, std::uint64_t request_id, const Error& error) {
  ++counters_.bad_messages;
  if (connection.waiting()) connection.closing = true;
  answer(connection, request_id, error);
}

void Server::Impl::publish(const Event& event) {
  if (active_ == nullptr || active_->closing || active_->queued_events >= config_.max_queued_events) {
    ++counters_.events_dropped;
    return;
  }
  const Message message = std::visit([](const auto& each) { return Message(each); }, event);
  Result<SecretBytes> datagram = encode({active_->version, 0, message});
  if (!datagram) {
    ++counters_.events_dropped;
    return;
  }
  ++counters_.events_sent;
  enqueue(*active_, *std::move(datagram), true);
  update_interest(*active_);
}

void Server::Impl::enqueue(Connection& connection, SecretBytes datagram, bool is_event) {
  connection.queue.push_back({std::move(datagram), is_event});
  ++(is_event ? connection.queued_events : connection.queued_answers);
  if (connection.queue.size() == 1 || connection.closing) flush(connection);
}

void Server::Impl::flush(Connection& connection) {
  while (!connection.queue.empty()) {
    const Outgoing& first = connection.queue.front();
    const Bytes bytes = first.datagram.view();
    if (::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) return;
      connection.closing = true;
      return;
    }
    --(first.is_event ? connection.queued_events : connection.queued_answers);
    connection.queue.pop_front();
  }
}

void Server::Impl::update_interest(Connection& connection) {
  if (connection.closing) return;
  const std::uint32_t read = connection.unread_answers() < kMaxQueuedAnswers ? std::uint32_t{EPOLLIN} : 0U;
  const std::uint32_t write = connection.queue.empty() ? 0U : std::uint32_t{EPOLLOUT};
  if (connection.interest == (read | write)) return;
  epoll_event event{};
  event.events = connection.interest = read | write;
  event.data.ptr = &connection;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void Server::Impl::remove_closed() {
  const bool lost = active_ != nullptr && active_->closing;
  if (lost) active_ = nullptr;
  std::erase_if(connections_, [](const auto& each) { return each->closing; });
  if (lost) {
    log::info("contract.control_plane", {{"state", "gone"}});
    handler_.control_plane_changed(false);
  }
}

Result<std::unique_ptr<Server>> Server::make(const ServerConfig& config, Handler& handler) {
  const Result<uid_t> allowed = allowed_peer(config.allowed_uid);
  if (!allowed) return forward_error(allowed);
  const Result<int> listen =
      config.listen_fd >= 0 ? adopt_listen_socket(config.listen_fd) : make_listen_socket(config.path);
  if (!listen) return forward_error(listen);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    const int reason = errno;
    ::close(*listen);
    return system_failure("epoll_create1", reason);
  }
  auto impl = std::make_unique<Impl>(config, handler, *listen, epoll, *allowed);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, *listen, &event) != 0) return system_failure("epoll_ctl", errno);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
int Server::poll_fd() const { return impl_->poll_fd(); }
void Server::handle_ready() { impl_->handle_ready(); }
void Server::publish(const Event& event) { impl_->publish(event); }
bool Server::holds_answers() const { return impl_->holds_answers(); }
void Server::release_answers() { impl_->release_answers(); }
bool Server::connected() const { return impl_->connected(); }
const ServerCounters& Server::counters() const { return impl_->counters(); }

}  // namespace isthmus::contract
