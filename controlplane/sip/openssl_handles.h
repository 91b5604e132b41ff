#pragma once

// OpenSSL's objects with owners, and what its files here share. Inside of the folder, for tls_*.cc alone.

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "controlplane/sip/tls_context.h"
#include "controlplane/sip/tls_outcome.h"
#include "controlplane/sip/tls_session.h"

namespace isthmus::sip {

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using OpensslPtr = std::unique_ptr<T, OpensslFree<Free>>;

using BioPtr = OpensslPtr<BIO, BIO_free>;
using CertificatePtr = OpensslPtr<X509, X509_free>;
using KeyPtr = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;
using ContextPtr = OpensslPtr<SSL_CTX, SSL_CTX_free>;
using SslPtr = OpensslPtr<SSL, SSL_free>;
using NamesPtr = OpensslPtr<GENERAL_NAMES, GENERAL_NAMES_free>;

struct TlsSession::Native {
  SslPtr ssl;
  BIO* in = nullptr;   // owned by ssl
  BIO* out = nullptr;  // owned by ssl
  bool is_server = false;
  std::string peer_name;  // that the certificate must have; empty: any (server side)
  TlsOutcome outcome;
};

/// Where an SSL keeps its TlsSession::Native.
int native_index();

}  // namespace isthmus::sip
