#pragma once

// What is wrong with a configuration, for the person who wrote it.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace isthmus::config {

/// One thing to put right. `key` is a path as it is written: "zone[1].network", counted from 0.
struct Problem {
  std::string key;
  std::string message;
  std::uint32_t line = 0;  ///< from 1; 0: not known (a key that is missing has its table's line)
  auto operator<=>(const Problem&) const = default;
};

using Problems = std::vector<Problem>;

template <typename T>
using Checked = tl::expected<T, Problems>;

/// "gateway.toml:12: zone[1].network: ..." in the order of the lines, one a line.
std::string to_text(const Problems& problems, std::string_view file_name);

}  // namespace isthmus::config
