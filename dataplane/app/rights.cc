#include "dataplane/app/rights.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <string_view>

namespace isthmus::app {
namespace {

bool has(const Rights& rights, int capability) {
  return (rights.capabilities >> static_cast<unsigned>(capability) & 1U) != 0;
}

}  // namespace

Rights own_rights() {
  Rights rights;
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kKey = "CapEff:\t";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kKey)) continue;
    std::from_chars(line.data() + kKey.size(), line.data() + line.size(), rights.capabilities, 16);
  }
  rlimit limit{};
  rights.unlimited_locked_memory = getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
  return rights;
}

std::string missing_rights(io::Mode mode, const Rights& rights) {
  std::string missing;
  const auto need = [&](bool there, std::string_view name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  if (mode == io::Mode::kSocket || !io::has_kernel_interface(mode)) return missing;
  need(has(rights, CAP_NET_ADMIN), "CAP_NET_ADMIN");
  if (mode == io::Mode::kPci) {
    // Memory that a device reads and writes is locked.
    need(has(rights, CAP_IPC_LOCK) || rights.unlimited_locked_memory, "CAP_IPC_LOCK");
    return missing;
  }
  need(has(rights, CAP_NET_RAW), "CAP_NET_RAW");
  if (mode == io::Mode::kAfXdp) {
    need(has(rights, CAP_BPF) || has(rights, CAP_SYS_ADMIN), "CAP_BPF");
    // The driver's frame memory is locked; the usual limit of 8 MiB is too small for it.
    need(has(rights, CAP_IPC_LOCK) || rights.unlimited_locked_memory, "CAP_IPC_LOCK");
  }
  return missing;
}

}  // namespace isthmus::app
