#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace isthmus::sipe_client {

struct Field {
  std::string_view name;
  std::variant<std::string, long, double> value;
};

/// One JSON object on a line of standard output: {"time_s": ..., "event": ..., fields}. Time is the clock of captures.
/// Any thread.
void report(std::string_view event, std::initializer_list<Field> fields = {});

/// glib's strings may be null.
std::string text(const char* maybe);

}  // namespace isthmus::sipe_client
