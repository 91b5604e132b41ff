#pragma once

// SessionDescription to text: always the same text for the same value.

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/sdp/session_description.h"

namespace isthmus::sdp {

/// How the lines are worded. `microsoft` (MS-SDPEXT) comes beside it.
enum class Dialect : std::uint8_t { kStandards };

/// For the wire: contains keys. CRLF line ends.
std::string serialise(const SessionDescription& description, Dialect dialect = Dialect::kStandards);

/// For logs and traces: the same with every key, ICE password and the like replaced by "***".
std::string to_log(const SessionDescription& description);

/// The same for text that was not parsed (or does not parse): masks by line, keeps all else.
std::string mask_secrets(std::string_view sdp_text);

}  // namespace isthmus::sdp
