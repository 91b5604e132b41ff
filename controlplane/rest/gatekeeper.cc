#include "controlplane/rest/gatekeeper.h"

#include <algorithm>
#include <utility>

#include "controlplane/rest/request_rules.h"
#include "dataplane/base/secret.h"

namespace isthmus::rest {

Gatekeeper::Gatekeeper(const TokenHash& admin, Clock clock) : admin_(admin), clock_(std::move(clock)) {}

Gatekeeper::Verdict Gatekeeper::admit(std::string_view authorization) {
  const auto now = clock_();
  if (now < wait_until_) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(wait_until_ - now);
    return {Verdict::Kind::kWait, Role::kPublic, left};
  }
  if (authorization.empty()) return {};
  // Hashes are compared, in constant time: neither the token's bytes nor its length show in the time it takes.
  if (equal_constant_time(hash_token(bearer_token(authorization)), admin_)) {
    in_a_row_ = 0;
    return {Verdict::Kind::kKnown, Role::kAdmin, {}};
  }
  ++failures_;
  if (++in_a_row_ >= kFreeFailures) {
    const unsigned doublings = std::min(in_a_row_ - kFreeFailures, 5U);
    wait_until_ = now + std::min<std::chrono::seconds>(kFirstWait * (1U << doublings), kLongestWait);
  }
  return {Verdict::Kind::kWrongToken, Role::kPublic, {}};
}

}  // namespace isthmus::rest
