#include "tests/peers/sipe/report.h"

#include <cstdio>
#include <ctime>
#include <mutex>

namespace isthmus::sipe_client {
namespace {

std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char letter : value) {
    if (letter == '"' || letter == '\\') {
      out += '\\';
      out += letter;
    } else if (static_cast<unsigned char>(letter) < 0x20) {
      out += ' ';
    } else {
      out += letter;
    }
  }
  return out + '"';
}

std::string written(const Field& field) {
  if (const auto* number = std::get_if<long>(&field.value)) return std::to_string(*number);
  if (const auto* fraction = std::get_if<double>(&field.value)) return std::to_string(*fraction);
  return quoted(std::get<std::string>(field.value));
}

}  // namespace

void report(std::string_view event, std::initializer_list<Field> fields) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const double time_s = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  std::string line = "{\"time_s\": " + std::to_string(time_s) + ", \"event\": " + quoted(event);
  for (const Field& field : fields) {
    line += ", " + quoted(field.name) + ": " + written(field);
  }
  line += "}\n";
  static std::mutex one_line_at_a_time;
  const std::lock_guard hold(one_line_at_a_time);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

std::string text(const char* maybe) { return maybe == nullptr ? std::string() : std::string(maybe); }

}  // namespace isthmus::sipe_client
