#pragma once

// a= lines of one media section; private to the reader.

#include <cstdint>
#include <string_view>

#include "controlplane/sdp/reader.h"
#include "controlplane/sdp/session_description.h"

namespace isthmus::sdp {

/// What the line reader has to do about an attribute.
enum class AttributeOutcome : std::uint8_t {
  kTaken,
  kDamaged,  ///< Known but unreadable: left out, counted.
  kDamagedCrypto,
  kUnusableCandidate,
  kLegacyCandidate,
  kForeignFormat,  ///< For a payload type that the m-line does not list: left out, counted.
  kTooMany,        ///< A bound of limits.h.
};

/// State of one section that only matters while it is read.
struct SectionNotes {
  bool has_direction = false;
  std::size_t candidate_lines = 0;  ///< of all spellings, the unusable ones too
};

AttributeOutcome read_media_attribute(std::string_view name, std::string_view value, MediaSection& section,
                                      SectionNotes& notes);

/// a=ice-ufrag, a=ice-pwd: into `section`. Values are trimmed: Microsoft's own example has a blank behind the colon.
AttributeOutcome read_ice_text(std::string_view name, std::string_view value, MediaSection& section);

/// "IN IP4 192.0.2.1[/ttl[/count]]" or a host name.
std::optional<Connection> parse_connection(std::string_view text);
std::optional<Bandwidth> parse_bandwidth(std::string_view text);
std::optional<Direction> parse_direction(std::string_view name);

/// Attributes that carry key material and have no place in the model (a=key-mgmt, a=cryptoscale): dropped when read.
bool is_dropped_secret(std::string_view name);

}  // namespace isthmus::sdp
