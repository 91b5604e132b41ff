#include "controlplane/routing/alias.h"

#include <algorithm>
#include <cctype>

#include "dataplane/base/address.h"

namespace isthmus::routing {
namespace {

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names),
                     [name](std::string_view candidate) { return equal_ignoring_case(name, candidate); });
}

// They say how to reach the host that was dialled, which the dial plan decides anew (RFC 3261 19.1.1).
constexpr std::string_view kTransportParameters[] = {"transport", "maddr", "ttl", "lr", "method"};
// They name one device of the address of record (RFC 5627, [MS-SIPRE] 2.2).
constexpr std::string_view kDeviceParameters[] = {"gr", "opaque", "gruu"};

/// Copies ";name=value" pieces of `parameters` whose name is not in `left_out`.
template <std::size_t N>
std::string without(std::string_view parameters, const std::string_view (&left_out)[N]) {
  std::string kept;
  while (!parameters.empty()) {
    const std::size_t end = parameters.find(';', 1);
    const std::string_view piece = parameters.substr(0, end);
    const std::string_view body = piece.substr(1);
    if (!body.empty() && !is_one_of(body.substr(0, body.find('=')), left_out)) kept += piece;
    if (end == std::string_view::npos) break;
    parameters.remove_prefix(end);
  }
  return kept;
}

/// Position of the ":" before the port in "host:port" or "[v6]:port"; npos without one.
std::size_t port_colon(std::string_view alias) {
  const std::size_t at = alias.rfind('@');
  const std::size_t host = at == std::string_view::npos ? 0 : at + 1;
  const std::string_view host_port = alias.substr(host);
  std::size_t colon = std::string_view::npos;
  if (host_port.starts_with('[')) {
    const std::size_t close = host_port.find(']');
    if (close != std::string_view::npos && host_port.substr(close + 1).starts_with(':')) colon = close + 1;
  } else if (std::count(host_port.begin(), host_port.end(), ':') == 1) {
    colon = host_port.find(':');
  }
  if (colon == std::string_view::npos) return colon;
  const std::string_view digits = host_port.substr(colon + 1);
  const bool numeric = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return numeric ? host + colon : std::string_view::npos;
}

}  // namespace

Result<DialledUri> parse_dialled_uri(std::string_view uri) {
  DialledUri dialled;
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos) return fail(ErrorKind::kMalformedInput, "a URI needs a scheme", "request-uri");
  const std::string_view scheme = uri.substr(0, colon);
  if (equal_ignoring_case(scheme, "sip")) {
    dialled.scheme = Scheme::kSip;
  } else if (equal_ignoring_case(scheme, "sips")) {
    dialled.scheme = Scheme::kSips;
  } else if (equal_ignoring_case(scheme, "tel")) {
    dialled.scheme = Scheme::kTel;
  } else {
    return fail(ErrorKind::kInvalidArgument, "only sip, sips and tel are understood", "scheme");
  }
  std::string_view rest = uri.substr(colon + 1);
  // The user part may hold ";" and "?" (RFC 3261 25.1), so parameters begin behind the last "@".
  const std::size_t at = rest.rfind('@');
  const std::size_t host = at == std::string_view::npos ? 0 : at + 1;
  const std::size_t query = dialled.scheme == Scheme::kTel ? std::string_view::npos : rest.find('?', host);
  rest = rest.substr(0, query);
  const std::size_t semicolon = rest.find(';', host);
  std::string_view address = rest.substr(0, semicolon);
  if (address.size() == host) return fail(ErrorKind::kMalformedInput, "a URI needs a host", "request-uri");
  if (address.size() > kMaxAliasBytes) return fail(ErrorKind::kExhausted, "the address is too long", "request-uri");
  if (at == 0) return fail(ErrorKind::kMalformedInput, "the user part is empty", "request-uri");
  if (at != std::string_view::npos) {
    // A password is never handed on.
    const std::size_t password = address.substr(0, at).find(':');
    if (password == 0) return fail(ErrorKind::kMalformedInput, "the user part is empty", "request-uri");
    dialled.alias = std::string(address.substr(0, std::min(password, at)));
    dialled.alias += address.substr(at);
  } else {
    dialled.alias = std::string(address);
  }
  if (semicolon != std::string_view::npos) {
    dialled.parameters = without(rest.substr(semicolon), kTransportParameters);
  }
  return dialled;
}

std::string strip_port(std::string_view alias) { return std::string(alias.substr(0, port_colon(alias))); }

std::string_view host_of(std::string_view alias) {
  alias = alias.substr(0, port_colon(alias));
  const std::size_t at = alias.rfind('@');
  if (at != std::string_view::npos) alias.remove_prefix(at + 1);
  if (alias.size() >= 2 && alias.starts_with('[') && alias.ends_with(']')) alias = alias.substr(1, alias.size() - 2);
  return alias;
}

bool has_numeric_host(std::string_view alias) { return IpAddress::parse(host_of(alias)).has_value(); }

std::string make_uri(const DialledUri& dialled, std::string_view alias, std::string_view default_host) {
  std::string uri = "sip:";
  uri += alias;
  if (alias.find('@') == std::string_view::npos && !has_numeric_host(alias) && !default_host.empty() &&
      (dialled.scheme == Scheme::kTel || host_of(alias).find('.') == std::string_view::npos)) {
    uri += '@';
    uri += default_host;
  }
  uri += alias == dialled.alias ? dialled.parameters : without(dialled.parameters, kDeviceParameters);
  return uri;
}

}  // namespace isthmus::routing
