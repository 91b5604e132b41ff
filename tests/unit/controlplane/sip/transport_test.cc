#include "controlplane/sip/transport.h"

#include <vector>

#include <gtest/gtest.h>

#include "controlplane/event_loop/manual_timers.h"
#include "tests/unit/controlplane/sip/memory_network.h"
#include "tests/unit/controlplane/sip/samples.h"

namespace isthmus::sip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kGateway{IpAddress::v4(192, 0, 2, 1), 5060};
const SocketAddress kPeer{IpAddress::v4(192, 0, 2, 10), 5060};
const SocketAddress kStranger{IpAddress::v4(203, 0, 113, 5), 40'000};

class TransportTest : public testing::Test, private TransportUser {
 protected:
  void make(TransportSettings settings = {}) {
    transport.emplace(network, timers, random, settings);
    transport->set_user(*this);
    udp = transport->listen({"udp", Transport::kUdp, kGateway, {}}).value();
    tcp = transport->listen({"tcp", Transport::kTcp, kGateway, {}}).value();
    transport->set_known_sources({kPeer.ip});
  }
  void run() { timers.advance({}); }
  void receive(const SocketAddress& from, const std::string& bytes) {
    network.send_datagram(from, kGateway, bytes);
    run();
  }
  std::shared_ptr<MemoryLink> connect(const SocketAddress& from = kPeer) {
    auto link = network.connect(from, kGateway);
    run();
    return link;
  }
  void receive(const std::shared_ptr<MemoryLink>& link, const std::string& bytes) {
    network.send(link, bytes);
    run();
  }
  const Counters& counters() const { return transport->counters(); }

  event_loop::ManualTimers timers;
  SeededRandom random{1};
  MemoryNetwork network{timers};
  std::optional<TransportLayer> transport;
  ListenerId udp{};
  ListenerId tcp{};
  std::vector<std::pair<Message, Flow>> got;
  std::vector<ConnectionId> closed;

 private:
  void on_message(Message&& message, const Flow& flow) override { got.emplace_back(std::move(message), flow); }
  void on_connection_closed(ConnectionId connection, const Error&) override { closed.push_back(connection); }
};

TEST_F(TransportTest, AnswersOverUdpGoToTheSource) {
  make();
  struct Case {
    const char* via;
    std::uint16_t port;
    const char* stamped;
  };
  // RFC 3581 4, RFC 3261 18.2.1 and 18.2.2
  for (const Case& test :
       {Case{"SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK1", 5070, "SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK1"},
        Case{"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2", 5060, "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2"},
        Case{"SIP/2.0/UDP pc.example.com:5070;branch=z9hG4bK3", 5070,
             "SIP/2.0/UDP pc.example.com:5070;branch=z9hG4bK3;received=192.0.2.10"},
        Case{"SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK4;rport", 6789,
             "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK4;received=192.0.2.10;rport=6789"},
        Case{"SIP/2.0/UDP 192.0.2.10;maddr=198.51.100.1;branch=z9hG4bK5", 5060,
             "SIP/2.0/UDP 192.0.2.10;maddr=198.51.100.1;branch=z9hG4bK5"}}) {
    receive({kPeer.ip, 6789}, samples::invite(test.via));
    ASSERT_FALSE(got.empty());
    const auto& [message, flow] = got.back();
    EXPECT_EQ(message.header(HeaderId::kVia), test.stamped);
    ASSERT_TRUE(transport->send_response("answer", message.vias().front(), flow));
    EXPECT_EQ(network.datagrams.back().to, (SocketAddress{kPeer.ip, test.port})) << test.via;
    EXPECT_EQ(network.datagrams.back().from, kGateway);
  }
}

TEST_F(TransportTest, AnswersOverTcpUseTheConnectionThenAnotherOne) {
  make();
  const auto link = connect({kPeer.ip, 33'333});
  receive(link, samples::invite("SIP/2.0/TCP 192.0.2.10:5077;branch=z9hG4bK1"));
  ASSERT_EQ(got.size(), 1U);
  const auto& [message, flow] = got.front();
  ASSERT_TRUE(transport->send_response("answer", message.vias().front(), flow));
  EXPECT_EQ(link->take(), "answer");
  network.hang_up(link);
  run();
  ASSERT_TRUE(transport->send_response("again", message.vias().front(), flow));
  ASSERT_EQ(network.opened.size(), 1U);  // RFC 3261 18.2.2
  EXPECT_EQ(network.opened.front()->theirs, (SocketAddress{kPeer.ip, 5077}));
  EXPECT_EQ(network.opened.front()->received, "again");
}

TEST_F(TransportTest, RequestsReuseConnections) {
  make();
  const Target target{Transport::kTcp, kPeer, tcp};
  const auto first = transport->send_request("one", target);
  const auto second = transport->send_request("two", target);
  run();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  ASSERT_EQ(network.opened.size(), 1U);
  EXPECT_EQ(network.opened.front()->received, "onetwo");
  const auto link = connect(SocketAddress{kPeer.ip, 44'444});
  ASSERT_TRUE(transport->send_request("back", {Transport::kTcp, {kPeer.ip, 44'444}, tcp}));
  EXPECT_EQ(link->take(), "back");  // a peer whose Contact is its connection
}

TEST_F(TransportTest, OnlyTheListenersOwnTransportIsSentFrom) {
  make();
  EXPECT_FALSE(transport->send_request("x", {Transport::kTcp, kPeer, udp}));
  EXPECT_FALSE(transport->send_request("x", {Transport::kUdp, kPeer, ListenerId{9}}));
  EXPECT_FALSE(transport->listen({"tls", Transport::kTls, kGateway, {}}));
  EXPECT_FALSE(transport->listen({"any", Transport::kUdp, {IpAddress::v4(0, 0, 0, 0), 5060}, {}}));
}

TEST_F(TransportTest, RefusedAndSilentPeersAreTold) {
  make();
  network.outcome = MemoryNetwork::Outcome::kRefuse;
  const auto refused = transport->send_request("x", {Transport::kTcp, kPeer, tcp});
  run();
  EXPECT_EQ(closed, std::vector<ConnectionId>{*refused});
  EXPECT_EQ(counters().connect_failed, 1U);
  network.outcome = MemoryNetwork::Outcome::kSilence;
  const auto silent = transport->send_request("x", {Transport::kTcp, kPeer, tcp});
  timers.advance(milliseconds(4'999));
  EXPECT_EQ(closed.size(), 1U);
  timers.advance(milliseconds(1));
  EXPECT_EQ(closed.back(), *silent);
  EXPECT_EQ(counters().connect_timed_out, 1U);
}

TEST_F(TransportTest, ConnectionsThatSayNothingEnd) {
  make();
  const auto link = connect();
  timers.advance(milliseconds(9'999));
  EXPECT_TRUE(link->is_open);
  timers.advance(milliseconds(1));
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().first_request_timed_out, 1U);
  EXPECT_EQ(transport->connections(), 0U);
}

TEST_F(TransportTest, AKeepAliveIsNoFirstRequest) {
  make();
  const auto link = connect();
  timers.advance(seconds(5));
  receive(link, "\r\n\r\n");
  EXPECT_EQ(link->take(), "\r\n");
  timers.advance(seconds(5));
  EXPECT_FALSE(link->is_open);
}

TEST_F(TransportTest, AMessageMustEndInTime) {
  make();
  const auto link = connect();
  const std::string text = samples::invite("SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK1");
  receive(link, text + text.substr(0, 10));
  for (int second = 0; second < 9; ++second) {
    timers.advance(seconds(1));
    receive(link, text.substr(static_cast<std::size_t>(10 + second), 1));  // a byte a second buys no time
  }
  EXPECT_TRUE(link->is_open);
  timers.advance(seconds(1));
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().message_timed_out, 1U);
}

TEST_F(TransportTest, OnlyStrangersAreCutOffWhenIdle) {
  make();
  const auto known = connect(kPeer);
  const auto stranger = connect(kStranger);
  for (const auto& link : {known, stranger}) receive(link, samples::invite("SIP/2.0/TCP h;branch=z9hG4bK1"));
  timers.advance(milliseconds(119'999));
  EXPECT_TRUE(stranger->is_open);
  timers.advance(milliseconds(1));
  EXPECT_FALSE(stranger->is_open);
  EXPECT_TRUE(known->is_open);
  EXPECT_EQ(counters().idle_timed_out, 1U);
}

TEST_F(TransportTest, ConnectionsPerSourceAreBounded) {
  make();
  std::vector<std::shared_ptr<MemoryLink>> links;
  for (std::uint16_t i = 0; i < 64; ++i)
    links.push_back(connect({kStranger.ip, static_cast<std::uint16_t>(1'000 + i)}));
  EXPECT_TRUE(links.back()->is_open);
  EXPECT_FALSE(connect({kStranger.ip, 2'000})->is_open);
  EXPECT_EQ(counters().connections_refused_per_source, 1U);
  EXPECT_TRUE(connect({IpAddress::v4(203, 0, 113, 6), 2'000})->is_open);
  network.hang_up(links.front());
  run();
  EXPECT_TRUE(connect({kStranger.ip, 2'001})->is_open);
}

TEST_F(TransportTest, ConnectionsInAllAreBounded) {
  TransportSettings settings;
  settings.max_connections = 2;
  make(settings);
  connect({kPeer.ip, 1});
  connect({kPeer.ip, 2});
  EXPECT_FALSE(connect({kPeer.ip, 3})->is_open);
  EXPECT_FALSE(transport->send_request("x", {Transport::kTcp, {kPeer.ip, 4}, tcp}));
  EXPECT_EQ(counters().connections_refused_total, 2U);
}

TEST_F(TransportTest, APeerThatDoesNotReadIsCutOff) {
  TransportSettings settings;
  settings.max_unsent_bytes = 1'000;
  make(settings);
  const auto link = connect();
  link->reads = false;
  const Target target{Transport::kTcp, kPeer, tcp};
  EXPECT_TRUE(transport->send_request(std::string(1'000, 'x'), target));
  EXPECT_TRUE(link->is_open);
  EXPECT_FALSE(transport->send_request("x", target));
  EXPECT_FALSE(link->is_open);
  EXPECT_TRUE(closed.empty());  // not inside of the call
  run();
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_EQ(counters().write_queue_full, 1U);
}

TEST_F(TransportTest, StrangersOverTheirRateHearNothingPeersHear503) {
  TransportSettings settings;
  settings.source.unknown_new_requests = {1, 2};
  settings.source.known_new_requests = {1, 2};
  make(settings);
  for (int i = 0; i < 3; ++i) receive(kStranger, samples::invite());
  EXPECT_EQ(got.size(), 2U);
  EXPECT_EQ(counters().source_rate_dropped, 1U);
  EXPECT_TRUE(network.datagrams.empty());
  for (int i = 0; i < 3; ++i) receive(kPeer, samples::invite());
  EXPECT_EQ(got.size(), 4U);
  ASSERT_EQ(network.datagrams.size(), 1U);
  EXPECT_TRUE(network.datagrams.front().bytes.starts_with("SIP/2.0 503 "));
  EXPECT_NE(network.datagrams.front().bytes.find("Retry-After: 1\r\n"), std::string::npos);
  // What belongs to a call goes on.
  receive(kPeer, samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP h;branch=z9hG4bK2", "1 ACK"));
  EXPECT_EQ(got.size(), 5U);
  timers.advance(seconds(1));
  receive(kPeer, samples::invite());
  EXPECT_EQ(got.size(), 6U);
}

TEST_F(TransportTest, AllThatAStrangerSendsIsBounded) {
  TransportSettings settings;
  settings.source.unknown_messages = {1, 3};
  make(settings);
  for (int i = 0; i < 5; ++i) receive(kStranger, "junk");
  EXPECT_EQ(counters().malformed_dropped, 3U);
  EXPECT_EQ(counters().source_rate_dropped, 2U);
}

TEST_F(TransportTest, MalformedRequestsAreAnsweredAndTheConnectionLives) {
  make();
  const auto link = connect();
  receive(link, samples::invite("SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK1", "Contact: \"open <sip:a@b>"));
  EXPECT_TRUE(link->take().starts_with("SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK1\r\n"));
  receive(link, samples::invite("SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK2"));
  EXPECT_EQ(got.size(), 1U);
  EXPECT_EQ(counters().malformed_answered, 1U);
}

TEST_F(TransportTest, AStartLineThatIsNoneNeverMutesAConnection) {  // fault 2 of the packaged library
  make();
  const auto link = connect();
  receive(link, samples::request("INVITE sip:u@h; lr SIP/2.0", "SIP/2.0/TCP h;branch=z9hG4bK1", "1 INVITE"));
  EXPECT_TRUE(link->take().starts_with("SIP/2.0 400 "));
  receive(link, samples::request("SERVICE sip:u@h SIP/2.0", "SIP/2.0/TCP h;branch=z9hG4bK2", "1 SERVICE"));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got.front().first.method(), Method::kService);
  receive(link, "garbage\r\n\r\n");
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().framing_lost, 1U);
}

TEST_F(TransportTest, OversizeIsAnsweredAndSkipped) {
  make();
  const auto link = connect();
  receive(link, samples::invite("SIP/2.0/TCP h;branch=z9hG4bK1", {}, std::string(kMaxMessageBytes, 'x')));
  EXPECT_TRUE(link->take().starts_with("SIP/2.0 413 "));
  receive(link, samples::invite("SIP/2.0/TCP h;branch=z9hG4bK2"));
  EXPECT_EQ(got.size(), 1U);
}

TEST_F(TransportTest, ResponsesThatAreNotForUsAreDropped) {
  make();
  const auto response = [](const char* via) {
    return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP " + std::string(via) +
           ";branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n";
  };
  receive(kPeer, response("192.0.2.1:5060"));
  receive(kPeer, response("192.0.2.1"));
  EXPECT_EQ(got.size(), 2U);
  receive(kPeer, response("192.0.2.2"));
  receive(kPeer, response("192.0.2.1:5061"));
  EXPECT_EQ(got.size(), 2U);
  EXPECT_EQ(counters().response_via_not_ours, 2U);
}

TEST_F(TransportTest, DatagramsOfLineEndsAreKeepAlives) {
  make();
  receive(kPeer, "\r\n\r\n");
  receive(kPeer, std::string(1, '\0'));
  EXPECT_EQ(counters().keep_alives, 2U);
  EXPECT_TRUE(network.datagrams.empty());
}

TEST(TargetOf, FollowsTheUri) {
  const ListenerId listener{3};
  const auto target = [&](const char* uri) { return target_of(Uri::parse(uri).value(), listener, Transport::kUdp); };
  EXPECT_EQ(target("sip:a@192.0.2.7"), (Target{Transport::kUdp, {IpAddress::v4(192, 0, 2, 7), 5060}, listener}));
  EXPECT_EQ(target("sip:a@x.invalid:5070;maddr=192.0.2.7;transport=TCP"),
            (Target{Transport::kTcp, {IpAddress::v4(192, 0, 2, 7), 5070}, listener}));
  EXPECT_EQ(target("sips:a@[2001:db8::1]")->address.port, 5061);
  EXPECT_EQ(target("sip:a@example.com").error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(target("sip:a@192.0.2.7;transport=sctp"));
  EXPECT_FALSE(target("tel:+1"));
}

TEST(SourceTable, RangesAreKnown) {
  event_loop::ManualTimers timers;
  SourceTable table(timers, {});
  const auto address = [](const char* text) { return IpAddress::parse(text).value(); };
  table.set_known({address("203.0.113.1")},
                  {{address("10.10.0.0"), 16}, {address("2001:db8::"), 33}, {address("192.0.2.7"), 32}});
  for (const char* known : {"203.0.113.1", "10.10.0.0", "10.10.255.255", "2001:db8:7fff::1", "192.0.2.7"}) {
    EXPECT_TRUE(table.is_known(address(known))) << known;
  }
  for (const char* unknown : {"203.0.113.2", "10.11.0.0", "10.9.255.255", "2001:db8:8000::1", "192.0.2.6"}) {
    EXPECT_FALSE(table.is_known(address(unknown))) << unknown;
  }
  table.set_known({});
  EXPECT_FALSE(table.is_known(address("10.10.0.0")));
}

TEST(SourceTable, KnownSourcesOfARangeAreBoundedToo) {
  event_loop::ManualTimers timers;
  SourceLimits limits;
  limits.max_sources = 4;
  SourceTable table(timers, limits);
  table.set_known({}, {{IpAddress::v4(10, 0, 0, 0), 8}});
  using Verdict = SourceTable::Verdict;
  for (std::uint8_t i = 0; i < 4; ++i) EXPECT_EQ(table.take_new_request(IpAddress::v4(192, 0, 2, i)), Verdict::kTake);
  EXPECT_EQ(table.take_new_request(IpAddress::v4(192, 0, 2, 9)), Verdict::kTableFull);
  for (std::uint8_t i = 0; i < 2; ++i) EXPECT_EQ(table.take_new_request(IpAddress::v4(10, 0, 0, i)), Verdict::kTake);
  EXPECT_EQ(table.take_new_request(IpAddress::v4(10, 0, 0, 9)), Verdict::kTableFull);
}

TEST_F(TransportTest, AllStrangersTogetherHaveABoundThatIsNotThePeers) {
  TransportSettings settings;
  settings.source.all_unknown_new_requests = {10, 10};
  settings.source.all_known_new_requests = {5, 5};
  make(settings);
  const std::string text = samples::invite();
  for (std::uint8_t i = 0; i < 12; ++i) receive({IpAddress::v4(203, 0, 113, i), 5060}, text);
  EXPECT_EQ(got.size(), 10U);
  EXPECT_EQ(counters().all_rate_dropped, 2U);
  EXPECT_TRUE(network.datagrams.empty());  // they learn nothing
  for (int i = 0; i < 7; ++i) receive(kPeer, text);
  EXPECT_EQ(got.size(), 15U);
  EXPECT_EQ(counters().all_rate_refused, 2U);
  ASSERT_EQ(network.datagrams.size(), 2U);
  EXPECT_NE(network.datagrams[0].bytes.find("503"), std::string::npos);
  EXPECT_NE(network.datagrams[0].bytes.find("Retry-After: 1"), std::string::npos);
  // Inside of dialogs nothing of this counts.
  std::string in_dialog = text;
  in_dialog.replace(in_dialog.find("To: <sip:bob@192.0.2.1>"), 23, "To: <sip:bob@192.0.2.1>;tag=1");
  receive(kPeer, in_dialog);
  receive({IpAddress::v4(203, 0, 113, 1), 5060}, in_dialog);
  EXPECT_EQ(got.size(), 17U);
  timers.advance(seconds(1));
  receive(kPeer, text);
  EXPECT_EQ(got.size(), 18U);
}

TEST_F(TransportTest, MessagesOfAllStrangersTogetherAreBounded) {
  TransportSettings settings;
  settings.source.all_unknown_messages = {10, 10};
  make(settings);
  for (std::uint8_t i = 0; i < 12; ++i) receive({IpAddress::v4(203, 0, 113, i), 5060}, samples::invite());
  EXPECT_EQ(got.size(), 10U);
  EXPECT_EQ(counters().all_rate_dropped, 2U);
}

TEST(SourceTable, CountsAnIpv6NetworkAsOneSourceAndForgetsQuietOnes) {
  event_loop::ManualTimers timers;
  SourceLimits limits;
  limits.max_connections = 1;
  limits.max_sources = 2;
  SourceTable table(timers, limits);
  const auto address = [](const char* text) { return IpAddress::parse(text).value(); };
  using Verdict = SourceTable::Verdict;
  EXPECT_EQ(table.take_connection(address("2001:db8::1")), Verdict::kTake);
  EXPECT_EQ(table.take_connection(address("2001:db8::ffff:2")), Verdict::kOverRate);
  EXPECT_EQ(table.take_message(address("192.0.2.1")), Verdict::kTake);
  EXPECT_EQ(table.take_message(address("192.0.2.2")), Verdict::kTableFull);
  table.set_known({address("192.0.2.9")});
  EXPECT_EQ(table.take_new_request(address("192.0.2.9")), Verdict::kTake);  // a configured peer finds room
  timers.advance(std::chrono::minutes(1));
  EXPECT_EQ(table.take_message(address("192.0.2.2")), Verdict::kTake);
  EXPECT_EQ(table.size(), 2U);  // the one with a connection stayed
}

}  // namespace
}  // namespace isthmus::sip
