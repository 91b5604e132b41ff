#pragma once

// Text to SessionDescription. Bounded by limits.h, no recursion, no allocation larger than a small multiple of the
// input.

#include <array>
#include <cstdint>
#include <string_view>

#include "controlplane/sdp/limits.h"
#include "controlplane/sdp/session_description.h"
#include "dataplane/base/result.h"

namespace isthmus::sdp {

/// What a description had wrong that we could read past. Each is a counter, so that an operator sees what a peer sends.
enum class Repair : std::uint8_t {
  kMissingVersion,      ///< No v= (fallback parts of Microsoft clients).
  kMissingOrigin,       ///< No o=
  kMissingSessionName,  ///< No s=
  kMissingTiming,       ///< No t=
  kMissingConnection,   ///< An m-line with a port and no c= anywhere; the section has no address.
  kBareLineEnd,         ///< LF or CR alone, or a last line without an end.
  kBlankLine,
  kTrailingSpace,
  kUnknownLine,        ///< A letter RFC 8866 does not have, or one out of place.
  kDuplicateFormat,    ///< A payload type twice in an m-line, or an rtpmap for one that is not there.
  kDamagedCrypto,      ///< An a=crypto line that does not parse: left out.
  kDamagedAttribute,   ///< Another attribute we know but cannot read: left out.
  kUnusableCandidate,  ///< An ICE candidate that does not parse, or of a kind nobody here uses: left out.
  kLegacyCandidate,    ///< One of the older Microsoft grammar; kept apart.
  kCount,
};
std::string_view to_string(Repair repair);

struct RepairCounts {
  std::array<std::uint32_t, static_cast<std::size_t>(Repair::kCount)> by_kind{};
  std::uint32_t operator[](Repair repair) const { return by_kind[static_cast<std::size_t>(repair)]; }
  void add(Repair repair) { ++by_kind[static_cast<std::size_t>(repair)]; }
  std::uint32_t total() const;
};

/// Reads one description. An error carries the byte offset, and in its text the line number and what was expected;
/// kMalformedInput means 400, kExhausted (a bound of limits.h) means 488. Neither quotes a key.
Result<SessionDescription> parse(std::string_view text, RepairCounts* repairs = nullptr);

}  // namespace isthmus::sdp
