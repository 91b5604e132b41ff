// isthmus-dataplane: see options.cc for what it takes.

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/app/config.h"
#include "dataplane/app/dataplane.h"
#include "dataplane/app/options.h"
#include "dataplane/base/log.h"
#include "dataplane/base/service_notify.h"

namespace {

using namespace isthmus;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// Blocked before any thread exists, so that no handler ever runs on a worker.
int block_signals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);  // the supervisor hands it on to all; there is nothing to read again
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

int run(const app::Config& config, const app::Options& options) {
  const int signal_fd = block_signals();
  auto dataplane = app::Dataplane::start(config, options);
  if (!dataplane) {
    log::error("dataplane.not_started", {{"reason", to_string(dataplane.error())}});
    return kExitFailed;
  }
  log::info("dataplane.ready", {{"networks", config.networks.size()}, {"workers", config.workers}});
  if (auto told = notify_service("READY=1"); !told) {
    log::warn("dataplane.not_announced", {{"reason", to_string(told.error())}});
  }
  const auto signal_number = (*dataplane)->serve(signal_fd);
  static_cast<void>(notify_service("STOPPING=1"));
  if (signal_number && *signal_number == SIGUSR1) (*dataplane)->keep_drop_rules();
  dataplane->reset();
  close(signal_fd);
  if (!signal_number) {
    log::error("dataplane.failed", {{"reason", to_string(signal_number.error())}});
    return kExitFailed;
  }
  log::info("dataplane.ended", {{"signal", *signal_number}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto options = app::parse_options(arguments);
  if (!options) {
    std::fprintf(stderr, "isthmus-dataplane: %s\n", to_string(options.error()).c_str());
    return kExitUsage;
  }
  if (options->help) {
    std::fputs(app::kHelp, stdout);
    return 0;
  }
  if (options->version) {
    std::puts("isthmus-dataplane " ISTHMUS_VERSION);
    return 0;
  }
  auto config = app::load_config(options->config);
  if (!config) {
    std::fputs(app::to_text(config.error(), options->config).c_str(), stderr);
    return kExitUsage;
  }
  if (options->check_config) return 0;
  if (const char* own = std::getenv("RUNTIME_DIRECTORY"); own != nullptr && *own != '\0') config->run_directory = own;
  log::start("isthmus-dataplane", config->log_level);
  if (options->clean_up) {
    const auto cleaned = app::clean_up(*config);
    if (!cleaned) log::error("dataplane.not_cleaned", {{"reason", to_string(cleaned.error())}});
    return cleaned ? 0 : kExitFailed;
  }
  return run(*config, *options);
}
