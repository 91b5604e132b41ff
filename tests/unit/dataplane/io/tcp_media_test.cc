// Media over TCP on loopback, as a worker sees it: frames in, frames out, and strangers kept apart.

#include "dataplane/io/tcp/tcp_media.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "dataplane/io/socket_io.h"
#include "dataplane/io/synthetic_frame.h"
#include "dataplane/io/tcp/tcp_io.h"
#include "dataplane/io/tcp_port.h"

namespace isthmus::io::tcp {
namespace {

using Octets = std::vector<std::uint8_t>;
constexpr int kWaitMs = 5000;

const Octets kStun{0, 1, 0, 0, 9};
const Octets kRtp{0x80, 0, 1, 2, 3};

/// A peer: connects, or listens.
class Peer {
 public:
  explicit Peer(const IpAddress& address) : fd_(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM, 0)) {
    KernelAddress kernel;
    socklen_t length = to_kernel({address, 0}, kernel);
    EXPECT_EQ(::bind(fd_, &kernel.any, length), 0);
    EXPECT_EQ(getsockname(fd_, &kernel.any, &length), 0);
    address_ = from_kernel(kernel);
  }
  ~Peer() {
    ::close(fd_);
    if (accepted_ >= 0) ::close(accepted_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool connect(const SocketAddress& to) {
    KernelAddress kernel;
    const socklen_t length = to_kernel(to, kernel);
    accepted_ = ::dup(fd_);
    return ::connect(fd_, &kernel.any, length) == 0;
  }
  void listen() { ASSERT_EQ(::listen(fd_, 4), 0); }
  /// Who connected.
  SocketAddress accept() {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, kWaitMs) != 1) return {};
    KernelAddress kernel;
    socklen_t length = sizeof kernel;
    accepted_ = ::accept(fd_, &kernel.any, &length);
    return from_kernel(kernel);
  }
  void send(const Octets& packet) {
    Octets bytes{static_cast<std::uint8_t>(packet.size() >> 8U), static_cast<std::uint8_t>(packet.size())};
    bytes.insert(bytes.end(), packet.begin(), packet.end());
    ASSERT_EQ(::send(accepted_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  Octets receive() {
    pollfd wait{accepted_, POLLIN, 0};
    if (::poll(&wait, 1, kWaitMs) != 1) return {};
    Octets bytes(4096);
    const ssize_t got = ::recv(accepted_, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  /// Not only told that nothing more comes: the kernel holds nothing of the connection any more.
  bool is_reset() {
    pollfd wait{accepted_, POLLIN, 0};
    std::uint8_t byte = 0;
    return ::poll(&wait, 1, kWaitMs) == 1 && ::recv(accepted_, &byte, 1, 0) < 0 && errno == ECONNRESET;
  }
  bool is_cut_off() {
    pollfd wait{accepted_, POLLIN, 0};
    std::uint8_t byte = 0;
    return ::poll(&wait, 1, kWaitMs) == 1 && ::recv(accepted_, &byte, 1, 0) <= 0;
  }
  const SocketAddress& address() const { return address_; }

 private:
  int fd_;
  int accepted_ = -1;
  SocketAddress address_;
};

class TcpMediaTest : public testing::TestWithParam<const char*> {
 protected:
  TcpMediaTest() : address_(*IpAddress::parse(GetParam())) {
    Network network;
    network.name = "test";
    network.addresses = {address_};
    engine_ = std::move(*SocketEngine::make(std::span(&network, 1), 1));
    media_ = std::move(*TcpMedia::start(1));
    io_ = std::make_unique<TcpIo>(engine_->io(0), *media_, 0);
    const Peer probe(address_);
    local_ = probe.address();
  }
  void open_and_serve() {
    ASSERT_TRUE(media_->open_port(local_, 0));
    media_->serve_port(local_);
  }
  bool eventually(const std::function<bool()>& what) {
    for (int i = 0; i < kWaitMs; ++i) {
      if (what()) return true;
      ::poll(nullptr, 0, 1);
    }
    return false;
  }
  bool counted(Count what, std::uint64_t value) {
    return eventually([&] { return media_->value(what) == value; });
  }
  /// What was started before ends without a word; another process takes its ports.
  void restart() {
    io_.reset();
    media_.reset();
    media_ = std::move(*TcpMedia::start(1));
    io_ = std::make_unique<TcpIo>(engine_->io(0), *media_, 0);
  }
  /// The next frame that a worker gets.
  std::optional<SendView> receive() {
    Burst burst;
    eventually([&] {
      io_->receive(burst);
      return burst.count > 0;
    });
    if (burst.count == 0) return std::nullopt;
    EXPECT_EQ(burst.count, 1U);
    frame_ = burst.frames[0];
    EXPECT_EQ(frame_.port, kTcpPort);
    EXPECT_GE(frame_.headroom, kMinHeadroomBytes);
    EXPECT_GE(frame_.tailroom, kMinTailroomBytes);
    auto view = read_headers(MutableBytes(frame_.data, frame_.length));
    payload_.assign(view->payload.begin(), view->payload.end());
    io_->release(frame_);
    return view;
  }
  /// As the pipeline would.
  std::size_t send(const SocketAddress& to, const Octets& packet) {
    Frame frame = io_->allocate();
    const std::size_t headers = synthetic_bytes(address_.family);
    std::copy(packet.begin(), packet.end(), frame.data + headers);
    write_headers(frame.data + headers, packet.size(), local_, to);
    frame.length = static_cast<std::uint16_t>(headers + packet.size());
    frame.port = kTcpPort;
    Burst burst;
    burst.add(frame);
    return io_->send(burst);
  }
  std::size_t free_buffers() {
    std::vector<Frame> taken;
    for (Frame frame = io_->allocate(); frame.handle != nullptr; frame = io_->allocate()) taken.push_back(frame);
    for (const Frame& frame : taken) io_->release(frame);
    return taken.size();
  }

  IpAddress address_;
  SocketAddress local_;
  std::unique_ptr<SocketEngine> engine_;
  std::unique_ptr<TcpMedia> media_;
  std::unique_ptr<TcpIo> io_;
  Frame frame_;
  Octets payload_;
};

TEST_P(TcpMediaTest, CarriesPacketsBothWays) {
  open_and_serve();
  Peer peer(address_);
  ASSERT_TRUE(peer.connect(local_));
  peer.send(kStun);
  auto view = receive();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->from, peer.address());
  EXPECT_EQ(view->to, local_);
  EXPECT_EQ(payload_, kStun);
  media_->confirm(local_, peer.address());
  ASSERT_TRUE(counted(Count::kConfirmed, 1));
  peer.send(kRtp);
  ASSERT_TRUE(receive());
  EXPECT_EQ(payload_, kRtp);
  EXPECT_EQ(send(peer.address(), kRtp), 0U);
  EXPECT_EQ(peer.receive(), (Octets{0, 5, 0x80, 0, 1, 2, 3}));
  EXPECT_EQ(free_buffers(), SocketIo::kBuffers);
}

// An answer that says "over TCP" may come behind the first check: the check waits for it in the kernel.
TEST_P(TcpMediaTest, WhoConnectsEarlyWaitsUntilThePortIsServed) {
  ASSERT_TRUE(media_->open_port(local_, 0));
  Peer early(address_);
  ASSERT_TRUE(early.connect(local_));
  early.send(kStun);
  const SocketAddress other = Peer(address_).address();
  ASSERT_TRUE(media_->open_port(other, 0));
  media_->serve_port(other);
  Peer late(address_);
  ASSERT_TRUE(late.connect(other));
  ASSERT_TRUE(counted(Count::kAccepted, 1));  // the thread has looked at its sockets since
  EXPECT_EQ(media_->connections(), 1U);
  Burst burst;
  io_->receive(burst);
  EXPECT_EQ(burst.count, 0U);
  media_->serve_port(local_);
  const auto view = receive();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->from, early.address());
  EXPECT_EQ(payload_, kStun);
  EXPECT_EQ(media_->value(Count::kAccepted), 2U);
}

TEST_P(TcpMediaTest, WhoWaitsIsCutOffWhenThePortGoesBack) {
  ASSERT_TRUE(media_->open_port(local_, 0));
  Peer early(address_);
  ASSERT_TRUE(early.connect(local_));
  media_->close_port(local_);
  media_->serve_port(local_);  // too late: of no effect
  EXPECT_TRUE(early.is_cut_off());
  EXPECT_EQ(media_->value(Count::kAccepted), 0U);
}

TEST_P(TcpMediaTest, StrangerIsHeardForStunAlone) {
  open_and_serve();
  Peer stranger(address_);
  ASSERT_TRUE(stranger.connect(local_));
  stranger.send(kRtp);
  EXPECT_TRUE(counted(Count::kDropUnconfirmed, 1));
  stranger.send(kStun);
  ASSERT_TRUE(receive());
  EXPECT_EQ(payload_, kStun);
}

TEST_P(TcpMediaTest, StrangersPushOutStrangersAndNeverThePeer) {
  open_and_serve();
  Peer peer(address_);
  ASSERT_TRUE(peer.connect(local_));
  media_->confirm(local_, peer.address());
  // The port may come after the confirmation in the thread's eyes: the connection is accepted first.
  ASSERT_TRUE(eventually([&] {
    media_->confirm(local_, peer.address());
    return media_->value(Count::kConfirmed) == 1;
  }));
  std::vector<std::unique_ptr<Peer>> strangers;
  for (std::size_t i = 0; i < 2 * kMaxConnectionsOfPort; ++i) {
    strangers.push_back(std::make_unique<Peer>(address_));
    ASSERT_TRUE(strangers.back()->connect(local_));
    ASSERT_TRUE(counted(Count::kAccepted, i + 2));
  }
  EXPECT_TRUE(eventually([&] { return media_->connections() == kMaxConnectionsOfPort; }));
  EXPECT_TRUE(strangers.front()->is_cut_off());
  peer.send(kRtp);
  ASSERT_TRUE(receive());
  EXPECT_EQ(payload_, kRtp);
  strangers.back()->send(kStun);  // the youngest is still heard
  EXPECT_TRUE(receive());
}

TEST_P(TcpMediaTest, StrangersNeverKeepUsFromAPeerThatListens) {
  open_and_serve();
  std::vector<std::unique_ptr<Peer>> strangers;
  const auto come = [&] {
    for (std::size_t i = 0; i < kMaxConnectionsOfPort; ++i) {
      strangers.push_back(std::make_unique<Peer>(address_));
      ASSERT_TRUE(strangers.back()->connect(local_));
      ASSERT_TRUE(counted(Count::kAccepted, strangers.size()));
    }
  };
  come();
  Peer peer(address_);
  peer.listen();
  send(peer.address(), kStun);
  ASSERT_EQ(peer.accept(), local_);
  come();  // none of them has proved anything, nor has the peer yet
  peer.send(kStun);
  const auto view = receive();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->from, peer.address());
}

TEST_P(TcpMediaTest, ConnectsForACheckAndForNothingElse) {
  open_and_serve();
  Peer peer(address_);
  peer.listen();
  send(peer.address(), kRtp);
  EXPECT_TRUE(counted(Count::kDropNoConnection, 1));
  send(peer.address(), kStun);
  EXPECT_EQ(peer.accept(), local_);  // from the media port
  EXPECT_EQ(peer.receive(), (Octets{0, 5, 0, 1, 0, 0, 9}));
  EXPECT_EQ(media_->value(Count::kConnected), 1U);
  peer.send(kStun);
  const auto view = receive();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->from, peer.address());
}

TEST_P(TcpMediaTest, NobodyThereIsCounted) {
  open_and_serve();
  SocketAddress nobody;
  {
    const Peer gone(address_);
    nobody = gone.address();
  }
  send(nobody, kStun);
  EXPECT_TRUE(counted(Count::kNotConnected, 1));
  EXPECT_EQ(media_->connections(), 0U);
}

TEST_P(TcpMediaTest, SlowReceiverLosesPacketsAndHoldsUpNobody) {
  open_and_serve();
  Peer slow(address_);
  Peer quick(address_);
  for (Peer* peer : {&slow, &quick}) {
    ASSERT_TRUE(peer->connect(local_));
    peer->send(kStun);
    ASSERT_TRUE(receive());
    media_->confirm(local_, peer->address());
  }
  EXPECT_TRUE(eventually([&] {
    for (int i = 0; i < 64; ++i) send(slow.address(), Octets(1400, 0x80));
    return media_->value(Count::kDropSlowReceiver) > 0;
  }));
  EXPECT_TRUE(eventually([&] { return send(quick.address(), kRtp) == 0; }));
  EXPECT_EQ(quick.receive(), (Octets{0, 5, 0x80, 0, 1, 2, 3}));
  EXPECT_EQ(free_buffers(), SocketIo::kBuffers);
}

TEST_P(TcpMediaTest, ClosedPortEndsItsConnections) {
  open_and_serve();
  Peer peer(address_);
  ASSERT_TRUE(peer.connect(local_));
  ASSERT_TRUE(counted(Count::kAccepted, 1));
  media_->close_port(local_);
  EXPECT_TRUE(peer.is_cut_off());
  EXPECT_TRUE(eventually([&] { return media_->connections() == 0; }));
  Peer late(address_);
  EXPECT_FALSE(late.connect(local_));
  EXPECT_TRUE(media_->open_port(local_, 0));  // at once, though its connections linger in the kernel
}

// The connection died with its process, and the same two addresses meet again at once, though the peer has not closed.
TEST_P(TcpMediaTest, ConnectsAgainFromTheSamePortAfterARestart) {
  Peer peer(address_);
  peer.listen();
  for (int life = 0; life < 3; ++life) {
    open_and_serve();
    send(peer.address(), kStun);
    ASSERT_EQ(peer.accept(), local_) << life;
    EXPECT_EQ(peer.receive(), (Octets{0, 5, 0, 1, 0, 0, 9}));
    EXPECT_EQ(media_->value(Count::kConnected), 1U);
    EXPECT_EQ(media_->value(Count::kNotConnected), 0U);
    restart();
    EXPECT_TRUE(peer.is_reset());
  }
}

TEST_P(TcpMediaTest, ListensAgainAfterARestartAndAPeerConnectsAgain) {
  const Octets check = kStun;
  for (int life = 0; life < 3; ++life) {
    open_and_serve();
    Peer peer(address_);
    ASSERT_TRUE(peer.connect(local_));
    peer.send(check);
    ASSERT_TRUE(receive());
    peer.send(kRtp);
    EXPECT_TRUE(counted(Count::kDropUnconfirmed, 1));  // a stranger, as at first
    media_->confirm(local_, peer.address());
    ASSERT_TRUE(counted(Count::kConfirmed, 1));
    peer.send(kRtp);
    ASSERT_TRUE(receive());
    EXPECT_EQ(payload_, kRtp);
    restart();
    EXPECT_TRUE(peer.is_reset());
  }
}

TEST_P(TcpMediaTest, PortOfAnotherProgramIsATypedError) {
  Peer other(address_);
  other.listen();
  const auto opened = media_->open_port(other.address(), 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnavailable);
}

TEST_P(TcpMediaTest, PacketsOfTheIoBelowPassBeside) {
  Frame frame = io_->allocate();
  const std::size_t headers = synthetic_bytes(address_.family);
  write_headers(frame.data + headers, 0, local_, local_);
  frame.length = static_cast<std::uint16_t>(headers);
  Burst burst;
  burst.add(frame);
  EXPECT_EQ(io_->send(burst), 1U);  // no such UDP port is open there
  EXPECT_EQ(io_->counters().tx_refused, 1U);
}

INSTANTIATE_TEST_SUITE_P(Families, TcpMediaTest, testing::Values("127.0.0.1", "::1"),
                         [](const auto& test) { return std::string(test.param[0] == ':' ? "V6" : "V4"); });

}  // namespace
}  // namespace isthmus::io::tcp
