#pragma once

// Why media cannot be agreed, ready to be answered: status, warn-code and text of RFC 3261 20.43.

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "dataplane/base/result.h"

namespace isthmus::media {

enum class RefusalKind : std::uint8_t {
  kMalformed,            ///< The body does not parse.
  kTooLarge,             ///< A bound of sdp/limits.h.
  kNoMedia,              ///< No audio or video stream that could be taken.
  kNoCommonCodec,        ///< The zones and the peers share none.
  kNoUsableAddress,      ///< A name, loopback, multicast ... or a family that this leg does not have.
  kEncryptionRequired,   ///< Our policy asks for SRTP and the peer does not do it.
  kEncryptionForbidden,  ///< The peer asks for SRTP and our policy says off.
  kKeysOverClearLink,    ///< SRTP is needed but its keys would travel over a link without TLS.
  kNoCommonSuite,        ///< SRTP on both sides, no crypto line that we can use.
  kOlderIce,             ///< Only ICE candidates of the grammar before [MS-ICE2].
  kProtocol,             ///< The answer or re-offer breaks RFC 3264 (number of m-lines, unknown crypto tag, ...).
};

std::string_view to_string(RefusalKind kind);  ///< "encryption-required", for records and diagnosis

/// What a Microsoft peer is told in ms-client-diagnostics: `52017;reason="Encryption levels dont match"`.
struct MicrosoftDiagnosis {
  std::uint16_t code = 52063;
  std::string_view reason = "Unsupported session description";
};

struct Refusal {
  RefusalKind kind = RefusalKind::kMalformed;
  std::uint16_t status = 488;     ///< 400 or 488 when it is an offer that was refused
  std::uint16_t warn_code = 399;  ///< RFC 3261 20.43
  std::string text;               ///< Fits a quoted string; never contains a key.
  MicrosoftDiagnosis diagnosis{};
};

template <typename T>
using Outcome = tl::expected<T, Refusal>;

/// Fills status, warn-code and diagnosis by kind.
Refusal make_refusal(RefusalKind kind, std::string text);
/// For an error of sdp::parse.
Refusal refusal_from(const Error& parse_error);
/// `Warning` header value: `305 host "text"`.
std::string warning_value(const Refusal& refusal, std::string_view agent_host);

}  // namespace isthmus::media
