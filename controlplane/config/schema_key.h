#pragma once

// The building blocks of a schema: a Key<T> reads one key of a table into one member of T and can describe itself.
// Inside this folder only.

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/problem.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/value.h"
#include "dataplane/base/address.h"

namespace isthmus::config::schema {

/// Where problems and lines are collected while a tree is read.
struct Reading {
  Problems problems;
  Lines& lines;

  void add(const std::string& path, std::string message, std::uint32_t line) {
    problems.push_back({path, std::move(message), line});
  }
  /// False, with a problem, when `value` is of another kind.
  bool expect(const std::string& path, const Value& value, Value::Kind kind) {
    if (value.kind == kind) return true;
    const std::string seen = value.kind == Value::Kind::kOther ? value.text : std::string(to_string(value.kind));
    add(path, "is " + seen + ", should be " + std::string(to_string(kind)), value.line);
    return false;
  }
};

template <typename T>
struct Key {
  std::string_view name;
  bool required = false;
  std::string type;
  std::string default_value;
  std::string_view purpose;
  std::function<void(T&, const std::string& path, const Value&, Reading&)> read;
  std::function<void(const std::string& path, std::vector<KeyDescription>&)> describe_inner;  ///< tables and lists
};

template <typename T>
using Keys = std::vector<Key<T>>;

enum class Need : std::uint8_t { kOptional, kRequired };

/// Reads all members of `value` by `keys`: unknown ones and missing ones are problems.
template <typename T>
void read_table(T& into, const Keys<T>& keys, const std::string& path, const Value& value, Reading& reading) {
  const std::string prefix = path.empty() ? "" : path + ".";
  for (const auto& [name, member] : value.members) {
    const auto key = std::ranges::find(keys, name, &Key<T>::name);
    const std::string member_path = prefix + name;
    reading.lines.add(member_path, member.line);
    if (key == keys.end()) {
      std::string known;
      for (const Key<T>& each : keys) known += (known.empty() ? "" : ", ") + std::string(each.name);
      reading.add(member_path, "unknown key (known here: " + known + ")", member.line);
    } else {
      key->read(into, member_path, member, reading);
    }
  }
  for (const Key<T>& key : keys) {
    if (key.required && value.find(key.name) == nullptr) {
      reading.add(prefix + std::string(key.name), "is missing", value.line);
    }
  }
}

template <typename T>
void describe_table(const Keys<T>& keys, const std::string& path, std::vector<KeyDescription>& out) {
  for (const Key<T>& key : keys) {
    const std::string key_path = path.empty() ? std::string(key.name) : path + "." + std::string(key.name);
    if (key.describe_inner) {
      key.describe_inner(key_path, out);
    } else {
      out.push_back({key_path, key.type, key.required ? "" : key.default_value, std::string(key.purpose)});
    }
  }
}

// ---- plain values ----

struct TextBounds {
  std::size_t min_bytes = 0;
  std::size_t max_bytes = 255;
};

/// Appends nothing: a free function so that list items use it as well.
std::optional<std::string> read_text(const std::string& path, const Value& value, TextBounds bounds, Reading& reading);
std::optional<std::int64_t> read_integer(const std::string& path, const Value& value, std::int64_t low,
                                         std::int64_t high, Reading& reading);
std::optional<IpAddress> read_address(const std::string& path, const Value& value, Reading& reading);
std::string quoted(std::string_view text);

template <typename T>
Key<T> text(std::string_view name, std::string T::* member, std::string_view purpose, Need need = Need::kOptional,
            TextBounds bounds = {}) {
  if (need == Need::kRequired && bounds.min_bytes == 0) bounds.min_bytes = 1;
  return {name,
          need == Need::kRequired,
          "text",
          quoted(T{}.*member),
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (auto read = read_text(path, value, bounds, reading)) into.*member = std::move(*read);
          },
          {}};
}

template <typename T>
Key<T> flag(std::string_view name, bool T::* member, std::string_view purpose) {
  return {name,
          false,
          "true or false",
          T{}.*member ? "true" : "false",
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (reading.expect(path, value, Value::Kind::kBoolean)) into.*member = value.boolean;
          },
          {}};
}

std::string range_text(std::int64_t low, std::int64_t high);

template <typename T, std::integral Number>
Key<T> number(std::string_view name, Number T::* member, std::int64_t low, std::int64_t high, std::string_view purpose,
              Need need = Need::kOptional) {
  return {name,
          need == Need::kRequired,
          range_text(low, high),
          std::to_string(T{}.*member),
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (auto read = read_integer(path, value, low, high, reading)) into.*member = static_cast<Number>(*read);
          },
          {}};
}

template <typename T, typename Unit>
Key<T> duration(std::string_view name, Unit T::* member, std::int64_t low, std::int64_t high,
                std::string_view purpose) {
  return {name,
          false,
          range_text(low, high),
          std::to_string((T{}.*member).count()),
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (auto read = read_integer(path, value, low, high, reading)) into.*member = Unit(*read);
          },
          {}};
}

template <typename T>
Key<T> address(std::string_view name, IpAddress T::* member, std::string_view purpose, Need need = Need::kOptional) {
  return {name,
          need == Need::kRequired,
          "IP address",
          quoted(to_string(T{}.*member)),
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (auto read = read_address(path, value, reading)) into.*member = *read;
          },
          {}};
}

template <typename Enum>
struct Word {
  std::string_view word;
  Enum value;
};

template <typename Enum>
std::string words_text(std::span<const Word<Enum>> words) {
  std::string text;
  for (const Word<Enum>& each : words) text += (text.empty() ? "" : " | ") + quoted(each.word);
  return text;
}

template <typename T, typename Enum, std::size_t kCount>
Key<T> choice(std::string_view name, Enum T::* member, const Word<Enum> (&words)[kCount], std::string_view purpose,
              Need need = Need::kOptional) {
  const std::span<const Word<Enum>> all(words);
  const auto preset = std::ranges::find(all, T{}.*member, &Word<Enum>::value);
  return {name,
          need == Need::kRequired,
          words_text(all),
          preset == all.end() ? "" : quoted(preset->word),
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (!reading.expect(path, value, Value::Kind::kText)) return;
            const auto found = std::ranges::find(all, value.text, &Word<Enum>::word);
            if (found == all.end()) {
              reading.add(path, "is " + quoted(value.text) + ", should be " + words_text(all), value.line);
            } else {
              into.*member = found->value;
            }
          },
          {}};
}

// ---- tables and lists ----

template <typename T, typename Inner>
Key<T> table(std::string_view name, Inner T::* member, const Keys<Inner>& keys) {
  return {name,
          false,
          "table",
          "",
          "",
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (reading.expect(path, value, Value::Kind::kTable)) {
              read_table(into.*member, keys, path, value, reading);
            }
          },
          [=](const std::string& path, std::vector<KeyDescription>& out) { describe_table(keys, path, out); }};
}

/// The list's own bound; its problem is told once.
inline bool fits(const std::string& path, const Value& value, std::size_t max_items, Reading& reading) {
  if (value.items.size() <= max_items) return true;
  reading.add(path, "has " + std::to_string(value.items.size()) + " entries, at most " + std::to_string(max_items),
              value.line);
  return false;
}

/// [[name]] or name = [{...}, {...}].
template <typename T, typename Inner>
Key<T> tables(std::string_view name, std::vector<Inner> T::* member, const Keys<Inner>& keys, std::size_t max_items,
              Need need = Need::kOptional) {
  return {name,
          need == Need::kRequired,
          "list of tables",
          "",
          "",
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (!reading.expect(path, value, Value::Kind::kList) || !fits(path, value, max_items, reading)) return;
            for (std::size_t i = 0; i < value.items.size(); ++i) {
              const std::string item_path = path + "[" + std::to_string(i) + "]";
              reading.lines.add(item_path, value.items[i].line);
              Inner item;
              if (reading.expect(item_path, value.items[i], Value::Kind::kTable)) {
                read_table(item, keys, item_path, value.items[i], reading);
              }
              (into.*member).push_back(std::move(item));
            }
          },
          [=](const std::string& path, std::vector<KeyDescription>& out) { describe_table(keys, path + "[]", out); }};
}

/// A list of texts; `read_item` makes the member's item of one, or adds a problem.
template <typename T, typename Item>
Key<T> list(std::string_view name, std::vector<Item> T::* member, std::string_view type, std::string_view default_value,
            std::size_t max_items, std::string_view purpose,
            const std::function<std::optional<Item>(const std::string& path, const Value&, Reading&)>& read_item) {
  return {name,
          false,
          std::string(type),
          std::string(default_value),
          purpose,
          [=](T& into, const std::string& path, const Value& value, Reading& reading) {
            if (!reading.expect(path, value, Value::Kind::kList) || !fits(path, value, max_items, reading)) return;
            (into.*member).clear();
            for (std::size_t i = 0; i < value.items.size(); ++i) {
              const std::string item_path = path + "[" + std::to_string(i) + "]";
              reading.lines.add(item_path, value.items[i].line);
              if (auto item = read_item(item_path, value.items[i], reading)) {
                (into.*member).push_back(std::move(*item));
              }
            }
          },
          {}};
}

}  // namespace isthmus::config::schema
