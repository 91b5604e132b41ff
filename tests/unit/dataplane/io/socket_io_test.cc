#include "dataplane/io/socket_io.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "dataplane/io/socket_address.h"

namespace isthmus::io {
namespace {

constexpr int kWaitMs = 5000;

/// A peer on loopback with a port of the kernel's choice.
class Peer {
 public:
  explicit Peer(const IpAddress& address) : fd_(socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM, 0)) {
    KernelAddress kernel;
    socklen_t length = to_kernel({address, 0}, kernel);
    EXPECT_EQ(bind(fd_, &kernel.any, length), 0);
    EXPECT_EQ(getsockname(fd_, &kernel.any, &length), 0);
    address_ = from_kernel(kernel);
  }
  ~Peer() { close(fd_); }
  const SocketAddress& address() const { return address_; }
  void send(const SocketAddress& to, std::string_view text) {
    KernelAddress kernel;
    const socklen_t length = to_kernel(to, kernel);
    ASSERT_EQ(sendto(fd_, text.data(), text.size(), 0, &kernel.any, length), std::ssize(text));
  }
  std::string receive() {
    pollfd wait{fd_, POLLIN, 0};
    if (poll(&wait, 1, kWaitMs) != 1) return "(nothing)";
    char buffer[4096];
    alignas(cmsghdr) std::uint8_t control[64];
    iovec part{buffer, sizeof buffer};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(fd_, &header, 0);
    const cmsghdr* item = CMSG_FIRSTHDR(&header);
    if (item != nullptr) mark_ = *CMSG_DATA(item);  // an octet, or an int in the order of this processor
    return {buffer, static_cast<std::size_t>(got)};
  }
  /// Of what is sent from now on, and what receive() got.
  void mark(int traffic_class) {
    const bool v4 = address_.ip.is_v4();
    EXPECT_EQ(setsockopt(fd_, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &traffic_class,
                         sizeof traffic_class),
              0);
    const int on = 1;
    EXPECT_EQ(setsockopt(fd_, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVTOS : IPV6_RECVTCLASS, &on, sizeof on), 0);
  }
  int received_mark() const { return mark_; }

 private:
  int fd_;
  SocketAddress address_;
  int mark_ = -1;
};

/// A pool of two ports that nobody has at the moment.
std::uint16_t free_port_pair(const IpAddress& address) {
  for (int i = 0; i < 100; ++i) {
    Peer probe(address);
    if (probe.address().port < 65000) return probe.address().port;
  }
  return 0;
}

class SocketIoTest : public testing::TestWithParam<const char*> {
 protected:
  SocketIoTest() {
    address_ = IpAddress::parse(GetParam()).value();
    Network network;
    network.name = "test";
    network.addresses = {address_};
    network.first_port = free_port_pair(address_);
    network.last_port = static_cast<std::uint16_t>(network.first_port + 1);
    networks_.push_back(network);
    engine_ = std::move(SocketEngine::make(networks_, 1).value());
    local_ = {address_, network.first_port};
  }
  /// Receives until there is something; the kernel may take a moment.
  Burst receive_some() {
    Burst burst;
    for (int i = 0; i < kWaitMs && burst.count == 0; ++i) {
      engine_->io(0).receive(burst);
      if (burst.count == 0) poll(nullptr, 0, 1);
    }
    return burst;
  }

  IpAddress address_;
  std::vector<Network> networks_;
  std::unique_ptr<SocketEngine> engine_;
  SocketAddress local_;
};

TEST_P(SocketIoTest, DatagramArrivesAsAFrameWithHeaders) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst nothing;
  engine_->io(0).receive(nothing);
  EXPECT_EQ(nothing.count, 0U);
  peer.send(local_, "hello");
  Burst burst = receive_some();
  ASSERT_EQ(burst.count, 1U);
  const Frame& frame = burst.frames[0];
  EXPECT_GE(frame.headroom, kMinHeadroomBytes);
  EXPECT_GE(frame.tailroom, kMinTailroomBytes);
  const auto view = read_headers(MutableBytes(frame.data, frame.length));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->from, peer.address());
  EXPECT_EQ(view->to, local_);
  EXPECT_EQ(std::string(view->payload.begin(), view->payload.end()), "hello");
  engine_->io(0).release(frame);
}

TEST_P(SocketIoTest, FrameWithSwappedAddressesGoesBack) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst nothing;
  engine_->io(0).receive(nothing);
  peer.send(local_, "echo");
  Burst burst = receive_some();
  ASSERT_EQ(burst.count, 1U);
  Frame& frame = burst.frames[0];
  write_headers(frame.data + synthetic_bytes(address_.family), 4, local_, peer.address());
  EXPECT_EQ(engine_->io(0).send(burst), 0U);
  EXPECT_EQ(burst.count, 0U);
  EXPECT_EQ(peer.receive(), "echo");
}

TEST_P(SocketIoTest, AllocatedFrameIsSentWithDscp) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Burst burst;
  engine_->io(0).receive(burst);
  Frame frame = engine_->io(0).allocate();
  ASSERT_NE(frame.handle, nullptr);
  EXPECT_GE(frame.tailroom, 1600);
  Peer peer(address_);
  const std::size_t headers = synthetic_bytes(address_.family);
  std::memcpy(frame.data + headers, "rtcp", 4);
  write_headers(frame.data + headers, 4, local_, peer.address());
  if (address_.is_v4()) frame.data[15] = 46 << 2;
  frame.length = static_cast<std::uint16_t>(headers + 4);
  burst.add(frame);
  EXPECT_EQ(engine_->io(0).send(burst), 0U);
  EXPECT_EQ(peer.receive(), "rtcp");
}

TEST_P(SocketIoTest, TrafficClassComesAndGoesWithThePacket) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst burst;
  engine_->io(0).receive(burst);
  peer.mark(46 << 2);
  peer.send(local_, "marked");
  burst = receive_some();
  ASSERT_EQ(burst.count, 1U);
  Frame& frame = burst.frames[0];
  EXPECT_EQ(read_headers(MutableBytes(frame.data, frame.length))->traffic_class, 46 << 2);
  write_headers(frame.data + synthetic_bytes(address_.family), 6, local_, peer.address(), 34 << 2);
  EXPECT_EQ(engine_->io(0).send(burst), 0U);
  EXPECT_EQ(peer.receive(), "marked");
  EXPECT_EQ(peer.received_mark(), 34 << 2);
}

TEST_P(SocketIoTest, ClosedPortSendsNothingAndIsFreeForOthers) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Burst burst;
  engine_->io(0).receive(burst);
  engine_->close_port(local_);
  engine_->io(0).receive(burst);
  Frame frame = engine_->io(0).allocate();
  const std::size_t headers = synthetic_bytes(address_.family);
  write_headers(frame.data + headers, 0, local_, local_);
  frame.length = static_cast<std::uint16_t>(headers);
  burst.add(frame);
  EXPECT_EQ(engine_->io(0).send(burst), 1U);
  EXPECT_EQ(engine_->io(0).counters().tx_refused, 1U);
  EXPECT_TRUE(engine_->open_port(local_, 0));
}

TEST_P(SocketIoTest, PortOfAnotherProcessIsATypedError) {
  const auto second = SocketEngine::make(networks_, 1);
  ASSERT_TRUE((*second)->open_port(local_, 0));
  const auto opened = engine_->open_port(local_, 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnavailable);
}

TEST_P(SocketIoTest, PortOutsideThePoolIsRefused) {
  const SocketAddress outside{address_, static_cast<std::uint16_t>(local_.port + 2)};
  EXPECT_EQ(engine_->open_port(outside, 0).error().kind, ErrorKind::kInvalidArgument);
}

TEST_P(SocketIoTest, OversizeDatagramIsCountedAndItsBufferKept) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst burst;
  engine_->io(0).receive(burst);
  peer.send(local_, std::string(SocketIo::kMaxPayloadBytes + 1, 'x'));
  peer.send(local_, std::string(SocketIo::kMaxPayloadBytes, 'y'));
  burst = receive_some();
  ASSERT_EQ(burst.count, 1U);
  EXPECT_EQ(engine_->driver_losses().missed, 1U);
  engine_->io(0).release(burst.frames[0]);
  std::size_t buffers = 0;
  while (engine_->io(0).allocate().handle != nullptr) ++buffers;
  EXPECT_EQ(buffers, SocketIo::kBuffers);
  EXPECT_EQ(engine_->io(0).counters().no_buffer, 1U);
}

// SO_RXQ_OVFL: the kernel says with each datagram how many before it found the queue full.
TEST_P(SocketIoTest, DatagramsThatTheQueueHadNoRoomForAreMissedOnce) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst burst;
  engine_->io(0).receive(burst);
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  const auto drain = [&] {
    for (burst = receive_some(); burst.count > 0; engine_->io(0).receive(burst)) {
      received += burst.count;
      for (std::size_t i = 0; i < burst.count; ++i) engine_->io(0).release(burst.frames[i]);
      burst.count = 0;
    }
  };
  for (int round = 0; round < 2; ++round) {
    const std::string large(SocketIo::kMaxPayloadBytes, 'x');
    for (int i = 0; i < 2'000; ++i, ++sent) peer.send(local_, large);  // 4 MB for a queue of half a MB
    drain();
    peer.send(local_, "one more");  // brings the number
    ++sent;
    drain();
    ASSERT_LT(received, sent);
    EXPECT_EQ(engine_->driver_losses().missed, sent - received) << "round " << round;
  }
}

// What was lost behind the last datagram no datagram tells.
TEST_P(SocketIoTest, LossesBehindTheLastDatagramAreCountedAtClose) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst burst;
  engine_->io(0).receive(burst);
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  const std::string large(SocketIo::kMaxPayloadBytes, 'x');
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 2'000; ++i, ++sent) peer.send(local_, large);
    for (burst = receive_some(); burst.count > 0; engine_->io(0).receive(burst)) {
      received += burst.count;
      for (std::size_t i = 0; i < burst.count; ++i) engine_->io(0).release(burst.frames[i]);
      burst.count = 0;
    }
  }
  const std::uint64_t told = engine_->driver_losses().missed;
  EXPECT_GT(told, 0U);  // of the first round, by the second
  EXPECT_LT(told, sent - received);
  engine_->close_port(local_);
  engine_->io(0).receive(burst);
  EXPECT_EQ(engine_->driver_losses().missed, sent - received);
  // The next one to have the port begins at nothing.
  ASSERT_TRUE(engine_->open_port(local_, 0));
  engine_->io(0).receive(burst);
  engine_->close_port(local_);
  engine_->io(0).receive(burst);
  EXPECT_EQ(engine_->driver_losses().missed, sent - received);
}

TEST_P(SocketIoTest, FramesThatCannotGoAreCountedAndThoseBesideThemGo) {
  ASSERT_TRUE(engine_->open_port(local_, 0));
  Peer peer(address_);
  Burst burst;
  Io& io = engine_->io(0);
  io.receive(burst);
  const std::size_t headers = synthetic_bytes(address_.family);
  const auto add = [&](const SocketAddress& from, const SocketAddress& to, char mark) {
    Frame frame = io.allocate();
    ASSERT_NE(frame.handle, nullptr);
    frame.data[headers] = static_cast<std::uint8_t>(mark);
    write_headers(frame.data + headers, 1, from, to);
    frame.length = static_cast<std::uint16_t>(headers + 1);
    burst.add(frame);
  };
  add(local_, peer.address(), 'a');
  add(local_, {address_, 0}, 'b');  // the kernel refuses port 0
  add(local_, peer.address(), 'c');
  add({address_, static_cast<std::uint16_t>(local_.port + 1)}, peer.address(), 'd');  // of the pool, not open
  add(local_, peer.address(), 'e');
  burst.frames[burst.count - 1].length = 20;  // not even headers
  add(local_, peer.address(), 'f');
  EXPECT_EQ(io.send(burst), 3U);
  EXPECT_EQ(burst.count, 0U);
  EXPECT_EQ(io.counters().tx_refused, 3U);
  std::string marks;
  for (int i = 0; i < 3; ++i) marks += peer.receive();
  EXPECT_EQ(marks, "acf");
  add(local_, {address_, 0}, 'g');
  EXPECT_EQ(io.send(burst), 1U);
  EXPECT_EQ(io.counters().tx_refused, 4U);
  std::size_t buffers = 0;
  while (io.allocate().handle != nullptr) ++buffers;
  EXPECT_EQ(buffers, SocketIo::kBuffers);
  EXPECT_EQ(io.allocate().handle, nullptr);
  EXPECT_EQ(io.counters().no_buffer, 2U);
  EXPECT_EQ(engine_->driver_losses().missed, 0U);
}

INSTANTIATE_TEST_SUITE_P(Families, SocketIoTest, testing::Values("127.0.0.1", "::1"),
                         [](const auto& test) { return std::string(test.param[0] == ':' ? "V6" : "V4"); });

}  // namespace
}  // namespace isthmus::io
