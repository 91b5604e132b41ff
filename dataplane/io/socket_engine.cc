#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dataplane/io/socket_io.h"

namespace isthmus::io {
namespace {

// Half a second of one video stream; the kernel cuts it to net.core.rmem_max.
constexpr int kReceiveQueueBytes = 512 * 1024;

Result<int> open_socket(const SocketAddress& local) {
  const int fd = ::socket(local.ip.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(ErrorKind::kExhausted, std::string("no socket: ") + std::strerror(errno), "port");
  const int on = 1;
  if (local.ip.is_v6()) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  setsockopt(fd, local.ip.is_v4() ? IPPROTO_IP : IPPROTO_IPV6, local.ip.is_v4() ? IP_RECVTOS : IPV6_RECVTCLASS, &on,
             sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveQueueBytes, sizeof kReceiveQueueBytes);
  KernelAddress address;
  const socklen_t length = to_kernel(local, address);
  if (bind(fd, &address.any, length) != 0) {
    const int error = errno;
    ::close(fd);
    return fail(ErrorKind::kUnavailable, "cannot bind " + isthmus::to_string(local) + ": " + std::strerror(error),
                "port");
  }
  return fd;
}

}  // namespace

SocketEngine::SocketEngine(std::span<const Network> networks) : slots_(networks), owner_(slots_.size(), kNoWorker) {
  for (const Network& network : networks) ports_.push_back({network.name, 0, {0x02, 0, 0, 0, 0, 0x01}, network.mtu});
}

Result<std::unique_ptr<SocketEngine>> SocketEngine::make(std::span<const Network> networks, std::size_t workers) {
  std::unique_ptr<SocketEngine> engine(new SocketEngine(networks));
  for (std::size_t i = 0; i < workers; ++i) {
    auto io = SocketIo::make(engine->slots_);
    if (!io) return forward_error(io);
    engine->workers_.push_back(std::move(*io));
  }
  return engine;
}

Status SocketEngine::open_port(const SocketAddress& local, std::size_t worker) {
  const auto slot = slots_.find(local);
  if (!slot) return fail(ErrorKind::kInvalidArgument, isthmus::to_string(local) + " is in no pool", "port");
  if (owner_[*slot] != kNoWorker) return {};
  const auto fd = open_socket(local);
  if (!fd) return forward_error(fd);
  if (!workers_[worker]->hand_over(*slot, local, *fd)) {
    ::close(*fd);
    return fail(ErrorKind::kExhausted, "the worker takes no more ports at the moment", "port");
  }
  owner_[*slot] = static_cast<std::uint8_t>(worker);
  return {};
}

void SocketEngine::close_port(const SocketAddress& local) {
  const auto slot = slots_.find(local);
  if (!slot || owner_[*slot] == kNoWorker) return;
  workers_[owner_[*slot]]->take_away(*slot);
  owner_[*slot] = kNoWorker;
}

DriverLosses SocketEngine::driver_losses() {
  DriverLosses losses;
  for (const auto& worker : workers_) losses.missed += worker->missed();
  return losses;
}

}  // namespace isthmus::io
