#include "controlplane/routing/dial_plan.h"

#include <algorithm>
#include <tuple>

#include "controlplane/routing/alias.h"
#include "controlplane/routing/pattern.h"

namespace isthmus::routing {

struct DialPlan::Compiled {
  struct TransformEntry {
    Transform transform;
    Pattern pattern;
    std::size_t position = 0;
  };
  struct RuleEntry {
    SearchRule rule;
    Pattern pattern;
    std::size_t position = 0;
  };
  std::vector<TransformEntry> transforms;  // by rising priority
  std::vector<RuleEntry> rules;            // by rising priority, equal ones in the order given
};

namespace {

/// Adds to a bounded history; the last place says that there was more.
class History {
 public:
  explicit History(std::vector<Step>& steps) : steps_(steps) {}

  void add(Step step) {
    if (steps_.size() + 1 < kMaxHistorySteps) {
      steps_.push_back(std::move(step));
    } else if (steps_.size() + 1 == kMaxHistorySteps) {
      steps_.push_back({Step::Kind::kNote, "", "", "", "more steps than are kept"});
    }
  }

 private:
  std::vector<Step>& steps_;
};

tl::unexpected<Error> fail_in(const Error& error, std::string_view list, std::size_t position) {
  Error placed = error;
  placed.field = std::string(list) + "[" + std::to_string(position) + "]." + error.field;
  return tl::unexpected<Error>(std::move(placed));
}

bool is_priority(std::uint16_t priority) { return priority >= 1 && priority <= kLowestPriority; }

/// Why the rule does not look at this query at all; empty: it does.
std::string_view not_applicable(const SearchRule& rule, const Query& query) {
  if (!rule.enabled) return "the rule is disabled";
  if (!rule.source_zone.empty() && rule.source_zone != query.source_zone) return "the request came from another zone";
  if (rule.must_be_authenticated && !query.authenticated) return "the request is not authenticated";
  return {};
}

}  // namespace

DialPlan::DialPlan() : compiled_(std::make_unique<Compiled>()) {}
DialPlan::~DialPlan() = default;
DialPlan::DialPlan(DialPlan&&) noexcept = default;
DialPlan& DialPlan::operator=(DialPlan&&) noexcept = default;

Result<DialPlan> DialPlan::compile(const std::vector<Transform>& transforms, const std::vector<SearchRule>& rules,
                                   const std::vector<std::string>& zones) {
  if (transforms.size() > kMaxTransforms) return fail(ErrorKind::kExhausted, "too many transforms", "transforms");
  if (rules.size() > kMaxRules) return fail(ErrorKind::kExhausted, "too many search rules", "search_rules");
  auto compiled = std::make_unique<Compiled>();

  for (std::size_t i = 0; i < transforms.size(); ++i) {
    const Transform& transform = transforms[i];
    if (!is_priority(transform.priority)) {
      return fail_in({ErrorKind::kInvalidArgument, "must be 1 to 65534", "priority"}, "transforms", i);
    }
    Compiled::TransformEntry entry{transform, {}, i};
    if (transform.action == TransformAction::kPattern) {
      auto pattern =
          Pattern::compile(transform.pattern_type, transform.pattern, transform.behaviour, transform.replacement);
      if (!pattern) return fail_in(pattern.error(), "transforms", i);
      entry.pattern = std::move(*pattern);
    }
    compiled->transforms.push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const SearchRule& rule = rules[i];
    if (!is_priority(rule.priority)) {
      return fail_in({ErrorKind::kInvalidArgument, "must be 1 to 65534", "priority"}, "search_rules", i);
    }
    if (std::find(zones.begin(), zones.end(), rule.target_zone) == zones.end()) {
      return fail_in({ErrorKind::kInvalidArgument, "no zone of this name", "target_zone"}, "search_rules", i);
    }
    if (!rule.source_zone.empty() && std::find(zones.begin(), zones.end(), rule.source_zone) == zones.end()) {
      return fail_in({ErrorKind::kInvalidArgument, "no zone of this name", "source_zone"}, "search_rules", i);
    }
    Compiled::RuleEntry entry{rule, {}, i};
    if (rule.mode == RuleMode::kAliasPattern) {
      auto pattern = Pattern::compile(rule.pattern_type, rule.pattern, rule.behaviour, rule.replacement);
      if (!pattern) return fail_in(pattern.error(), "search_rules", i);
      entry.pattern = std::move(*pattern);
    }
    compiled->rules.push_back(std::move(entry));
  }
  // The position decides between equals; std::stable_sort of this library is deprecated for clang.
  std::sort(compiled->transforms.begin(), compiled->transforms.end(), [](const auto& a, const auto& b) {
    return std::tie(a.transform.priority, a.position) < std::tie(b.transform.priority, b.position);
  });
  std::sort(compiled->rules.begin(), compiled->rules.end(), [](const auto& a, const auto& b) {
    return std::tie(a.rule.priority, a.position) < std::tie(b.rule.priority, b.position);
  });
  DialPlan plan;
  plan.compiled_ = std::move(compiled);
  return plan;
}

Result<DialPlan> DialPlan::compile(const config::ControlPlane& configuration) {
  std::vector<std::string> zones;
  zones.reserve(configuration.zones.size());
  for (const config::Zone& zone : configuration.zones) zones.push_back(zone.name);
  return compile(configuration.transforms, configuration.search_rules, zones);
}

namespace {

template <typename Entries>
std::string transformed(const Entries& transforms, std::string alias, History& history) {
  for (const auto& [transform, pattern, position] : transforms) {
    if (!transform.enabled) continue;
    if (transform.action == TransformAction::kStripPort) {
      std::string stripped = strip_port(alias);
      if (stripped == alias) continue;
      alias = std::move(stripped);
      history.add({Step::Kind::kTransform, transform.name, "", alias, "the port was taken away"});
    } else if (auto changed = pattern.apply(alias)) {
      alias = std::move(*changed);
      history.add({Step::Kind::kTransform, transform.name, "", alias, "the pattern matched"});
      break;
    }
  }
  return alias;
}

template <typename Entry>
std::optional<std::string> matched(const Entry& entry, const std::string& alias) {
  switch (entry.rule.mode) {
    case RuleMode::kAnyAlias: return alias;
    case RuleMode::kAnyIp: return has_numeric_host(alias) ? std::optional(alias) : std::nullopt;
    case RuleMode::kAliasPattern: return entry.pattern.apply(alias);
  }
  return std::nullopt;
}

}  // namespace

Route DialPlan::search(const Query& query, Detail detail) const {
  Route route;
  History history(route.history);
  if (query.alias.size() > kMaxAliasBytes) {
    history.add({Step::Kind::kNote, "", "", "", "the alias is too long"});
    return route;
  }
  route.alias = transformed(compiled_->transforms, query.alias, history);

  std::optional<std::uint16_t> last_priority;  // set by the first rule that says stop
  for (const auto& entry : compiled_->rules) {
    const SearchRule& rule = entry.rule;
    if (last_priority && rule.priority > *last_priority) {
      history.add({Step::Kind::kNote, "", "", "", "a rule said stop"});
      break;
    }
    const std::string_view refusal = not_applicable(rule, query);
    auto alias = refusal.empty() ? matched(entry, route.alias) : std::nullopt;
    if (alias && alias->size() > kMaxAliasBytes) alias.reset();
    if (!alias) {
      if (detail == Detail::kExplain) {
        history.add({Step::Kind::kSkipped, rule.name, rule.target_zone, "",
                     std::string(refusal.empty() ? "the alias does not match" : refusal)});
      }
      continue;
    }
    if (rule.on_match == OnMatch::kStop) last_priority = rule.priority;
    Target target{rule.target_zone, std::move(*alias), rule.name, rule.caller_domain};
    const bool known = std::any_of(route.targets.begin(), route.targets.end(), [&target](const Target& t) {
      return t.zone == target.zone && t.alias == target.alias;
    });
    history.add({Step::Kind::kRule, rule.name, target.zone, target.alias,
                 known ? "matched, but this zone is tried already" : "matched"});
    if (known) continue;
    route.targets.push_back(std::move(target));
    if (route.targets.size() == kMaxTargets) {
      history.add({Step::Kind::kNote, "", "", "", "no more zones are tried for one call"});
      break;
    }
  }
  if (route.targets.empty()) history.add({Step::Kind::kNote, "", "", route.alias, "no rule leads to a zone"});
  return route;
}

}  // namespace isthmus::routing
