#include "controlplane/rest/server.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <unordered_set>
#include <utility>

#include "controlplane/rest/problem.h"
#include "controlplane/rest/request_rules.h"

namespace isthmus::rest {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 4096;
// What a refused peer may still send before it is cut off.
constexpr std::size_t kMaxLingerBytes = 2 * kMaxBodyBytes;
constexpr std::chrono::milliseconds kAcceptPause{100};  // out of descriptors: do not spin

asio::ip::address to_asio(const IpAddress& ip) {
  if (ip.is_v4()) return asio::ip::address_v4(ip.v4_host_order());
  return asio::ip::address_v6(ip.bytes);
}

std::string header(const http::fields& fields, http::field name) {
  const auto value = fields[name];
  return {value.data(), value.size()};
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  class Connection;

  Impl(asio::io_context& loop, const ServerConfig& config, Handler handler)
      : config_(config), handler_(std::move(handler)), acceptor_(loop), pause_(loop) {}

  Status listen() {
    const tcp::endpoint endpoint(to_asio(config_.listen.ip), config_.listen.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(ErrorKind::kUnavailable, "cannot listen on " + to_string(config_.listen) + ": " + error.message(),
                  "rest");
    }
    accept();
    return {};
  }

  void stop();
  SocketAddress local_address() const {
    error_code error;
    const tcp::endpoint endpoint = acceptor_.local_endpoint(error);
    return {config_.listen.ip, endpoint.port()};
  }

  ServerCounters counters_;
  std::unordered_set<Connection*> open_;  // each is kept alive by its pending operation

 private:
  friend class Connection;
  void accept();

  ServerConfig config_;
  Handler handler_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
};

/// One client. Kept alive by whatever it waits for: an operation of the socket, or the answer of the handler.
class Server::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::weak_ptr<Impl> server, const ServerConfig& config, tcp::socket socket)
      : server_(std::move(server)), config_(config), stream_(std::move(socket)), buffer_(kMaxHeadBytes) {}

  ~Connection() {
    if (const auto server = server_.lock()) server->open_.erase(this);
  }

  void read_head() {
    stream_.expires_after(config_.head_deadline);
    searched_ = 0;
    search_head_end();
  }

  void close() {
    error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  /// The head's end may be here already (pipelining); otherwise reads on.
  void search_head_end() {
    constexpr std::string_view kEnd = "\r\n\r\n";
    const auto data = buffer_.data();
    const std::string_view text(static_cast<const char*>(data.data()), data.size());
    // Each octet is looked at once, but for an end that two reads share.
    const std::size_t found = text.find(kEnd, searched_ - std::min(searched_, kEnd.size() - 1));
    const auto server = server_.lock();
    if (!server) return;
    if (found != std::string_view::npos) return on_head(*server, text.substr(0, found + kEnd.size()));
    if (text.size() == kMaxHeadBytes) return refuse(*server, 431, "head-too-large");
    searched_ = text.size();
    const std::size_t room = std::min(kMaxHeadBytes - text.size(), kReadBytes);
    stream_.async_read_some(buffer_.prepare(room), [self = shared_from_this()](error_code error, std::size_t bytes) {
      if (error) return;  // gone, or too slow
      self->buffer_.commit(bytes);
      self->search_head_end();
    });
  }

  void on_head(Impl& server, std::string_view head) {
    if (const Status status = check_head(head); !status) {
      return refuse(server, status.error().kind == ErrorKind::kExhausted ? 431 : 400, "malformed-request",
                    to_string(status.error()));
    }
    parser_.emplace();
    parser_->header_limit(kMaxHeadBytes);
    parser_->body_limit(kMaxBodyBytes);
    stream_.expires_after(config_.body_deadline);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code read_error, std::size_t) { self->on_request(read_error); });
  }

  void on_request(error_code error) {
    const auto server = server_.lock();
    if (!server) return;
    if (error == http::error::body_limit) return refuse(*server, 413, "body-too-large");
    if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return refuse(*server, 400, "malformed-request");
    }
    if (error) return;
    stream_.expires_never();
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    ++server->counters_.requests;
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.host = header(message, http::field::host);
    request.authorization = header(message, http::field::authorization);
    request.origin = header(message, http::field::origin);
    request.body = std::move(message.body());
    // The handler may keep the answer for as long as the data plane takes.
    server->handler_(std::move(request),
                     [self = shared_from_this()](Response response) { self->write(std::move(response)); });
  }

  void refuse(Impl& server, unsigned status, std::string_view code, std::string_view detail = {}) {
    ++server.counters_.bad_requests;
    keep_alive_ = false;
    write(problem(status, code, detail));
  }

  void write(Response response) {
    if (server_.expired()) return;
    answer_.emplace();
    answer_->version(11);
    answer_->result(response.status);
    answer_->set(http::field::content_type, response.content_type);
    answer_->set(http::field::cache_control, "no-store");
    answer_->set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) answer_->set(name, value);
    answer_->body() = std::move(response.body);
    answer_->keep_alive(keep_alive_);
    answer_->prepare_payload();
    stream_.expires_after(config_.write_deadline);
    http::async_write(stream_, *answer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return;
      if (self->keep_alive_) {
        self->read_head();
      } else {
        self->say_goodbye();
      }
    });
  }

  /// Closing with unread input would reset the connection and could take our answer with it (RFC 9112 9.6).
  void say_goodbye() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(config_.linger);
    lingered_ = 0;
    linger();
  }

  void linger() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kMaxHeadBytes),
                            [self = shared_from_this()](error_code error, std::size_t bytes) {
                              self->lingered_ += bytes;
                              if (!error && self->lingered_ <= kMaxLingerBytes) self->linger();
                            });
  }

  std::weak_ptr<Impl> server_;
  ServerConfig config_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> answer_;
  bool keep_alive_ = false;
  std::size_t searched_ = 0;  // octets of buffer_ without the head's end
  std::size_t lingered_ = 0;
};

void Server::Impl::accept() {
  acceptor_.async_accept([self = weak_from_this()](error_code error, tcp::socket socket) {
    const auto server = self.lock();
    if (!server || error == asio::error::operation_aborted) return;
    if (error) {
      server->pause_.expires_after(kAcceptPause);
      server->pause_.async_wait([self](error_code cancelled) {
        if (const auto again = self.lock(); again && !cancelled) again->accept();
      });
      return;
    }
    if (server->open_.size() >= server->config_.max_connections) {
      ++server->counters_.refused_connections;
    } else {
      ++server->counters_.connections;
      const auto connection = std::make_shared<Connection>(self, server->config_, std::move(socket));
      server->open_.insert(connection.get());
      connection->read_head();
    }
    server->accept();
  });
}

void Server::Impl::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  for (Connection* connection : open_) connection->close();
}

Result<std::unique_ptr<Server>> Server::start(asio::io_context& loop, const ServerConfig& config, Handler handler) {
  auto impl = std::make_shared<Impl>(loop, config, std::move(handler));
  if (Status status = impl->listen(); !status) return forward_error(status);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { impl_->stop(); }
SocketAddress Server::local_address() const { return impl_->local_address(); }
const ServerCounters& Server::counters() const { return impl_->counters_; }
std::size_t Server::open_connections() const { return impl_->open_.size(); }

}  // namespace isthmus::rest
