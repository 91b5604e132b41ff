#pragma once

// What the SIP transport needs of sockets. The product's are asio's; tests use a network in memory. TLS is one more
// kind of Stream, over another one.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace isthmus::sip {

struct TlsOutcome;

/// What happens on a stream. Called on the loop's thread, never from inside a call of Stream.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  /// An outgoing stream, or one with TLS, is ready to carry data.
  virtual void on_connected() = 0;
  virtual void on_received(std::string_view bytes) = 0;
  /// Bytes that waited have gone out.
  virtual void on_sent() {}
  /// The last event: the peer ended the stream, or it could not be made, or it broke. Not called after close().
  virtual void on_closed(const Error& why) = 0;
};

/// A connection that carries bytes in order. The owner destroys it at any time outside of write(), also inside an
/// event.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Before any event is delivered.
  virtual void start(StreamEvents& events) = 0;
  /// Takes all of `bytes`: sends what goes, keeps the rest. Before on_connected everything is kept.
  virtual void write(std::string_view bytes) = 0;
  /// Bytes taken and not sent.
  virtual std::size_t unsent() const = 0;
  /// Stops reading; ends the connection once all is sent or after a short while, whatever comes first, also when the
  /// object is destroyed at once afterwards.
  virtual void close() = 0;
  virtual SocketAddress local() const = 0;
  virtual SocketAddress remote() const = 0;
  /// Nothing for streams in the clear.
  virtual const TlsOutcome* tls() const { return nullptr; }
};

/// Datagrams of one local address.
class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  /// Sends now or not at all.
  virtual Status send(std::string_view bytes, const SocketAddress& to) = 0;
  virtual SocketAddress local() const = 0;
};

/// Accepts connections until destroyed.
class StreamListener {
 public:
  virtual ~StreamListener() = default;
  virtual SocketAddress local() const = 0;
};

/// All callbacks run on the loop's thread, none from inside the call that installs it.
class Network {
 public:
  using Receive = std::function<void(std::string_view bytes, const SocketAddress& from)>;
  using Accept = std::function<void(std::unique_ptr<Stream>)>;

  virtual ~Network() = default;
  /// Port 0: any free one, see local().
  virtual Result<std::unique_ptr<DatagramSocket>> open_udp(const SocketAddress& local, Receive receive) = 0;
  virtual Result<std::unique_ptr<StreamListener>> listen_tcp(const SocketAddress& local, Accept accept) = 0;
  /// The outcome comes as an event, failure included. Port 0 in `local`: any.
  virtual std::unique_ptr<Stream> connect_tcp(const SocketAddress& local, const SocketAddress& remote) = 0;
};

}  // namespace isthmus::sip
