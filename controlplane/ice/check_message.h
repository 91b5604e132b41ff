#pragma once

// Connectivity checks as messages: what a request, an answer and an error of ours consist of (RFC 8445 7.1, 7.3;
// [MS-ICE2] in the order that its peers write).

#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/secret.h"
#include "dataplane/wire/stun_integrity.h"

namespace isthmus::ice {

/// User name fragment and password of one side of one stream (RFC 8445 5.3).
struct Credentials {
  std::string ufrag;
  SecretBytes password;
  bool operator==(const Credentials&) const = default;
};

struct CheckRequest {
  wire::StunTransaction transaction{};
  std::string username{};  ///< theirs:ours
  std::uint32_t priority = 0;
  bool controlling = false;
  std::uint64_t tie_breaker = 0;
  bool use_candidate = false;
  std::string foundation{};  ///< of the local candidate; Microsoft's form carries it
};

/// Empty only when it could not be signed.
std::vector<std::uint8_t> write_request(const CheckRequest& request, wire::IntegrityForm form, Bytes their_password);
/// The answer to a request that was verified; `username` is that request's.
std::vector<std::uint8_t> write_success(const wire::StunTransaction& transaction, const SocketAddress& mapped,
                                        std::string_view username, wire::IntegrityForm form, Bytes our_password);
/// 487 for a role conflict, 420 with the attributes that are not known.
std::vector<std::uint8_t> write_error(const wire::StunMessage& request, std::uint16_t code, std::string_view reason,
                                      wire::IntegrityForm form, Bytes our_password);

}  // namespace isthmus::ice
