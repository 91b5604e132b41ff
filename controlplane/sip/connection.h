#pragma once

// One connection of the transport: its framing, its time-outs, its place in the tables. Inside of the folder.
//
//   accepted:  TLS handshake within handshake_timeout, then a first whole message within first_request_timeout
//   outgoing:  connected, and verified where it is TLS, within connect_timeout
//   both:      a message within message_timeout of its first byte
//   accepted from an unknown source: something within idle_timeout

#include <memory>
#include <optional>

#include "controlplane/sip/framing.h"
#include "controlplane/sip/transport.h"

namespace isthmus::sip {

class TransportLayer::Connection final : public StreamEvents {
 public:
  Connection(TransportLayer& owner, ConnectionId id, std::unique_ptr<Stream> stream, const Flow& flow, bool is_outgoing,
             std::string peer_name);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  /// False: its peer does not read, and the bytes were not taken.
  bool write(std::string_view bytes);
  /// Nothing of it is used afterwards, but it may still be on the call stack.
  void retire();

  const Flow& flow() const { return flow_; }
  bool is_outgoing() const { return is_outgoing_; }
  const std::string& peer_name() const { return peer_name_; }
  Target target() const { return {flow_.transport, flow_.remote, flow_.listener, peer_name_}; }

  void on_connected() override;
  void on_received(std::string_view bytes) override;
  void on_closed(const Error& why) override;

 private:
  void take(const Cut& cut);
  void close(const Error& why);
  void take_identity(const TlsOutcome& outcome);
  void end_handshake();
  /// Earliest time at which something must have happened.
  std::optional<event_loop::TimePoint> deadline() const;
  void arm();
  void on_timer();

  TransportLayer& owner_;
  std::unique_ptr<Stream> stream_;
  Flow flow_;
  StreamFramer framer_;
  bool is_outgoing_;
  std::string peer_name_;  // of the target
  bool is_connected_;      // and verified, with TLS
  bool is_shaking_hands_;  // accepted with TLS: counts among the handshakes of its source
  bool is_retired_ = false;
  bool has_spoken_ = false;  // a whole message came
  event_loop::TimePoint started_;
  event_loop::TimePoint active_;
  std::optional<event_loop::TimePoint> message_began_;
  event_loop::TimerId timer_ = event_loop::kNoTimer;
  event_loop::TimePoint armed_for_{};
};

}  // namespace isthmus::sip
