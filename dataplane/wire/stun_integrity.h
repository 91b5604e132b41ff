#pragma once

// MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 14.5, 14.7) in the two forms that peers use. The form of [MS-ICE2] keeps
// habits of RFC 3489: the text of the HMAC is padded with zeros to 64 bytes, and its length field is that of the
// finished message, FINGERPRINT included.

#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/wire/stun.h"

namespace isthmus::wire {

enum class IntegrityForm : std::uint8_t {
  kStrict,  ///< RFC 8489 14.5: length up to and with MESSAGE-INTEGRITY, nothing behind
  kPadded,  ///< [MS-ICE2]: final length, zeros to a multiple of 64
};

/// Longest message that is signed or verified; RFC 8489 6.1 keeps them below the MTU.
inline constexpr std::size_t kMaxSignedStunBytes = 1500;
/// What sign_stun appends.
inline constexpr std::size_t kStunSealBytes = 24 + 8;

/// Appends MESSAGE-INTEGRITY (short-term key: the password's bytes, RFC 8489 9.1.1) and FINGERPRINT. The writer
/// overflows when there is no room or the message would be too long.
void sign_stun(StunWriter& writer, IntegrityForm form, Bytes password);
/// FINGERPRINT alone: indications, and errors for those who could not be authenticated.
void fingerprint_stun(StunWriter& writer);

/// The form in which MESSAGE-INTEGRITY of `bytes` verifies, compared in constant time; empty: in none, or there is
/// none. `message` is what read_stun made of the same bytes.
std::optional<IntegrityForm> verify_integrity(Bytes bytes, const StunMessage& message, Bytes password);

/// FINGERPRINT is there and right. Old Microsoft stacks have one wrong entry in their table: a message without
/// MS-IMPLEMENTATION-VERSION may be right by either table.
bool verify_fingerprint(Bytes bytes, const StunMessage& message);

}  // namespace isthmus::wire
