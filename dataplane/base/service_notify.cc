#include "dataplane/base/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace isthmus {

Status notify_service(std::string_view state) {
  const char* variable = std::getenv("NOTIFY_SOCKET");
  if (variable == nullptr || *variable == '\0') return {};
  const std::string_view path = variable;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((path[0] != '/' && path[0] != '@') || path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::kInvalidArgument, "is neither a path nor an abstract name", "NOTIFY_SOCKET");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());

  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorKind::kUnavailable, std::string("no socket: ") + std::strerror(errno), "NOTIFY_SOCKET");
  const ssize_t sent =
      ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  const int reason = errno;
  ::close(fd);
  if (sent != static_cast<ssize_t>(state.size())) {
    return fail(ErrorKind::kUnavailable, std::string("not sent: ") + std::strerror(reason), "NOTIFY_SOCKET");
  }
  return {};
}

}  // namespace isthmus
