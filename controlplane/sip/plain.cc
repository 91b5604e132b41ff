#include "controlplane/sip/plain.h"

#include <array>
#include <cstddef>

#include "controlplane/sip/text.h"

namespace isthmus::sip::plain {

namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kVersion = "SIP/2.0/";
constexpr std::array<std::string_view, 3> kTransports{"UDP", "TCP", "TLS"};
constexpr std::size_t kMaxBytes = 256;

constexpr text::CharSet kDigits("0123456789");
constexpr text::CharSet kWordChars("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+");
constexpr text::CharSet kQuotedChars("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+ ");
constexpr text::CharSet kHostChars("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

/// Reads from the front; every step says whether it was there.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// As many of `set` as there are; empty where there is none.
  std::string_view run(const text::CharSet& set) {
    std::size_t end = 0;
    while (end < rest_.size() && set.has(rest_[end])) ++end;
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }
  std::string_view rest() const { return rest_; }
  void go_back_to(std::string_view rest) { rest_ = rest; }

 private:
  std::string_view rest_;
};

/// Four numbers up to 255 without leading zeros.
bool is_ipv4(std::string_view host) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = part < 3 ? host.find('.') : host.size();
    if (end == kNone) return false;
    const std::string_view digits = host.substr(0, end);
    if (digits.size() > 3 || !text::number(digits, 255) || (digits.size() > 1 && digits.front() == '0')) return false;
    host.remove_prefix(part < 3 ? end + 1 : end);
  }
  return true;
}

/// RFC 3261 25.1 `hostname`: labels that start and end with a letter or digit, the last one starts with a letter.
bool is_name(std::string_view host) {
  for (;;) {
    const std::size_t end = host.find('.');
    const std::string_view label = host.substr(0, end);
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (end == kNone) return text::is_alpha(label.front());
    host.remove_prefix(end + 1);
  }
}

struct HostPort {
  std::string_view host;
  std::string_view port;
};

bool read_host_port(Reader& reader, HostPort& found) {
  found.host = reader.run(kHostChars);
  if (found.host.empty() || !(text::is_digit(found.host.back()) ? is_ipv4(found.host) : is_name(found.host)))
    return false;
  if (!reader.take(':')) return true;
  found.port = reader.run(kDigits);
  return found.port.size() <= 5 && text::number(found.port, 65535).has_value();
}

/// *(";" name ["=" value])
bool read_parameters(Reader& reader) {
  while (reader.take(';')) {
    if (reader.run(kWordChars).empty()) return false;
    if (reader.take('=') && reader.run(kWordChars).empty()) return false;
  }
  return true;
}

bool read_uri(Reader& reader) {
  if (!reader.take("sip:") && !reader.take("sips:")) return false;
  const std::string_view start = reader.rest();
  if (reader.run(kWordChars).empty()) return false;
  if (!reader.take('@')) reader.go_back_to(start);
  HostPort ignored;
  return read_host_port(reader, ignored) && read_parameters(reader);
}

}  // namespace

bool is_uri(std::string_view text) {
  Reader reader(text);
  return text.size() <= kMaxBytes && read_uri(reader) && reader.at_end();
}

bool is_address(std::string_view text) {
  if (text.size() > kMaxBytes) return false;
  Reader reader(text);
  if (reader.take('"')) {
    reader.run(kQuotedChars);
    if (!reader.take('"')) return false;
    (void)reader.take(' ');
  }
  return reader.take('<') && read_uri(reader) && reader.take('>') && read_parameters(reader) && reader.at_end();
}

bool read_via(std::string_view text, sofia::ViaParts& parts) {
  if (text.size() > kMaxBytes) return false;
  Reader reader(text);
  if (!reader.take(kVersion)) return false;
  for (const std::string_view transport : kTransports) {
    if (!reader.take(transport)) continue;
    HostPort found;
    if (!reader.take(' ') || !read_host_port(reader, found) || !read_parameters(reader) || !reader.at_end())
      return false;
    parts.protocol.assign(kVersion).append(transport);
    parts.host = found.host;
    parts.port = found.port;
    return true;
  }
  return false;
}

}  // namespace isthmus::sip::plain
