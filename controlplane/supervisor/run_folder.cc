#include "controlplane/supervisor/run_folder.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "controlplane/supervisor/pidfd.h"
#include "controlplane/supervisor/system_error.h"
#include "dataplane/base/log.h"

namespace isthmus::supervisor {
namespace {

constexpr std::array<const char*, 2> kPlanes = {"controlplane", "dataplane"};  // in the order of their end
constexpr int kContractBacklog = 8;  // control planes that come and go while the data plane is being restarted

/// Opens a folder, made with `mode` if it is missing; a link in its place is refused.
Result<Descriptor> open_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return system_failure(path);
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return system_failure(path);
  return folder;
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::kInvalidArgument, path + " is longer than the 107 octets of a socket's name", "--run-dir");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

/// Bound at `path` with mode 0600, then given to `owner`.
Result<Descriptor> make_socket(const std::string& path, int type, const User& owner) {
  const Result<sockaddr_un> address = address_of(path);
  if (!address) return forward_error(address);
  ::unlink(path.c_str());
  Descriptor made(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) return system_failure("socket");
  if (::fchmod(made.get(), 0600) != 0 ||
      ::bind(made.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return system_failure(path);
  }
  if (owner != current_user() && ::lchown(path.c_str(), owner.uid, owner.gid) != 0) return system_failure(path);
  return made;
}

/// Ends the process that `path` names, if it is still the one that was recorded.
void end_leftover(const std::string& path, const std::string& plane) {
  std::ifstream file(path);
  pid_t pid = 0;
  unsigned long long start_time = 0;
  if (!(file >> pid >> start_time) || pid <= 1) return;
  const Descriptor process(::pidfd_open(pid, 0));
  // First the descriptor, then the look at its start: the id cannot change hands in between.
  if (!process || process_start_time(pid) != start_time) return;
  log::warn("supervisor.leftover", {{"plane", plane}, {"pid", pid}});
  ::pidfd_send_signal(process.get(), SIGTERM, nullptr, 0);
  pollfd ended{process.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(RunFolder::kLeftoverGrace.count())) > 0) return;
  ::pidfd_send_signal(process.get(), SIGKILL, nullptr, 0);
  ::poll(&ended, 1, static_cast<int>(RunFolder::kLeftoverGrace.count()));
}

}  // namespace

unsigned long long process_start_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  // Field 22; the second one is the program's name in brackets and may hold anything.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) rest >> skipped;
  unsigned long long start_time = 0;
  rest >> start_time;
  return start_time;
}

Result<RunFolder> RunFolder::take(const std::string& path) {
  const Result<Descriptor> folder = open_folder(path, 0755);
  if (!folder) return forward_error(folder);
  Descriptor lock(::openat(folder->get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock) return system_failure(path + "/lock");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorKind::kUnavailable, "another supervisor runs in " + path, "--run-dir");
  }
  RunFolder taken(path, std::move(lock));
  for (const std::string plane : kPlanes) end_leftover(taken.pid_file(plane), plane);
  taken.clear();
  return taken;
}

RunFolder::~RunFolder() {
  if (lock_) clear();
}

/// Our own names only: others may keep things here too. The lock's file stays, or two could hold two different ones.
void RunFolder::clear() const {
  for (const std::string plane : kPlanes) {
    ::unlink(pid_file(plane).c_str());
    ::unlink(notify_socket(plane).c_str());
  }
  ::unlink(contract_socket().c_str());
  ::rmdir((path_ + "/contract").c_str());
  ::rmdir((path_ + "/dataplane").c_str());  // stays when something is in it
}

Result<Descriptor> RunFolder::make_contract_socket(const User& connecting) const {
  const std::string path = path_ + "/contract";
  const Result<Descriptor> folder = open_folder(path, 0700);
  if (!folder) return forward_error(folder);
  Result<Descriptor> made = make_socket(contract_socket(), SOCK_SEQPACKET, connecting);
  if (!made) return made;
  if (::listen(made->get(), kContractBacklog) != 0) return system_failure(contract_socket());
  // The folder stays ours, so that nobody but us puts names into it; the control plane's group may pass through.
  if (connecting != current_user() &&
      (::fchown(folder->get(), ::geteuid(), connecting.gid) != 0 || ::fchmod(folder->get(), 0710) != 0)) {
    return system_failure(path);
  }
  return made;
}

Result<Descriptor> RunFolder::make_notify_socket(const std::string& plane, const User& sender) const {
  Result<Descriptor> made = make_socket(notify_socket(plane), SOCK_DGRAM, sender);
  if (!made) return made;
  const int on = 1;
  if (::setsockopt(made->get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return system_failure("SO_PASSCRED");
  return made;
}

Result<std::string> RunFolder::make_plane_folder(const std::string& plane, const User& owner) const {
  std::string path = path_ + "/" + plane;
  const Result<Descriptor> folder = open_folder(path, 0700);
  if (!folder) return forward_error(folder);
  if (owner != current_user() && ::fchown(folder->get(), owner.uid, owner.gid) != 0) return system_failure(path);
  return path;
}

Status RunFolder::record_process(const std::string& plane, pid_t pid) const {
  const std::string path = pid_file(plane);
  const std::string temporary = path + ".new";
  const std::string text = std::to_string(pid) + " " + std::to_string(process_start_time(pid)) + "\n";
  const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    return system_failure(path);
  }
  return {};
}

void RunFolder::forget_process(const std::string& plane) const { ::unlink(pid_file(plane).c_str()); }

Status prepare_state_folder(const std::string& path, const User& owner) {
  const Result<Descriptor> folder = open_folder(path, 0700);
  if (!folder) return forward_error(folder);
  struct stat found{};
  if (::fstat(folder->get(), &found) != 0) return system_failure(path);
  if (found.st_uid == owner.uid) return {};
  if (::fchown(folder->get(), owner.uid, owner.gid) != 0) return system_failure(path);
  return {};
}

}  // namespace isthmus::supervisor
