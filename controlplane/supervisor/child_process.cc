#include "controlplane/supervisor/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

#include "controlplane/supervisor/pidfd.h"
#include "controlplane/supervisor/system_error.h"

namespace isthmus::supervisor {
namespace {

/// What the child writes into the pipe when it cannot become the program.
struct Failure {
  std::array<char, 32> step{};
  int reason = 0;
};

[[noreturn]] void give_up(int pipe, const char* step) {
  Failure failure;
  failure.reason = errno;
  std::strncpy(failure.step.data(), step, failure.step.size() - 1);
  const ssize_t ignored = ::write(pipe, &failure, sizeof failure);
  static_cast<void>(ignored);
  ::_exit(127);
}

/// Soft and, where it may, hard limit.
void raise_limit(__rlimit_resource resource, rlim_t value) {
  rlimit now{};
  ::getrlimit(resource, &now);
  // Above the hard limit only with a capability that an ordinary user lacks; as much as there is, then.
  const rlimit wanted{value, std::max(value, now.rlim_max)};
  const rlimit possible{std::min(value, now.rlim_max), now.rlim_max};
  if (::setrlimit(resource, &wanted) != 0) ::setrlimit(resource, &possible);
}

bool keep_descriptors(const std::vector<int>& kept) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) return false;
  if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return false;
  return std::ranges::all_of(kept, [](int fd) { return ::fcntl(fd, F_SETFD, 0) == 0; });
}

/// Ours without what concerns only us, and with the child's own.
std::vector<std::string> make_environment(const ChildSpec& spec) {
  constexpr std::array<std::string_view, 5> kOurs = {
      "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS=", "LISTEN_PID="};
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (std::ranges::none_of(kOurs, [&](std::string_view name) { return text.starts_with(name); })) {
      environment.emplace_back(text);
    }
  }
  environment.insert(environment.end(), spec.environment.begin(), spec.environment.end());
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> made;
  made.reserve(texts.size() + 1);
  for (std::string& text : texts) made.push_back(text.data());
  made.push_back(nullptr);
  return made;
}

struct Image {
  int program = -1;  ///< opened by us, since the child's user may not be able to enter the folder (a clone below /root)
  std::vector<char*> arguments;
  std::vector<char*> environment;
};

[[noreturn]] void become(const ChildSpec& spec, const Image& image, pid_t parent, int pipe) {
  ::setpgid(0, 0);  // a Ctrl-C is for the supervisor, which ends its children in order
  ::umask(077);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  raise_limit(RLIMIT_NOFILE, kMaxOpenFiles);
  const rlimit nothing{0, 0};
  if (::setrlimit(RLIMIT_CORE, &nothing) != 0) give_up(pipe, "core limit");  // a dump would hold keys
  if (!spec.capabilities.empty()) raise_limit(RLIMIT_MEMLOCK, RLIM_INFINITY);
  if (!keep_descriptors(spec.descriptors)) give_up(pipe, "descriptors");
  if (const char* step = take_on(spec.user, spec.capabilities)) give_up(pipe, step);
  // After the change of user, which clears it. The parent may have died before: nobody would tell us then.
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) give_up(pipe, "parent death signal");
  if (::getppid() != parent) ::_exit(0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(pipe, "no_new_privs");
  if (spec.filter_system_calls && !load_syscall_filter(spec.filter)) give_up(pipe, "system call filter");
  ::execve(spec.program.c_str(), image.arguments.data(), image.environment.data());
  if (errno == EACCES) ::fexecve(image.program, image.arguments.data(), image.environment.data());
  give_up(pipe, "exec");
}

}  // namespace

Result<Child> start_child(const ChildSpec& spec) {
  const Descriptor program(::open(spec.program.c_str(), O_PATH | O_CLOEXEC));
  if (!program) return system_failure(spec.program);
  std::vector<std::string> arguments = {spec.program};
  arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
  std::vector<std::string> environment = make_environment(spec);
  const Image image{program.get(), pointers(arguments), pointers(environment)};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("pipe");
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);

  const pid_t parent = ::getpid();
  Child child;
  child.pid = ::fork();
  if (child.pid < 0) return system_failure("fork");
  if (child.pid == 0) become(spec, image, parent, writing.get());
  writing.reset();
  child.pidfd = Descriptor(::pidfd_open(child.pid, 0));
  Failure failure;
  const ssize_t got = ::read(reading.get(), &failure, sizeof failure);
  if (child.pidfd && got == 0) return child;  // the pipe closed itself with exec

  const int reason = child.pidfd ? failure.reason : errno;
  const std::string step = child.pidfd ? failure.step.data() : "pidfd";
  ::kill(child.pid, SIGKILL);
  ::waitpid(child.pid, nullptr, 0);
  return system_failure(spec.program + ", " + step, reason);
}

void send_signal(const Child& child, int signal) { ::pidfd_send_signal(child.pidfd.get(), signal, nullptr, 0); }

std::optional<ExitStatus> reap(const Child& child) {
  siginfo_t ended{};
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.get()), &ended, WEXITED | WNOHANG);
  if (ended.si_pid == 0) return std::nullopt;
  if (ended.si_code == CLD_EXITED) return ExitStatus{ended.si_status, 0};
  return ExitStatus{0, ended.si_status};
}

}  // namespace isthmus::supervisor
