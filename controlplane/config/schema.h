#pragma once

// How the structs of control_plane.h are written down: every key with its type, range, default and purpose. One table
// of keys serves reading, the refusal of what it does not list, and the list that --list-config-keys prints.

#include <string>
#include <vector>

#include "controlplane/config/control_plane.h"
#include "controlplane/config/problem.h"
#include "controlplane/config/value.h"

namespace isthmus::config {

/// Fills `config` from `root`. Problems: unknown keys, wrong kinds, values out of range, missing keys; such values stay
/// at their defaults. `lines` takes where each key was written.
Problems apply_schema(const Value& root, ControlPlane& config, Lines& lines);

struct KeyDescription {
  std::string key;  ///< "zone[].hop_count"
  std::string type;
  std::string default_value;  ///< empty: must be given
  std::string purpose;
};

std::vector<KeyDescription> describe_keys();

}  // namespace isthmus::config
