#pragma once

// Errors as RFC 9457 problem documents: fixed texts, no inner detail (threat model B5).

#include <string_view>

#include "controlplane/rest/http.h"

namespace isthmus::rest {

/// `code` is a literal that documents list ("no-such-call"); `detail` a sentence of ours, never an exception's text.
Response problem(unsigned status, std::string_view code, std::string_view detail = {});

/// "Not Found"
std::string_view phrase_of(unsigned status);

}  // namespace isthmus::rest
