#include "controlplane/supervisor/notify_listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace isthmus::supervisor {
namespace {

/// The kernel's word on who sent it; 0 when it says nothing.
pid_t sender_of(msghdr& message) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_CREDENTIALS) continue;
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(each), sizeof credentials);
    return credentials.pid;
  }
  return 0;
}

}  // namespace

Notice parse_notice(std::string_view text) {
  Notice notice;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    notice.ready |= line == "READY=1";
    notice.watchdog |= line == "WATCHDOG=1";
    notice.stopping |= line == "STOPPING=1";
  }
  return notice;
}

Notice receive_notices(int socket, pid_t sender) {
  Notice all;
  for (int i = 0; i < kMaxNoticesPerTurn; ++i) {
    std::array<char, kMaxNoticeBytes> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) break;
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || sender_of(message) != sender) continue;
    const Notice notice = parse_notice({text.data(), static_cast<std::size_t>(size)});
    all.ready |= notice.ready;
    all.watchdog |= notice.watchdog;
    all.stopping |= notice.stopping;
  }
  return all;
}

}  // namespace isthmus::supervisor
