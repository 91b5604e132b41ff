#pragma once

// The forms of URIs, addresses and Via that nearly every message has, and of which no judge has to be asked: names,
// numeric IPv4, parameters of a few harmless characters, no escapes, no comments, no folding. Much narrower than the
// grammar; what they refuse goes to Sofia-SIP (sofia.h), and what they take it takes as well (a property test asks it).
// Inside of the folder.

#include <string_view>

#include "controlplane/sip/sofia.h"

namespace isthmus::sip::plain {

/// "sip:user@host:port;name=value;name"
bool is_uri(std::string_view text);
/// From, To, Contact, Route, Record-Route: "Words" <uri>;name=value
bool is_address(std::string_view text);
/// "SIP/2.0/TCP host:port;name=value". False: not of this form, and `parts` are as they were.
bool read_via(std::string_view text, sofia::ViaParts& parts);

}  // namespace isthmus::sip::plain
