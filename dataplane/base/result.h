#pragma once

// The one way an operation says that the outside world made it fail. Exceptions stay inside the folder whose library
// throws them; asserts are for our own mistakes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace isthmus {

enum class ErrorKind : std::uint8_t {
  kInvalidArgument,    ///< A caller or an operator asked for something that makes no sense.
  kMalformedInput,     ///< Bytes from outside do not parse.
  kProtocolViolation,  ///< Bytes parse, but must not come now, here, or from this peer.
  kExhausted,          ///< A named bound or a resource is used up; trying later may work.
  kUnavailable,        ///< A peer, a device or a process cannot be reached.
  kDenied,             ///< Not allowed by policy or by the operating system.
};

/// Lower-case words as they appear in logs and in REST answers.
constexpr std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument: return "invalid argument";
    case ErrorKind::kMalformedInput: return "malformed input";
    case ErrorKind::kProtocolViolation: return "protocol violation";
    case ErrorKind::kExhausted: return "exhausted";
    case ErrorKind::kUnavailable: return "unavailable";
    case ErrorKind::kDenied: return "denied";
  }
  return "unknown";
}

/// What went wrong, for a person: `message` is a sentence without a full stop that says what was seen and what was
/// expected, and never contains a secret. `field` names the configuration key, header or struct member when there is
/// one; `offset` is the byte position in the parsed input.
struct Error {
  ErrorKind kind = ErrorKind::kInvalidArgument;
  std::string message;
  std::string field{};
  std::optional<std::size_t> offset{};

  bool operator==(const Error&) const = default;
};

/// "field: message (at byte N)", the parts that exist.
inline std::string to_string(const Error& error) {
  std::string text;
  if (!error.field.empty()) text += error.field + ": ";
  text += error.message;
  if (error.offset) text += " (at byte " + std::to_string(*error.offset) + ")";
  return text;
}

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

/// Makes the failure side of a Result: `return fail(ErrorKind::kExhausted, "no port left in the pool", "rtp_port");`
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string field = {},
                                  std::optional<std::size_t> offset = std::nullopt) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(field), offset});
}

/// Hands the failure of one Result on as the failure of another type.
template <typename T>
tl::unexpected<Error> forward_error(const Result<T>& result) {
  return tl::unexpected<Error>(result.error());
}

}  // namespace isthmus
