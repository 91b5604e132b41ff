#include "controlplane/app/options.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "controlplane/app/version.h"

namespace isthmus::app {

std::variant<Options, Ending> read_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app(
      "isthmus-controlplane: SIP, routing, media decisions and REST of an Isthmus gateway.\n"
      "Started by isthmus-supervisor; media crosses isthmus-dataplane.",
      "isthmus-controlplane");
  app.set_version_flag("--version", std::string("isthmus-controlplane ") + kVersion);
  app.add_option("--config", options.config, "TOML file; all its keys: --list-config-keys")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--contract-socket", options.contract_socket, "socket of the data plane")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--journal-fd", options.journal_fd,
                 "open memory file for the calls that shall outlive this process; without it they do not")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--state-dir", options.state_dir, "folder of the REST token (made at the first start)")
      ->type_name("DIR")
      ->capture_default_str();
  std::string checked;
  auto* check = app.add_option("--check-config", checked, "check this file, say all that is wrong with it, and end")
                    ->type_name("[FILE]")
                    ->expected(0, 1);
  app.add_flag("--list-config-keys", options.list_config_keys, "print every key with its range and default, and end");
  app.footer(R"(
Signals: SIGTERM and SIGINT refuse new calls, let the others go on for timers.drain_s, then end them and stop; the
second one ends them at once. Log lines go to standard error.
Exit codes: 0 ended when asked to, 1 could not start or go on, 2 wrong usage, 3 wrong configuration)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    const int code = app.exit(error, text, text);
    return Ending{code == 0 ? kExitOk : kExitUsage, text.str()};
  }
  options.check_config = check->count() > 0;
  if (!checked.empty()) options.config = checked;
  return options;
}

}  // namespace isthmus::app
