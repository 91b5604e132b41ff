#include "controlplane/config/toml_reader.h"

#include <sstream>

#include <toml++/toml.h>

namespace isthmus::config {
namespace {

std::string_view word_of(const toml::node& node) {
  if (node.is_floating_point()) return "a floating-point number";
  return "a date or time";
}

Checked<Value> convert(const toml::node& node, int depth) {
  Value value;
  value.line = node.source().begin.line;
  if (depth > kMaxNesting) {
    return tl::unexpected(Problems{{"", "nested deeper than " + std::to_string(kMaxNesting), value.line}});
  }
  if (const auto* table = node.as_table()) {
    value.kind = Value::Kind::kTable;
    for (const auto& [key, member] : *table) {
      Checked<Value> converted = convert(member, depth + 1);
      if (!converted) return converted;
      // A table knows only where its first key stands; where a key stands is what a reader of an error looks for.
      converted->line = key.source().begin.line;
      value.members.push_back({std::string(key.str()), std::move(*converted)});
    }
  } else if (const auto* list = node.as_array()) {
    value.kind = Value::Kind::kList;
    for (const toml::node& item : *list) {
      Checked<Value> converted = convert(item, depth + 1);
      if (!converted) return converted;
      value.items.push_back(std::move(*converted));
    }
  } else if (const auto* text = node.as_string()) {
    value.kind = Value::Kind::kText;
    value.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Value::Kind::kInteger;
    value.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.kind = Value::Kind::kBoolean;
    value.boolean = boolean->get();
  } else {
    value.kind = Value::Kind::kOther;
    value.text = word_of(node);
  }
  return value;
}

}  // namespace

Checked<Value> read_toml(std::string_view text) {
  try {
    const toml::table root = toml::parse(text);
    return convert(root, 0);
  } catch (const toml::parse_error& error) {
    return tl::unexpected(Problems{{"", std::string(error.description()), error.source().begin.line}});
  }
}

}  // namespace isthmus::config
