#include "dataplane/io/tcp/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace isthmus::io::tcp {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kConnectNs = 5 * kSecond;
constexpr std::uint64_t kConfirmNs = 10 * kSecond;  // as long as ICE has for all its checks
constexpr std::uint64_t kIdleNs = 90 * kSecond;     // [MS-ICE2]: media or STUN every 15 to 20 s
constexpr std::uint64_t kSlowNs = 5 * kSecond;      // from the first octet of a packet to its last
constexpr std::uint64_t kStalledNs = 15 * kSecond;  // of a peer that reads nothing

bool would_block(ssize_t result) {
  return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS);
}

}  // namespace

Connection::Connection(int fd, const SocketAddress& local, const SocketAddress& remote, std::size_t worker,
                       bool connecting, std::uint64_t now_ns)
    : fd_(fd),
      local_(local),
      remote_(remote),
      worker_(worker),
      began_ns_(now_ns),
      dialled_(connecting),
      connecting_(connecting),
      heard_ns_(now_ns) {}

Connection::~Connection() { ::close(fd_); }

Bytes Connection::receive(std::uint64_t now_ns) {
  static thread_local std::array<std::uint8_t, kReadBytes> buffer;
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (would_block(got)) return {};
  if (got <= 0) {
    fate_ = connecting_ ? Fate::kNotConnected : Fate::kClosedByPeer;
    return {};
  }
  heard_ns_ = now_ns;
  const auto count = static_cast<std::size_t>(got);
  if (!confirmed_) {
    unconfirmed_bytes_ += count;
    if (unconfirmed_bytes_ > kMaxUnconfirmedBytes) {
      fate_ = Fate::kUnconfirmed;
      return {};
    }
  }
  return Bytes(buffer).first(count);
}

bool Connection::send(Bytes packet, std::uint8_t traffic_class, std::uint64_t now_ns) {
  if (packet.empty() || packet.size() > kMaxFrameBytes || !is_open()) return false;
  const std::size_t whole = packet.size() + kLengthBytes;
  if (queued() + whole > kMaxQueuedBytes) return false;
  if (traffic_class != traffic_class_) {
    const int value = traffic_class_ = traffic_class;
    const bool v4 = local_.ip.is_v4();
    setsockopt(fd_, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &value, sizeof value);
  }
  std::array<std::uint8_t, kLengthBytes> length;
  store_be16(length.data(), static_cast<std::uint16_t>(packet.size()));
  std::size_t taken = 0;
  if (!wants_to_write()) {
    // What the kernel takes at once needs no copy.
    std::array<iovec, 2> parts{{{length.data(), length.size()},
                                {const_cast<std::uint8_t*>(packet.data()), packet.size()}}};  // writev reads only
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t result = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (result < 0 && !would_block(result)) {
      fate_ = Fate::kClosedByPeer;
      return false;
    }
    taken = result > 0 ? static_cast<std::size_t>(result) : 0;
    wrote_ns_ = now_ns;
  }
  for (std::size_t i = taken; i < kLengthBytes; ++i) queue_.push_back(length[i]);
  const Bytes rest = packet.subspan(taken > kLengthBytes ? taken - kLengthBytes : 0);
  queue_.insert(queue_.end(), rest.begin(), rest.end());
  return true;
}

void Connection::on_writable(std::uint64_t now_ns) {
  if (connecting_) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
      fate_ = Fate::kNotConnected;
      return;
    }
    connecting_ = false;
    heard_ns_ = wrote_ns_ = now_ns;
  }
  write_queue(now_ns);
}

void Connection::write_queue(std::uint64_t now_ns) {
  if (queued() == 0) return;
  const ssize_t result = ::send(fd_, queue_.data() + sent_, queued(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (result < 0 && !would_block(result)) {
    fate_ = Fate::kClosedByPeer;
    return;
  }
  if (result > 0) {
    sent_ += static_cast<std::size_t>(result);
    wrote_ns_ = now_ns;
  }
  // So that the vector stays as large as what may be queued, twice.
  if (queued() == 0 || sent_ >= kMaxQueuedBytes) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
}

void Connection::check_time(std::uint64_t now_ns) {
  if (!is_open()) return;
  if (connecting_) {
    if (now_ns - began_ns_ >= kConnectNs) fate_ = Fate::kNotConnected;
  } else if (!confirmed_ && now_ns - began_ns_ >= kConfirmNs) {
    fate_ = Fate::kUnconfirmed;
  } else if (inside_since_ns_ != 0 && now_ns - inside_since_ns_ >= kSlowNs) {
    fate_ = Fate::kSlow;
  } else if (now_ns - heard_ns_ >= kIdleNs) {
    fate_ = Fate::kIdle;
  } else if (queued() > 0 && now_ns - wrote_ns_ >= kStalledNs) {
    fate_ = Fate::kStalled;
  }
}

}  // namespace isthmus::io::tcp
