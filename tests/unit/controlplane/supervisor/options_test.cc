#include "controlplane/supervisor/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace isthmus::supervisor {
namespace {

Result<Parsed> parse(std::vector<const char*> arguments) { return parse_options(arguments, "/opt/isthmus/bin"); }

TEST(Options, DefaultsAreThoseOfAnInstalledGateway) {
  const Result<Parsed> parsed = parse({});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->options.dataplane_config, "/etc/isthmus/dataplane.toml");
  EXPECT_EQ(parsed->options.controlplane_config, "/etc/isthmus/controlplane.toml");
  EXPECT_EQ(parsed->options.run_dir, "/run/isthmus");
  EXPECT_EQ(parsed->options.bin_dir, "/opt/isthmus/bin");
  EXPECT_FALSE(parsed->options.same_user);
  EXPECT_TRUE(parsed->options.filter_system_calls);
  EXPECT_FALSE(parsed->print);
}

TEST(Options, EachIsTakenInBothForms) {
  const Result<Parsed> parsed =
      parse({"--config-dir", "/c", "--controlplane-config=/x/cp.toml", "--run-dir=/r", "--state-dir", "/s", "--bin-dir",
             "/b", "--same-user", "--journal-mib", "4096", "--index-memory-mib=1", "--stop-seconds=3", "--no-seccomp",
             "--debug", "--dataplane-user", "d", "--controlplane-user=c"});
  ASSERT_TRUE(parsed);
  const Options& options = parsed->options;
  EXPECT_EQ(options.dataplane_config, "/c/dataplane.toml");
  EXPECT_EQ(options.controlplane_config, "/x/cp.toml");
  EXPECT_EQ(options.run_dir, "/r");
  EXPECT_EQ(options.state_dir, "/s");
  EXPECT_EQ(options.bin_dir, "/b");
  EXPECT_TRUE(options.same_user);
  EXPECT_EQ(options.journal_mib, kMaxNumber);
  EXPECT_EQ(options.index_memory_mib, 1U);
  EXPECT_EQ(options.stop_seconds, 3U);
  EXPECT_FALSE(options.filter_system_calls);
  EXPECT_TRUE(options.debug);
  EXPECT_EQ(options.dataplane_user, "d");
  EXPECT_EQ(options.controlplane_user, "c");
}

TEST(Options, WhatMakesNoSenseIsRefusedWithItsName) {
  struct Case {
    std::vector<const char*> arguments;
    const char* field;
  };
  for (const Case& each : std::vector<Case>{{{"--unknown"}, "--unknown"},
                                            {{"stray"}, "stray"},
                                            {{"--run-dir"}, "--run-dir"},
                                            {{"--run-dir="}, "--run-dir"},
                                            {{"--same-user=yes"}, "--same-user"},
                                            {{"--journal-mib", "0"}, "--journal-mib"},
                                            {{"--journal-mib", "4097"}, "--journal-mib"},
                                            {{"--journal-mib", "1x"}, "--journal-mib"},
                                            {{"--journal-mib", "-1"}, "--journal-mib"}}) {
    const Result<Parsed> parsed = parse(each.arguments);
    ASSERT_FALSE(parsed) << each.field;
    EXPECT_EQ(parsed.error().field, each.field);
  }
}

TEST(Options, HelpNamesEveryOption) {
  const Result<Parsed> parsed = parse({"--help"});
  ASSERT_TRUE(parsed && parsed->print);
  for (const char* name : {"--config-dir", "--dataplane-config", "--controlplane-config", "--run-dir", "--state-dir",
                           "--bin-dir", "--same-user", "--dataplane-user", "--controlplane-user", "--journal-mib",
                           "--index-memory-mib", "--stop-seconds", "--no-seccomp", "--debug", "--version"}) {
    EXPECT_NE(parsed->print->find(name), std::string::npos) << name;
  }
  EXPECT_TRUE(parse({"--version"})->print);
}

}  // namespace
}  // namespace isthmus::supervisor
