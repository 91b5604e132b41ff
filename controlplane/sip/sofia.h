#pragma once

// Sofia-SIP's parser as judge of grammar: the one door to the library. Nothing of its types or memory gets out; what it
// is given is a copy without NUL, so that its C strings end where ours do. Inside of the folder.

#include <cstdint>
#include <string>
#include <string_view>

namespace isthmus::sip::sofia {

/// True if the library takes the URI.
bool takes_uri(std::string_view text);
/// From, To.
bool takes_address(std::string_view text);
bool takes_contact(std::string_view text);
/// Route, Record-Route.
bool takes_route(std::string_view text);

struct ViaParts {
  std::string protocol;  ///< "SIP/2.0/UDP"
  std::string host;
  std::string port;
};
bool read_via(std::string_view text, ViaParts& parts);

}  // namespace isthmus::sip::sofia
