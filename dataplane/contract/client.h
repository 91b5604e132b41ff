#pragma once

// The control plane's side of the contract over a unix seqpacket socket. All on the thread that runs the io_context.
//
//   waiting --connect--> greeting --Welcome--> connected --EOF, error, silence--> waiting (backoff, doubling)

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/contract/inspection.h"
#include "dataplane/contract/relay.h"

namespace boost::asio {
class io_context;
}

namespace isthmus::contract {

struct ClientConfig {
  std::string path;                             ///< the data plane's socket
  std::chrono::milliseconds first_backoff{20};  ///< doubles up to max_backoff; starts again once connected
  std::chrono::milliseconds max_backoff{1000};
  std::chrono::milliseconds greeting_timeout{5000};  ///< connected to the socket, but no Welcome
  /// A request without an answer for this long ends the connection (all pending ones get kUnavailable) and makes a new
  /// one. Longer than a data plane may be stopped for (SIGSTOP of 10 s in the overload bench).
  std::chrono::milliseconds answer_timeout{15000};
  std::uint16_t oldest_version = kOldestVersion;  ///< other than the defaults only in tests of version skew
  std::uint16_t newest_version = kVersion;
};

struct ClientCounters {
  std::uint64_t connections = 0;  ///< reached a Welcome
  std::uint64_t requests = 0;
  std::uint64_t events = 0;
  std::uint64_t bad_messages = 0;  ///< from the data plane: malformed, unasked, of the wrong kind or session
};

class Client final : public Relay, public Inspection {
 public:
  template <typename T>
  using Callback = Relay::Callback<T>;
  static constexpr std::size_t kMaxPendingRequests = 4096;  ///< then kExhausted

  Client(boost::asio::io_context& loop, ClientConfig config);
  /// Pending callbacks get kUnavailable from the loop, if it still runs.
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Connects, and keeps connecting until stop(). Set the handlers first. Handlers and callbacks may call any method.
  void start();
  void stop();
  bool connected() const;
  const ClientCounters& counters() const;

  void open(const SessionSpec& spec, Callback<SessionState> done) override;
  void update(const SessionSpec& spec, Callback<SessionState> done) override;
  void close(SessionId id, Callback<SessionStats> done) override;
  void stats(SessionId id, Callback<SessionStats> done) override;
  void list(std::optional<SessionId> from, Callback<SessionPage> done) override;
  void status(Callback<DataplaneStatus> done) override;
  void send_packet(SessionId id, std::uint16_t stream, Side side, Component component, const SocketAddress& destination,
                   std::span<const std::uint8_t> packet, Callback<void> done) override;

  void request_picture(SessionId id, std::uint16_t stream, Side side, Callback<void> done) override;

  void stages(std::optional<bool> measure, Callback<StageFigures> done) override;

  void start_trace(const TraceSpec& spec, Callback<void> done) override;
  void read_trace(SessionId session, std::uint64_t from, Callback<TracePage> done) override;
  void stop_trace(SessionId session, Callback<void> done) override;

  void on_event(std::function<void(const Event&)> handler) override;
  void on_connection(std::function<void(bool connected, std::uint64_t incarnation)> handler) override;

 private:
  class Impl;
  // Shared: handlers of the loop hold it weakly, so that one that runs after the client has gone does nothing.
  std::shared_ptr<Impl> impl_;
};

}  // namespace isthmus::contract
