#pragma once

// From a file to a checked configuration: reader, schema and validator in a row. Nothing is started by any of it, and
// all problems are told at once.

#include <cstddef>
#include <string>
#include <string_view>

#include "controlplane/config/control_plane.h"
#include "controlplane/config/problem.h"
#include "controlplane/config/value.h"

namespace isthmus::config {

inline constexpr std::size_t kMaxFileBytes = std::size_t{4} * 1024 * 1024;

/// The text of a TOML file. `lines`, where given, takes where each key was written.
Checked<ControlPlane> load_text(std::string_view text, Lines* lines = nullptr);

/// A file that cannot be read is a problem like any other.
Checked<ControlPlane> load_file(const std::string& path, Lines* lines = nullptr);

}  // namespace isthmus::config
