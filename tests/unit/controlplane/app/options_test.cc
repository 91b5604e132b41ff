#include "controlplane/app/options.h"

#include <gtest/gtest.h>

namespace isthmus::app {
namespace {

std::variant<Options, Ending> read(std::vector<const char*> words) {
  words.insert(words.begin(), "isthmus-controlplane");
  return read_options(static_cast<int>(words.size()), words.data());
}

TEST(Options, AllAreRead) {
  const auto options = std::get<Options>(
      read({"--config", "a.toml", "--contract-socket", "/s", "--journal-fd", "5", "--state-dir", "/d"}));
  EXPECT_EQ(options.config, "a.toml");
  EXPECT_EQ(options.contract_socket, "/s");
  EXPECT_EQ(options.journal_fd, 5);
  EXPECT_EQ(options.state_dir, "/d");
  EXPECT_FALSE(options.check_config);
}

TEST(Options, DefaultsFitTheSupervisor) {
  const auto options = std::get<Options>(read({}));
  EXPECT_EQ(options.config, "/etc/isthmus/controlplane.toml");
  EXPECT_EQ(options.contract_socket, "/run/isthmus/dataplane.sock");
  EXPECT_EQ(options.state_dir, "/var/lib/isthmus");
  EXPECT_EQ(options.journal_fd, -1);
}

TEST(Options, CheckConfigTakesItsFileEitherWay) {
  EXPECT_EQ(std::get<Options>(read({"--check-config", "b.toml"})).config, "b.toml");
  const auto apart = std::get<Options>(read({"--config", "c.toml", "--check-config"}));
  EXPECT_TRUE(apart.check_config);
  EXPECT_EQ(apart.config, "c.toml");
}

TEST(Options, MistakesAndHelpEnd) {
  EXPECT_EQ(std::get<Ending>(read({"--help"})).exit_code, kExitOk);
  EXPECT_NE(std::get<Ending>(read({"--help"})).text.find("--journal-fd"), std::string::npos);
  EXPECT_EQ(std::get<Ending>(read({"--version"})).exit_code, kExitOk);
  for (std::vector<const char*> words : {std::vector<const char*>{"--nonsense"},
                                         {"--journal-fd", "-2"},
                                         {"--journal-fd", "x"},
                                         {"stray"},
                                         {"--config"}}) {
    EXPECT_EQ(std::get<Ending>(read(words)).exit_code, kExitUsage) << words[0];
  }
}

}  // namespace
}  // namespace isthmus::app
