#pragma once

// Reads one table of the configuration, key by key, and keeps what is wrong with it. Private to this folder.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "dataplane/app/config.h"

namespace isthmus::app {

inline std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }

/// Reads the keys of one table and remembers which were known.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string path, ConfigProblems& problems)
      : table_(table), path_(std::move(path)), problems_(problems) {}

  std::uint32_t line() const { return line_of(table_); }
  std::string key(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }

  void report(std::string_view name, std::string message) {
    const toml::node* node = table_.get(name);
    problems_.push_back({node != nullptr ? line_of(*node) : line(), key(name), std::move(message)});
  }

  bool has(std::string_view name) const { return table_.contains(name); }
  /// Of a table below this one.
  TableReader below(const toml::table& table, std::string_view name) const { return {table, key(name), problems_}; }

  /// Null when the key is absent.
  const toml::node* take(std::string_view name) {
    known_.emplace_back(name);
    return table_.get(name);
  }

  void text(std::string_view name, std::string& out) {
    const toml::node* node = take(name);
    if (node == nullptr) return;
    if (const auto value = node->value_exact<std::string>()) {
      out = *value;
    } else {
      report(name, "expected a string");
    }
  }

  void flag(std::string_view name, bool& out) {
    const toml::node* node = take(name);
    if (node == nullptr) return;
    if (const auto value = node->value_exact<bool>()) {
      out = *value;
    } else {
      report(name, "expected true or false");
    }
  }

  template <typename Number>
  void number(std::string_view name, std::int64_t lowest, std::int64_t highest, Number& out) {
    const toml::node* node = take(name);
    if (node == nullptr) return;
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < lowest || *value > highest) {
      report(name, "expected a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
      return;
    }
    out = static_cast<Number>(*value);
  }

  template <typename Value, std::size_t kCount>
  void word(std::string_view name, const std::pair<std::string_view, Value> (&words)[kCount], Value& out) {
    const toml::node* node = take(name);
    if (node == nullptr) return;
    const auto value = node->value_exact<std::string>();
    std::string expected;
    for (const auto& [text, meaning] : words) {
      if (value && *value == text) {
        out = meaning;
        return;
      }
      expected += (expected.empty() ? "" : ", ") + std::string(text);
    }
    report(name, "expected one of " + expected);
  }

  /// After all keys have been taken.
  void refuse_unknown() {
    for (const auto& [name, node] : table_) {
      if (std::find(known_.begin(), known_.end(), name.str()) == known_.end()) report(name.str(), "is no known key");
    }
  }

 private:
  const toml::table& table_;
  std::string path_;
  ConfigProblems& problems_;
  std::vector<std::string> known_;
};

}  // namespace isthmus::app
