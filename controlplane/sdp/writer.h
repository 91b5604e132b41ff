#pragma once

// SessionDescription to text: always the same text for the same value.

#include <string>
#include <string_view>

#include "controlplane/sdp/session_description.h"

namespace isthmus::sdp {

/// For the wire: contains keys. CRLF line ends. The dialect decides the order of the lines and the spelling of
/// candidates; what may be said in it is decided where the description is made (controlplane/media).
std::string serialise(const SessionDescription& description, Dialect dialect = Dialect::kStandards);

/// For logs and traces: the same with every key, ICE password and the like replaced by "***".
std::string to_log(const SessionDescription& description);

/// The same for text that was not parsed (or does not parse): masks by line, keeps all else.
std::string mask_secrets(std::string_view sdp_text);

}  // namespace isthmus::sdp
