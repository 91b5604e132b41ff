#pragma once

// One compiled pattern of a rule or transform. RE2 stays behind this header: linear time whatever a peer dials.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/routing/dial_plan.h"

namespace isthmus::routing {

/// RE2 may use this much memory for one pattern (its program and its state cache).
inline constexpr std::int64_t kMaxPatternMemoryBytes = 256 * 1024;
inline constexpr std::size_t kMaxPatternBytes = 512;

class Pattern {
 public:
  Pattern();
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  /// Error fields are "pattern", "behaviour" or "replacement".
  static Result<Pattern> compile(PatternType type, std::string_view pattern, PatternBehaviour behaviour,
                                 std::string_view replacement);

  /// The alias after the behaviour where the pattern matches; empty where it does not. A result that would be empty
  /// counts as no match, since nothing could be dialled.
  std::optional<std::string> apply(std::string_view alias) const;

 private:
  struct Regex;
  std::string rewrite(std::string_view alias, std::size_t from, std::size_t count) const;

  PatternType type_ = PatternType::kExact;
  PatternBehaviour behaviour_ = PatternBehaviour::kLeave;
  std::string text_;
  std::string replacement_;
  std::unique_ptr<const Regex> regex_;
};

}  // namespace isthmus::routing
