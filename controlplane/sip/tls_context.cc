#include "controlplane/sip/tls_context.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "controlplane/sip/openssl_handles.h"
#include "controlplane/sip/peer_name.h"
#include "controlplane/sip/tls_verify.h"
#include "dataplane/base/address.h"

namespace isthmus::sip {

namespace {

/// Forward secrecy and authenticated encryption. DHE for Windows Server 2012, which has no ECDHE_RSA with GCM.
constexpr const char* kCiphersOfTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM";
constexpr int kSecurityLevel = 2;  // 112 bits: RSA from 2048, no SHA-1 in signatures
constexpr int kMaxChainDepth = 8;
/// A certificate request with more names than this would cost a record of its own: it is sent without.
constexpr int kMaxNamesOfAuthorities = 32;

std::string library_error() {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "not understood" : reason;
}

tl::unexpected<Error> refuse(std::string_view key, const std::string& path, const std::string& why) {
  return fail(ErrorKind::kInvalidArgument, "\"" + path + "\" " + why, std::string(key));
}

/// A file that may hold a key: wiped.
class FileText {
 public:
  explicit FileText(std::string text) : text_(std::move(text)) {}
  ~FileText() { OPENSSL_cleanse(text_.data(), text_.size()); }
  FileText(FileText&& other) noexcept : text_(std::move(other.text_)) {}
  FileText& operator=(FileText&&) = delete;
  FileText(const FileText&) = delete;
  FileText& operator=(const FileText&) = delete;

  BioPtr bio() const { return BioPtr(BIO_new_mem_buf(text_.data(), static_cast<int>(text_.size()))); }

 private:
  std::string text_;
};

Result<FileText> read_file(std::string_view key, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::string why = std::string("cannot be read: ") + std::strerror(errno);
    if (errno == EACCES) {
      why += " (this process runs as user " + std::to_string(::geteuid()) +
             "; let that user read the file and enter its folders, for instance by its group: chgrp, chmod 640)";
    }
    return refuse(key, path, why);
  }
  std::string text(kMaxTlsFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return refuse(key, path, "cannot be read");
  const auto got = static_cast<std::size_t>(file.gcount());
  if (got > kMaxTlsFileBytes) {
    return refuse(key, path, "is larger than " + std::to_string(kMaxTlsFileBytes) + " bytes");
  }
  text.resize(got);
  return FileText(std::move(text));
}

/// PEM_read_bio says "no start line" at the end of a file.
bool is_at_end() {
  const unsigned long code = ERR_peek_last_error();
  const bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  return end;
}

Status use_certificates(SSL_CTX* context, const std::string& path) {
  constexpr std::string_view kKey = "certificate";
  const auto text = read_file(kKey, path);
  if (!text) return forward_error(text);
  const BioPtr bio = text->bio();
  const CertificatePtr own(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
  if (!own) return refuse(kKey, path, "holds no certificate in PEM form: " + library_error());
  if (SSL_CTX_use_certificate(context, own.get()) != 1) {
    return refuse(kKey, path, "is refused by the TLS library: " + library_error());
  }
  for (std::size_t sent = 1;; ++sent) {
    CertificatePtr next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!next && is_at_end()) return {};
    if (!next) return refuse(kKey, path, "has a damaged certificate after the first: " + library_error());
    if (sent == kMaxCertificatesSent) {
      return refuse(kKey, path, "holds more than " + std::to_string(kMaxCertificatesSent) + " certificates");
    }
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) {
      return refuse(kKey, path, "has a certificate that the TLS library refuses: " + library_error());
    }
  }
}

/// Nobody is there to type one.
int no_passphrase(char* /*into*/, int /*size*/, int /*writing*/, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

Status use_key(SSL_CTX* context, const std::string& path) {
  constexpr std::string_view kKey = "private_key";
  const auto text = read_file(kKey, path);
  if (!text) return forward_error(text);
  bool is_encrypted = false;
  const KeyPtr key(PEM_read_bio_PrivateKey(text->bio().get(), nullptr, no_passphrase, &is_encrypted));
  if (!key) {
    const std::string why = library_error();
    return refuse(kKey, path,
                  is_encrypted ? "needs a passphrase, which nobody can type when a gateway starts"
                               : "holds no private key in PEM form: " + why);
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    const bool is_other = X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1;
    const std::string why = library_error();
    return refuse(kKey, path, is_other ? "is not the key of the certificate" : "is refused by the TLS library: " + why);
  }
  return {};
}

Status trust(SSL_CTX* context, const std::string& path) {
  constexpr std::string_view kKey = "trusted_ca";
  const auto text = read_file(kKey, path);
  if (!text) return forward_error(text);
  const BioPtr bio = text->bio();
  std::size_t count = 0;
  while (const CertificatePtr next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (++count > kMaxTrustedAuthorities) return refuse(kKey, path, "holds too many certificates");
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), next.get()) != 1) {
      return refuse(kKey, path, "has a certificate that the TLS library refuses: " + library_error());
    }
    if (count <= kMaxNamesOfAuthorities) (void)SSL_CTX_add_client_CA(context, next.get());
  }
  if (count == 0) return refuse(kKey, path, "holds no certificate in PEM form");
  if (!is_at_end()) return refuse(kKey, path, "has a damaged certificate: " + library_error());
  if (count > kMaxNamesOfAuthorities) SSL_CTX_set_client_CA_list(context, nullptr);
  return {};
}

int verify_mode(ClientCertificate wanted) {
  switch (wanted) {
    case ClientCertificate::kNone: return SSL_VERIFY_NONE;
    case ClientCertificate::kOptional: return SSL_VERIFY_PEER;
    case ClientCertificate::kRequired: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

bool set_rules(SSL_CTX* context) {
  // No sessions are resumed: each handshake looks at the certificate anew.
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_verify_depth(context, kMaxChainDepth);
  SSL_CTX_set_max_cert_list(context, kMaxCertificateListBytes);
  SSL_CTX_set_cert_verify_callback(context, verify_peer, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphersOfTls12) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_dh_auto(context, 1) == 1;
}

std::chrono::system_clock::time_point expiry_of(const X509* certificate) {
  std::tm when{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&when));
}

}  // namespace

int native_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

struct TlsContext::Native {
  ContextPtr context;
  ClientCertificate client_certificate = ClientCertificate::kRequired;

  std::unique_ptr<TlsSession> make(bool is_server, std::string peer_name) const {
    auto native = std::make_unique<TlsSession::Native>();
    native->ssl.reset(SSL_new(context.get()));
    native->in = BIO_new(BIO_s_mem());
    native->out = BIO_new(BIO_s_mem());
    SSL* const ssl = native->ssl.get();
    SSL_set_bio(ssl, native->in, native->out);
    SSL_set_ex_data(ssl, native_index(), native.get());
    native->is_server = is_server;
    native->peer_name = std::move(peer_name);
    if (is_server) {
      SSL_set_verify(ssl, verify_mode(client_certificate), nullptr);
      SSL_set_accept_state(ssl);
    } else {
      SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
      SSL_set_connect_state(ssl);
    }
    return std::make_unique<TlsSession>(std::move(native));
  }
};

TlsContext::TlsContext(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files,
                                                           ClientCertificate client_certificate) {
  ERR_clear_error();
  auto native = std::make_unique<Native>();
  native->context.reset(SSL_CTX_new(TLS_method()));
  native->client_certificate = client_certificate;
  SSL_CTX* const context = native->context.get();
  if (context == nullptr || !set_rules(context)) {
    return fail(ErrorKind::kUnavailable, "the TLS library cannot do what is needed: " + library_error(), "certificate");
  }
  if (const Status used = use_certificates(context, files.certificate); !used) return forward_error(used);
  if (const Status used = use_key(context, files.private_key); !used) return forward_error(used);
  if (const Status used = trust(context, files.trusted_ca); !used) return forward_error(used);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(native)));
}

std::unique_ptr<TlsSession> TlsContext::accept() const { return native_->make(true, {}); }

std::unique_ptr<TlsSession> TlsContext::connect(std::string_view peer_name) const {
  // A name that no certificate can have: nobody verifies where nobody was asked for.
  std::string wanted = peer_name.empty() ? std::string("(nobody)") : normalised_name(peer_name);
  const bool is_name = !IpAddress::parse(wanted).has_value();
  auto session = native_->make(false, wanted);
  if (is_name) session->set_sni(wanted);
  return session;
}

std::chrono::system_clock::time_point TlsContext::expires_at() const {
  return expiry_of(SSL_CTX_get0_certificate(native_->context.get()));
}

ClientCertificate TlsContext::client_certificate() const { return native_->client_certificate; }

}  // namespace isthmus::sip
