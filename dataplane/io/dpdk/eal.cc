#include "dataplane/io/dpdk/eal.h"

#include <bpf/libbpf.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>
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

Result<std::string> start_eal(const EalSettings& settings) {
  if (eal_started) return fail(ErrorKind::kExhausted, "DPDK has been started once in this process already");
  eal_started = true;
  redirect_library_logs();

  const bool huge = settings.use_huge_pages && huge_pages_are_free(settings.memory_mb);
  if (!huge && !settings.pci_devices.empty()) {
    return fail(ErrorKind::kUnavailable, "a PCI device needs " + std::to_string(settings.memory_mb) +
                                             " MB of free hugepages: hwconfig/check says how to reserve them");
  }
  // One EAL thread, the calling one, on all our CPUs; workers are threads of ours that register themselves.
  std::vector<std::string> arguments = {"isthmus-dataplane",
                                        "--lcores",
                                        "0@(" + allowed_cpus() + ")",
                                        "-m",
                                        std::to_string(settings.memory_mb),
                                        "--no-telemetry",
                                        "--file-prefix",
                                        "isthmus-" + std::to_string(getpid())};
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
  std::vector<char*> argv;
  argv.reserve(arguments.size());
  for (std::string& argument : arguments) argv.push_back(argument.data());
  eal_starts = true;
  const int started = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  eal_starts = false;
  if (started < 0) {
    return fail(ErrorKind::kUnavailable, std::string("DPDK does not start: ") + rte_strerror(rte_errno));
  }
  return std::string(huge ? "hugepages" : "ordinary pages");
}

void stop_eal() {
  if (eal_started) rte_eal_cleanup();
}

}  // namespace isthmus::io::dpdk
