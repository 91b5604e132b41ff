#pragma once

// Bytes to Message. Limits first, then our own reading of lines and start line, then Sofia-SIP's parser for the headers
// and URIs that decide something; all others stay bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/sip/message.h"

namespace isthmus::sip {

/// How a malformed request is answered.
struct Refusal {
  std::uint16_t status = 400;
  std::string detail;  ///< what was wrong, for the Warning header and the log; no bytes of the peer
};

struct ParseOutcome {
  /// With a refusal: as far as it could be read.
  Message message;
  std::optional<Refusal> refusal{};
  /// The parts that a response copies are there: the refusal can be sent. Never for responses and ACK.
  bool can_answer = false;
};

/// One whole message: a datagram, or what StreamFramer cut out of a connection. Without Content-Length the body is the
/// rest; bytes after Content-Length are left out (RFC 3261 18.3).
ParseOutcome parse_message(std::string_view bytes);

/// The answer to a malformed request: the refusal's status with its detail in a Warning (399, RFC 3261 20.43).
Message refuse(const Message& request, const Refusal& refusal, std::string_view warn_agent, std::string_view to_tag);

}  // namespace isthmus::sip
