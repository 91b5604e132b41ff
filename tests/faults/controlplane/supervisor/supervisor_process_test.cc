// The supervisor for real: processes, signals, users, SIGKILL. As root it switches users, else it runs with
// --same-user.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>

#include "controlplane/supervisor/pidfd.h"
#include "fake_plane.h"

namespace isthmus::supervisor {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

bool is_root() { return ::geteuid() == 0; }

std::string field(const std::string& line, const std::string& name) {
  const std::size_t at = line.find(" " + name + "=");
  if (at == std::string::npos) return "?";
  const std::size_t value = at + name.size() + 2;
  return line.substr(value, line.find(' ', value) - value);
}

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a killed supervisor leaves becomes ours to wait for
    char made[] = "/tmp/isthmus-supervisor-XXXXXX";
    folder_ = ::mkdtemp(made);
    std::filesystem::permissions(folder_, std::filesystem::perms{0711});
    std::filesystem::create_directory(folder_ + "/bin");
    const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe");
    for (const char* plane : {"isthmus-dataplane", "isthmus-controlplane"}) {
      std::filesystem::create_symlink(own, folder_ + "/bin/" + plane);
    }
    // As in a clone below /root: the planes' users cannot enter the folder that holds their programs.
    std::filesystem::permissions(folder_ + "/bin", std::filesystem::perms{0700});
    configure("dataplane", "");
    configure("controlplane", "");
    notify_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder_ + "/systemd").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(notify_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void TearDown() override {
    if (supervisor_ > 0) end(SIGKILL);
    // Fakes that ignore SIGTERM, by the ids that they told.
    for (const pid_t pid : planes_) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    for (const int fd : {notify_, output_}) ::close(fd);
    std::filesystem::remove_all(folder_);
  }

  void configure(const std::string& plane, const std::string& words) {
    std::ofstream(folder_ + "/" + plane + ".toml") << words;
  }

  void start(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "--config-dir", folder_,          "--run-dir",     run(), "--state-dir",        folder_ + "/state",
        "--bin-dir",    folder_ + "/bin", "--journal-mib", "1",   "--index-memory-mib", "2"};
    if (is_root()) {
      const std::vector<std::string> users = {"--dataplane-user", "daemon", "--controlplane-user", "nobody"};
      arguments.insert(arguments.end(), users.begin(), users.end());
    } else {
      arguments.emplace_back("--same-user");
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    supervisor_ = ::fork();
    if (supervisor_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::setenv("NOTIFY_SOCKET", (folder_ + "/systemd").c_str(), 1);
      ::setenv("FAKE_RUN_DIR", run().c_str(), 1);
      std::vector<const char*> pointers;
      for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
      const Result<Parsed> parsed = parse_options(pointers, "");
      if (!parsed) ::_exit(kExitUsage);
      Result<Supervisor> made = Supervisor::make(parsed->options);
      if (!made) {
        say(to_string(made.error()));
        ::_exit(kExitFailure);
      }
      int code = 0;
      {
        Supervisor running = *std::move(made);
        code = running.run();
      }
      ::_exit(code);
    }
    ::close(ends[1]);
    if (output_ >= 0) ::close(output_);
    output_ = ends[0];
    pending_.clear();
  }

  std::string run() const { return folder_ + "/run"; }

  /// The next line of output that holds all of `parts`; fails after ten seconds.
  std::string wait_for(std::initializer_list<std::string> parts) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (;;) {
      for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
        const std::string line = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        seen_ += line + "\n";
        if (field(line, "pid") != "?" && line.find(" start pid=") != std::string::npos) {
          planes_.insert(std::stoi(field(line, "pid")));
        }
        const bool all = std::all_of(parts.begin(), parts.end(),
                                     [&](const std::string& part) { return line.find(part) != std::string::npos; });
        if (all) return line;
      }
      pollfd ready{output_, POLLIN, 0};
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      char text[4096];
      const ssize_t size =
          left > 0ms && ::poll(&ready, 1, static_cast<int>(left.count())) > 0 ? ::read(output_, text, sizeof text) : -1;
      if (size <= 0) {
        ADD_FAILURE() << "no line with '" << *parts.begin() << "' after:\n" << seen_;
        return {};
      }
      pending_.append(text, static_cast<std::size_t>(size));
    }
  }
  /// Both planes run; their first lines.
  std::pair<std::string, std::string> running() {
    std::pair<std::string, std::string> lines;
    lines.first = wait_for({"dataplane start"});
    lines.second = wait_for({"controlplane start"});
    wait_for({"supervisor.ready"});
    return lines;
  }
  /// Signals the supervisor and waits for its end; its exit status, or minus the signal.
  int end(int signal) {
    ::kill(supervisor_, signal);
    return wait_exit();
  }
  int wait_exit() {
    int status = 0;
    ::waitpid(std::exchange(supervisor_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  /// Wait status of the plane that said `line`; none after ten seconds.
  static std::optional<int> wait_for_end(const std::string& line) {
    const pid_t pid = std::stoi(field(line, "pid"));
    const Descriptor process(::pidfd_open(pid, 0));
    pollfd ended{process.get(), POLLIN, 0};
    int status = 0;
    if (!process || ::poll(&ended, 1, 10'000) <= 0 || ::waitpid(pid, &status, 0) != pid) return std::nullopt;
    return status;
  }
  void kill_plane(const std::string& line) { ::kill(std::stoi(field(line, "pid")), SIGKILL); }
  std::vector<std::string> run_files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(run())) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
  pid_t supervisor_ = -1;
  int notify_ = -1;
  int output_ = -1;
  std::string pending_;
  std::string seen_;
  std::set<pid_t> planes_;
};

TEST_F(SupervisorTest, StartsTheDataPlaneThenTheControlPlaneAndTellsSystemd) {
  start();
  const auto [dataplane, controlplane] = running();
  EXPECT_EQ(field(dataplane, "config"), folder_ + "/dataplane.toml");
  EXPECT_EQ(field(dataplane, "memory_bytes"), "2097152");
  EXPECT_EQ(field(controlplane, "config"), folder_ + "/controlplane.toml");
  EXPECT_EQ(field(controlplane, "state"), folder_ + "/state");
  EXPECT_EQ(field(controlplane, "memory_bytes"), "1048576");
  EXPECT_EQ(field(controlplane, "connect"), "ok");
  char text[64] = {};
  ASSERT_GT(::recv(notify_, text, sizeof text - 1, MSG_DONTWAIT), 0);
  EXPECT_STREQ(text, "READY=1");
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, TheHeapOfTheDataPlaneIsOnLargePagesUnlessTheHostSaysOtherwise) {
  ::unsetenv("GLIBC_TUNABLES");
  start();
  auto planes = running();
  EXPECT_EQ(field(planes.first, "heap"), "glibc.malloc.hugetlb=1");
  EXPECT_EQ(field(planes.second, "heap"), "");
  EXPECT_EQ(end(SIGTERM), 0);
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=0", 1);
  start();
  planes = running();
  ::unsetenv("GLIBC_TUNABLES");
  EXPECT_EQ(field(planes.first, "heap"), "glibc.malloc.hugetlb=0");
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, APlaneHasOnlyWhatItNeeds) {
  start();
  const auto [dataplane, controlplane] = running();
  for (const std::string& line : {dataplane, controlplane}) {
    EXPECT_EQ(field(line, "nnp"), "1") << line;
    EXPECT_EQ(field(line, "seccomp"), "2") << line;
    EXPECT_EQ(field(line, "core"), "0") << line;
    EXPECT_EQ(field(line, "mount"), std::to_string(EPERM)) << line;
    EXPECT_EQ(field(line, "ptrace"), std::to_string(EPERM)) << line;
    EXPECT_EQ(field(line, "grow"), std::to_string(EPERM)) << "the memory file's size is sealed";
    EXPECT_EQ(field(line, "memory_mode"), "600") << line;
  }
  // Standard input, output and error, the descriptors handed over, and nothing else.
  const std::string contract_fd = field(dataplane, "contract_fd");
  EXPECT_THAT("," + field(dataplane, "fds") + ",", HasSubstr("," + contract_fd + ","));
  EXPECT_EQ(std::ranges::count(field(dataplane, "fds"), ','), 4) << dataplane;
  EXPECT_EQ(std::ranges::count(field(controlplane, "fds"), ','), 3) << controlplane;
  if (!is_root()) return;

  EXPECT_EQ(field(dataplane, "uid"), "1");
  EXPECT_EQ(field(dataplane, "gid"), "1");
  EXPECT_EQ(field(controlplane, "uid"), "65534");
  EXPECT_EQ(field(dataplane, "peer"), "65534");
  for (const std::string& line : {dataplane, controlplane}) EXPECT_EQ(field(line, "groups"), "") << line;
  std::uint64_t wanted = 0;
  for (const int capability : available_capabilities(dataplane_capabilities()))
    wanted |= std::uint64_t{1} << capability;
  for (const char* set : {"eff", "prm", "bnd", "amb"}) {
    EXPECT_EQ(std::stoull(field(dataplane, set), nullptr, 16), wanted) << set;
    EXPECT_EQ(std::stoull(field(controlplane, set), nullptr, 16), 0U) << set;
  }
  EXPECT_EQ(field(dataplane, "connect"), std::to_string(EACCES)) << "the contract is the control plane's alone";
}

TEST_F(SupervisorTest, AKilledControlPlaneComesBackWithItsJournalAndTheDataPlaneDoesNotNotice) {
  start();
  const auto [dataplane, controlplane] = running();
  EXPECT_EQ(field(controlplane, "starts"), "1");
  kill_plane(controlplane);
  const std::string again = wait_for({"controlplane start"});
  EXPECT_EQ(field(again, "starts"), "2");
  EXPECT_NE(field(again, "pid"), field(controlplane, "pid"));
  EXPECT_EQ(field(again, "connect"), "ok");
  wait_for({"child.ready", "controlplane"});
  EXPECT_EQ(end(SIGTERM), 0);
  EXPECT_EQ(seen_.find("dataplane start", seen_.find("dataplane start") + 1), std::string::npos);
}

TEST_F(SupervisorTest, AKilledDataPlaneComesBackWithItsMemoryAndTheSameContractSocket) {
  start();
  const auto [dataplane, controlplane] = running();
  struct stat before{};
  ::stat((run() + "/contract/dataplane.sock").c_str(), &before);
  kill_plane(dataplane);
  const std::string again = wait_for({"dataplane start"});
  EXPECT_EQ(field(again, "starts"), "2");
  EXPECT_EQ(field(again, "contract_fd"), field(dataplane, "contract_fd"));
  struct stat after{};
  ::stat((run() + "/contract/dataplane.sock").c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, TermEndsTheControlPlaneFirstAndLeavesNothing) {
  start();
  running();
  EXPECT_EQ(end(SIGTERM), 0);
  wait_for({"controlplane signal 15"});
  wait_for({"child.ended", "controlplane"});
  wait_for({"dataplane signal 15"});
  wait_for({"supervisor.end", "status=0"});
  EXPECT_THAT(run_files(), ::testing::ElementsAre("lock"));
}

TEST_F(SupervisorTest, APlaneThatDoesNotEndIsKilled) {
  configure("controlplane", "ignore-term");
  start({"--stop-seconds", "1"});
  running();
  EXPECT_EQ(end(SIGINT), 0);
  wait_for({"controlplane signal 15"});
  wait_for({"child.too_slow", "controlplane"});
  wait_for({"controlplane signal 15"});
  wait_for({"child.ended", "controlplane", "Killed"});
  wait_for({"dataplane signal 15"});
}

TEST_F(SupervisorTest, ASecondTermIsHandedOnAtOnce) {
  configure("controlplane", "ignore-term");
  start({"--stop-seconds", "4000"});
  running();
  ::kill(supervisor_, SIGTERM);
  wait_for({"controlplane signal 15"});
  EXPECT_EQ(end(SIGTERM), 0);
  wait_for({"controlplane signal 15"});
  wait_for({"child.ended", "controlplane", "Killed"});
}

TEST_F(SupervisorTest, HangUpIsHandedOn) {
  start();
  running();
  ::kill(supervisor_, SIGHUP);
  wait_for({"plane signal 1"});
  wait_for({"plane signal 1"});
  EXPECT_THAT(seen_, HasSubstr("dataplane signal 1\n"));
  EXPECT_THAT(seen_, HasSubstr("controlplane signal 1\n"));
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, AKilledSupervisorTakesItsPlanesAlongAndTheNextStartCleansUp) {
  start();
  const auto [dataplane, controlplane] = running();
  EXPECT_EQ(end(SIGKILL), -SIGKILL);
  for (const std::string& line : {dataplane, controlplane}) {
    const std::optional<int> status = wait_for_end(line);
    ASSERT_TRUE(status) << line;
    EXPECT_TRUE(WIFEXITED(*status)) << "it had the chance to clean up";
  }
  EXPECT_THAT(run_files(), ::testing::Contains("dataplane.pid"));
  start();
  EXPECT_EQ(field(running().second, "starts"), "1") << "a new supervisor has new memory";
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, APlaneThatOutlivedAKilledSupervisorIsEndedByTheNext) {
  configure("dataplane", "ignore-term");
  start();
  const std::string left = running().first;
  EXPECT_EQ(end(SIGKILL), -SIGKILL);
  configure("dataplane", "");
  start();
  wait_for({"supervisor.leftover", "dataplane"});
  running();
  const std::optional<int> status = wait_for_end(left);
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFSIGNALED(*status));
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, APidFileOfAnotherProcessHarmsNobody) {
  std::filesystem::create_directory(run());
  const pid_t innocent = ::fork();
  if (innocent == 0) {
    ::pause();
    ::_exit(0);
  }
  std::ofstream(run() + "/dataplane.pid") << innocent << " 1\n";  // the id was given to another process since
  std::ofstream(run() + "/controlplane.pid") << "rubbish";
  start();
  running();
  EXPECT_EQ(::waitpid(innocent, nullptr, WNOHANG), 0);
  ::kill(innocent, SIGKILL);
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, ASecondSupervisorInTheSameFolderIsRefused) {
  start();
  running();
  const pid_t first = std::exchange(supervisor_, -1);
  const int first_output = std::exchange(output_, -1);
  start();
  EXPECT_EQ(wait_exit(), kExitFailure);
  wait_for({"another supervisor runs in"});
  ::close(output_);
  supervisor_ = first;
  output_ = first_output;
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, ARefusedConfigurationEndsTheStartAtOnce) {
  for (const int status : kRefusals) {
    configure("controlplane", "exit=" + std::to_string(status));
    start();
    EXPECT_EQ(wait_exit(), kExitConfig);
    wait_for({"supervisor.gives_up", "controlplane"});
    wait_for({"dataplane signal 15"});
    EXPECT_EQ(seen_.find("child.restart"), std::string::npos);
  }
}

TEST_F(SupervisorTest, APlaneThatCannotStartIsTriedThreeTimes) {
  configure("dataplane", "exit=1");
  start();
  EXPECT_EQ(wait_exit(), kExitFailure);
  for (int i = 0; i < kMaxFailedStarts; ++i) wait_for({"dataplane start"});
  wait_for({"supervisor.gives_up", "dataplane"});
  EXPECT_EQ(seen_.find("controlplane start"), std::string::npos);
}

TEST_F(SupervisorTest, AMissingProgramIsSaid) {
  std::filesystem::remove(folder_ + "/bin/isthmus-dataplane");
  start();
  EXPECT_EQ(wait_exit(), kExitFailure);
  wait_for({"child.not_started", "isthmus-dataplane", "No such file"});
}

TEST_F(SupervisorTest, StateThatMakesItsPlaneCrashIsSetAside) {
  configure("controlplane", "crash-when-restored");
  start();
  kill_plane(running().second);
  for (int crash = 2; crash <= 4; ++crash) {
    EXPECT_EQ(field(wait_for({"controlplane start"}), "starts"), std::to_string(crash));
  }
  wait_for({"supervisor.state_set_aside", "controlplane"});
  EXPECT_EQ(field(wait_for({"controlplane start"}), "starts"), "1");
  wait_for({"child.ready", "controlplane"});
  EXPECT_EQ(end(SIGTERM), 0);
}

TEST_F(SupervisorTest, AnUnknownUserIsSaidBeforeAnythingStarts) {
  if (!is_root()) GTEST_SKIP() << "users are switched by root only";
  start({"--dataplane-user", "no-such-user"});
  EXPECT_EQ(wait_exit(), kExitFailure);
  wait_for({"useradd", "no-such-user"});
  EXPECT_EQ(seen_.find("start pid"), std::string::npos);
}

TEST_F(SupervisorTest, SameUserKeepsTheUserAndStillDropsRights) {
  start({"--same-user"});
  const auto [dataplane, controlplane] = running();
  EXPECT_EQ(field(dataplane, "uid"), std::to_string(::getuid()));
  EXPECT_EQ(field(controlplane, "uid"), std::to_string(::getuid()));
  EXPECT_EQ(std::stoull(field(controlplane, "eff"), nullptr, 16), 0U);
  EXPECT_EQ(field(controlplane, "connect"), "ok");
  EXPECT_EQ(end(SIGTERM), 0);
}

}  // namespace
}  // namespace isthmus::supervisor
