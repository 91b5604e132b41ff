#pragma once

// A configuration as it was written, whichever syntax it came in: tables, lists and plain values, each with its line.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isthmus::config {

struct Value {
  enum class Kind : std::uint8_t { kTable, kList, kText, kInteger, kBoolean, kOther };
  Kind kind = Kind::kTable;
  std::uint32_t line = 0;  ///< from 1
  std::string text;        ///< kText; for kOther the syntax's own word ("date", "floating-point")
  std::int64_t integer = 0;
  bool boolean = false;
  struct Member;
  std::vector<Value> items;     ///< kList
  std::vector<Member> members;  ///< kTable, in the order written

  const Value* find(std::string_view name) const;
};

struct Value::Member {
  std::string key;
  Value value;
};

std::string_view to_string(Value::Kind kind);  ///< "a table", "a whole number", ...

/// Where a key was written, by its path: "zone[1].peers[0].host".
class Lines {
 public:
  void add(std::string path, std::uint32_t line) { lines_.emplace(std::move(path), line); }
  /// That of the path or, where it was not written, of what it would be part of; 0 for nothing at all.
  std::uint32_t of(std::string_view path) const;

 private:
  std::map<std::string, std::uint32_t, std::less<>> lines_;
};

}  // namespace isthmus::config
