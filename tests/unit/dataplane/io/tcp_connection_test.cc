// One connection over a pair of sockets, with the time in the test's hands: every bound, at it and past it.

#include "dataplane/io/tcp/connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace isthmus::io::tcp {
namespace {

using Octets = std::vector<std::uint8_t>;
constexpr std::uint64_t kSecond = 1'000'000'000;

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    std::array<int, 2> pair{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
    peer_ = pair[1];
    make(pair[0], false);
  }
  ~ConnectionTest() override { hang_up(); }
  void make(int fd, bool connecting) {
    connection_ = std::make_unique<Connection>(fd, SocketAddress{IpAddress::v4(127, 0, 0, 1), 1},
                                               SocketAddress{IpAddress::v4(127, 0, 0, 2), 2}, 0, connecting, now_);
  }
  void hang_up() {
    if (peer_ >= 0) close(peer_);
    peer_ = -1;
  }
  void from_peer(const Octets& bytes) {
    ASSERT_EQ(write(peer_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  static Octets framed(std::size_t size, std::uint8_t fill = 1) {
    Octets bytes{static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size)};
    bytes.resize(size + 2, fill);
    return bytes;
  }
  std::size_t read() {
    std::size_t packets = 0;
    connection_->read(now_, [&](Bytes) { ++packets; });
    return packets;
  }
  Fate after(std::uint64_t seconds) {
    now_ += seconds * kSecond;
    connection_->check_time(now_);
    return connection_->fate();
  }
  Octets at_peer() {
    Octets bytes(200'000);
    const ssize_t got = ::read(peer_, bytes.data(), bytes.size());
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  std::uint64_t now_ = kSecond;
  int peer_ = -1;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, WritesLengthAndPacket) {
  EXPECT_TRUE(connection_->send(Octets{9, 8, 7}, 0, now_));
  EXPECT_EQ(at_peer(), (Octets{0, 3, 9, 8, 7}));
  EXPECT_FALSE(connection_->send({}, 0, now_));
  EXPECT_FALSE(connection_->send(Octets(kMaxFrameBytes + 1), 0, now_));
  EXPECT_TRUE(connection_->send(Octets(kMaxFrameBytes), 0, now_));
  EXPECT_EQ(at_peer().size(), kMaxFrameBytes + 2);
}

TEST_F(ConnectionTest, QueuesWhatTheKernelDoesNotTakeAndDropsWhole) {
  const Octets packet(1000, 5);
  std::size_t taken = 0;
  while (connection_->send(packet, 0, now_)) ASSERT_LT(++taken, 1'000U);
  EXPECT_TRUE(connection_->is_open());
  EXPECT_TRUE(connection_->wants_to_write());
  Octets all;
  for (Octets part = at_peer(); !part.empty(); part = at_peer()) {
    all.insert(all.end(), part.begin(), part.end());
    connection_->on_writable(now_);
  }
  ASSERT_EQ(all.size(), taken * 1002);  // no packet in part
  for (std::size_t at = 0; at < all.size(); at += 1002) ASSERT_EQ(load_be16(&all[at]), 1000);
  EXPECT_FALSE(connection_->wants_to_write());
  EXPECT_TRUE(connection_->send(packet, 0, now_));
}

TEST_F(ConnectionTest, EndsWhenThePeerReadsNothing) {
  connection_->confirm();
  while (connection_->send(Octets(1000), 0, now_)) continue;
  from_peer(framed(1));
  EXPECT_EQ(read(), 1U);
  EXPECT_EQ(after(14), Fate::kOpen);
  EXPECT_EQ(after(1), Fate::kStalled);
}

TEST_F(ConnectionTest, StrangerHasTenSeconds) {
  from_peer(framed(20));
  EXPECT_EQ(read(), 1U);
  EXPECT_EQ(after(9), Fate::kOpen);
  EXPECT_EQ(after(1), Fate::kUnconfirmed);
}

TEST_F(ConnectionTest, StrangerHasFiftyPackets) {
  for (std::size_t i = 0; i < kMaxUnconfirmedPackets; ++i) from_peer(framed(1));
  EXPECT_EQ(read(), kMaxUnconfirmedPackets);
  EXPECT_TRUE(connection_->is_open());
  from_peer(framed(1));
  EXPECT_EQ(read(), 0U);
  EXPECT_EQ(connection_->fate(), Fate::kUnconfirmed);
}

TEST_F(ConnectionTest, StrangerHas64KiB) {
  std::size_t sent = 0;
  for (; sent + 16'384 <= kMaxUnconfirmedBytes; sent += 16'384) {
    from_peer(Octets(16'384, 0));  // null packets
    EXPECT_EQ(read(), 0U);
  }
  EXPECT_TRUE(connection_->is_open());
  from_peer({0});
  read();
  EXPECT_EQ(connection_->fate(), Fate::kUnconfirmed);
}

TEST_F(ConnectionTest, PeerMaySendOnWithoutThoseBounds) {
  connection_->confirm();
  for (int i = 0; i < 100; ++i) {
    from_peer(framed(1200));
    EXPECT_EQ(read(), 1U);
  }
  EXPECT_EQ(after(89), Fate::kOpen);
  EXPECT_EQ(after(1), Fate::kIdle);
}

TEST_F(ConnectionTest, PacketThatDoesNotEndIsGivenFiveSeconds) {
  connection_->confirm();
  const Octets whole = framed(100);
  for (std::size_t i = 0; i < 5; ++i) {
    from_peer({whole[i]});
    EXPECT_EQ(read(), 0U);
    if (i < 4) {
      EXPECT_EQ(after(1), Fate::kOpen);
    }
  }
  EXPECT_EQ(after(1), Fate::kSlow);
}

TEST_F(ConnectionTest, BusyStreamIsNotSlowBecauseItNeverPauses) {
  connection_->confirm();
  const Octets one = framed(100);
  from_peer({one[0]});
  read();
  for (int i = 0; i < 20; ++i) {
    Octets rest(one.begin() + 1, one.end());
    rest.push_back(one[0]);  // the next one has begun
    from_peer(rest);
    EXPECT_EQ(read(), 1U);
    EXPECT_EQ(after(1), Fate::kOpen);
  }
}

TEST_F(ConnectionTest, HalfOpenOnesEnd) {
  hang_up();
  EXPECT_EQ(read(), 0U);
  EXPECT_EQ(connection_->fate(), Fate::kClosedByPeer);
  EXPECT_FALSE(connection_->send(Octets{1}, 0, now_));
}

TEST_F(ConnectionTest, ConnectingTakesFiveSecondsAtMost) {
  std::array<int, 2> pair{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()), 0);
  hang_up();
  peer_ = pair[1];
  make(pair[0], true);
  EXPECT_TRUE(connection_->send(Octets{1, 2}, 0, now_));  // waits
  EXPECT_TRUE(at_peer().empty());
  EXPECT_EQ(after(4), Fate::kOpen);
  connection_->on_writable(now_);
  EXPECT_EQ(at_peer(), (Octets{0, 2, 1, 2}));
  make(::dup(peer_), true);
  EXPECT_EQ(after(5), Fate::kNotConnected);
}

}  // namespace
}  // namespace isthmus::io::tcp
