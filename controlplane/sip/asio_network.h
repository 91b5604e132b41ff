#pragma once

// Sockets of the operating system on the event loop.

#include "controlplane/event_loop/event_loop.h"
#include "controlplane/sip/network.h"

namespace isthmus::sip {

/// One thread, that of the loop, which outlives it.
class AsioNetwork final : public Network {
 public:
  explicit AsioNetwork(event_loop::EventLoop& loop) : loop_(loop) {}

  Result<std::unique_ptr<DatagramSocket>> open_udp(const SocketAddress& local, Receive receive) override;
  Result<std::unique_ptr<StreamListener>> listen_tcp(const SocketAddress& local, Accept accept) override;
  std::unique_ptr<Stream> connect_tcp(const SocketAddress& local, const SocketAddress& remote) override;

 private:
  event_loop::EventLoop& loop_;
};

}  // namespace isthmus::sip
