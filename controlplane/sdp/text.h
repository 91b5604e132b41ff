#pragma once

// Small reading tools of this folder: words, decimal numbers, base64 straight into secret memory.

#include <cctype>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/base/secret.h"

namespace isthmus::sdp {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

constexpr std::string_view trim_front(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}
constexpr std::string_view trim_back(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
constexpr std::string_view trim(std::string_view text) { return trim_back(trim_front(text)); }

/// Takes the next word off `text`; empty when there is none.
constexpr std::string_view next_word(std::string_view& text) {
  text = trim_front(text);
  std::size_t end = 0;
  while (end < text.size() && !is_blank(text[end])) ++end;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

/// Takes what stands before `separator` (or all) off `text`, the separator too.
constexpr std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

/// Decimal digits only, the whole text, no sign, in [low, high].
template <std::unsigned_integral T>
std::optional<T> parse_number(std::string_view text, T low, T high) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) return std::nullopt;
  return value;
}

/// A token of RFC 8866 9: letters, digits and some marks; no blanks, no separators.
bool is_token(std::string_view text);

/// One or more ice-char (RFC 8839 5.1): letters, digits, "+" and "/".
bool is_ice_text(std::string_view text);

Result<SecretBytes> decode_base64(std::string_view text);
std::string encode_base64(std::span<const std::uint8_t> bytes);

}  // namespace isthmus::sdp
