#include "controlplane/sip/uri.h"

#include <algorithm>
#include <array>

#include "controlplane/sip/limits.h"
#include "controlplane/sip/plain.h"
#include "controlplane/sip/sofia.h"
#include "controlplane/sip/split.h"
#include "controlplane/sip/text.h"
#include "dataplane/base/address.h"

namespace isthmus::sip {

namespace {

using text::is_space;
using text::trim;

constexpr auto kNone = std::string_view::npos;

/// Controls, white space, quotes and angle brackets.
constexpr text::CharSet kNeverInUri = [] {
  std::array<char, 0x21 + 4> members{};
  for (std::size_t i = 0; i <= 0x20; ++i) members[i] = static_cast<char>(i);
  std::ranges::copy(std::string_view("<>\"\x7F"), members.begin() + 0x21);
  return text::CharSet(std::string_view(members.data(), members.size()));
}();

tl::unexpected<Error> malformed(const char* what) { return fail(ErrorKind::kMalformedInput, what); }

bool is_host(std::string_view host) {
  if (host.empty()) return false;
  if (host.front() == '[') return host.back() == ']' && IpAddress::parse(host).has_value();
  static constexpr text::CharSet kHostChars("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
  return std::ranges::all_of(host, [](char c) { return kHostChars.has(c); });
}

/// "host", "host:port", "[v6]:port".
Status split_host_port(std::string_view text, Uri& uri) {
  const std::size_t colon = text.find(':', text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0);
  if (colon != kNone) {
    const auto port = text::number(text.substr(colon + 1), 65535);
    if (!port) return malformed("the port of a URI is no number up to 65535");
    uri.port = static_cast<std::uint16_t>(*port);
    text = text.substr(0, colon);
  }
  if (!is_host(text)) return malformed("the host of a URI is no host");
  uri.host = text;
  return {};
}

/// RFC 3261 19.1.1: [user[:password]@]host[:port][;parameters][?headers]
Status split_sip(std::string_view rest, Uri& uri) {
  const std::size_t at = rest.find('@');
  if (at != kNone) {
    if (rest.find('@', at + 1) != kNone) return malformed("a URI has two at signs");
    const std::string_view userinfo = rest.substr(0, at);
    uri.user = userinfo.substr(0, userinfo.find(':'));
    if (uri.user.empty()) return malformed("the user of a URI is empty");
    rest.remove_prefix(at + 1);
  }
  const std::size_t question = rest.find('?');
  if (question != kNone) {
    uri.headers = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  const std::size_t semicolon = rest.find(';');
  if (semicolon != kNone) {
    uri.parameters = rest.substr(semicolon + 1);
    rest = rest.substr(0, semicolon);
  }
  return split_host_port(rest, uri);
}

/// After ">" or an addr-spec: nothing, or ";" and parameters.
Result<std::string_view> header_parameters(std::string_view rest) {
  rest = trim(rest);
  if (rest.empty()) return rest;
  if (rest.front() != ';') return malformed("an address is followed by something that is no parameter");
  return trim(rest.substr(1));
}

/// A display name without quotes is words; these can not be in any of them (RFC 3261 25.1 allows tokens alone, but
/// peers write more than that).
bool is_display_name(std::string_view name) {
  static constexpr text::CharSet kNever(",;:<>\"@");
  return kNever.find_in(name) == kNone;
}

}  // namespace

std::optional<std::string_view> find_parameter(std::string_view parameters, std::string_view name) {
  // Asked for tag and branch at every turn: without quotes and brackets each semicolon ends a parameter.
  const bool is_plain = parameters.find('"') == kNone && parameters.find('<') == kNone;
  for (std::size_t at = 0; at < parameters.size();) {
    const std::size_t end =
        is_plain ? std::min(parameters.find(';', at), parameters.size()) : text::find_outside(parameters, ';', at);
    const std::string_view parameter = parameters.substr(at, end - at);
    const std::size_t equals = parameter.find('=');
    if (text::same(trim(parameter.substr(0, equals)), name)) {
      return equals == kNone ? std::string_view{} : trim(parameter.substr(equals + 1));
    }
    at = end + 1;
  }
  return std::nullopt;
}

std::optional<std::string_view> Uri::parameter(std::string_view name) const { return find_parameter(parameters, name); }

Result<Uri> split_uri(std::string_view text) {
  if (text.size() > kMaxHeaderBytes) return malformed("a URI is too long");
  if (kNeverInUri.find_in(text) != kNone)
    return malformed("a URI has a space, a quote, an angle bracket or a control character in it");
  const std::size_t colon = text.find(':');
  if (colon == kNone || colon == 0 || !text::is_alpha(text.front())) return malformed("a URI has no scheme");
  Uri uri;
  uri.text = text;
  uri.scheme.reserve(colon);
  for (const char c : text.substr(0, colon)) {
    if (!text::is_alpha(c) && !text::is_digit(c) && c != '+' && c != '-' && c != '.') {
      return malformed("a URI has no scheme");
    }
    uri.scheme.push_back(text::lower(c));
  }
  const std::string_view rest = text.substr(colon + 1);
  if (uri.is_sip()) {
    if (const auto split = split_sip(rest, uri); !split) return forward_error(split);
  } else if (uri.scheme == "tel") {
    const std::size_t semicolon = rest.find(';');
    uri.user = rest.substr(0, semicolon);
    if (semicolon != kNone) uri.parameters = rest.substr(semicolon + 1);
    if (uri.user.empty()) return malformed("a tel URI has no number");
  }
  return uri;
}

Result<Uri> Uri::parse(std::string_view text) {
  auto uri = split_uri(text);
  if (uri && (uri->is_sip() || uri->scheme == "tel") && !plain::is_uri(text) && !sofia::takes_uri(text)) {
    return malformed("a URI does not parse");
  }
  return uri;
}

std::optional<std::string_view> NameAddr::parameter(std::string_view name) const {
  return find_parameter(parameters, name);
}

std::string NameAddr::text_without_tag() const {
  // `parameters` is the tail of `text`.
  const std::size_t start = text.size() - parameters.size();
  for (std::size_t at = start; at < text.size();) {
    const std::size_t end = text::find_outside(text, ';', at);
    const std::string_view parameter = std::string_view(text).substr(at, end - at);
    if (text::same(trim(parameter.substr(0, parameter.find('='))), "tag")) {
      const std::size_t semicolon = text.rfind(';', at == 0 ? 0 : at - 1);
      return std::string(trim(text.substr(0, semicolon))) + text.substr(end);
    }
    at = end + 1;
  }
  return text;
}

Result<NameAddr> NameAddr::parse(std::string_view value) {
  auto address = split_address(value);
  if (address && !address->is_star && !plain::is_address(value) && !sofia::takes_address(value))
    return malformed("an address does not parse");
  return address;
}

Result<NameAddr> split_address(std::string_view value) {
  NameAddr address;
  value = trim(value);
  address.text = value;
  if (value == "*") {
    address.is_star = true;
    return address;
  }
  std::size_t open = 0;
  if (value.starts_with('"')) {
    const std::size_t after = text::after_quoted(value, 0);
    if (after == kNone) return malformed("a quoted string does not end");
    address.display_name = value.substr(0, after);
    open = after;
    while (open < value.size() && is_space(value[open])) ++open;
    if (open == value.size() || value[open] != '<') return malformed("a display name has no address behind it");
  } else {
    open = value.find('<');
    if (open != kNone) {
      const std::string_view name = trim(value.substr(0, open));
      if (!is_display_name(name)) return malformed("a display name needs quotes");
      address.display_name = name;
    }
  }
  std::string_view uri;
  std::string_view rest;
  if (open != kNone) {
    const std::size_t close = value.find('>', open);
    if (close == kNone) return malformed("an address has no closing angle bracket");
    uri = value.substr(open + 1, close - open - 1);
    rest = value.substr(close + 1);
  } else {
    // RFC 3261 20.10: without brackets, parameters belong to the header, and the URI has no comma or question mark.
    const std::size_t semicolon = value.find(';');
    uri = trim(value.substr(0, semicolon));
    rest = semicolon == kNone ? std::string_view{} : value.substr(semicolon);
    if (uri.find_first_of(",?") != kNone) return malformed("an address with a comma or question mark needs brackets");
  }
  auto parsed = split_uri(uri);
  if (!parsed) return forward_error(parsed);
  address.uri = std::move(*parsed);
  const auto parameters = header_parameters(rest);
  if (!parameters) return forward_error(parameters);
  address.parameters = *parameters;
  return address;
}

std::string_view tag_of(std::string_view value) {
  const std::size_t quoted = value.starts_with('"') ? text::after_quoted(value, 0) : 0;
  const std::size_t open = value.find('<', std::min(quoted, value.size()));
  const std::size_t end = open == kNone ? value.find(';') : value.find('>', open);
  if (end == kNone) return {};
  const std::string_view rest = value.substr(end + 1);
  return find_parameter(rest.substr(std::min(rest.find_first_not_of(" \t;"), rest.size())), "tag")
      .value_or(std::string_view{});
}

std::optional<std::string_view> Via::parameter(std::string_view name) const { return find_parameter(parameters, name); }

bool Via::has_rfc3261_branch() const {
  constexpr std::string_view kCookie = "z9hG4bK";
  const std::string_view value = branch();
  // The cookie alone promises nothing (RFC 4475 3.3.12 badbranch).
  return value.size() > kCookie.size() && text::same(value.substr(0, kCookie.size()), kCookie);
}

Result<Via> Via::parse(std::string_view value) {
  value = trim(value);
  sofia::ViaParts parts;
  if (!plain::read_via(value, parts) && !sofia::read_via(value, parts)) return malformed("a Via does not parse");
  Via via;
  via.text = value;
  const std::size_t slash = parts.protocol.rfind('/');
  if (slash == kNone || !text::same(std::string_view(parts.protocol).substr(0, slash), "SIP/2.0")) {
    return malformed("a Via is not of SIP/2.0");
  }
  for (const char c : std::string_view(parts.protocol).substr(slash + 1)) {
    via.transport.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c);
  }
  if (!is_host(parts.host)) return malformed("the host of a Via is no host");
  via.host = std::move(parts.host);
  if (!parts.port.empty()) {
    const auto port = text::number(parts.port, 65535);
    if (!port) return malformed("the port of a Via is no number up to 65535");
    via.port = static_cast<std::uint16_t>(*port);
  }
  const std::size_t semicolon = value.find(';');
  if (semicolon != kNone) via.parameters = trim(value.substr(semicolon + 1));
  return via;
}

}  // namespace isthmus::sip
