#pragma once

// Which zones a dialled alias may lead to, and as what: transforms first, then search rules by rising priority. A pure
// function of the plan and the query; a compiled plan is never changed, a new one replaces it. Any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/control_plane.h"
#include "dataplane/base/result.h"

namespace isthmus::routing {

// Named bounds; the plan is refused, or the search ends with a step that says so, where one is passed.
inline constexpr std::size_t kMaxTransforms = 1000;
inline constexpr std::size_t kMaxRules = 10'000;
inline constexpr std::size_t kMaxTargets = 16;       ///< zones tried for one call
inline constexpr std::size_t kMaxHistorySteps = 64;  ///< of one search
inline constexpr std::uint16_t kLowestPriority = 65534;

using config::OnMatch;
using config::PatternBehaviour;
using config::PatternType;
using config::RuleMode;
using config::SearchRule;
using config::Transform;
using config::TransformAction;

struct Query {
  std::string alias;
  std::string source_zone;
  bool authenticated = false;
};

/// A zone to try, with the alias as it is known there.
struct Target {
  std::string zone;
  std::string alias;
  std::string rule;
  std::string caller_domain;
  bool operator==(const Target&) const = default;
};

/// One line of the search history (R65, R184), in the order things happened.
struct Step {
  enum class Kind : std::uint8_t {
    kTransform,  ///< `name` changed the alias to `alias`.
    kRule,       ///< `name` matched and leads to `zone` as `alias`.
    kSkipped,    ///< `name` matched nothing or did not apply; only where the search explains itself.
    kNote,       ///< The search itself: stopped, bound reached, nothing found.
  };
  Kind kind = Kind::kNote;
  std::string name;
  std::string zone;
  std::string alias;
  std::string reason;  ///< why, as a sentence without a full stop
  bool operator==(const Step&) const = default;
};

struct Route {
  std::string alias;            ///< after the transforms
  std::vector<Target> targets;  ///< in the order to try; no zone twice with the same alias
  std::vector<Step> history;
};

/// `explain` for the route tester: also says why rules did not match.
enum class Detail : std::uint8_t { kMatches, kExplain };

class DialPlan {
 public:
  DialPlan();
  ~DialPlan();
  DialPlan(DialPlan&&) noexcept;
  DialPlan& operator=(DialPlan&&) noexcept;

  /// Patterns ignore case; a regex (RE2 syntax) matches the whole alias; \0 to \9 in a replacement are its groups.
  /// Refused whole with the field named ("search_rules[3].pattern"): a regex that does not compile, a group that the
  /// regex does not have, strip on a pattern that is no prefix or suffix, a target zone that is not in `zones`, a
  /// bound.
  static Result<DialPlan> compile(const std::vector<Transform>& transforms, const std::vector<SearchRule>& rules,
                                  const std::vector<std::string>& zones);

  static Result<DialPlan> compile(const config::ControlPlane& configuration);

  Route search(const Query& query, Detail detail = Detail::kMatches) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace isthmus::routing
