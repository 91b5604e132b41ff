#pragma once

// TLS over any Stream. Inside of the folder.

#include <memory>
#include <string>

#include "controlplane/sip/network.h"
#include "controlplane/sip/tls_context.h"
#include "controlplane/sip/tls_outcome.h"
#include "controlplane/sip/tls_session.h"

namespace isthmus::sip {

/// on_connected comes when the peer is verified, for accepted streams too; nothing else comes before. What is written
/// until then waits. The stream below has its own time: who owns this one ends it when the handshake takes too long.
class TlsStream final : public Stream, private StreamEvents {
 public:
  /// `below` is connected already if `is_accepted`.
  TlsStream(std::unique_ptr<Stream> below, std::unique_ptr<TlsSession> session, bool is_accepted);
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  void start(StreamEvents& events) override;
  void write(std::string_view bytes) override;
  std::size_t unsent() const override;
  void close() override;
  SocketAddress local() const override { return below_->local(); }
  SocketAddress remote() const override { return below_->remote(); }
  const TlsOutcome* tls() const override { return &outcome_; }

 private:
  void on_connected() override;
  void on_received(std::string_view bytes) override;
  void on_sent() override;
  void on_closed(const Error& why) override;

  void shake_hands();
  void deliver();
  void send_outgoing();
  /// The session is over: tells the owner, sends what is left.
  void finish();

  std::unique_ptr<Stream> below_;
  std::unique_ptr<TlsSession> session_;
  StreamEvents* events_ = nullptr;
  std::string waiting_;  ///< written before the handshake was over
  TlsOutcome outcome_;
  bool is_closed_ = false;
  /// Looked at after each event: the owner may have destroyed us in it. Nobody else shares it.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace isthmus::sip
