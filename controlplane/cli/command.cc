#include "controlplane/cli/command.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace isthmus::cli {
namespace {

constexpr const char* kFooter = R"(
Examples:
  isthmus status                                  is the gateway well, and are its peers there?
  isthmus calls --watch                           the calls of this moment, renewed every second
  isthmus call 1f0c9a                             one call with the figures of each stream
  isthmus route test 3001@example.com --from office
  isthmus trace 1f0c9a --stream video             each packet's way, and why it was dropped
  isthmus stages on --watch                       where the cycles of a packet go

Exit codes: 0 done, 1 the gateway refused, 2 wrong usage, 3 no gateway there or no token)";

CLI::App* add_verb(CLI::App& app, Command& command, Verb verb, const std::string& name, const std::string& purpose) {
  CLI::App* sub = app.add_subcommand(name, purpose);
  sub->fallthrough();
  sub->callback([&command, verb] { command.verb = verb; });
  return sub;
}

void add_watch(CLI::App& verb, Command& command, int& interval_s) {
  verb.add_flag("--watch", command.watch, "show again until interrupted (Ctrl-C)");
  verb.add_option("--interval", interval_s, "seconds between two looks of --watch")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
}

}  // namespace

std::variant<Command, Ending> read_command_line(int argc, const char* const* argv) {
  Command command;
  int interval_s = 1;
  CLI::App app("isthmus: look into a running Isthmus gateway, and end calls", "isthmus");
  app.require_subcommand(1);
  app.footer(kFooter);
  app.add_option("--url", command.url, "where the gateway's REST interface is")
      ->envname("ISTHMUS_URL")
      ->capture_default_str();
  app.add_option("--token-file", command.token_file, "file with the bearer token")
      ->envname("ISTHMUS_TOKEN_FILE")
      ->capture_default_str();
  app.add_flag("--json", command.json, "print the gateway's JSON instead of a table");

  add_watch(*add_verb(app, command, Verb::kStatus, "status", "the gateway: data plane, listeners, peers, alarms"),
            command, interval_s);
  CLI::App* calls = add_verb(app, command, Verb::kCalls, "calls", "all calls");
  calls->add_flag("--ended", command.ended, "those that ended lately instead, with the reason");
  add_watch(*calls, command, interval_s);
  CLI::App* call = add_verb(app, command, Verb::kCall, "call", "one call with the figures of each stream");
  call->add_option("id", command.call_id, "as `isthmus calls` shows it")->required();
  add_watch(*call, command, interval_s);
  CLI::App* hangup = add_verb(app, command, Verb::kHangup, "hangup", "end a call");
  hangup->add_option("id", command.call_id, "as `isthmus calls` shows it")->required();
  CLI::App* route = app.add_subcommand("route", "the dial plan")->fallthrough();
  route->require_subcommand(1);
  CLI::App* test = add_verb(*route, command, Verb::kRouteTest, "test", "where a call to an address would go, and why");
  test->add_option("uri", command.uri, "sip: URI or user@host")->required();
  test->add_option("--from", command.from, "zone that the call comes from; default: any");
  CLI::App* trace = add_verb(app, command, Verb::kTrace, "trace", "follow the packets of one stream of a call");
  trace->add_option("id", command.call_id, "as `isthmus calls` shows it")->required();
  trace->add_option("--stream", command.stream, "audio, video, or the place of the stream")->capture_default_str();
  trace->add_option("--from", command.side, "a or b: packets of that party alone; default: both")
      ->check(CLI::IsMember({"a", "b"}));
  trace->add_option("--packets", command.packets, "end after so many")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  trace->add_option("--seconds", command.seconds, "end after that time")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  std::string measure;
  CLI::App* stages =
      add_verb(app, command, Verb::kStages, "stages", "where the data plane's cycles go, stage by stage");
  stages->add_option("switch", measure, "on or off: measure from now on, or no longer; default: leave it")
      ->check(CLI::IsMember({"on", "off"}));
  add_watch(*stages, command, interval_s);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    const int code = app.exit(error, text, text);
    return Ending{code == 0 ? kExitDone : kExitUsage, text.str()};
  }
  if (!measure.empty()) command.measure = measure == "on";
  command.interval = std::chrono::seconds(interval_s);
  return command;
}

}  // namespace isthmus::cli
