#pragma once

// From a file to a checked configuration: reader, schema and validator in a row. Nothing is started by any of it, and
// all problems are told at once.

#include <cstddef>
#include <string>
#include <string_view>

#include "controlplane/config/control_plane.h"
#include "controlplane/config/problem.h"

namespace isthmus::config {

inline constexpr std::size_t kMaxFileBytes = 4U * 1024U * 1024U;

/// The text of a TOML file.
Checked<ControlPlane> load_text(std::string_view text);

/// A file that cannot be read is a problem like any other.
Checked<ControlPlane> load_file(const std::string& path);

}  // namespace isthmus::config
