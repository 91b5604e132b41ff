#include "controlplane/sip/tls_verify.h"

#include <algorithm>
#include <array>

#include "controlplane/sip/peer_name.h"
#include "controlplane/sip/uri.h"
#include "dataplane/base/address.h"

namespace isthmus::sip {

namespace {

constexpr std::size_t kMaxNamesInText = 8;
constexpr std::size_t kMaxNameBytes = 253;  // RFC 1035 2.3.4

/// Empty for what is no name: too long, or with an octet that text cannot have (a NUL would end it for others).
std::string_view text_of(const ASN1_STRING* value) {
  const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(value));
  const std::string_view text(bytes, static_cast<std::size_t>(ASN1_STRING_length(value)));
  const bool good = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  return good ? text : std::string_view{};
}

std::string name_in(const GENERAL_NAME& general) {
  if (general.type == GEN_DNS) {
    const std::string_view name = text_of(general.d.dNSName);
    const bool is_name = name.size() <= kMaxNameBytes && !IpAddress::parse(name);  // an address has its own kind
    return is_name ? normalised_name(name) : std::string{};
  }
  if (general.type == GEN_URI) {
    // RFC 5922 7.1: a URI with a user is somebody's, not a host's.
    const auto uri = Uri::parse(text_of(general.d.uniformResourceIdentifier));
    if (!uri || !uri->is_sip() || !uri->user.empty() || uri->host.size() > kMaxNameBytes) return {};
    return normalised_name(uri->host);
  }
  if (general.type == GEN_IPADD) {
    const unsigned char* bytes = ASN1_STRING_get0_data(general.d.iPAddress);
    const int size = ASN1_STRING_length(general.d.iPAddress);
    if (size == 4) return isthmus::to_string(IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]));
    if (size == 16) {
      std::array<std::uint8_t, 16> v6{};
      std::copy_n(bytes, v6.size(), v6.begin());
      return isthmus::to_string(IpAddress::v6(v6));
    }
  }
  return {};
}

TlsFailure failure_of(int verify_error) {
  switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TlsFailure::kNotValidNow;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED: return TlsFailure::kUnknownCa;
    default: return TlsFailure::kBadCertificate;
  }
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxNamesInText); ++i) list += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMaxNamesInText) list += ", ...";
  return list.empty() ? "nobody (it has no subjectAltName that counts)" : list;
}

/// Windows servers call out with certificates that are for servers only; the name decides who they are.
void take_server_usage_of_clients(X509_STORE_CTX* store) {
  const std::uint32_t usage = X509_get_extended_key_usage(X509_STORE_CTX_get0_cert(store));
  const bool is_listed = usage != UINT32_MAX;
  if (!is_listed || (usage & (XKU_SSL_CLIENT | XKU_ANYEKU)) != 0 || (usage & XKU_SSL_SERVER) == 0) return;
  X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(store), X509_PURPOSE_SSL_SERVER);
}

}  // namespace

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  const NamesPtr all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!all) return names;
  const int count = sk_GENERAL_NAME_num(all.get());
  for (int i = 0; i < count && names.size() < kMaxPeerNames; ++i) {
    std::string name = name_in(*sk_GENERAL_NAME_value(all.get(), i));
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

int verify_peer(X509_STORE_CTX* store, void* /*unused*/) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& session = *static_cast<TlsSession::Native*>(SSL_get_ex_data(ssl, native_index()));
  const auto refuse = [&session, store](TlsFailure failure, std::string detail, int verify_error) {
    session.outcome.failure = failure;
    session.outcome.detail = std::move(detail);
    X509_STORE_CTX_set_error(store, verify_error);  // makes the alert
    return 0;
  };
  const X509* const certificate = X509_STORE_CTX_get0_cert(store);
  if (session.is_server) take_server_usage_of_clients(store);
  std::vector<std::string> names = names_of(certificate);
  if (X509_verify_cert(store) != 1) {
    const int error = X509_STORE_CTX_get_error(store);
    return refuse(failure_of(error),
                  std::string(X509_verify_cert_error_string(error)) + "; the certificate is for " + list_of(names),
                  error);
  }
  if (!session.peer_name.empty() && std::ranges::find(names, session.peer_name) == names.end()) {
    return refuse(TlsFailure::kWrongName, "wanted " + session.peer_name + ", the certificate is for " + list_of(names),
                  X509_V_ERR_HOSTNAME_MISMATCH);
  }
  session.outcome.names = std::move(names);
  return 1;
}

}  // namespace isthmus::sip
