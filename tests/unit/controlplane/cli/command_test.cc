#include "controlplane/cli/command.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace isthmus::cli {
namespace {

std::variant<Command, Ending> read(std::vector<const char*> words) {
  words.insert(words.begin(), "isthmus");
  return read_command_line(static_cast<int>(words.size()), words.data());
}
Command command(const std::vector<const char*>& words) { return std::get<Command>(read(words)); }

TEST(CommandLine, EachVerbIsRead) {
  EXPECT_EQ(command({"status"}).verb, Verb::kStatus);
  EXPECT_EQ(command({"calls"}).verb, Verb::kCalls);
  EXPECT_TRUE(command({"calls", "--ended"}).ended);
  EXPECT_EQ(command({"call", "c1"}).call_id, "c1");
  EXPECT_EQ(command({"hangup", "c1"}).verb, Verb::kHangup);
  const Command trace =
      command({"trace", "c1", "--stream", "video", "--from", "b", "--packets", "7", "--seconds", "3"});
  EXPECT_EQ(trace.verb, Verb::kTrace);
  EXPECT_EQ(trace.call_id, "c1");
  EXPECT_EQ(trace.stream, "video");
  EXPECT_EQ(trace.side, "b");
  EXPECT_EQ(trace.packets, 7);
  EXPECT_EQ(trace.seconds, 3);
  EXPECT_EQ(command({"trace", "c1"}).stream, "audio");
  EXPECT_EQ(command({"stages"}).verb, Verb::kStages);
  EXPECT_EQ(command({"stages"}).measure, std::nullopt);
  EXPECT_EQ(command({"stages", "on", "--watch"}).measure, true);
  EXPECT_EQ(command({"stages", "off"}).measure, false);
  const Command route = command({"route", "test", "a@b", "--from", "rooms"});
  EXPECT_EQ(route.verb, Verb::kRouteTest);
  EXPECT_EQ(route.uri, "a@b");
  EXPECT_EQ(route.from, "rooms");
}

TEST(CommandLine, CommonOptionsStandBeforeOrBehindTheVerb) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--json", "--url", "http://h:1", "--token-file", "/t", "calls"},
        {"calls", "--json", "--url", "http://h:1", "--token-file", "/t"}}) {
    const Command read_command = command(words);
    EXPECT_TRUE(read_command.json);
    EXPECT_EQ(read_command.url, "http://h:1");
    EXPECT_EQ(read_command.token_file, "/t");
  }
}

TEST(CommandLine, DefaultsAndEnvironment) {
  EXPECT_EQ(command({"status"}).url, "http://127.0.0.1:8480");
  EXPECT_EQ(command({"status"}).token_file, "/var/lib/isthmus/token");
  ::setenv("ISTHMUS_URL", "http://other:9", 1);
  EXPECT_EQ(command({"status"}).url, "http://other:9");
  EXPECT_EQ(command({"status", "--url", "http://h:1"}).url, "http://h:1");
  ::unsetenv("ISTHMUS_URL");
}

TEST(CommandLine, WatchHasAnInterval) {
  const Command watch = command({"calls", "--watch", "--interval", "5"});
  EXPECT_TRUE(watch.watch);
  EXPECT_EQ(watch.interval.count(), 5);
}

TEST(CommandLine, MistakesEndWithUsageAndHelpDoesNot) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{},
                                                {"nonsense"},
                                                {"call"},
                                                {"hangup"},
                                                {"stages", "maybe"},
                                                {"trace"},
                                                {"trace", "c1", "--from", "c"},
                                                {"trace", "c1", "--packets", "0"},
                                                {"trace", "c1", "--seconds", "601"},
                                                {"route"},
                                                {"route", "test"},
                                                {"calls", "--interval", "0"},
                                                {"status", "--colour"},
                                                {"call", "a", "b"}}) {
    EXPECT_EQ(std::get<Ending>(read(words)).exit_code, kExitUsage);
  }
  const Ending help = std::get<Ending>(read({"--help"}));
  EXPECT_EQ(help.exit_code, kExitDone);
  for (const char* word : {"status", "calls", "hangup", "route", "--url", "--token-file", "Exit codes"}) {
    EXPECT_NE(help.text.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace isthmus::cli
