#include "dataplane/contract/client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "dataplane/base/log.h"
#include "dataplane/contract/codec.h"

namespace isthmus::contract {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::seq_packet_protocol;
using Clock = std::chrono::steady_clock;
using boost::system::error_code;

constexpr int kSendBufferBytes = 1 << 20;  // what the kernel grants of it; one message needs kMaxMessageBytes

enum class State { kStopped, kWaiting, kConnecting, kGreeting, kConnected };

/// A request on its way. `finish` calls the caller back and says whether the answer was one that fits the request.
struct Pending {
  Clock::time_point deadline;
  std::function<bool(Result<Message>)> finish;
};

/// Whether the answer speaks of what was asked for: a data plane gone mad must not confuse one session with another.
auto fits(const SessionSpec& asked) {
  return [id = asked.id, revision = asked.revision, streams = asked.streams.size()](const SessionState& answer) {
    return answer.id == id && answer.revision == revision && answer.streams.size() == streams;
  };
}
bool fits(SessionId asked, const SessionStats& answer) { return answer.id == asked; }
bool fits(const std::optional<SessionId>& from, const SessionPage& answer) {
  return !from || answer.sessions.empty() || answer.sessions.front().id >= *from;
}

Error unavailable(const char* what) { return {ErrorKind::kUnavailable, what, "contract"}; }

}  // namespace

// Shared with the handlers of the loop: the buffers of an operation must live until the loop has ended it. `attempt_`
// tells handlers of an earlier connection that they come too late.
class Client::Impl : public std::enable_shared_from_this<Client::Impl> {
 public:
  Impl(asio::io_context& loop, ClientConfig config)
      : loop_(loop),
        config_(std::move(config)),
        socket_(loop),
        timer_(loop),
        answer_timer_(loop),
        buffer_(kMaxMessageBytes + 1),
        backoff_(config_.first_backoff) {}

  void start();
  void stop();
  bool connected() const { return state_ == State::kConnected; }
  const ClientCounters& counters() const { return counters_; }

  /// `matches` looks at an answer of the right type.
  template <typename T, typename Matches>
  void request(Message message, Callback<T> done, Matches matches);
  void send_request(Message message, std::function<bool(Result<Message>)> finish);
  /// The same for operations whose answer is Done.
  void request_done(Message message, Callback<void> done);

  std::function<void(const Event&)> on_event_;
  std::function<void(bool, std::uint64_t)> on_connection_;

 private:
  void connect();
  void greet();
  void receive();
  void take(Bytes datagram);
  void take_welcome(Result<Envelope> envelope);
  void take_answer(std::uint64_t request_id, Result<Message> message);
  bool take_event(const Message& message);
  void transmit();
  void arm_answer_timer();
  void retry(const char* why);
  void drop_connection(const char* why);
  template <typename Handler>
  auto guarded(Handler handler);

  asio::io_context& loop_;
  const ClientConfig config_;
  Protocol::socket socket_;
  asio::steady_timer timer_;          ///< backoff, then greeting
  asio::steady_timer answer_timer_;   ///< the oldest request
  std::vector<std::uint8_t> buffer_;  ///< one longer than a message may be, so that a longer one shows
  asio::socket_base::message_flags received_flags_ = 0;
  std::chrono::milliseconds backoff_;
  State state_ = State::kStopped;
  std::uint64_t attempt_ = 0;
  std::uint16_t version_ = kVersion;
  std::uint64_t next_request_ = 1;
  std::map<std::uint64_t, Pending> pending_;  ///< ids ascend with deadlines
  std::deque<SecretBytes> outgoing_;
  bool transmitting_ = false;
  bool told_connected_ = false;
  ClientCounters counters_;
};

/// Runs `handler(self, error, more...)` unless the connection it belongs to is gone.
template <typename Handler>
auto Client::Impl::guarded(Handler handler) {
  return [self = shared_from_this(), attempt = attempt_, handler = std::move(handler)](error_code error, auto... more) {
    if (attempt == self->attempt_) handler(*self, error, more...);
  };
}

void Client::Impl::start() {
  if (state_ != State::kStopped) return;
  if (config_.path.empty() || config_.path.size() >= sizeof sockaddr_un{}.sun_path) {
    log::error("contract.client", {{"error", "the socket path is not 1 to 107 octets long"}, {"path", config_.path}});
    return;
  }
  backoff_ = config_.first_backoff;
  state_ = State::kWaiting;
  ++attempt_;
  asio::post(loop_, [self = shared_from_this(), attempt = attempt_] {
    if (attempt == self->attempt_) self->connect();
  });
}

void Client::Impl::stop() {
  if (state_ == State::kStopped) return;
  drop_connection("stopped");
  state_ = State::kStopped;
}

void Client::Impl::connect() {
  state_ = State::kConnecting;
  error_code error;
  socket_.open(Protocol(AF_UNIX, 0), error);
  if (error) return retry("no socket");
  socket_.set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), error);
  const Protocol::endpoint endpoint(asio::local::stream_protocol::endpoint(config_.path));
  socket_.async_connect(endpoint, guarded([](Impl& self, error_code failed) {
                          if (failed) return self.retry("not reachable");
                          self.greet();
                        }));
}

void Client::Impl::greet() {
  state_ = State::kGreeting;
  version_ = config_.oldest_version;
  next_request_ = 1;
  if (Result<SecretBytes> hello =
          encode({version_, next_request_++, Hello{config_.oldest_version, config_.newest_version}})) {
    outgoing_.push_back(*std::move(hello));
  }
  transmit();
  receive();
  timer_.expires_after(config_.greeting_timeout);
  timer_.async_wait(guarded([](Impl& self, error_code error) {
    if (!error && self.state_ == State::kGreeting) self.retry("no Welcome");
  }));
}

void Client::Impl::receive() {
  // A seqpacket receive ends with one whole datagram; one that does not fit the buffer shows by filling it.
  socket_.async_receive(asio::buffer(buffer_), received_flags_,
                        guarded([](Impl& self, error_code error, std::size_t size) {
                          if (error || size == 0) return self.retry("the data plane closed the connection");
                          const auto used = std::span(self.buffer_).first(size);
                          const std::uint64_t attempt = self.attempt_;
                          self.take(used);
                          wipe(used);
                          if (attempt == self.attempt_) self.receive();
                        }));
}

void Client::Impl::take(Bytes datagram) {
  const Result<EnvelopeHeader> header = decode_header(datagram);
  if (!header) {
    ++counters_.bad_messages;
    return retry("a datagram from the data plane is damaged");
  }
  Result<Envelope> envelope = decode(datagram);
  if (state_ == State::kGreeting) return take_welcome(std::move(envelope));
  if (envelope && envelope->version != version_) {
    envelope = fail(ErrorKind::kProtocolViolation, "is not the one agreed on", "version");
  }
  if (header->request_id != 0) {
    Result<Message> message = envelope ? Result<Message>(std::move(envelope->message)) : forward_error(envelope);
    return take_answer(header->request_id, std::move(message));
  }
  if (envelope && take_event(envelope->message)) return;
  // An event that we do not understand costs that event; anything else without a request id is nonsense.
  ++counters_.bad_messages;
  if (envelope) retry("an answer without a request");
}

void Client::Impl::take_welcome(Result<Envelope> envelope) {
  const Welcome* welcome = envelope ? std::get_if<Welcome>(&envelope->message) : nullptr;
  if (welcome == nullptr || welcome->version < config_.oldest_version || welcome->version > config_.newest_version) {
    ++counters_.bad_messages;
    const Error* refused = envelope ? std::get_if<Error>(&envelope->message) : nullptr;
    log::error("contract.refused", {{"path", config_.path}, {"error", refused ? to_string(*refused) : "no Welcome"}});
    backoff_ = config_.max_backoff;  // it will say the same again until one of the two is another build
    return retry("refused");
  }
  timer_.cancel();
  state_ = State::kConnected;
  version_ = welcome->version;
  backoff_ = config_.first_backoff;
  ++counters_.connections;
  told_connected_ = true;
  log::info("contract.connected", {{"version", version_}, {"incarnation", welcome->incarnation}});
  if (on_connection_) on_connection_(true, welcome->incarnation);
}

void Client::Impl::take_answer(std::uint64_t request_id, Result<Message> message) {
  const auto found = pending_.find(request_id);
  if (found == pending_.end()) {
    ++counters_.bad_messages;
    return retry("an answer that nobody asked for");
  }
  const Pending pending = std::move(found->second);
  pending_.erase(found);
  const std::uint64_t attempt = attempt_;
  if (!pending.finish(std::move(message))) {
    ++counters_.bad_messages;
    if (attempt == attempt_) retry("an answer that does not fit its request");
  }
}

bool Client::Impl::take_event(const Message& message) {
  const std::optional<Event> event = std::visit(
      [](const auto& each) -> std::optional<Event> {
        if constexpr (std::is_constructible_v<Event, decltype(each)>) return Event(each);
        return std::nullopt;
      },
      message);
  if (!event) return false;
  ++counters_.events;
  if (on_event_) on_event_(*event);
  return true;
}

void Client::Impl::transmit() {
  // At once, which spares the loop a turn; where the kernel has no room, or anything else is wrong, Asio finds out.
  while (!transmitting_ && !outgoing_.empty()) {
    const Bytes datagram = outgoing_.front().view();
    const ssize_t sent = ::send(socket_.native_handle(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(datagram.size())) break;
    outgoing_.pop_front();
  }
  if (transmitting_ || outgoing_.empty()) return;
  transmitting_ = true;
  const Bytes datagram = outgoing_.front().view();
  socket_.async_send(asio::buffer(datagram.data(), datagram.size()), 0,
                     guarded([](Impl& self, error_code error, std::size_t) {
                       self.transmitting_ = false;
                       if (error) return self.retry("a request could not be sent");
                       self.outgoing_.pop_front();
                       self.transmit();
                     }));
}

void Client::Impl::arm_answer_timer() {
  if (pending_.empty()) return;
  answer_timer_.expires_at(pending_.begin()->second.deadline);
  answer_timer_.async_wait(guarded([](Impl& self, error_code error) {
    if (error) return;
    if (!self.pending_.empty() && self.pending_.begin()->second.deadline <= Clock::now()) {
      return self.retry("a request stayed without an answer");
    }
    self.arm_answer_timer();
  }));
}

void Client::Impl::retry(const char* why) {
  drop_connection(why);
  state_ = State::kWaiting;
  timer_.expires_after(backoff_);
  backoff_ = std::min(backoff_ * 2, config_.max_backoff);
  timer_.async_wait(guarded([](Impl& self, error_code error) {
    if (!error) self.connect();
  }));
}

void Client::Impl::drop_connection(const char* why) {
  ++attempt_;
  timer_.cancel();
  answer_timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  // Sent or not, these may hold keys; SecretBytes wipes them. The operation on the first one has ended with close().
  outgoing_.clear();
  transmitting_ = false;
  const bool was_connected = std::exchange(told_connected_, false);
  if (was_connected) log::warn("contract.disconnected", {{"why", why}, {"pending", pending_.size()}});
  std::map<std::uint64_t, Pending> failed = std::exchange(pending_, {});
  if (failed.empty() && !was_connected) return;
  asio::post(loop_, [self = shared_from_this(), failed = std::move(failed), was_connected] {
    for (const auto& [id, pending] : failed) {
      pending.finish(tl::unexpected<Error>(unavailable("the connection to the data plane ended before the answer")));
    }
    if (was_connected && self->on_connection_) self->on_connection_(false, 0);
  });
}

void Client::Impl::send_request(Message message, std::function<bool(Result<Message>)> finish) {
  const auto later = [&](Error error) {
    asio::post(loop_, [finish = std::move(finish), error = std::move(error)] { finish(tl::unexpected<Error>(error)); });
  };
  if (state_ != State::kConnected) return later(unavailable("the data plane is not connected"));
  if (pending_.size() >= kMaxPendingRequests) {
    return later({ErrorKind::kExhausted, "too many requests wait for the data plane", "contract"});
  }
  Result<SecretBytes> datagram = encode({version_, next_request_, std::move(message)});
  if (!datagram) return later(datagram.error());
  ++counters_.requests;
  pending_.emplace(next_request_++, Pending{Clock::now() + config_.answer_timeout, std::move(finish)});
  outgoing_.push_back(*std::move(datagram));
  if (pending_.size() == 1) arm_answer_timer();
  transmit();
}

template <typename T, typename Matches>
void Client::Impl::request(Message message, Callback<T> done, Matches matches) {
  send_request(std::move(message), [done = std::move(done), matches = std::move(matches)](Result<Message> answer) {
    if (!answer) {
      done(forward_error(answer));
      return true;
    }
    if (auto* value = std::get_if<T>(&*answer); value != nullptr && matches(*value)) {
      done(std::move(*value));
      return true;
    }
    if (auto* error = std::get_if<Error>(&*answer)) {
      done(tl::unexpected<Error>(std::move(*error)));
      return true;
    }
    done(fail(ErrorKind::kProtocolViolation, "the data plane's answer does not fit the request", "contract"));
    return false;
  });
}

void Client::Impl::request_done(Message message, Callback<void> done) {
  request<Done>(
      std::move(message),
      [done = std::move(done)](const Result<Done>& answer) {
        if (!answer) return done(forward_error(answer));
        done({});
      },
      [](const Done&) { return true; });
}

Client::Client(asio::io_context& loop, ClientConfig config) : impl_(std::make_shared<Impl>(loop, std::move(config))) {}

Client::~Client() {
  impl_->on_event_ = nullptr;
  impl_->on_connection_ = nullptr;
  impl_->stop();
}

void Client::start() { impl_->start(); }
void Client::stop() { impl_->stop(); }
bool Client::connected() const { return impl_->connected(); }
const ClientCounters& Client::counters() const { return impl_->counters(); }

void Client::open(const SessionSpec& spec, Callback<SessionState> done) {
  impl_->request<SessionState>(OpenRequest{spec}, std::move(done), fits(spec));
}

void Client::update(const SessionSpec& spec, Callback<SessionState> done) {
  impl_->request<SessionState>(UpdateRequest{spec}, std::move(done), fits(spec));
}

void Client::close(SessionId id, Callback<SessionStats> done) {
  impl_->request<SessionStats>(CloseRequest{id}, std::move(done),
                               [id](const SessionStats& stats) { return fits(id, stats); });
}

void Client::stats(SessionId id, Callback<SessionStats> done) {
  impl_->request<SessionStats>(StatsRequest{id}, std::move(done),
                               [id](const SessionStats& stats) { return fits(id, stats); });
}

void Client::list(std::optional<SessionId> from, Callback<SessionPage> done) {
  impl_->request<SessionPage>(ListRequest{from}, std::move(done),
                              [from](const SessionPage& page) { return fits(from, page); });
}

void Client::status(Callback<DataplaneStatus> done) {
  impl_->request<DataplaneStatus>(StatusRequest{}, std::move(done), [](const DataplaneStatus&) { return true; });
}

void Client::send_packet(SessionId id, std::uint16_t stream, Side side, Component component,
                         const SocketAddress& destination, std::span<const std::uint8_t> packet, Callback<void> done) {
  impl_->request_done(SendPacketRequest{id, stream, side, component, destination, {packet.begin(), packet.end()}},
                      std::move(done));
}

void Client::request_picture(SessionId id, std::uint16_t stream, Side side, Callback<void> done) {
  impl_->request_done(PictureRequest{id, stream, side}, std::move(done));
}

void Client::stages(std::optional<bool> measure, Callback<StageFigures> done) {
  // What it is after the switch must be what was asked for.
  impl_->request<StageFigures>(StagesRequest{measure}, std::move(done), [measure](const StageFigures& figures) {
    return !measure || figures.measuring == *measure;
  });
}

void Client::start_trace(const TraceSpec& spec, Callback<void> done) {
  impl_->request_done(TraceStartRequest{spec}, std::move(done));
}

void Client::read_trace(SessionId session, std::uint64_t from, Callback<TracePage> done) {
  impl_->request<TracePage>(TraceReadRequest{session, from}, std::move(done), [session, from](const TracePage& page) {
    return page.session == session && page.first <= from;  // less where the trace has not come so far
  });
}

void Client::stop_trace(SessionId session, Callback<void> done) {
  impl_->request_done(TraceStopRequest{session}, std::move(done));
}

void Client::on_event(std::function<void(const Event&)> handler) { impl_->on_event_ = std::move(handler); }

void Client::on_connection(std::function<void(bool connected, std::uint64_t incarnation)> handler) {
  impl_->on_connection_ = std::move(handler);
}

}  // namespace isthmus::contract
