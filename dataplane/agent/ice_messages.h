#pragma once

// The STUN messages that keep a pair of ICE alive (RFC 8445 7 and 11, RFC 7675, [MS-ICE2]), each in the leg's own form.

#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/random.h"
#include "dataplane/contract/messages.h"
#include "dataplane/wire/stun.h"

namespace isthmus::agent {

/// Success response to `check` from `source`, under our own password.
std::vector<std::uint8_t> make_check_answer(const wire::StunMessage& check, const SocketAddress& source,
                                            const contract::IceSpec& ice);
/// Binding request under the peer's password; nominates nothing.
std::vector<std::uint8_t> make_consent_request(const wire::StunTransaction& transaction, const contract::IceSpec& ice,
                                               contract::Component component);
/// Binding indication with nothing but FINGERPRINT.
std::vector<std::uint8_t> make_keep_alive(RandomSource& random);

}  // namespace isthmus::agent
