#pragma once

// Who a peer is by its certificate (RFC 5922 7). Inside of the folder, for tls_*.cc alone.

#include <string>
#include <vector>

#include "controlplane/sip/openssl_handles.h"

namespace isthmus::sip {

/// For SSL_CTX_set_cert_verify_callback: chain, dates and usage by OpenSSL, then the name of the session. What was
/// found is in the session's outcome.
int verify_peer(X509_STORE_CTX* store, void* unused);

/// SANs: DNS names in lower case, hosts of sip and sips URIs, addresses as isthmus::to_string writes them; at most
/// kMaxPeerNames.
std::vector<std::string> names_of(const X509* certificate);

}  // namespace isthmus::sip
