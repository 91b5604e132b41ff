#include "controlplane/b2bua/identity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "controlplane/routing/alias.h"

namespace isthmus::b2bua {
namespace {

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// First '<' outside a quoted string; npos without one.
std::size_t angle_bracket(std::string_view value) {
  bool quoted = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (quoted && value[i] == '\\') {
      ++i;
    } else if (value[i] == '"') {
      quoted = !quoted;
    } else if (value[i] == '<' && !quoted) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// `uri` with another host, port dropped; user and parameters kept. A URI without user part keeps its old host as user,
/// since user@domain is what the far side asks for (R42).
std::string with_host(std::string_view uri, std::string_view host) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos) return std::string(uri);
  const std::string_view scheme = uri.substr(0, colon + 1);
  std::string_view rest = uri.substr(colon + 1);
  const std::size_t at = rest.rfind('@');
  const std::size_t host_at = at == std::string_view::npos ? 0 : at + 1;
  const std::size_t end = std::min(rest.find(';', host_at), rest.find('?', host_at));
  const std::string_view parameters = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  const std::string_view old_host = rest.substr(host_at, end == std::string_view::npos ? end : end - host_at);
  std::string changed(scheme);
  changed += at == std::string_view::npos ? routing::host_of(old_host) : rest.substr(0, at);
  changed += '@';
  changed += host;
  changed += parameters;
  return changed;
}

}  // namespace

NameAddress split_name_address(std::string_view value) {
  const std::size_t open = angle_bracket(value);
  if (open == std::string_view::npos) {
    value = trimmed(value);
    return {{}, trimmed(value.substr(0, value.find(';')))};
  }
  const std::size_t close = value.find('>', open);
  return {trimmed(value.substr(0, open)),
          value.substr(open + 1, close == std::string_view::npos ? close : close - open - 1)};
}

std::string without_parameters(std::string_view value) {
  const NameAddress parts = split_name_address(value);
  std::string result(parts.display);
  if (!result.empty()) result += ' ';
  result += '<';
  result += parts.uri;
  result += '>';
  return result;
}

std::string identity_for(std::string_view name_address, std::string_view zone_domain, std::string_view rule_domain) {
  const NameAddress parts = split_name_address(name_address);
  std::string_view domain = rule_domain;
  if (domain.empty() && !zone_domain.empty()) {
    const auto dialled = routing::parse_dialled_uri(parts.uri);
    if (dialled && (dialled->alias.find('@') == std::string::npos || routing::has_numeric_host(dialled->alias))) {
      domain = zone_domain;
    }
  }
  if (domain.empty()) return without_parameters(name_address);
  std::string result(parts.display);
  if (!result.empty()) result += ' ';
  return result + '<' + with_host(parts.uri, domain) + '>';
}

void repair_identities(Headers& headers, std::string_view zone_domain, std::string_view rule_domain) {
  constexpr std::array<std::string_view, 3> kIdentities{"P-Asserted-Identity", "Remote-Party-ID", "Diversion"};
  if (zone_domain.empty() && rule_domain.empty()) return;
  for (Header& header : headers) {
    const bool identity = std::any_of(kIdentities.begin(), kIdentities.end(), [&header](std::string_view name) {
      return equal_ignoring_case(name, header.name);
    });
    // Several identities in one line, or none in brackets, stay as they are.
    const std::size_t open = angle_bracket(header.value);
    if (!identity || open == std::string::npos || header.value.find('<', open + 1) != std::string::npos) continue;
    const std::size_t close = header.value.find('>', open);
    if (close == std::string::npos) continue;
    const std::string parameters = header.value.substr(close + 1);
    header.value = identity_for(header.value, zone_domain, rule_domain) + parameters;
  }
}

namespace {

/// The first element of a list of name-addrs that is a sip URI.
std::string_view first_sip_identity(std::string_view list) {
  std::size_t start = 0;
  bool quoted = false;
  bool bracketed = false;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    const bool at_end = i == list.size();
    const char c = at_end ? ',' : list[i];
    if (!at_end && quoted && c == '\\') {
      ++i;
    } else if (c == '"' && !bracketed) {
      quoted = !quoted;
    } else if (!quoted && (c == '<' || c == '>')) {
      bracketed = c == '<';
    } else if (at_end || (c == ',' && !quoted && !bracketed)) {
      const std::string_view element = trimmed(list.substr(start, i - start));
      if (equal_ignoring_case(split_name_address(element).uri.substr(0, 4), "sip:")) return element;
      start = i + 1;
    }
  }
  return {};
}

/// `"Ann" <sip:ann@contoso.test>`: of the URI's parameters only user=phone has a meaning elsewhere.
std::string plain_identity(std::string_view name_address, std::string_view other_display) {
  const NameAddress parts = split_name_address(name_address);
  const std::size_t end = std::min(parts.uri.find(';'), parts.uri.find('?'));
  const std::string_view parameters = end == std::string_view::npos ? std::string_view() : parts.uri.substr(end);
  std::string result(parts.display.empty() ? other_display : parts.display);
  if (!result.empty()) result += ' ';
  result += '<';
  result += parts.uri.substr(0, end);
  if (parameters.find(";user=phone") != std::string_view::npos) result += ";user=phone";
  return result + '>';
}

}  // namespace

std::string asserted_caller(Headers& headers, std::string_view from) {
  const std::string_view from_display = split_name_address(from).display;
  std::string caller;
  std::erase_if(headers, [&](Header& header) {
    if (!equal_ignoring_case(header.name, "P-Asserted-Identity")) return false;
    if (!caller.empty()) return true;
    const std::string_view identity = first_sip_identity(header.value);
    if (identity.empty()) return false;
    caller = plain_identity(identity, from_display);
    header.value = caller;
    return false;
  });
  return caller.empty() ? plain_identity(from, {}) : caller;
}

std::string random_token(RandomSource& random, std::size_t bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::vector<std::uint8_t> drawn(bytes);
  random.fill(drawn);
  std::string token;
  token.reserve(2 * bytes);
  for (const std::uint8_t byte : drawn) {
    token += kDigits[byte >> 4U];
    token += kDigits[byte & 0xfU];
  }
  return token;
}

}  // namespace isthmus::b2bua
