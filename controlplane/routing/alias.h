#pragma once

// What the dial plan works on: the address part of a request URI, "user@host[:port]", without scheme, password,
// parameters and headers. Plain text functions, bounded by the URI's own length.

#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"

namespace isthmus::routing {

/// Longest alias the dial plan looks at; longer ones are refused (a regex over more would only cost time).
inline constexpr std::size_t kMaxAliasBytes = 512;

/// RFC 3261 19.1 and RFC 3966. kOther is answered 416.
enum class Scheme : std::uint8_t { kSip, kSips, kTel, kOther };

/// A request URI taken apart as far as routing needs it.
struct DialledUri {
  Scheme scheme = Scheme::kSip;
  std::string alias;       ///< "3001@video.example.com:5060"; for tel: the number; never empty
  std::string parameters;  ///< ";user=phone;gr=..." as received, without those that name a transport (transport, maddr,
                           ///< ttl, lr, method)
};

/// kInvalidArgument (field "scheme") for a scheme that is not ours, kMalformedInput where no host can be seen,
/// kExhausted for an alias over kMaxAliasBytes.
Result<DialledUri> parse_dialled_uri(std::string_view uri);

/// "user@host:5060" -> "user@host"; an IPv6 literal keeps its colons (R183). Unchanged where there is no port.
std::string strip_port(std::string_view alias);

/// The host of an alias without port and brackets; the whole alias where it has no "@" and looks like an address.
std::string_view host_of(std::string_view alias);
/// True when the host of the alias is a numeric address.
bool has_numeric_host(std::string_view alias);

/// The URI that goes out for `alias`. Parameters are kept; those that name one registered device (gr, opaque, gruu)
/// only where the alias is still the one dialled. An alias without "@" is completed with `default_host`.
std::string make_uri(const DialledUri& dialled, std::string_view alias, std::string_view default_host);

}  // namespace isthmus::routing
