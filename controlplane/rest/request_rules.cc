#include "controlplane/rest/request_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace isthmus::rest {
namespace {

constexpr std::string_view kSingleHeaders[] = {"host",          "content-length", "transfer-encoding",
                                               "authorization", "origin",         "content-type"};
constexpr std::size_t kMaxTokenBytes = 256;
constexpr std::size_t kMaxPortDigits = 5;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, lower, lower);
}

// RFC 9110 5.6.2
constexpr bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }

constexpr bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7f;
}

tl::unexpected<Error> malformed(std::string message, std::string field = {}) {
  return fail(ErrorKind::kMalformedInput, std::move(message), std::move(field));
}

/// Takes the next line with its CRLF off `rest`; nothing where no CRLF is left.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  return line;
}

Status check_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return malformed("the request line has not three parts");
  if (!is_token(line.substr(0, first))) return malformed("the method is no token");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.size() > kMaxTargetBytes) return fail(ErrorKind::kExhausted, "the target is too long");
  const auto visible = [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  };
  if (target.empty() || target.front() != '/' || !std::ranges::all_of(target, visible)) {
    return malformed("the target is not a path");
  }
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return malformed("the version is not HTTP/1.1");
  return {};
}

Status check_header_line(std::string_view line, std::array<bool, std::size(kSingleHeaders)>& seen) {
  if (line.front() == ' ' || line.front() == '\t') return malformed("a header line is folded");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return malformed("a header has no name");
  const std::string name = lower_case(line.substr(0, colon));
  const std::string_view value = line.substr(colon + 1);
  if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; })) {
    return malformed("the value has a control octet", name);
  }
  for (std::size_t i = 0; i < std::size(kSingleHeaders); ++i) {
    if (name != kSingleHeaders[i]) continue;
    if (seen[i]) return malformed("the header is there twice", name);
    seen[i] = true;
  }
  return {};
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      std::uint8_t octet = 0;
      if (i + 2 >= text.size()) return std::nullopt;
      const char* digits = text.data() + i + 1;
      const auto [end, error] = std::from_chars(digits, digits + 2, octet, 16);
      if (error != std::errc{} || end != digits + 2) return std::nullopt;
      c = static_cast<char>(octet);
      i += 2;
    }
    if (is_control(c)) return std::nullopt;
    out += c;
  }
  return out;
}

}  // namespace

Status check_head(std::string_view head) {
  if (head.size() > kMaxHeadBytes) return fail(ErrorKind::kExhausted, "the head is too long");
  if (!head.ends_with("\r\n\r\n")) return malformed("the head has no end");
  std::string_view rest = head.substr(0, head.size() - 2);
  const std::string_view request_line = next_line(rest);
  if (Status status = check_request_line(request_line); !status) return status;
  std::array<bool, std::size(kSingleHeaders)> seen{};
  for (std::size_t lines = 0; !rest.empty(); ++lines) {
    if (lines == kMaxHeaderLines) return fail(ErrorKind::kExhausted, "there are too many header lines");
    const std::string_view line = next_line(rest);
    if (line.empty()) return malformed("an empty line within the head");
    if (Status status = check_header_line(line, seen); !status) return status;
  }
  if (seen[1] && seen[2]) return malformed("Content-Length and Transfer-Encoding together", "transfer-encoding");
  if (!seen[0]) return malformed("there is no Host", "host");
  return {};
}

Result<Target> parse_target(std::string_view text) {
  if (text.size() > kMaxTargetBytes) return fail(ErrorKind::kExhausted, "the target is too long");
  if (text.empty() || text.front() != '/') return malformed("the target is not a path");
  if (text.find('#') != std::string_view::npos) return malformed("the target has a fragment");
  Target target;
  const std::size_t question = text.find('?');
  std::string_view path = text.substr(1, question == std::string_view::npos ? question : question - 1);
  for (bool more = !path.empty(); more;) {
    if (target.segments.size() == kMaxSegments) return fail(ErrorKind::kExhausted, "the path has too many segments");
    const std::size_t slash = path.find('/');
    more = slash != std::string_view::npos;
    auto segment = decode(path.substr(0, slash));
    if (!segment) return malformed("a path segment has a damaged or forbidden escape");
    if (segment->empty() || *segment == "." || *segment == ".." || segment->find('/') != std::string::npos) {
      return malformed("a path segment is empty or leads elsewhere");
    }
    target.segments.push_back(std::move(*segment));
    if (more) path.remove_prefix(slash + 1);
  }
  if (question == std::string_view::npos) return target;
  std::string_view query = text.substr(question + 1);
  while (!query.empty()) {
    if (target.query.size() == kMaxQueryParameters) return fail(ErrorKind::kExhausted, "too many query parameters");
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const std::size_t equals = pair.find('=');
    auto name = decode(pair.substr(0, equals));
    auto value = decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value || name->empty()) return malformed("a query parameter is damaged");
    if (std::ranges::find(target.query, *name, &std::pair<std::string, std::string>::first) != target.query.end()) {
      return malformed("a query parameter is there twice", *name);
    }
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return target;
}

bool host_allowed(std::string_view host, std::span<const std::string> allowed) {
  std::string_view name = host;
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    std::uint16_t port = 0;
    const std::string_view digits = host.substr(colon + 1);
    if (digits.size() > kMaxPortDigits) return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return false;
    name = host.substr(0, colon);
  }
  return !name.empty() &&
         std::ranges::any_of(allowed, [&](const std::string& each) { return equal_ignoring_case(each, name); });
}

bool origin_allowed(std::string_view origin, std::span<const std::string> allowed) {
  if (origin.empty()) return true;
  constexpr std::string_view kScheme = "http://";
  return origin.starts_with(kScheme) && host_allowed(origin.substr(kScheme.size()), allowed);
}

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kBearer = "bearer ";
  if (authorization.size() <= kBearer.size() || authorization.size() > kBearer.size() + kMaxTokenBytes) return {};
  if (!equal_ignoring_case(authorization.substr(0, kBearer.size()), kBearer)) return {};
  return authorization.substr(kBearer.size());
}

}  // namespace isthmus::rest
