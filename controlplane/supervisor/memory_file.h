#pragma once

// Memory that outlives the process that uses it: an anonymous file of fixed size, never executable, never on a disk.

#include <cstddef>
#include <string>

#include "controlplane/supervisor/descriptor.h"
#include "dataplane/base/result.h"

namespace isthmus::supervisor {

/// `name` shows in /proc/PID/maps. The size is sealed; the pages come as they are used.
Result<Descriptor> make_memory_file(const std::string& name, std::size_t bytes);

}  // namespace isthmus::supervisor
