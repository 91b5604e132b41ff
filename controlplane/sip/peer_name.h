#pragma once

// The one form of a name that certificates and configurations are compared in.

#include <string>
#include <string_view>

namespace isthmus::sip {

/// Addresses as isthmus::to_string writes them, names in lower case and without the dot of the root (RFC 5922 7.2).
std::string normalised_name(std::string_view name);

}  // namespace isthmus::sip
