#include "controlplane/routing/dial_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/routing/alias.h"

namespace isthmus::routing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<std::string> kZones{"ucm", "lync", "other"};

SearchRule rule(std::string pattern, std::string zone, std::uint16_t priority = 100) {
  SearchRule r;
  r.name = zone + " by " + pattern;
  r.pattern = std::move(pattern);
  r.target_zone = std::move(zone);
  r.priority = priority;
  return r;
}

DialPlan plan(const std::vector<SearchRule>& rules, const std::vector<Transform>& transforms = {}) {
  auto compiled = DialPlan::compile(transforms, rules, kZones);
  EXPECT_TRUE(compiled) << (compiled ? "" : to_string(compiled.error()));
  return compiled ? std::move(*compiled) : DialPlan();
}

std::vector<std::string> zones_of(const Route& route) {
  std::vector<std::string> zones;
  for (const Target& target : route.targets) zones.push_back(target.zone);
  return zones;
}

std::vector<std::string> aliases_of(const Route& route) {
  std::vector<std::string> aliases;
  for (const Target& target : route.targets) aliases.push_back(target.alias);
  return aliases;
}

// R176: every mode, pattern type and behaviour.
struct MatchCase {
  const char* what;
  RuleMode mode;
  PatternType type;
  const char* pattern;
  PatternBehaviour behaviour;
  const char* replacement;
  const char* alias;
  const char* expected;  // nullptr: no match
};

class MatchTable : public ::testing::TestWithParam<MatchCase> {};

TEST_P(MatchTable, GivesTheAlias) {
  const MatchCase& c = GetParam();
  SearchRule r = rule(c.pattern, "lync");
  r.mode = c.mode;
  r.pattern_type = c.type;
  r.behaviour = c.behaviour;
  r.replacement = c.replacement;
  const Route route = plan({r}).search({c.alias, "ucm", false});
  if (c.expected == nullptr) {
    EXPECT_THAT(route.targets, IsEmpty());
  } else {
    EXPECT_THAT(aliases_of(route), ElementsAre(c.expected));
  }
}

constexpr auto kPat = RuleMode::kAliasPattern;
const MatchCase kMatchCases[] = {
    {"exact", kPat, PatternType::kExact, "a@b.c", PatternBehaviour::kLeave, "", "A@B.c", "A@B.c"},
    {"exact_longer", kPat, PatternType::kExact, "a@b.c", PatternBehaviour::kLeave, "", "a@b.cd", nullptr},
    {"exact_replace", kPat, PatternType::kExact, "a@b.c", PatternBehaviour::kReplace, "x@y", "a@b.c", "x@y"},
    {"prefix", kPat, PatternType::kPrefix, "9", PatternBehaviour::kLeave, "", "9123@b", "9123@b"},
    {"prefix_strip", kPat, PatternType::kPrefix, "9", PatternBehaviour::kStrip, "", "9123@b", "123@b"},
    {"prefix_replace", kPat, PatternType::kPrefix, "9", PatternBehaviour::kReplace, "+47", "9123@b", "+47123@b"},
    {"prefix_none", kPat, PatternType::kPrefix, "9", PatternBehaviour::kStrip, "", "8123@b", nullptr},
    {"prefix_all", kPat, PatternType::kPrefix, "9", PatternBehaviour::kStrip, "", "9", nullptr},
    {"suffix", kPat, PatternType::kSuffix, "@b.c", PatternBehaviour::kLeave, "", "a@b.c", "a@b.c"},
    {"suffix_strip", kPat, PatternType::kSuffix, "@b.c", PatternBehaviour::kStrip, "", "a@b.c", "a"},
    {"suffix_replace", kPat, PatternType::kSuffix, "@b.c", PatternBehaviour::kReplace, "@d", "a@B.C", "a@d"},
    {"suffix_longer_than_alias", kPat, PatternType::kSuffix, "xx@b.c", PatternBehaviour::kLeave, "", "@b.c", nullptr},
    {"regex", kPat, PatternType::kRegex, ".+@example\\.com", PatternBehaviour::kLeave, "", "d.j@example.com",
     "d.j@example.com"},
    {"regex_whole_alias", kPat, PatternType::kRegex, ".+@example\\.com", PatternBehaviour::kLeave, "",
     "d@example.com:5060", nullptr},
    {"regex_trailing", kPat, PatternType::kRegex, ".+@example\\.com.*", PatternBehaviour::kLeave, "",
     "d@example.com:5060", "d@example.com:5060"},
    // The guide's rule leaves its dots unescaped: any character takes their place (R178).
    {"regex_group", kPat, PatternType::kRegex, "(3\\d{3})@video.example.com", PatternBehaviour::kReplace, "\\1@ucm",
     "3001@video.example.com", "3001@ucm"},
    {"regex_loose_dot", kPat, PatternType::kRegex, "(3\\d{3})@video.example.com", PatternBehaviour::kReplace, "\\1@ucm",
     "3001@videoXexample.com", "3001@ucm"},
    {"regex_not_four_digits", kPat, PatternType::kRegex, "(3\\d{3})@video.example.com", PatternBehaviour::kReplace,
     "\\1@ucm", "30011@video.example.com", nullptr},
    {"regex_empty_result", kPat, PatternType::kRegex, "(x?)a", PatternBehaviour::kReplace, "\\1", "a", nullptr},
    {"any_alias", RuleMode::kAnyAlias, PatternType::kRegex, "", PatternBehaviour::kLeave, "", "whatever", "whatever"},
    {"any_ip", RuleMode::kAnyIp, PatternType::kRegex, "", PatternBehaviour::kLeave, "", "x@10.10.2.1:5060",
     "x@10.10.2.1:5060"},
    {"any_ip_name", RuleMode::kAnyIp, PatternType::kRegex, "", PatternBehaviour::kLeave, "", "x@example.com", nullptr},
};
INSTANTIATE_TEST_SUITE_P(R176, MatchTable, ::testing::ValuesIn(kMatchCases),
                         [](const auto& instance) { return std::string(instance.param.what); });

TEST(DialPlan, TriesRulesByRisingPriority) {
  const Route route =
      plan({rule(".*", "other", 300), rule(".*", "lync", 100), rule(".*", "ucm", 200)}).search({"a@b", "ucm", false});
  EXPECT_THAT(zones_of(route), ElementsAre("lync", "ucm", "other"));
}

TEST(DialPlan, StopEndsTheSearchBehindRulesOfTheSamePriority) {
  SearchRule stop = rule(".*", "lync", 100);
  stop.on_match = OnMatch::kStop;
  const Route route = plan({stop, rule(".*", "ucm", 100), rule(".*", "other", 101)}).search({"a@b", "ucm", false});
  EXPECT_THAT(zones_of(route), ElementsAre("lync", "ucm"));
  EXPECT_EQ(route.history.back().reason, "a rule said stop");
}

TEST(DialPlan, StopOnARuleThatDoesNotMatchStopsNothing) {
  SearchRule stop = rule("x", "lync", 100);
  stop.on_match = OnMatch::kStop;
  EXPECT_THAT(zones_of(plan({stop, rule(".*", "ucm", 200)}).search({"a@b", "ucm", false})), ElementsAre("ucm"));
}

TEST(DialPlan, AppliesSourceZoneAuthenticationAndState) {
  SearchRule from_lync = rule(".*", "ucm");
  from_lync.source_zone = "lync";
  SearchRule checked = rule(".*", "lync");
  checked.must_be_authenticated = true;
  SearchRule disabled = rule(".*", "other");
  disabled.enabled = false;
  const DialPlan p = plan({from_lync, checked, disabled});
  EXPECT_THAT(zones_of(p.search({"a@b", "ucm", false})), IsEmpty());
  EXPECT_THAT(zones_of(p.search({"a@b", "lync", false})), ElementsAre("ucm"));
  EXPECT_THAT(zones_of(p.search({"a@b", "ucm", true})), ElementsAre("lync"));

  const Route explained = p.search({"a@b", "ucm", false}, Detail::kExplain);
  ASSERT_EQ(explained.history.size(), 4U);
  EXPECT_EQ(explained.history[0].reason, "the request came from another zone");
  EXPECT_EQ(explained.history[1].reason, "the request is not authenticated");
  EXPECT_EQ(explained.history[2].reason, "the rule is disabled");
  EXPECT_EQ(explained.history[3].reason, "no rule leads to a zone");
}

TEST(DialPlan, TriesAZoneOnceForOneAlias) {
  SearchRule changed = rule("a@b", "lync", 300);
  changed.behaviour = PatternBehaviour::kReplace;
  changed.replacement = "c@d";
  const Route route = plan({rule(".*", "lync", 100), rule("a@b", "lync", 200), changed}).search({"a@b", "ucm", false});
  EXPECT_THAT(aliases_of(route), ElementsAre("a@b", "c@d"));
}

TEST(DialPlan, BoundsTargets) {
  std::vector<SearchRule> rules;
  for (std::size_t i = 0; i < kMaxTargets + 1; ++i) {
    SearchRule r = rule(".*", "lync");
    r.behaviour = PatternBehaviour::kReplace;
    r.replacement = "alias" + std::to_string(i);
    rules.push_back(r);
  }
  const Route route = plan(rules).search({"a@b", "ucm", false});
  EXPECT_EQ(route.targets.size(), kMaxTargets);
  EXPECT_EQ(route.history.back().reason, "no more zones are tried for one call");
  rules.resize(kMaxTargets - 1);
  EXPECT_EQ(plan(rules).search({"a@b", "ucm", false}).targets.size(), kMaxTargets - 1);
}

TEST(DialPlan, BoundsHistory) {
  std::vector<SearchRule> rules(kMaxHistorySteps + 5, rule("nothing", "lync"));
  EXPECT_EQ(plan(rules).search({"a@b", "ucm", false}, Detail::kExplain).history.size(), kMaxHistorySteps);
}

TEST(DialPlan, RefusesAnAliasOverTheBound) {
  EXPECT_EQ(plan({rule(".*", "lync")}).search({std::string(kMaxAliasBytes, 'a'), "ucm", false}).targets.size(), 1U);
  EXPECT_TRUE(plan({rule(".*", "lync")}).search({std::string(kMaxAliasBytes + 1, 'a'), "ucm", false}).targets.empty());
}

// R182, R183.
Transform transform(std::uint16_t priority, std::string pattern, std::string replacement) {
  Transform t;
  t.name = "t" + std::to_string(priority);
  t.priority = priority;
  t.pattern = std::move(pattern);
  t.replacement = std::move(replacement);
  return t;
}

TEST(Transforms, TheGuidesRegexStripsAPort) {
  const DialPlan p = plan({rule(".*", "lync")}, {transform(5, "(.+):.*", "\\1")});
  EXPECT_EQ(p.search({"3001@video.example.com:5060", "ucm", false}).alias, "3001@video.example.com");
  EXPECT_EQ(p.search({"3001@video.example.com", "ucm", false}).alias, "3001@video.example.com");
  EXPECT_EQ(p.search({"[2001:db8::1]", "ucm", false}).alias, "[2001:db8:");  // its known fault
}

TEST(Transforms, ParsedActionKeepsIpv6) {
  Transform t;
  t.name = "ports";
  t.action = TransformAction::kStripPort;
  const DialPlan p = plan({rule(".*", "lync")}, {t, transform(200, "3001@(.*)", "4001@\\1")});
  EXPECT_EQ(p.search({"[2001:db8::1]", "ucm", false}).alias, "[2001:db8::1]");
  EXPECT_EQ(p.search({"a@[2001:db8::1]:5060", "ucm", false}).alias, "a@[2001:db8::1]");
  EXPECT_EQ(p.search({"3001@x:5060", "ucm", false}).alias, "4001@x");
}

TEST(Transforms, OnlyTheFirstPatternThatMatchesIsApplied) {
  const DialPlan p = plan({rule(".*", "lync")}, {transform(20, "b", "c"), transform(10, "a", "b")});
  EXPECT_EQ(p.search({"a", "ucm", false}).alias, "b");
}

// Bad plans are refused whole, with the field.
TEST(DialPlanCompile, NamesTheField) {
  const auto field_of = [](const SearchRule& bad) {
    auto compiled = DialPlan::compile({}, {rule(".*", "lync"), bad}, kZones);
    return compiled ? std::string("accepted") : compiled.error().field;
  };
  EXPECT_EQ(field_of(rule("(", "lync")), "search_rules[1].pattern");
  EXPECT_EQ(field_of(rule("", "lync")), "search_rules[1].pattern");
  EXPECT_EQ(field_of(rule(".*", "nowhere")), "search_rules[1].target_zone");
  EXPECT_EQ(field_of(rule(".*", "lync", 0)), "search_rules[1].priority");
  EXPECT_EQ(field_of(rule(".*", "lync", 65535)), "search_rules[1].priority");
  EXPECT_EQ(field_of(rule(".*", "lync", 65534)), "accepted");
  SearchRule source = rule(".*", "lync");
  source.source_zone = "nowhere";
  EXPECT_EQ(field_of(source), "search_rules[1].source_zone");
  SearchRule group = rule("a(b)", "lync");
  group.behaviour = PatternBehaviour::kReplace;
  group.replacement = "\\2";
  EXPECT_EQ(field_of(group), "search_rules[1].replacement");
  SearchRule strip = rule("ab", "lync");
  strip.behaviour = PatternBehaviour::kStrip;
  EXPECT_EQ(field_of(strip), "search_rules[1].behaviour");
}

TEST(DialPlanCompile, EmptyPlanLeadsNowhere) {
  const Route route = DialPlan().search({"a@b", "ucm", false});
  EXPECT_TRUE(route.targets.empty());
  EXPECT_EQ(route.history.size(), 1U);
}

}  // namespace
}  // namespace isthmus::routing
