#pragma once

// The test program plays all three roles: started under the name of a plane it is a tiny fake of it, under the name of
// the supervisor it is the supervisor, else the tests. A fake tells on standard output what it finds itself to be, one
// line an event, and does what its configuration file says: words of
//   crash exit=N never-ready ignore-term crash-when-restored

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <span>
#include <sstream>
#include <string>

#include "controlplane/supervisor/options.h"
#include "controlplane/supervisor/supervisor.h"
#include "dataplane/base/service_notify.h"

namespace isthmus::supervisor {

inline void say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) ::_exit(4);  // nobody listens any more
}

/// Value of a field of /proc/self/status.
inline std::string status_field(const std::string& name) {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream words(line.substr(name.size() + 1));
    std::string value, word;
    while (words >> word) value += (value.empty() ? "" : ",") + word;
    return value;
  }
  return "?";
}

inline std::string open_descriptors() {
  std::set<int> found;
  for (int fd = 0; fd < 256; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) found.insert(fd);
  }
  std::string text;
  for (const int fd : found) text += (text.empty() ? "" : ",") + std::to_string(fd);
  return text;
}

inline std::string result_of(long result) { return result >= 0 ? "ok" : std::to_string(errno); }

inline std::string connect_result(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  std::string result = result_of(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  ::close(fd);
  return result;
}

/// Counts the starts in the memory file: what survives shows.
inline std::uint64_t count_start(int fd) {
  std::uint64_t starts = 0;
  if (::pread(fd, &starts, sizeof starts, 0) < 0) return 0;
  ++starts;
  if (::pwrite(fd, &starts, sizeof starts, 0) < 0) return 0;
  return starts;
}

inline std::string describe_self(const std::string& name, std::map<std::string, std::string>& arguments,
                                 std::uint64_t starts) {
  const int memory = std::stoi(arguments[name == "dataplane" ? "--index-memory-fd" : "--journal-fd"]);
  struct stat file{};
  ::fstat(memory, &file);
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  const char* run = std::getenv("FAKE_RUN_DIR");
  const std::string contract = name == "controlplane" ? arguments["--contract-socket"]
                                                      : std::string(run ? run : "") + "/contract/dataplane.sock";
  const char* peer = std::getenv(kContractPeerVariable);
  const char* heap = std::getenv("GLIBC_TUNABLES");
  std::ostringstream text;
  text << name << " start pid=" << ::getpid() << " uid=" << ::getuid() << " gid=" << ::getgid()
       << " groups=" << status_field("Groups") << " eff=" << status_field("CapEff") << " prm=" << status_field("CapPrm")
       << " bnd=" << status_field("CapBnd") << " amb=" << status_field("CapAmb")
       << " nnp=" << status_field("NoNewPrivs") << " seccomp=" << status_field("Seccomp") << " core=" << core.rlim_max
       << " fds=" << open_descriptors() << " memory_bytes=" << file.st_size << " memory_mode=" << std::oct
       << (file.st_mode & 0777U) << std::dec << " grow=" << result_of(::ftruncate(memory, file.st_size + 1))
       << " mount=" << result_of(::mount("none", "/tmp", "tmpfs", 0, nullptr))
       << " ptrace=" << result_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))
       << " connect=" << connect_result(contract) << " peer=" << (peer ? peer : "none")
       << " heap=" << (heap ? heap : "") << " config=" << arguments["--config"] << " state=" << arguments["--state-dir"]
       << " contract_fd=" << arguments["--contract-fd"] << " starts=" << starts;
  return text.str();
}

inline int fake_plane(const std::string& name, std::span<char*> given) {
  std::map<std::string, std::string> arguments;
  for (std::size_t i = 1; i + 1 < given.size(); i += 2) arguments[given[i]] = given[i + 1];
  std::ostringstream config;
  config << std::ifstream(arguments["--config"]).rdbuf();
  const std::string text = config.str();
  const auto told = [&](const std::string& word) { return text.find(word) != std::string::npos; };
  sigset_t taken;
  ::sigfillset(&taken);
  ::sigprocmask(SIG_BLOCK, &taken, nullptr);
  const std::uint64_t starts =
      count_start(std::stoi(arguments[name == "dataplane" ? "--index-memory-fd" : "--journal-fd"]));
  say(describe_self(name, arguments, starts));
  if (told("exit=")) return std::atoi(text.c_str() + text.find("exit=") + 5);
  if (told("crash-when-restored") ? starts > 1 : told("crash")) return ::raise(SIGKILL);
  if (!told("never-ready") && !notify_service("READY=1")) return 3;
  for (;;) {
    int signal = 0;
    ::sigwait(&taken, &signal);
    say(name + " signal " + std::to_string(signal));
    if (signal == SIGTERM && !told("ignore-term")) return 0;
  }
}

/// Before main: the test framework is not wanted in the other roles.
[[gnu::constructor]] inline void play_role(int argc, char** argv) {
  const std::string name = std::filesystem::path(argv[0]).filename();
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (name == "isthmus-dataplane") ::_exit(fake_plane("dataplane", arguments));
  if (name == "isthmus-controlplane") ::_exit(fake_plane("controlplane", arguments));
}

}  // namespace isthmus::supervisor
