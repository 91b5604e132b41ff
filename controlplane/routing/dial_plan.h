#pragma once

// Which zones a dialled alias may lead to, and as what: transforms first, then search rules by rising priority. A pure
// function of the plan and the query; a compiled plan is never changed, a new one replaces it. Any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"

namespace isthmus::routing {

// Named bounds; the plan is refused, or the search ends with a step that says so, where one is passed.
inline constexpr std::size_t kMaxTransforms = 1000;
inline constexpr std::size_t kMaxRules = 10'000;
inline constexpr std::size_t kMaxTargets = 16;       ///< zones tried for one call
inline constexpr std::size_t kMaxHistorySteps = 64;  ///< of one search
inline constexpr std::uint16_t kLowestPriority = 65534;

/// How the pattern is compared with the alias; never case-sensitive (host names are not, R178).
enum class PatternType : std::uint8_t {
  kExact,
  kPrefix,
  kSuffix,
  kRegex,  ///< RE2 syntax, the whole alias
};

/// What happens to the alias on a match.
enum class Behaviour : std::uint8_t {
  kLeave,
  kStrip,    ///< Takes the matching prefix or suffix away.
  kReplace,  ///< Puts `replacement` where the pattern matched; \0 to \9 are the groups of a regex.
};

/// Which aliases a rule looks at (R176).
enum class Mode : std::uint8_t {
  kAliasPattern,
  kAnyAlias,  ///< Lint: never towards Microsoft (R179).
  kAnyIp,     ///< Aliases whose host is a numeric address.
};

enum class OnMatch : std::uint8_t {
  kContinue,  ///< Lower rules are searched as well, should this zone not have the alias.
  kStop,      ///< Rules of the same priority are the last (R177).
};

/// A change of the alias before the search (R182).
struct Transform {
  enum class Action : std::uint8_t {
    kPattern,    ///< The first of these that matches is the last.
    kStripPort,  ///< Parsed, not by regex: IPv6 literals survive (R183). Transforms below it still apply.
  };
  std::string name;
  std::uint16_t priority = 100;  ///< 1..65534
  Action action = Action::kPattern;
  PatternType type = PatternType::kRegex;
  std::string pattern;
  Behaviour behaviour = Behaviour::kReplace;
  std::string replacement;
  bool enabled = true;
};

struct SearchRule {
  std::string name;
  std::uint16_t priority = 100;  ///< 1..65534; equal ones in the order given
  std::string source_zone;       ///< empty: any
  bool must_be_authenticated = false;
  Mode mode = Mode::kAliasPattern;
  PatternType type = PatternType::kRegex;
  std::string pattern;
  Behaviour behaviour = Behaviour::kLeave;
  std::string replacement;
  OnMatch on_match = OnMatch::kContinue;
  std::string target_zone;
  std::string caller_domain;  ///< not empty: the From domain of calls by this rule (R43)
  bool enabled = true;
};

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

  /// Refused whole with the field named ("search_rules[3].pattern"): a regex that does not compile, a group that the
  /// regex does not have, strip on a pattern that is no prefix or suffix, a target zone that is not in `zones`, a
  /// bound.
  static Result<DialPlan> compile(const std::vector<Transform>& transforms, const std::vector<SearchRule>& rules,
                                  const std::vector<std::string>& zones);

  Route search(const Query& query, Detail detail = Detail::kMatches) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace isthmus::routing
