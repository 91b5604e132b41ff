// isthmus-controlplane: reads what it is told, starts, runs until it is asked to stop.

#include <sys/stat.h>

#include <iostream>
#include <variant>

#include "controlplane/app/configuration.h"
#include "controlplane/app/options.h"
#include "controlplane/app/process.h"
#include "dataplane/base/log.h"

namespace {

isthmus::log::Level to_log(isthmus::config::LogLevel level) {
  using isthmus::config::LogLevel;
  using isthmus::log::Level;
  switch (level) {
    case LogLevel::kDebug: return Level::kDebug;
    case LogLevel::kInfo: return Level::kInfo;
    case LogLevel::kWarn: return Level::kWarn;
    case LogLevel::kError: return Level::kError;
  }
  return Level::kInfo;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace isthmus;
  const auto read = app::read_options(argc, argv);
  if (const auto* ending = std::get_if<app::Ending>(&read)) {
    (ending->exit_code == app::kExitOk ? std::cout : std::cerr) << ending->text;
    return ending->exit_code;
  }
  const app::Options& options = std::get<app::Options>(read);
  if (options.list_config_keys) {
    std::cout << app::list_of_keys();
    return app::kExitOk;
  }
  const auto configuration = app::load_configuration(options.config);
  if (!configuration) {
    std::cerr << config::to_text(configuration.error(), options.config);
    return app::kExitBadConfig;
  }
  if (options.check_config) {
    std::cout << options.config << ": good\n";
    return app::kExitOk;
  }
  ::umask(077);
  log::start("isthmus-controlplane", to_log(configuration->log_level));
  const auto process = app::Process::start(options, *configuration);
  if (!process) {
    log::error("control_plane.cannot_start", {{"reason", to_string(process.error())}});
    return app::kExitFailed;
  }
  (*process)->run();
  return app::kExitOk;
}
