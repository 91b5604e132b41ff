#pragma once

// The contract's client with more than one listener to its comings and goings: Relay has room for one handler, and
// calls, alarms and READY all need to know.

#include <functional>
#include <utility>
#include <vector>

#include "dataplane/contract/relay.h"

namespace isthmus::app {

/// Event-loop thread. `relay` outlives it.
class WatchedRelay final : public contract::Relay {
 public:
  using ConnectionHandler = std::function<void(bool connected, std::uint64_t incarnation)>;

  explicit WatchedRelay(contract::Relay& relay);

  bool connected() const { return connected_; }
  /// Called after the handler of on_connection().
  void watch(ConnectionHandler watcher) { watchers_.push_back(std::move(watcher)); }

  void open(const contract::SessionSpec& spec, Callback<contract::SessionState> done) override {
    relay_.open(spec, std::move(done));
  }
  void update(const contract::SessionSpec& spec, Callback<contract::SessionState> done) override {
    relay_.update(spec, std::move(done));
  }
  void close(contract::SessionId id, Callback<contract::SessionStats> done) override {
    relay_.close(id, std::move(done));
  }
  void stats(contract::SessionId id, Callback<contract::SessionStats> done) override {
    relay_.stats(id, std::move(done));
  }
  void list(std::optional<contract::SessionId> from, Callback<contract::SessionPage> done) override {
    relay_.list(from, std::move(done));
  }
  void status(Callback<contract::DataplaneStatus> done) override { relay_.status(std::move(done)); }
  void send_packet(contract::SessionId id, std::uint16_t stream, contract::Side side, contract::Component component,
                   const SocketAddress& destination, std::span<const std::uint8_t> packet,
                   Callback<void> done) override {
    relay_.send_packet(id, stream, side, component, destination, packet, std::move(done));
  }
  void request_picture(contract::SessionId id, std::uint16_t stream, contract::Side side,
                       Callback<void> done) override {
    relay_.request_picture(id, stream, side, std::move(done));
  }
  void on_event(std::function<void(const contract::Event&)> handler) override { relay_.on_event(std::move(handler)); }
  void on_connection(ConnectionHandler handler) override { handler_ = std::move(handler); }

 private:
  contract::Relay& relay_;
  ConnectionHandler handler_;
  std::vector<ConnectionHandler> watchers_;
  bool connected_ = false;
};

}  // namespace isthmus::app
