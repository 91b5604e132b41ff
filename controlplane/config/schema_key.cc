#include "controlplane/config/schema_key.h"

namespace isthmus::config::schema {

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string range_text(std::int64_t low, std::int64_t high) {
  return std::to_string(low) + ".." + std::to_string(high);
}

std::optional<std::string> read_text(const std::string& path, const Value& value, TextBounds bounds, Reading& reading) {
  if (!reading.expect(path, value, Value::Kind::kText)) return std::nullopt;
  if (value.text.size() < bounds.min_bytes || value.text.size() > bounds.max_bytes) {
    reading.add(
        path,
        "has " + std::to_string(value.text.size()) + " bytes, should have " +
            range_text(static_cast<std::int64_t>(bounds.min_bytes), static_cast<std::int64_t>(bounds.max_bytes)),
        value.line);
    return std::nullopt;
  }
  // What is configured ends up in headers and log lines.
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(value.text, is_control)) {
    reading.add(path, "has a control character in it", value.line);
    return std::nullopt;
  }
  return value.text;
}

std::optional<std::int64_t> read_integer(const std::string& path, const Value& value, std::int64_t low,
                                         std::int64_t high, Reading& reading) {
  if (!reading.expect(path, value, Value::Kind::kInteger)) return std::nullopt;
  if (value.integer < low || value.integer > high) {
    reading.add(path, "is " + std::to_string(value.integer) + ", should be in " + range_text(low, high), value.line);
    return std::nullopt;
  }
  return value.integer;
}

std::optional<IpAddress> read_address(const std::string& path, const Value& value, Reading& reading) {
  if (!reading.expect(path, value, Value::Kind::kText)) return std::nullopt;
  auto parsed = IpAddress::parse(value.text);
  if (!parsed) {
    reading.add(path, quoted(value.text) + " is no IP address", value.line);
    return std::nullopt;
  }
  return *parsed;
}

}  // namespace isthmus::config::schema
