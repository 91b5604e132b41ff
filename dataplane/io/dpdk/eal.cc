#include "dataplane/io/dpdk/eal.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <rte_build_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/log.h"

namespace isthmus::io::dpdk {
namespace {

constexpr std::size_t kMaxLibraryLine = 400;

bool eal_started = false;  // main thread; the EAL cannot be started twice

// The EAL measures the time-stamp counter's rate over a sleep of 100 ms, and rounds it to 10 MHz (eal_timer.c). A tenth
// of that measures the same, and media waits for it when the data plane restarts.
constexpr long kEalMeasuresNs = 100'000'000;
constexpr long kMeasureNs = 10'000'000;
thread_local bool eal_starts = false;

// A shared build of DPDK loads every driver of its folder, some 120 libraries, which takes longer than all the rest of
// a start. Where the operator names no device these are what we use, and the EAL is told their names instead.
constexpr std::array<std::string_view, 8> kDrivers = {"bus_vdev",  "mempool_ring", "net_af_packet", "net_af_xdp",
                                                      "net_memif", "net_null",     "net_pcap",      "net_ring"};
thread_local bool eal_loads_no_folder = false;

// Of the memory that may be needed beside the frames: huge pages come when they are asked for, and the kernel clears
// each before it gives it, a millisecond for three. Ordinary ones come untouched, and no more later.
constexpr std::size_t kLaterMb = 48;

/// Paths of kDrivers in the folder of drivers; none if one is missing, or DPDK was built without a folder.
std::vector<std::string> driver_paths() {
  std::vector<std::string> paths;
#ifdef RTE_EAL_PMD_PATH
  const std::string folder = RTE_EAL_PMD_PATH;  // ".../pmds-23.0": its end is the version of the libraries too
  const std::size_t dash = folder.rfind('-');
  if (folder.empty() || dash == std::string::npos) return {};
  for (const std::string_view driver : kDrivers) {
    paths.push_back(folder + "/librte_" + std::string(driver) + ".so." + folder.substr(dash + 1));
    if (access(paths.back().c_str(), R_OK) != 0) return {};
  }
#endif
  return paths;
}

// Libraries write lines; ours are one event each, at a level that an operator does not see by default.
void log_library(std::string_view library, log::Level level, std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (!text.empty()) log::write(level, "io.library", {{"library", library}, {"line", text}});
}

ssize_t write_dpdk_line(void* /*cookie*/, const char* text, std::size_t length) {
  const bool serious = rte_log_cur_msg_loglevel() <= static_cast<int>(RTE_LOG_ERR);
  log_library("dpdk", serious ? log::Level::kWarn : log::Level::kDebug, {text, length});
  return static_cast<ssize_t>(length);
}

int print_libbpf(enum libbpf_print_level /*level*/, const char* format, va_list arguments) {
  char line[kMaxLibraryLine];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (length > 0) log_library("libbpf", log::Level::kDebug, line);
  return length;
}

int print_libxdp(enum libxdp_print_level /*level*/, const char* format, va_list arguments) {
  char line[kMaxLibraryLine];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (length > 0) log_library("libxdp", log::Level::kDebug, line);
  return length;
}

void redirect_library_logs() {
  cookie_io_functions_t functions{};
  functions.write = write_dpdk_line;
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream != nullptr) {
    setvbuf(stream, nullptr, _IOLBF, 0);
    rte_openlog_stream(stream);
  }
  libbpf_set_print(print_libbpf);
  libxdp_set_print(print_libxdp);
}

// The kernel reserves huge pages when it maps them, so this says surely whether the EAL will get them.
bool huge_pages_are_free(std::size_t megabytes) {
  void* at = mmap(nullptr, megabytes << 20U, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (at == MAP_FAILED) return false;
  munmap(at, megabytes << 20U);
  return true;
}

std::string allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string list;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &set)) continue;
      if (!list.empty()) list += ',';
      list += std::to_string(cpu);
    }
  }
  return list.empty() ? "0" : list;
}

}  // namespace

// Stands before the C library's for the whole process (the linker exports it, since DPDK's libraries refer to it).
extern "C" int nanosleep(const timespec* wanted, timespec* left) {
  timespec time = *wanted;
  if (eal_starts && time.tv_sec == 0 && time.tv_nsec == kEalMeasuresNs) time.tv_nsec = kMeasureNs;
  const int error = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, left);
  if (error == 0) return 0;
  errno = error;
  return -1;
}

// As nanosleep() above. The EAL asks in this way whether it is a shared library, and loads its folder if so
// (eal_common_options.c, is_shared_build()).
extern "C" void* dlopen(const char* name, int mode) {
  if (eal_loads_no_folder && name != nullptr && (mode & RTLD_NOLOAD) != 0 &&
      std::string_view(name).starts_with("librte_eal.so")) {
    return nullptr;
  }
  static const auto real = reinterpret_cast<void* (*)(const char*, int)>(dlsym(RTLD_NEXT, "dlopen"));
  return real(name, mode);
}

Result<std::string> start_eal(const EalSettings& settings) {
  if (eal_started) return fail(ErrorKind::kExhausted, "DPDK has been started once in this process already");
  eal_started = true;
  redirect_library_logs();

  const bool huge = settings.use_huge_pages && huge_pages_are_free(settings.memory_mb);
  if (!huge && !settings.pci_devices.empty()) {
    return fail(ErrorKind::kUnavailable, "a PCI device needs " + std::to_string(settings.memory_mb) +
                                             " MB of free hugepages: hwconfig/check says how to reserve them");
  }
  const bool waits = huge && !settings.every_driver && settings.memory_mb > 2 * kLaterMb;
  const std::size_t at_once_mb = waits ? settings.memory_mb - kLaterMb : settings.memory_mb;
  // One EAL thread, the calling one, on all our CPUs; workers are threads of ours that register themselves.
  std::vector<std::string> arguments = {
      "isthmus-dataplane", "--lcores",      "0@(" + allowed_cpus() + ")",         "-m", std::to_string(at_once_mb),
      "--no-telemetry",    "--file-prefix", "isthmus-" + std::to_string(getpid())};
  if (settings.pci_devices.empty()) {
    arguments.insert(arguments.end(), {"--no-pci", "--iova-mode=va"});
  }
  for (const std::string& device : settings.pci_devices) arguments.insert(arguments.end(), {"-a", device});
  if (huge) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.emplace_back("--no-huge");
    arguments.emplace_back("--no-shconf");
  }
  const std::vector<std::string> drivers = settings.every_driver ? std::vector<std::string>() : driver_paths();
  for (const std::string& path : drivers) arguments.insert(arguments.end(), {"-d", path});
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  eal_starts = true;
  eal_loads_no_folder = !drivers.empty();
  const int started = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  eal_starts = eal_loads_no_folder = false;
  if (started < 0) {
    return fail(ErrorKind::kUnavailable, std::string("DPDK does not start: ") + rte_strerror(rte_errno));
  }
  return std::string(huge ? "hugepages" : "ordinary pages");
}

void stop_eal() {
  if (eal_started) rte_eal_cleanup();
}

}  // namespace isthmus::io::dpdk
