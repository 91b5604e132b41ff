// isthmus-supervisor: starts and watches the planes. Small on purpose: no network, no parser of foreign bytes.

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <span>

#include "controlplane/supervisor/options.h"
#include "controlplane/supervisor/supervisor.h"
#include "dataplane/base/log.h"

int main(int argc, char** argv) {
  using namespace isthmus;
  namespace log = isthmus::log;
  std::error_code ignored;
  const std::string own_dir = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  const Result<supervisor::Parsed> parsed =
      supervisor::parse_options(std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(1), own_dir);
  if (!parsed) {
    std::fprintf(stderr, "isthmus-supervisor: %s\n", to_string(parsed.error()).c_str());
    return supervisor::kExitUsage;
  }
  if (const std::optional<std::string>& print = parsed->print) {
    std::fputs(print->c_str(), stdout);
    return 0;
  }
  log::start("supervisor", parsed->options.debug ? log::Level::kDebug : log::Level::kInfo);
  Result<supervisor::Supervisor> made = supervisor::Supervisor::make(parsed->options);
  if (!made) {
    log::error("supervisor.cannot_start", {{"error", to_string(made.error())}});
    return supervisor::kExitFailure;
  }
  return made->run();
}
