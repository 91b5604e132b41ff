#pragma once

// One TLS connection without its socket: octets of the wire in, octets for the wire out. Inside of the folder.
//
//   kHandshake --peer verified--> kOpen --close_notify--> kEnded
//       \------------ anything wrong -----------> kFailed (an alert may be left to send)

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "controlplane/sip/tls_outcome.h"

namespace isthmus::sip {

/// One thread.
class TlsSession {
 public:
  enum class State : std::uint8_t { kHandshake, kOpen, kEnded, kFailed };
  struct Native;

  explicit TlsSession(std::unique_ptr<Native> native);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Octets of the wire: all are taken, none is looked at yet. Ask for advance() or read() until nothing comes.
  void take(std::string_view wire);
  /// As far as the handshake gets with what was taken.
  State advance();
  /// Next octets that the peer sent; 0: no more for now, see state().
  std::size_t read(std::span<char> into);
  /// kOpen only.
  void write(std::string_view plain);
  /// Says close_notify.
  void end();
  /// Before the handshake (RFC 6066 3).
  void set_sni(const std::string& name);
  /// What is to go on the wire now.
  std::string take_outgoing();

  State state() const { return state_; }
  const TlsOutcome& outcome() const;

 private:
  /// `result` of an OpenSSL call that did not do what it was asked for.
  void judge(int result);
  void fail(TlsFailure failure, std::string detail);

  std::unique_ptr<Native> native_;
  State state_ = State::kHandshake;
};

}  // namespace isthmus::sip
