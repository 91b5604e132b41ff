#include "controlplane/sip/tls_session.h"

#include <algorithm>
#include <climits>

#include "controlplane/sip/openssl_handles.h"

namespace isthmus::sip {

namespace {

/// Alerts of the peer have reasons of their own (RFC 8446 6, ssl/ssl_stat.c).
bool is_alert_of_peer(int reason) { return reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256; }

TlsFailure failure_of(int reason, bool is_open) {
  if (is_alert_of_peer(reason)) return TlsFailure::kPeerRefused;
  if (is_open) return TlsFailure::kBroken;
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_BAD_PACKET: return TlsFailure::kNotTls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_INAPPROPRIATE_FALLBACK: return TlsFailure::kVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return TlsFailure::kCipher;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return TlsFailure::kNoCertificate;
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return TlsFailure::kBadCertificate;
    default: return TlsFailure::kBroken;
  }
}

}  // namespace

TlsSession::TlsSession(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsSession::~TlsSession() = default;

const TlsOutcome& TlsSession::outcome() const { return native_->outcome; }

void TlsSession::set_sni(const std::string& name) { (void)SSL_set_tlsext_host_name(native_->ssl.get(), name.c_str()); }

void TlsSession::take(std::string_view wire) {
  // A memory BIO takes everything.
  while (!wire.empty()) {
    const auto piece = static_cast<int>(std::min<std::size_t>(wire.size(), INT_MAX));
    const int taken = BIO_write(native_->in, wire.data(), piece);
    if (taken <= 0) return fail(TlsFailure::kBroken, "out of memory");
    wire.remove_prefix(static_cast<std::size_t>(taken));
  }
}

TlsSession::State TlsSession::advance() {
  if (state_ != State::kHandshake) return state_;
  ERR_clear_error();
  const int result = SSL_do_handshake(native_->ssl.get());
  if (result != 1) {
    judge(result);
    return state_;
  }
  state_ = State::kOpen;
  native_->outcome.stage = TlsOutcome::Stage::kOpen;
  native_->outcome.version = SSL_get_version(native_->ssl.get());
  native_->outcome.cipher = SSL_get_cipher_name(native_->ssl.get());
  return state_;
}

std::size_t TlsSession::read(std::span<char> into) {
  if (state_ != State::kOpen) return 0;
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(native_->ssl.get(), into.data(), into.size(), &got);
  if (result == 1) return got;
  judge(result);
  return 0;
}

void TlsSession::write(std::string_view plain) {
  if (state_ != State::kOpen || plain.empty()) return;
  ERR_clear_error();
  std::size_t put = 0;
  // Into memory: all of it or an error.
  const int result = SSL_write_ex(native_->ssl.get(), plain.data(), plain.size(), &put);
  if (result != 1 || put != plain.size()) judge(result);
}

void TlsSession::end() {
  if (state_ != State::kOpen && state_ != State::kEnded) return;
  ERR_clear_error();
  (void)SSL_shutdown(native_->ssl.get());
  ERR_clear_error();
  state_ = State::kEnded;
}

std::string TlsSession::take_outgoing() {
  std::string wire(BIO_ctrl_pending(native_->out), '\0');
  std::size_t got = 0;
  if (!wire.empty()) (void)BIO_read_ex(native_->out, wire.data(), wire.size(), &got);
  wire.resize(got);
  return wire;
}

void TlsSession::judge(int result) {
  switch (SSL_get_error(native_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return;
    case SSL_ERROR_ZERO_RETURN: state_ = State::kEnded; return;
    default: break;
  }
  const unsigned long code = ERR_peek_error();
  const char* text = ERR_reason_error_string(code);
  fail(failure_of(ERR_GET_REASON(code), state_ == State::kOpen), text == nullptr ? "no reason given" : text);
  ERR_clear_error();
}

void TlsSession::fail(TlsFailure failure, std::string detail) {
  state_ = State::kFailed;
  TlsOutcome& outcome = native_->outcome;
  if (outcome.failure != TlsFailure::kNone) return;  // the verification knows more
  outcome.failure = failure;
  outcome.detail = std::move(detail);
}

}  // namespace isthmus::sip
