#pragma once

// Reading of header text, without copying. Inside of the folder.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace isthmus::sip::text {

constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// A set of characters, asked once for each character of a message: a table, since searching a list costs more than all
/// the rest of the parser.
class CharSet {
 public:
  constexpr explicit CharSet(std::string_view members) {
    for (const char c : members) has_[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool has(char c) const { return has_[static_cast<unsigned char>(c)]; }
  /// Position of the first member in `text` from `at` on, npos if there is none.
  constexpr std::size_t find_in(std::string_view text, std::size_t at = 0) const {
    for (; at < text.size(); ++at) {
      if (has(text[at])) return at;
    }
    return std::string_view::npos;
  }

 private:
  std::array<bool, 256> has_{};
};

/// RFC 3261 25.1 `token`.
inline constexpr CharSet kTokenChars("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~");
constexpr bool is_token_char(char c) { return kTokenChars.has(c); }

constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

constexpr bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a == b) return true;  // nearly everybody writes names as the RFCs do
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

constexpr bool is_token(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return true;
}

/// Decimal digits alone, at most `max`.
constexpr std::optional<std::uint32_t> number(std::string_view digits, std::uint32_t max) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > max) return std::nullopt;
  }
  return static_cast<std::uint32_t>(value);
}

/// Position after the quoted string that starts at `at` (a quote), npos if it does not end. RFC 3261 25.1
/// quoted-string.
constexpr std::size_t after_quoted(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

/// First `stop` outside of quotes and angle brackets, from `at` on; text.size() if there is none. A quote or bracket
/// that does not end takes the rest with it.
constexpr std::size_t find_outside(std::string_view text, char stop, std::size_t at = 0) {
  bool in_brackets = false;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (c == stop && !in_brackets) return i;
    if (c == '"' && !in_brackets) {
      const std::size_t after = after_quoted(text, i);
      if (after == std::string_view::npos) return text.size();
      i = after - 1;
    } else if (c == '<') {
      in_brackets = true;
    } else if (c == '>') {
      in_brackets = false;
    }
  }
  return text.size();
}

/// Calls `visit(element)` for each element of a comma-separated list, trimmed; empty elements are left out.
template <typename Visit>
constexpr void for_each_in_list(std::string_view list, Visit visit) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = find_outside(list, ',', at);
    const std::string_view element = trim(list.substr(at, end - at));
    if (!element.empty()) visit(element);
    at = end + 1;
  }
}

}  // namespace isthmus::sip::text
