#include "dataplane/contract/listen_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "dataplane/contract/server.h"

namespace isthmus::contract {
namespace {

constexpr int kBacklog = 8;  // a control plane that comes and goes while the data plane is being restarted

Result<int> option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) return system_failure("listen_fd is no socket", errno);
  return value;
}

/// Removes a socket file that nobody listens on.
Status clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_failure(path, errno);
  }
  if (!S_ISSOCK(found.st_mode)) return fail(ErrorKind::kDenied, path + " exists and is no socket", "path");
  const int probe = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return system_failure("socket", errno);
  const bool alive =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
  ::close(probe);
  if (alive) return fail(ErrorKind::kUnavailable, "another process listens on " + path, "path");
  if (::unlink(path.c_str()) != 0) return system_failure(path, errno);
  return {};
}

}  // namespace

tl::unexpected<Error> system_failure(const std::string& what, int reason) {
  const bool denied = reason == EACCES || reason == EPERM;
  return fail(denied ? ErrorKind::kDenied : ErrorKind::kUnavailable, what + ": " + std::strerror(reason));
}

Result<int> adopt_listen_socket(int fd) {
  const Result<int> domain = option(fd, SO_DOMAIN);
  const Result<int> type = option(fd, SO_TYPE);
  const Result<int> listening = option(fd, SO_ACCEPTCONN);
  for (const Result<int>* each : {&domain, &type, &listening}) {
    if (!*each) return forward_error(*each);
  }
  if (*domain != AF_UNIX || *type != SOCK_SEQPACKET || *listening == 0) {
    return fail(ErrorKind::kInvalidArgument, "is no listening unix seqpacket socket", "listen_fd");
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    return system_failure("listen_fd", errno);
  }
  return fd;
}

Result<int> make_listen_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::kInvalidArgument, "is not 1 to 107 octets long", "path");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (const Status status = clear_stale(path, address); !status) return forward_error(status);
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return system_failure("socket", errno);
  // The file gets the mode of the socket's inode less the umask, so that it never exists with more.
  if (::fchmod(fd, 0600) != 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, kBacklog) != 0) {
    const int reason = errno;
    ::close(fd);
    return system_failure(path, reason);
  }
  return fd;
}

Result<uid_t> allowed_peer(std::optional<uid_t> configured) {
  if (configured) return *configured;
  const char* variable = std::getenv(kPeerUidVariable);
  if (variable == nullptr) return ::geteuid();
  const std::string_view text = variable;
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(ErrorKind::kInvalidArgument, "is no user id", kPeerUidVariable);
  }
  return uid;
}

Result<uid_t> peer_uid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return system_failure("SO_PEERCRED", errno);
  return credentials.uid;
}

}  // namespace isthmus::contract
