// RFC 3261 18.1.1: requests that UDP could cut into fragments go over TCP.

#include "controlplane/sip/limits.h"
#include "tests/unit/controlplane/sip/transaction_fixture.h"

namespace isthmus::sip {
namespace {

using Names = std::vector<std::string>;

class Rfc3261LargeRequest : public TransactionTest {
 protected:
  static Message with_body(Method method, std::size_t bytes) {
    Message message = outgoing(method);
    message.set_body("text/plain", std::string(bytes, 'x'));
    return message;
  }
  ClientId send_large() {
    const auto id = layer->send_request(with_body(Method::kInvite, 2'000), {Transport::kUdp, kPeer, udp});
    EXPECT_TRUE(id);
    return id.value_or(ClientId{});
  }
  Message over_tcp(std::size_t connection = 0) { return parse_message(network.opened.at(connection)->take()).message; }
};

TEST_F(Rfc3261LargeRequest, S18_1_1_UpTo1300BytesGoOverUdp) {
  const Target meant{Transport::kUdp, kPeer, udp};
  EXPECT_EQ(transport->target_for_size(meant, 1'300), meant);
  EXPECT_EQ(transport->target_for_size(meant, 1'301), (Target{Transport::kTcp, kPeer, tcp}));
  // What counts is the whole message: its body alone would fit.
  for (const std::size_t body : {500U, 1'299U})
    ASSERT_TRUE(layer->send_request(with_body(Method::kInvite, body), meant));
  ASSERT_EQ(network.datagrams.size(), 1U);
  EXPECT_EQ(last_sent().body().size(), 500U);
  EXPECT_EQ(transport->counters().requests_moved_to_tcp, 1U);
}

TEST_F(Rfc3261LargeRequest, S18_1_1_LargerOnesGoOverTcpAndTheViaSaysSo) {
  send_large();
  timers.advance({});
  EXPECT_TRUE(network.datagrams.empty());
  ASSERT_EQ(network.opened.size(), 1U);
  EXPECT_EQ(network.opened.front()->theirs, kPeer);
  const Message invite = over_tcp();
  ASSERT_EQ(invite.vias().size(), 1U);
  EXPECT_EQ(invite.header(HeaderId::kVia)->substr(0, 30), "SIP/2.0/TCP 192.0.2.1:5060;bra");
  EXPECT_EQ(invite.body().size(), 2'000U);
  EXPECT_EQ(transport->counters().requests_moved_to_tcp, 1U);
  // 17.1.1.2: nothing is repeated over a reliable transport.
  timers.advance(seconds(10));
  EXPECT_TRUE(network.opened.front()->received.empty());
  EXPECT_TRUE(network.datagrams.empty());
  receive(network.opened.front(), answer_to(invite, 200));
  EXPECT_EQ(told_names(), Names{"response 200"});
}

TEST_F(Rfc3261LargeRequest, S9_1_CancelAndS17_1_1_3_AckGoTheSameWay) {
  const ClientId id = send_large();
  timers.advance({});
  const Message invite = over_tcp();
  receive(network.opened.front(), answer_to(invite, 180));
  ASSERT_TRUE(layer->cancel(id));
  const Message cancel = over_tcp();
  EXPECT_EQ(cancel.method(), Method::kCancel);
  EXPECT_EQ(cancel.vias(), invite.vias());
  receive(network.opened.front(), answer_to(invite, 487));
  const Message ack = over_tcp();
  EXPECT_EQ(ack.method(), Method::kAck);
  EXPECT_EQ(ack.vias(), invite.vias());
  EXPECT_TRUE(network.datagrams.empty());
}

TEST_F(Rfc3261LargeRequest, S18_1_1_RefusedConnectionMeansUdpAfterAll) {
  network.outcome = MemoryNetwork::Outcome::kRefuse;
  send_large();
  timers.advance({});
  timers.advance({});
  EXPECT_TRUE(told_names().empty());
  ASSERT_EQ(network.datagrams.size(), 1U);
  const Message invite = last_sent();
  EXPECT_EQ(invite.vias().size(), 1U);
  EXPECT_EQ(invite.header(HeaderId::kVia)->substr(0, 30), "SIP/2.0/UDP 192.0.2.1:5060;bra");
  EXPECT_EQ(transport->counters().requests_moved_back, 1U);
  EXPECT_EQ(send_times(milliseconds(1'600)), (std::vector<long>{500, 1'500}));  // timer A runs now
  receive(answer_to(invite, 180));
  receive(answer_to(invite, 486));
  EXPECT_EQ(last_sent().method(), Method::kAck);
  EXPECT_EQ(last_sent().vias(), invite.vias());
  EXPECT_EQ(told_names(), (Names{"response 180", "response 486"}));
}

TEST_F(Rfc3261LargeRequest, S18_1_1_AConnectionThatIsNeverMadeMeansUdpToo) {
  network.outcome = MemoryNetwork::Outcome::kSilence;
  send_large();
  timers.advance(milliseconds(4'999));
  EXPECT_TRUE(network.datagrams.empty());
  timers.advance(milliseconds(1));
  timers.advance({});
  EXPECT_EQ(network.datagrams.size(), 1U);
  // Timer B is that of the first attempt.
  timers.advance(milliseconds(26'999));
  EXPECT_TRUE(told.empty());
  timers.advance(milliseconds(1));
  EXPECT_EQ(told_names(), Names{"timeout"});
}

// A table of connections that is full is our want, not the peer's: it is asked again as soon as there is room.
TEST_F(Rfc3261LargeRequest, S18_1_1_NoRoomForAConnectionMeansUdpAtOnce) {
  TransportSettings limits;
  limits.max_connections = 1;
  make({}, limits);
  const SocketAddress other{IpAddress::v4(198, 51, 100, 8), 5060};
  ASSERT_TRUE(layer->send_ack(with_body(Method::kAck, 2'000), {Transport::kUdp, other, udp}));  // takes the only place
  send_large();
  ASSERT_EQ(network.datagrams.size(), 1U);
  const Message invite = last_sent();
  ASSERT_EQ(invite.vias().size(), 1U);
  EXPECT_EQ(invite.header(HeaderId::kVia)->substr(0, 30), "SIP/2.0/UDP 192.0.2.1:5060;bra");
  EXPECT_EQ(invite.body().size(), 2'000U);
  EXPECT_EQ(transport->counters().requests_moved_back, 1U);
  EXPECT_EQ(transport->counters().connections_refused_total, 1U);
  EXPECT_EQ(send_times(milliseconds(1'600)), (std::vector<long>{500, 1'500}));
  receive(answer_to(invite, 180));
  receive(answer_to(invite, 200));
  EXPECT_EQ(told_names(), (Names{"response 180", "response 200"}));
  // The ACK of a 2xx has no transaction.
  network.datagrams.clear();
  ASSERT_TRUE(layer->send_ack(with_body(Method::kAck, 2'000), {Transport::kUdp, kPeer, udp}));
  ASSERT_EQ(network.datagrams.size(), 1U);
  EXPECT_EQ(last_sent().vias().size(), 1U);
  EXPECT_EQ(last_sent().header(HeaderId::kVia)->substr(0, 11), "SIP/2.0/UDP");
  EXPECT_EQ(network.opened.size(), 1U);
  EXPECT_TRUE(transport->takes_tcp(kPeer));
  // What was meant for TCP has no other way.
  EXPECT_FALSE(layer->send_request(with_body(Method::kInvite, 2'000), {Transport::kTcp, kPeer, tcp}));
}

TEST_F(Rfc3261LargeRequest, APeerWithoutTcpIsNotAskedAgainForAWhile) {
  network.outcome = MemoryNetwork::Outcome::kRefuse;
  send_large();
  timers.advance({});
  timers.advance({});
  network.datagrams.clear();
  network.outcome = MemoryNetwork::Outcome::kAccept;
  ASSERT_TRUE(layer->send_ack(with_body(Method::kAck, 2'000), {Transport::kUdp, kPeer, udp}));
  EXPECT_EQ(network.datagrams.size(), 1U);
  EXPECT_EQ(network.opened.size(), 1U);
  timers.advance(kNoTcpFor);
  network.datagrams.clear();
  ASSERT_TRUE(layer->send_ack(with_body(Method::kAck, 2'000), {Transport::kUdp, kPeer, udp}));
  EXPECT_TRUE(network.datagrams.empty());
  EXPECT_EQ(network.opened.size(), 2U);
}

TEST_F(Rfc3261LargeRequest, PeersWithoutTcpAreBounded) {
  network.outcome = MemoryNetwork::Outcome::kRefuse;
  const auto peer = [](std::size_t i) {
    return SocketAddress{IpAddress::v4(198, 51, 100, 7), static_cast<std::uint16_t>(1'000 + i)};
  };
  for (std::size_t i = 0; i <= kMaxPeersWithoutTcp; ++i) {
    ASSERT_TRUE(layer->send_ack(with_body(Method::kAck, 2'000), {Transport::kUdp, peer(i), udp}));
    timers.advance({});
    timers.advance({});
    if (i + 1 == kMaxPeersWithoutTcp) {
      EXPECT_FALSE(transport->takes_tcp(peer(0)));
    }
  }
  EXPECT_TRUE(transport->takes_tcp(peer(0)));  // forgotten
  EXPECT_FALSE(transport->takes_tcp(peer(kMaxPeersWithoutTcp)));
}

TEST_F(Rfc3261LargeRequest, APeerThatAskedForTcpIsNotSentDatagrams) {
  network.outcome = MemoryNetwork::Outcome::kRefuse;
  ASSERT_TRUE(layer->send_request(with_body(Method::kInvite, 2'000), {Transport::kTcp, kPeer, tcp}));
  timers.advance({});
  timers.advance({});
  EXPECT_TRUE(network.datagrams.empty());
  EXPECT_EQ(told_names(), Names{"transport error"});
}

TEST_F(Rfc3261LargeRequest, AConnectionThatWasThereAndEndsIsATransportError) {
  send_large();
  timers.advance({});
  network.hang_up(network.opened.front());
  timers.advance({});
  timers.advance({});
  EXPECT_TRUE(network.datagrams.empty());
  EXPECT_EQ(told_names(), Names{"transport error"});
}

TEST_F(Rfc3261LargeRequest, WithoutATcpListenerOnThatAddressUdpIsAllThereIs) {
  const ListenerId lone = transport->listen({"lone", Transport::kUdp, {IpAddress::v4(192, 0, 2, 9), 5060}, {}}).value();
  ASSERT_TRUE(layer->send_request(with_body(Method::kInvite, 2'000), {Transport::kUdp, kPeer, lone}));
  EXPECT_EQ(network.datagrams.size(), 1U);
  EXPECT_TRUE(network.opened.empty());
}

}  // namespace
}  // namespace isthmus::sip
