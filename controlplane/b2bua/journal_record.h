#pragma once

// A call as it stands in the journal: all that a new control plane needs to carry on with it. Holds keys.

#include <array>
#include <optional>

#include "controlplane/b2bua/archive.h"
#include "controlplane/b2bua/call.h"
#include "controlplane/config/control_plane.h"
#include "controlplane/sip/transport.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/secret.h"

namespace isthmus::b2bua {

inline constexpr std::uint32_t kRecordVersion = 6;
inline constexpr std::uint32_t kOldestRecordVersion = 5;  ///< that is still read

struct JournalRecord {
  const Call& call;
  const std::array<std::optional<sip::Target>, 2>& link;
};
/// Writes the record into `writer`, which is cleared first; false when it does not fit. A call that nobody answered yet
/// is written without its media: it cannot be carried on, only be ended.
bool encode_record(const JournalRecord& record, ArchiveWriter& writer);

struct RecoveredRecord {
  Call call;
  std::array<std::optional<sip::Target>, 2> link;
};
/// kMalformedInput for bytes that are no record, or of a version that is not read. The media settings come from the
/// configuration of today.
Result<RecoveredRecord> decode_record(Bytes bytes, const config::ControlPlane& configuration);

}  // namespace isthmus::b2bua
