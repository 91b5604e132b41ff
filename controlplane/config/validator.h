#pragma once

// What no single key can say: names that must exist, values that must fit each other, what this version cannot do yet.

#include "controlplane/config/control_plane.h"
#include "controlplane/config/problem.h"
#include "controlplane/config/value.h"

namespace isthmus::config {

/// Empty when the configuration can be run.
Problems validate(const ControlPlane& config, const Lines& lines);

}  // namespace isthmus::config
