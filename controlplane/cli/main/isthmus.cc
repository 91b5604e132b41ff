// isthmus: the command line of the REST interface.

#include <iostream>
#include <thread>
#include <variant>

#include "controlplane/cli/run.h"

int main(int argc, char** argv) {
  using namespace isthmus::cli;
  const auto read = read_command_line(argc, argv);
  if (const auto* ending = std::get_if<Ending>(&read)) {
    (ending->exit_code == kExitDone ? std::cout : std::cerr) << ending->text;
    return ending->exit_code;
  }
  const Command& command = std::get<Command>(read);
  const auto url = parse_url(command.url);
  if (!url) {
    std::cerr << "isthmus: " << to_string(url.error()) << "\n";
    return kExitUsage;
  }
  const auto token = read_token(command.token_file);
  if (!token) {
    std::cerr << "isthmus: " << token.error().message << "\n";
    return kExitUnreachable;
  }
  const auto ask = [&](std::string_view method, std::string_view target) {
    return send_request(*url, *token, method, target);
  };
  const auto wait = [](std::chrono::seconds span) {
    std::this_thread::sleep_for(span);
    return true;
  };
  return run(command, {std::cout, std::cerr, ask, wait});
}
