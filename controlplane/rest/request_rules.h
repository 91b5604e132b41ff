#pragma once

// Our own strict reading of what a request may be, ahead of Beast's lenient one (threat model B5): one framing, no
// folded lines, no octets that two readers could take for two things. Pure functions, any thread.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/rest/http.h"
#include "dataplane/base/result.h"

namespace isthmus::rest {

//   request-line CRLF *( field-name ":" OWS field-value OWS CRLF ) CRLF      (RFC 9112 2.1)
//
/// `head` runs to the empty line and includes it. Refused: bare CR or LF, NUL and other control octets, folded lines,
/// blanks before a colon, a repeated Host, Content-Length, Transfer-Encoding, Authorization, Origin or Content-Type,
/// Content-Length with Transfer-Encoding, HTTP/1.1 without Host, a target that is not origin-form, and each bound
/// passed (kExhausted). `field` is the header's name in lower case where there is one.
Status check_head(std::string_view head);

struct Target {
  std::vector<std::string> segments;                       ///< of the path, decoded; "/" has none
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in the order given
};

inline constexpr std::size_t kMaxSegments = 16;
inline constexpr std::size_t kMaxQueryParameters = 16;

/// Path and query of an origin-form target. Refused: damaged percent escapes, encoded control octets and slashes, dot
/// segments, empty segments, a fragment, a parameter twice.
Result<Target> parse_target(std::string_view target);

/// `host` is a Host value with or without port; `allowed` has names and bracketed addresses without port. Letter case
/// does not count.
bool host_allowed(std::string_view host, std::span<const std::string> allowed);

/// A browser's Origin: "http://" and an allowed host. An empty one (no browser, or a same-origin GET) is allowed.
bool origin_allowed(std::string_view origin, std::span<const std::string> allowed);

/// The token of "Bearer <token>" (RFC 6750 2.1); empty for anything else.
std::string_view bearer_token(std::string_view authorization);

}  // namespace isthmus::rest
