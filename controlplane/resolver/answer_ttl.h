#pragma once

// How long a DNS answer may be kept: c-ares does not say it of SRV records.

#include <chrono>
#include <optional>

#include "dataplane/base/bytes.h"

namespace isthmus::resolver {

/// The least TTL among the records of the answer section; nothing where there is none or the message is damaged.
std::optional<std::chrono::seconds> least_ttl(Bytes message);

}  // namespace isthmus::resolver
