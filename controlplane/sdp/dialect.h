#pragma once

#include <cstdint>

namespace isthmus::sdp {

/// Whose wording a leg's descriptions have: RFC 8866 and what belongs to it, or [MS-SDPEXT] (2010 and later).
enum class Dialect : std::uint8_t { kStandards = 0, kMicrosoft = 1 };

}  // namespace isthmus::sdp
