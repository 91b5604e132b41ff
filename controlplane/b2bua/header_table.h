#pragma once

// Which headers cross from one leg to the other (threat model B1): by name and dialects, never by accident. What is not
// in the table is made anew by us or left behind.

#include <cstdint>
#include <string_view>

#include "controlplane/b2bua/signal.h"
#include "controlplane/media/policy.h"

namespace isthmus::b2bua {

/// How a leg's side speaks.
using media::Dialect;

enum class MessageKind : std::uint8_t { kRequest, kResponse };

/// Longest value that crosses; a longer one stays behind.
inline constexpr std::size_t kMaxCrossingBytes = 2048;
/// Header lines of one message that cross; more stay behind.
inline constexpr std::size_t kMaxCrossingHeaders = 32;

/// `name` in any case, long form.
bool crosses(std::string_view name, MessageKind kind, Dialect from, Dialect to);
/// Those of `headers` that do.
Headers crossing_to(const Headers& headers, MessageKind kind, Dialect from, Dialect to);

}  // namespace isthmus::b2bua
