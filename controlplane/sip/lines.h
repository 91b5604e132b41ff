#pragma once

// Header lines of a message head, before anything is known of their meaning. Framing and parser read them the same way.
// Inside of the folder.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/sip/text.h"

namespace isthmus::sip::lines {

/// One past the "\r\n\r\n" that ends the head that starts `bytes`, looking from `from` on; npos if it is not there.
inline std::size_t head_end(std::string_view bytes, std::size_t from = 0) {
  const std::size_t at = bytes.find("\r\n\r\n", from);
  return at == std::string_view::npos ? at : at + 4;
}

/// Calls `visit(line)` for each header line of `block` (the head after its start line), with the folded lines that
/// belong to it and without its last CRLF. A visitor that returns false ends it.
template <typename Visit>
void for_each(std::string_view block, Visit visit) {
  while (!block.empty()) {
    std::size_t end = block.find("\r\n");
    // RFC 3261 7.3.1: a line that starts with white space continues the one before.
    while (end != std::string_view::npos && end + 2 < block.size() && text::is_space(block[end + 2])) {
      end = block.find("\r\n", end + 2);
    }
    const std::string_view line = block.substr(0, end);
    if (line.empty()) return;
    if (!visit(line)) return;
    if (end == std::string_view::npos) return;
    block.remove_prefix(end + 2);
  }
}

struct NameValue {
  std::string_view name;
  std::string_view value;  ///< trimmed; may be folded
};
/// Nothing if the line is no header (RFC 3261 25.1: token HCOLON).
inline std::optional<NameValue> split(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && text::is_space(name.back())) name.remove_suffix(1);
  if (!text::is_token(name)) return std::nullopt;
  return NameValue{name, text::trim(line.substr(colon + 1))};
}

inline bool has_line_end(std::string_view value) {
  return value.find('\r') != std::string_view::npos || value.find('\n') != std::string_view::npos;
}

/// The value on one line: each fold becomes a space. Nothing if a CR or LF stands alone in it.
inline std::optional<std::string> unfold(std::string_view value) {
  static constexpr text::CharSet kLineEnds("\r\n");
  std::string line;
  for (std::size_t i = 0; i < value.size();) {
    const std::size_t stop = kLineEnds.find_in(value, i);
    line.append(value.substr(i, stop - i));
    if (stop == std::string_view::npos) break;
    if (value.substr(stop, 2) != "\r\n") return std::nullopt;
    i = stop + 2;
    while (i < value.size() && text::is_space(value[i])) ++i;
    if (!line.empty()) line.push_back(' ');
  }
  return line;
}

/// A start line starts or ends with the version (RFC 3261 7.1, 7.2); nothing else is worth reading on.
inline bool looks_like_sip(std::string_view start_line) {
  for (const char c : start_line) {
    if (text::is_control(c)) return false;
  }
  if (start_line.size() >= 4 && text::same(start_line.substr(0, 4), "SIP/")) return true;
  const std::size_t slash = start_line.rfind('/');
  return slash != std::string_view::npos && slash >= 4 && text::same(start_line.substr(slash - 4, 5), " SIP/");
}

}  // namespace isthmus::sip::lines
