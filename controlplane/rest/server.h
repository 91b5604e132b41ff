#pragma once

// HTTP/1.1 on the event loop: accepts, reads whole requests within bounds and deadlines, hands them to one handler and
// writes what it answers. Knows nothing of routes or roles.
//
//   head (deadline) -> check_head -> body (deadline) -> handler -> answer -> head of the next, or close
//
// A refused request is answered with its reason where the framing allows, then the connection ends.

#include <chrono>
#include <cstdint>
#include <memory>

#include "controlplane/rest/http.h"
#include "dataplane/base/address.h"
#include "dataplane/base/result.h"

namespace boost::asio {
class io_context;
}

namespace isthmus::rest {

struct ServerConfig {
  SocketAddress listen;
  std::chrono::milliseconds head_deadline{10'000};  ///< from the connection or the answer before to the whole head
  std::chrono::milliseconds body_deadline{10'000};
  std::chrono::milliseconds write_deadline{10'000};
  std::chrono::milliseconds linger{1000};  ///< a refused peer may still be sending: what it sends is read and dropped
  std::size_t max_connections = 64;        ///< one more is closed at once
};

struct ServerCounters {
  std::uint64_t connections = 0;
  std::uint64_t refused_connections = 0;
  std::uint64_t requests = 0;
  std::uint64_t bad_requests = 0;  ///< answered by the server itself
};

/// Event-loop thread.
class Server {
 public:
  /// Listens at once. `loop` outlives the server; the handler is called from the loop.
  static Result<std::unique_ptr<Server>> start(boost::asio::io_context& loop, const ServerConfig& config,
                                               Handler handler);
  /// Ends all connections; answers that are still being made go nowhere.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  SocketAddress local_address() const;
  const ServerCounters& counters() const;
  std::size_t open_connections() const;

 private:
  class Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  // Shared: connections of the loop hold it weakly.
  std::shared_ptr<Impl> impl_;
};

}  // namespace isthmus::rest
