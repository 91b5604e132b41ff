#pragma once

// What a TLS listener is made of: its certificate, its key, whom it believes. One context serves the connections that
// are accepted there and those that are opened from there. Connections keep the context they began with; a new one
// replaces it for those to come, so certificates change without a restart.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"

namespace isthmus::sip {

class TlsSession;

/// Whether whoever connects is asked for a certificate. What is sent must always verify.
enum class ClientCertificate : std::uint8_t { kNone, kOptional, kRequired };

/// Files in PEM form.
struct TlsFiles {
  std::string certificate;  ///< ours first, then those of the issuing authorities; all of it is sent
  std::string private_key;  ///< without a passphrase
  std::string trusted_ca;   ///< authorities, for both directions
};

inline constexpr std::size_t kMaxTlsFileBytes = 4 * 1024 * 1024;  ///< a whole public bundle is 220 KiB
inline constexpr std::size_t kMaxCertificatesSent = 10;
inline constexpr std::size_t kMaxTrustedAuthorities = 4096;
inline constexpr std::size_t kMaxPeerNames = 256;            ///< SANs of a peer that are looked at
inline constexpr long kMaxCertificateListBytes = 64 * 1024;  ///< that a peer may send in its handshake

/// Immutable; one thread uses it at a time.
class TlsContext {
 public:
  /// The error's field is the member of TlsFiles that is to blame.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files, ClientCertificate client_certificate);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  std::unique_ptr<TlsSession> accept() const;
  /// `peer_name`: what the peer's certificate must say, a DNS name or an address. Sent as SNI if it is a name.
  std::unique_ptr<TlsSession> connect(std::string_view peer_name) const;

  /// Of our certificate.
  std::chrono::system_clock::time_point expires_at() const;
  /// Who may be at the far end of accepted connections.
  ClientCertificate client_certificate() const;

 private:
  struct Native;
  explicit TlsContext(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace isthmus::sip
