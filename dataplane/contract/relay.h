#pragma once

// The data plane as the control plane sees it. The product's implementation is the socket client of this folder; tests
// of the call use an in-memory one.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <variant>

#include "dataplane/contract/messages.h"

namespace isthmus::contract {

using Event = std::variant<PuntEvent, MediaStartedEvent, MediaTimedOutEvent, SourceRefusedEvent, OneWayMediaEvent,
                           ConsentLostEvent, PictureWantedEvent, KeyLifetimeLowEvent>;

/// Asynchronous; every method and every callback runs on the one event-loop thread. A callback is called exactly once:
/// with the answer, with the typed error of the data plane, or with kUnavailable when the connection ends before the
/// answer (the operation may or may not have happened: list or the same revision again tells). A callback never runs
/// inside the call that takes it.
class Relay {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;

  virtual ~Relay() = default;

  /// Makes a session: draws its ports, or takes those named. kExhausted (field "port") when a pool has none left.
  virtual void open(const SessionSpec& spec, Callback<SessionState> done) = 0;
  /// Replaces the whole session; new streams get ports, the ports of existing ones stay.
  virtual void update(const SessionSpec& spec, Callback<SessionState> done) = 0;
  /// Ends a session and hands out its last figures. Closing an unknown session succeeds with no streams.
  virtual void close(SessionId id, Callback<SessionStats> done) = 0;
  virtual void stats(SessionId id, Callback<SessionStats> done) = 0;
  virtual void list(std::optional<SessionId> from, Callback<SessionPage> done) = 0;
  virtual void status(Callback<DataplaneStatus> done) = 0;
  /// Sends `packet` (a UDP payload, at most kMaxPacketBytes) from the leg's port to `destination`, outside SRTP.
  virtual void send_packet(SessionId id, std::uint16_t stream, Side side, Component component,
                           const SocketAddress& destination, std::span<const std::uint8_t> packet,
                           Callback<void> done) = 0;

  /// Asks the peer of `side` for a key frame, as its leg's feedback dialect words it. Repeated requests are paced by
  /// the data plane. kUnavailable where the leg has no RTCP to ask by.
  virtual void request_picture(SessionId id, std::uint16_t stream, Side side, Callback<void> done) = 0;

  /// Called for every event, and with `connected` when the data plane comes (true) or goes (false). `incarnation` is
  /// that of DataplaneStatus: where it differs from the last one seen, the data plane has started anew and knows no
  /// session.
  virtual void on_event(std::function<void(const Event&)> handler) = 0;
  virtual void on_connection(std::function<void(bool connected, std::uint64_t incarnation)> handler) = 0;
};

}  // namespace isthmus::contract
