#pragma once

// Text in columns, for a terminal.

#include <string>
#include <string_view>
#include <vector>

namespace isthmus::cli {

/// What a peer wrote, made harmless for a terminal: control characters (escape sequences among them) become "?".
std::string harmless(std::string_view text);

/// Columns are as wide as their widest cell; headings and rows are harmless() on the way.
class Table {
 public:
  enum class Align : unsigned char { kLeft, kRight };
  struct Column {
    std::string heading;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Missing cells are empty, surplus ones are left out.
  void add(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }
  /// One line a row, `indent` blanks before each, no blanks at the end.
  std::string text(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace isthmus::cli
