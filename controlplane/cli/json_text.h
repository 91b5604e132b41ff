#pragma once

// Members of the gateway's answers as text. Private to this folder: Boost.JSON stays in the files that include this.

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"

namespace isthmus::cli {

namespace json = boost::json;

inline Result<json::value> read(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error) return fail(ErrorKind::kMalformedInput, "the gateway's answer is no JSON");
  return value;
}

inline const json::value& at(const json::value& value, std::string_view key) {
  static const json::value none;
  const auto* object = value.if_object();
  const auto* member = object != nullptr ? object->if_contains({key.data(), key.size()}) : nullptr;
  return member != nullptr ? *member : none;
}

inline const json::array& items(const json::value& value) {
  static const json::array none;
  const auto* array = value.if_array();
  return array != nullptr ? *array : none;
}

inline std::string text(const json::value& value) {
  if (const auto* words = value.if_string()) return words->empty() ? "-" : std::string(*words);
  if (const auto* flag = value.if_bool()) return *flag ? "yes" : "no";
  if (value.is_number()) {
    const double number = value.to_number<double>();
    return std::floor(number) == number ? fmt::format("{:.0f}", number) : fmt::format("{:.1f}", number);
  }
  return "-";
}
inline std::string text(const json::value& value, std::string_view key) { return text(at(value, key)); }

}  // namespace isthmus::cli
