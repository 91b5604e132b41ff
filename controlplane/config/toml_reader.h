#pragma once

// TOML text to Value. The only place that knows toml++.

#include <string_view>

#include "controlplane/config/problem.h"
#include "controlplane/config/value.h"

namespace isthmus::config {

inline constexpr int kMaxNesting = 8;  ///< tables and lists in each other; the schema needs four

/// A syntax error is one problem with its line; a key written twice is a syntax error.
Checked<Value> read_toml(std::string_view text);

}  // namespace isthmus::config
