#pragma once

// One structured line an event: `2026-11-23T20:15:03.123456Z INFO call.up call-id=a1b2 from=... took_ms=12`.
// Values are escaped and capped, so nothing that a peer sends can start a line or a field of its own. Secrets are not
// passed in at all; there is no overload for SecretBytes.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "dataplane/base/secret.h"

namespace isthmus::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// One `key=value` pair. Keys are literals of ours (lower case, `_` and `-`); values may hold anything.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <typename Number>
    requires std::is_arithmetic_v<Number>
  Field(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, const SecretBytes& v) = delete;
};

inline constexpr std::size_t kMaxValueBytes = 512;

/// Name of the process in each line; call once at start. Lines go to standard error.
void start(std::string_view process_name, Level lowest);

/// Writes one line; thread-safe; never throws. `event` is a literal such as "call.up" that documents can list.
void write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> fields) { write(Level::kDebug, event, fields); }
inline void info(std::string_view event, std::initializer_list<Field> fields) { write(Level::kInfo, event, fields); }
inline void warn(std::string_view event, std::initializer_list<Field> fields) { write(Level::kWarn, event, fields); }
inline void error(std::string_view event, std::initializer_list<Field> fields) { write(Level::kError, event, fields); }

/// The value as it is written: quoted when it holds spaces, control octets as \xNN, cut at kMaxValueBytes.
std::string escape(std::string_view value);

}  // namespace isthmus::log
