#pragma once

// The configuration with all that can be known to be wrong before anything starts: its own rules, and what the dial
// plan, the trust table and the TLS library say of theirs.

#include <memory>
#include <string>

#include "controlplane/config/load.h"
#include "controlplane/sip/tls_context.h"

namespace isthmus::app {

config::Checked<config::ControlPlane> load_configuration(const std::string& path);
/// Of a file's content.
config::Checked<config::ControlPlane> check_configuration(std::string_view text);

/// Every key, its kind or range, its default and its purpose, a line each.
std::string list_of_keys();

/// What the files of a TLS listener hold. The error's field is the key of the listener that is to blame.
Result<std::shared_ptr<const sip::TlsContext>> load_tls(const config::Listener& listener);

}  // namespace isthmus::app
