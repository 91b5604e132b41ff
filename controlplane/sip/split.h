#pragma once

// Our own reading of URIs and addresses, without the judgement of Sofia-SIP's parser, for who asks for that on the
// whole header. Inside of the folder.

#include <string_view>

#include "controlplane/sip/uri.h"

namespace isthmus::sip {

Result<Uri> split_uri(std::string_view text);
Result<NameAddr> split_address(std::string_view value);

/// The tag of From or To, without the reading of the rest; empty where there is none. `value` is one that
/// split_address() takes.
std::string_view tag_of(std::string_view value);

}  // namespace isthmus::sip
