#pragma once

// The configuration with all that can be known to be wrong before anything starts: its own rules, and what the dial
// plan and the trust table say of theirs.

#include <string>

#include "controlplane/config/load.h"

namespace isthmus::app {

config::Checked<config::ControlPlane> load_configuration(const std::string& path);
/// Of a file's content.
config::Checked<config::ControlPlane> check_configuration(std::string_view text);

/// Every key, its kind or range, its default and its purpose, a line each.
std::string list_of_keys();

}  // namespace isthmus::app
