#include "controlplane/sip/asio_network.h"

#include <array>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controlplane/sip/asio_address.h"
#include "controlplane/sip/asio_stream.h"

namespace isthmus::sip {

namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;

/// Work on one socket before others get their turn (threat model B1).
constexpr int kDatagramsPerTurn = 64;
constexpr int kAcceptsPerTurn = 16;
/// Out of descriptors: the loop would spin on a listener that stays readable.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::size_t kLargestDatagram = 65'535;
/// A burst of a whole turn has to fit.
constexpr int kSocketBufferBytes = 2 * 1024 * 1024;

/// True in a handler as long as the object that installed it exists.
using Alive = std::weak_ptr<char>;

class AsioDatagramSocket final : public DatagramSocket {
 public:
  AsioDatagramSocket(udp::socket socket, Network::Receive receive)
      : socket_(std::move(socket)), receive_(std::move(receive)) {
    wait();
  }

  Status send(std::string_view bytes, const SocketAddress& to) override {
    error_code error;
    socket_.send_to(boost::asio::buffer(bytes.data(), bytes.size()), to_asio<udp::endpoint>(to), 0, error);
    if (error) return fail(ErrorKind::kUnavailable, error.message());
    return {};
  }

  SocketAddress local() const override {
    error_code error;
    const auto endpoint = socket_.local_endpoint(error);
    return error ? SocketAddress{} : from_asio(endpoint);
  }

 private:
  void wait() {
    socket_.async_wait(udp::socket::wait_read, [this, alive = Alive(alive_)](const error_code& error) {
      if (!error && !alive.expired()) read();
    });
  }

  void read() {
    static thread_local std::array<char, kLargestDatagram> buffer;  // handed on before the next is read; one thread
    const Alive alive(alive_);
    for (int turn = 0; turn < kDatagramsPerTurn; ++turn) {
      udp::endpoint from;
      error_code error;
      const std::size_t got = socket_.receive_from(boost::asio::buffer(buffer), from, 0, error);
      if (error == boost::asio::error::would_block) break;
      if (error) continue;  // an ICMP error of an earlier datagram: taken, and told by time-outs
      receive_({buffer.data(), got}, from_asio(from));
      if (alive.expired()) return;
    }
    wait();
  }

  udp::socket socket_;
  Network::Receive receive_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class AsioListener final : public StreamListener {
 public:
  AsioListener(tcp::acceptor acceptor, Network::Accept accept)
      : acceptor_(std::move(acceptor)), pause_(acceptor_.get_executor()), accept_(std::move(accept)) {
    wait();
  }

  SocketAddress local() const override {
    error_code error;
    const auto endpoint = acceptor_.local_endpoint(error);
    return error ? SocketAddress{} : from_asio(endpoint);
  }

 private:
  void wait() {
    acceptor_.async_wait(tcp::acceptor::wait_read, [this, alive = Alive(alive_)](const error_code& error) {
      if (!error && !alive.expired()) accept_some();
    });
  }

  void accept_some() {
    const Alive alive(alive_);
    for (int turn = 0; turn < kAcceptsPerTurn; ++turn) {
      tcp::socket socket(acceptor_.get_executor());
      error_code error;
      acceptor_.accept(socket, error);
      if (error == boost::asio::error::would_block) break;
      if (error == boost::asio::error::no_descriptors || error == boost::system::errc::too_many_files_open_in_system ||
          error == boost::asio::error::no_buffer_space || error == boost::asio::error::no_memory) {
        return pause();
      }
      if (error) continue;
      if (auto stream = make_accepted_stream(std::move(socket))) accept_(std::move(stream));
      if (alive.expired()) return;
    }
    wait();
  }

  void pause() {
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this, alive = Alive(alive_)](const error_code& error) {
      if (!error && !alive.expired()) wait();
    });
  }

  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  Network::Accept accept_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

tl::unexpected<Error> cannot(const char* what, const SocketAddress& local, const error_code& error) {
  return fail(ErrorKind::kUnavailable, std::string(what) + " " + isthmus::to_string(local) + ": " + error.message());
}

}  // namespace

Result<std::unique_ptr<DatagramSocket>> AsioNetwork::open_udp(const SocketAddress& local, Receive receive) {
  udp::socket socket(loop_.context());
  const auto endpoint = to_asio<udp::endpoint>(local);
  error_code error;
  socket.open(endpoint.protocol(), error);
  if (!error) socket.bind(endpoint, error);
  if (!error) socket.non_blocking(true, error);
  if (error) return cannot("cannot receive on UDP", local, error);
  error_code ignored;
  socket.set_option(udp::socket::receive_buffer_size(kSocketBufferBytes), ignored);
  socket.set_option(udp::socket::send_buffer_size(kSocketBufferBytes), ignored);
  return std::make_unique<AsioDatagramSocket>(std::move(socket), std::move(receive));
}

Result<std::unique_ptr<StreamListener>> AsioNetwork::listen_tcp(const SocketAddress& local, Accept accept) {
  tcp::acceptor acceptor(loop_.context());
  const auto endpoint = to_asio<tcp::endpoint>(local);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (!error) acceptor.non_blocking(true, error);
  if (error) return cannot("cannot listen on TCP", local, error);
  return std::make_unique<AsioListener>(std::move(acceptor), std::move(accept));
}

std::unique_ptr<Stream> AsioNetwork::connect_tcp(const SocketAddress& local, const SocketAddress& remote) {
  return make_connecting_stream(loop_.context(), local, remote);
}

}  // namespace isthmus::sip
