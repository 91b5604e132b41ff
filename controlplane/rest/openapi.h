#pragma once

// The OpenAPI 3 document of the interface, as it is served at /api/v1/openapi.json. A test holds it against routes().

#include <string_view>

namespace isthmus::rest {

extern const std::string_view kOpenApi;

}  // namespace isthmus::rest
