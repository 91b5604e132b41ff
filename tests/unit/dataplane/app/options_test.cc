#include "dataplane/app/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace isthmus::app {
namespace {

Result<Options> parse(std::vector<std::string> arguments) { return parse_options(arguments); }

TEST(Options, DefaultsNeedNoArgument) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->config, "/etc/isthmus/dataplane.toml");
  EXPECT_EQ(options->contract_fd, -1);
  EXPECT_FALSE(options->check_config);
}

TEST(Options, BothWaysToGiveAValue) {
  EXPECT_EQ(parse({"--config", "a.toml"})->config, "a.toml");
  EXPECT_EQ(parse({"--config=a.toml"})->config, "a.toml");
  EXPECT_EQ(parse({"--contract-fd", "5"})->contract_fd, 5);
  EXPECT_EQ(parse({"--contract-socket", "/x"})->contract_socket, "/x");
}

TEST(Options, Flags) {
  const auto options = parse({"--check-config", "--clean-up", "--help", "--version"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->check_config && options->clean_up && options->help && options->version);
}

TEST(Options, RefusesWhatItDoesNotKnow) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"--configs"},
                                                                     {"file.toml"},
                                                                     {"--config"},
                                                                     {"--config="},
                                                                     {"--help=yes"},
                                                                     {"--contract-fd", "x"},
                                                                     {"--contract-fd", "3x"},
                                                                     {"--contract-fd=-2"}}) {
    const auto options = parse(arguments);
    ASSERT_FALSE(options) << arguments[0];
    EXPECT_EQ(options.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_FALSE(options.error().field.empty());
  }
}

TEST(Options, HelpNamesEveryOption) {
  const std::string help = kHelp;
  for (const char* name : {"--config FILE", "--check-config", "--contract-socket", "--contract-fd", "--index-memory-fd",
                           "--clean-up", "--version", "--help"}) {
    EXPECT_NE(help.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace isthmus::app
