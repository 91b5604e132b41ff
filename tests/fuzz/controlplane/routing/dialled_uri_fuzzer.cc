// Request URIs of any content through parsing, a plan with every kind of rule, and back to a URI.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/routing/alias.h"
#include "controlplane/routing/dial_plan.h"

namespace {

isthmus::routing::DialPlan make_plan() {
  using namespace isthmus::routing;
  std::vector<Transform> transforms(2);
  transforms[0].action = TransformAction::kStripPort;
  transforms[1].pattern = "(.+)@old\\.example";
  transforms[1].replacement = "\\1@new.example";
  std::vector<SearchRule> rules(3);
  rules[0].pattern = "(3\\d{3})@video.example.com";
  rules[0].behaviour = PatternBehaviour::kReplace;
  rules[0].replacement = "\\1@ucm";
  rules[1].pattern_type = PatternType::kPrefix;
  rules[1].pattern = "9";
  rules[1].behaviour = PatternBehaviour::kStrip;
  rules[2].mode = RuleMode::kAnyIp;
  for (SearchRule& rule : rules) rule.target_zone = "z";
  return DialPlan::compile(transforms, rules, {"z"}).value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::routing;
  static const DialPlan plan = make_plan();
  const std::string_view uri(reinterpret_cast<const char*>(data), size);
  const auto dialled = parse_dialled_uri(uri);
  if (!dialled) return 0;
  if (dialled->alias.empty() || dialled->alias.size() > kMaxAliasBytes) std::abort();
  const Route route = plan.search({dialled->alias, "z", false}, Detail::kExplain);
  if (route.targets.size() > kMaxTargets || route.history.size() > kMaxHistorySteps) std::abort();
  for (const Target& target : route.targets) {
    if (target.alias.empty()) std::abort();
    (void)make_uri(*dialled, target.alias, "peer.example.com");
  }
  (void)host_of(dialled->alias);
  return 0;
}
