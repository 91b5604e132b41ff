#include "controlplane/sip/asio_stream.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controlplane/sip/asio_address.h"

namespace isthmus::sip {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// How long a closed connection may take to get its last bytes out.
constexpr std::chrono::seconds kLinger{2};
/// Reads of one connection before others get their turn.
constexpr int kReadsPerTurn = 4;
constexpr std::size_t kReadBytes = 64 * 1024;
/// Kept by each connection while it waits: most messages fit.
constexpr std::size_t kFirstReadBytes = 2 * 1024;

Error closed(const std::string& why) { return {ErrorKind::kUnavailable, why}; }

/// Shared with the handlers that wait in the loop: the socket lives until the last of them has run, the owner may go
/// at any time.
class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  TcpConnection(tcp::socket socket, bool is_connected, const SocketAddress& remote)
      : socket_(std::move(socket)), linger_(socket_.get_executor()), remote_(remote), is_connected_(is_connected) {}

  void prepare() {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
  }

  void start(StreamEvents& events) {
    events_ = &events;
    if (!failure_.empty()) return report_later(failure_);
    if (is_connected_) {
      receive();
    } else {
      socket_.async_connect(to_asio<tcp::endpoint>(remote_),
                            [self = shared_from_this()](const error_code& error) { self->on_connect(error); });
    }
  }

  void write(std::string_view bytes) {
    if (is_over_) return;
    queue_.append(bytes);
    // All that is written in one turn of the loop goes out together.
    if (is_connected_ && !is_flush_due_) {
      is_flush_due_ = true;
      boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->flush(); });
    }
  }

  std::size_t unsent() const { return queue_.size() - sent_; }

  void close() {
    events_ = nullptr;
    if (is_over_ || is_closing_) return;
    is_closing_ = true;
    if (!is_connected_ || unsent() == 0) return end();
    linger_.expires_after(kLinger);
    linger_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->end();
    });
  }

  /// The owner is gone without close().
  void abandon() {
    events_ = nullptr;
    if (!is_closing_) end();
  }

  void fail_at_start(const std::string& why) { failure_ = why; }
  tcp::socket& socket() { return socket_; }
  const SocketAddress& remote() const { return remote_; }
  SocketAddress local() const {
    error_code error;
    const auto endpoint = socket_.local_endpoint(error);
    return error ? SocketAddress{} : from_asio(endpoint);
  }

 private:
  void on_connect(const error_code& error) {
    if (is_over_) return;
    if (error) return fail_with(error.message());
    is_connected_ = true;
    prepare();
    if (events_ != nullptr) events_->on_connected();
    if (is_over_) return;
    flush();
    receive();
  }

  /// With a buffer: for a mere wait Asio would arm epoll anew each time.
  void receive() {
    if (is_over_ || is_closing_) return;
    socket_.async_receive(boost::asio::buffer(first_),
                          [self = shared_from_this()](const error_code& error, std::size_t got) {
                            if (error != boost::asio::error::operation_aborted) self->on_first_read(error, got);
                          });
  }

  void on_first_read(const error_code& error, std::size_t got) {
    if (is_over_ || is_closing_ || events_ == nullptr) return;
    if (error == boost::asio::error::eof) return fail_with("the peer ended the connection");
    if (error) return fail_with(error.message());
    // What this makes us write on the same connection goes out at the end, without another turn of the loop.
    const bool flushes = !std::exchange(is_flush_due_, true);
    events_->on_received({first_.data(), got});
    if (got == first_.size()) read_more();
    if (flushes && unsent() > 0) {
      flush();
    } else if (flushes) {
      is_flush_due_ = false;
    }
    receive();
  }

  void read_more() {
    // One for all connections: what is read is handed on before anything else is read. One thread.
    static thread_local std::array<char, kReadBytes> buffer;
    for (int turn = 0; turn < kReadsPerTurn; ++turn) {
      if (is_over_ || is_closing_ || events_ == nullptr) return;
      const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got == 0) return fail_with("the peer ended the connection");
      if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) break;
        return fail_with(error_code(errno, boost::system::system_category()).message());
      }
      events_->on_received({buffer.data(), static_cast<std::size_t>(got)});
      if (static_cast<std::size_t>(got) < buffer.size()) break;
    }
  }

  void flush() {
    is_flush_due_ = false;
    while (!is_over_ && unsent() > 0) {
      const ssize_t put = ::send(socket_.native_handle(), queue_.data() + sent_, unsent(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return fail_with(error_code(errno, boost::system::system_category()).message());
        return wait_writable();
      }
      sent_ += static_cast<std::size_t>(put);
    }
    queue_.clear();
    sent_ = 0;
    if (is_closing_) return end();
    if (events_ != nullptr) events_->on_sent();
  }

  void wait_writable() {
    if (sent_ > queue_.size() / 2) {
      queue_.erase(0, sent_);
      sent_ = 0;
    }
    is_flush_due_ = true;
    socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](const error_code& error) {
      if (!error) self->flush();
    });
  }

  void report_later(const std::string& why) {
    boost::asio::post(socket_.get_executor(), [self = shared_from_this(), why] { self->fail_with(why); });
  }

  void fail_with(const std::string& why) {
    StreamEvents* const events = std::exchange(events_, nullptr);
    end();
    if (events != nullptr) events->on_closed(closed(why));
  }

  void end() {
    is_over_ = true;
    error_code ignored;
    linger_.cancel(ignored);
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

  tcp::socket socket_;
  boost::asio::steady_timer linger_;
  SocketAddress remote_;
  StreamEvents* events_ = nullptr;
  std::array<char, kFirstReadBytes> first_;
  std::string queue_;
  std::size_t sent_ = 0;  // of queue_
  std::string failure_;
  bool is_connected_;
  bool is_flush_due_ = false;
  bool is_closing_ = false;
  bool is_over_ = false;
};

class AsioStream final : public Stream {
 public:
  explicit AsioStream(std::shared_ptr<TcpConnection> connection) : connection_(std::move(connection)) {}
  ~AsioStream() override { connection_->abandon(); }
  AsioStream(const AsioStream&) = delete;
  AsioStream& operator=(const AsioStream&) = delete;

  void start(StreamEvents& events) override { connection_->start(events); }
  void write(std::string_view bytes) override { connection_->write(bytes); }
  std::size_t unsent() const override { return connection_->unsent(); }
  void close() override { connection_->close(); }
  SocketAddress local() const override { return connection_->local(); }
  SocketAddress remote() const override { return connection_->remote(); }

 private:
  std::shared_ptr<TcpConnection> connection_;
};

}  // namespace

std::unique_ptr<Stream> make_accepted_stream(tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return nullptr;
  auto connection = std::make_shared<TcpConnection>(std::move(socket), true, from_asio(remote));
  connection->prepare();
  return std::make_unique<AsioStream>(std::move(connection));
}

std::unique_ptr<Stream> make_connecting_stream(boost::asio::io_context& context, const SocketAddress& local,
                                               const SocketAddress& remote) {
  auto connection = std::make_shared<TcpConnection>(tcp::socket(context), false, remote);
  tcp::socket& socket = connection->socket();
  const auto from = to_asio<tcp::endpoint>(local);
  error_code error;
  socket.open(from.protocol(), error);
  if (!error && local.ip.is_v4() != remote.ip.is_v4()) error = boost::asio::error::address_family_not_supported;
  if (!error && !local.ip.is_unspecified()) socket.bind(from, error);
  if (error) connection->fail_at_start(error.message());
  return std::make_unique<AsioStream>(std::move(connection));
}

}  // namespace isthmus::sip
