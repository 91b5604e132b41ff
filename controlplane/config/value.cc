#include "controlplane/config/value.h"

namespace isthmus::config {

const Value* Value::find(std::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view to_string(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kTable: return "a table";
    case Value::Kind::kList: return "a list";
    case Value::Kind::kText: return "a text";
    case Value::Kind::kInteger: return "a whole number";
    case Value::Kind::kBoolean: return "true or false";
    case Value::Kind::kOther: return "another kind of value";
  }
  return "unknown";
}

std::uint32_t Lines::of(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = lines_.find(path); found != lines_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    path = cut == std::string_view::npos ? std::string_view{} : path.substr(0, cut);
  }
  return 0;
}

}  // namespace isthmus::config
