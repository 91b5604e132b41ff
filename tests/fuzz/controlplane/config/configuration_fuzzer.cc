// Any text as a configuration: taken, or refused with at least one problem, each of which says what is wrong.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus;
  const auto loaded = config::load_text(std::string_view(reinterpret_cast<const char*>(data), size));
  if (loaded) return 0;
  const config::Problems& problems = loaded.error();
  if (problems.empty() || std::ranges::any_of(problems, [](const auto& one) { return one.message.empty(); }))
    std::abort();
  if (config::to_text(problems, "gateway.toml").empty()) std::abort();
  return 0;
}
