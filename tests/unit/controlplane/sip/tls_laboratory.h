#pragma once

// Certificates and a TLS peer for tests, made with OpenSSL and nothing of the product. TlsFarEnd is the other end of a
// MemoryLink: what it does wrong is what a test wants of it.

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "controlplane/sip/tls_context.h"
#include "tests/unit/controlplane/sip/memory_network.h"

namespace isthmus::sip {

struct CertificateSpec {
  std::string san = "DNS:peer.example.com";  ///< as openssl.cnf has it; empty: none
  int from_days = -1;
  int to_days = 30;
  std::string usage = "serverAuth,clientAuth";
  std::string common_name = "peer.example.com";
};

/// A root, an issuing authority, and what they sign, as files of a folder that goes away.
class TlsLaboratory {
 public:
  TlsLaboratory() {
    char made[] = "/tmp/isthmus-tls-XXXXXX";
    folder_ = ::mkdtemp(made);
    root_ = sign("root", {"", -1, 60, "", "root of " + folder_}, nullptr, true);
    issuing_ = sign("issuing", {"", -1, 60, "", "issuing of " + folder_}, &root_, true);
    write_pem("ca.pem", {root_.certificate.get()});
  }
  ~TlsLaboratory() { std::filesystem::remove_all(folder_); }
  TlsLaboratory(const TlsLaboratory&) = delete;
  TlsLaboratory& operator=(const TlsLaboratory&) = delete;

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  /// NAME.pem with certificate and issuing authority, NAME.key; trusts the root.
  TlsFiles make(const std::string& name, const CertificateSpec& spec = {}) {
    const Signed own = sign(name, spec, &issuing_, false);
    write_pem(name + ".pem", {own.certificate.get(), issuing_.certificate.get()});
    std::FILE* file = std::fopen(path(name + ".key").c_str(), "w");
    PEM_write_PrivateKey(file, own.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    return {path(name + ".pem"), path(name + ".key"), path("ca.pem")};
  }

 private:
  struct Freeing {
    void operator()(X509* object) const { X509_free(object); }
    void operator()(EVP_PKEY* object) const { EVP_PKEY_free(object); }
  };
  struct Signed {
    std::unique_ptr<X509, Freeing> certificate;
    std::unique_ptr<EVP_PKEY, Freeing> key;
  };

  Signed sign(const std::string& name, const CertificateSpec& spec, const Signed* issuer, bool is_authority) {
    Signed own;
    own.key.reset(EVP_EC_gen("P-256"));
    own.certificate.reset(X509_new());
    X509* const certificate = own.certificate.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 86'400L * spec.from_days);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * spec.to_days);
    const auto* text = reinterpret_cast<const unsigned char*>(spec.common_name.c_str());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1, -1, 0);
    const X509* const by = issuer == nullptr ? certificate : issuer->certificate.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(by));
    X509_set_pubkey(certificate, own.key.get());
    extend(certificate, by, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(certificate, by, NID_key_usage, is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    if (!spec.usage.empty()) extend(certificate, by, NID_ext_key_usage, spec.usage);
    if (!spec.san.empty()) extend(certificate, by, NID_subject_alt_name, spec.san);
    if (X509_sign(certificate, (issuer == nullptr ? own : *issuer).key.get(), EVP_sha256()) == 0) {
      std::fprintf(stderr, "cannot sign %s\n", name.c_str());
      std::abort();
    }
    return own;
  }

  static void extend(X509* certificate, const X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, const_cast<X509*>(issuer), certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr) {
      std::fprintf(stderr, "no such extension: %s\n", value.c_str());
      std::abort();
    }
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  void write_pem(const std::string& name, const std::vector<X509*>& certificates) {
    std::FILE* file = std::fopen(path(name).c_str(), "w");
    for (X509* certificate : certificates) PEM_write_X509(file, certificate);
    std::fclose(file);
  }

  std::string folder_;
  Signed root_;
  Signed issuing_;
  long serial_ = 0;
};

/// One TLS connection of the other side, as server of what the gateway opens or as client of what it accepts.
class TlsFarEnd {
 public:
  enum class Role : std::uint8_t { kClient, kServer };

  TlsFarEnd(MemoryNetwork& network, event_loop::Timers& timers, std::shared_ptr<MemoryLink> link, Role role,
            const TlsFiles* own = nullptr)
      : network_(network), timers_(timers), link_(std::move(link)), context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_cipher_list(context_, "ALL");
    if (own != nullptr) {
      SSL_CTX_use_certificate_chain_file(context_, own->certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context_, own->private_key.c_str(), SSL_FILETYPE_PEM);
      SSL_CTX_load_verify_locations(context_, own->trusted_ca.c_str(), nullptr);
    }
    is_client_ = role == Role::kClient;
  }
  ~TlsFarEnd() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  TlsFarEnd(const TlsFarEnd&) = delete;
  TlsFarEnd& operator=(const TlsFarEnd&) = delete;

  SSL_CTX* context() { return context_; }  ///< to change before the first pump()
  SSL* ssl() { return ensure(), ssl_; }
  std::size_t piece = 1 << 20;  ///< octets of the wire that the gateway gets at a time
  std::string heard;            ///< decrypted
  std::string alert;            ///< the last one that the gateway sent, or the error it caused here
  bool is_open = false;
  bool was_ended = false;  ///< the gateway said close_notify

  /// Until nothing moves.
  void pump() {
    ensure();
    for (int quiet = 0; quiet < 2;) {
      timers_.start({}, [] {});
      const std::string wire = link_->take();
      if (!wire.empty()) BIO_write(SSL_get_rbio(ssl_), wire.data(), static_cast<int>(wire.size()));
      step();
      const bool sent = flush();
      advance_();
      quiet = wire.empty() && !sent && link_->received.empty() ? quiet + 1 : 0;
    }
  }
  void say(const std::string& text) {
    SSL_write(ssl_, text.data(), static_cast<int>(text.size()));
    pump();
  }
  void end() {
    SSL_shutdown(ssl_);
    pump();
  }
  /// One round of the network.
  void on_round(std::function<void()> advance) { advance_ = std::move(advance); }

 private:
  void ensure() {
    if (ssl_ != nullptr) return;
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (is_client_) {
      SSL_set_connect_state(ssl_);
    } else {
      SSL_set_accept_state(ssl_);
    }
  }
  void step() {
    ERR_clear_error();
    int result = is_open ? 1 : SSL_do_handshake(ssl_);
    if (result == 1) {
      is_open = true;
      char buffer[16 * 1024];
      while ((result = SSL_read(ssl_, buffer, sizeof buffer)) > 0)
        heard.append(buffer, static_cast<std::size_t>(result));
    }
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_ZERO_RETURN) was_ended = true;
    if (error == SSL_ERROR_SSL) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      alert = reason == nullptr ? "error" : reason;
    }
  }
  bool flush() {
    std::string wire(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
    if (wire.empty()) return false;
    BIO_read(SSL_get_wbio(ssl_), wire.data(), static_cast<int>(wire.size()));
    for (std::size_t at = 0; at < wire.size(); at += piece) network_.send(link_, wire.substr(at, piece));
    return true;
  }

  MemoryNetwork& network_;
  event_loop::Timers& timers_;
  std::shared_ptr<MemoryLink> link_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  std::function<void()> advance_;
  bool is_client_ = true;
};

}  // namespace isthmus::sip
