#include "controlplane/sip/transactions.h"

#include "tests/unit/controlplane/sip/transaction_fixture.h"

namespace isthmus::sip {
namespace {

using Names = std::vector<std::string>;
using Transactions = TransactionTest;

TEST_F(Transactions, UnknownMethodsReachTheUser) {
  receive(samples::request("SERVICE sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1", "1 SERVICE"));
  EXPECT_EQ(told_names(), Names{"SERVICE"});
  EXPECT_TRUE(layer->respond(last_server, 405));
  EXPECT_EQ(sent(), Names{"SIP/2.0 405 Method Not Allowed"});
}

TEST_F(Transactions, AnIdOfAFinishedTransactionDoesNothing) {
  receive(samples::request("OPTIONS sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1", "1 OPTIONS"));
  const ServerId old = last_server;
  EXPECT_TRUE(layer->respond(old, 200));
  EXPECT_FALSE(layer->respond(old, 200));
  timers.advance(seconds(32));
  EXPECT_EQ(layer->server_transactions(), 0U);
  receive(samples::request("OPTIONS sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2", "2 OPTIONS"));
  EXPECT_NE(last_server, old);  // same slot, another generation
  EXPECT_FALSE(layer->respond(old, 200));
  EXPECT_FALSE(layer->make_response(old, 200).is_response());
  EXPECT_TRUE(layer->to_tag(old).empty());
  EXPECT_FALSE(layer->resend_2xx(old));
  layer->forget(ClientId{12345});
}

TEST_F(Transactions, AllResponsesCarryTheSameTag) {
  receive(samples::invite());
  const std::string tag = layer->to_tag(last_server);
  EXPECT_GE(tag.size(), 13U);  // 64 bits at least
  EXPECT_TRUE(layer->respond(last_server, 180));
  EXPECT_EQ(last_sent().to_tag(), tag);
  EXPECT_TRUE(layer->respond(last_server, 486));
  EXPECT_EQ(last_sent().to_tag(), tag);
  EXPECT_EQ(layer->make_response(last_server, 200).status(), 0);  // it is answered
}

TEST_F(Transactions, TheUsersOwnTagStays) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, layer->make_response(last_server, 180, {}, "mine")));
  EXPECT_EQ(last_sent().to_tag(), "mine");
  EXPECT_EQ(layer->to_tag(last_server), "mine");
}

TEST_F(Transactions, TwoHundredsAreSentAgainOnDemand) {
  receive(samples::invite());
  EXPECT_FALSE(layer->resend_2xx(last_server));
  EXPECT_TRUE(layer->respond(last_server, 200));
  EXPECT_TRUE(layer->resend_2xx(last_server));
  EXPECT_EQ(sent(), (Names{"SIP/2.0 200 OK", "SIP/2.0 200 OK"}));
  EXPECT_EQ(transport->counters().response_retransmissions, 1U);
}

TEST_F(Transactions, ServerTransactionsAreBounded) {
  TransactionSettings settings;
  settings.max_server_transactions = 1;
  make(settings);
  receive(samples::invite());
  receive(samples::request("OPTIONS sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2", "2 OPTIONS"));
  EXPECT_EQ(told_names(), Names{"INVITE"});
  EXPECT_EQ(last_sent().status(), 503);
  EXPECT_EQ(last_sent().header(HeaderId::kRetryAfter), "5");
  EXPECT_EQ(transport->counters().server_transactions_refused, 1U);
}

TEST_F(Transactions, ClientTransactionsAreBounded) {
  TransactionSettings settings;
  settings.max_client_transactions = 1;
  make(settings);
  send();
  EXPECT_EQ(layer->send_request(outgoing(), {Transport::kUdp, kPeer, udp}).error().kind, ErrorKind::kExhausted);
}

TEST_F(Transactions, AFailureThatIsKnownAtOnceStartsNothing) {
  network.udp_fails = true;
  EXPECT_FALSE(layer->send_request(outgoing(), {Transport::kUdp, kPeer, udp}));
  EXPECT_EQ(layer->client_transactions(), 0U);
  timers.advance(seconds(40));
  EXPECT_TRUE(told.empty());
}

TEST_F(Transactions, ARefusedConnectionIsATransportError) {
  network.outcome = MemoryNetwork::Outcome::kRefuse;
  const auto id = layer->send_request(outgoing(), {Transport::kTcp, kPeer, tcp});
  ASSERT_TRUE(id);
  timers.advance({});
  EXPECT_EQ(told_names(), Names{"transport error"});
  EXPECT_EQ(layer->client_transactions(), 0U);
}

TEST_F(Transactions, AConnectionThatEndsTellsAllThatWaitOnIt) {
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(layer->send_request(outgoing(Method::kOptions), {Transport::kTcp, kPeer, tcp}));
  timers.advance({});
  network.hang_up(network.opened.front());
  timers.advance({});
  EXPECT_EQ(told.size(), 200U);
  EXPECT_EQ(layer->client_transactions(), 0U);
}

TEST_F(Transactions, AnInviteThatIsProceedingOutlivesItsConnection) {
  ASSERT_TRUE(layer->send_request(outgoing(), {Transport::kTcp, kPeer, tcp}));
  timers.advance({});
  const Message invite = parse_message(network.opened.front()->received).message;
  receive(network.opened.front(), answer_to(invite, 180));
  network.hang_up(network.opened.front());
  timers.advance({});
  EXPECT_EQ(told_names(), Names{"response 180"});
  receive(connect(), answer_to(invite, 200));  // RFC 3261 18.2.2
  EXPECT_EQ(told_names(), Names{"response 200"});
}

TEST_F(Transactions, ForgottenTransactionsAreSilentAndStillAcknowledge) {
  const ClientId id = send();
  const Message invite = last_sent();
  layer->forget(id);
  receive(answer_to(invite, 486));
  EXPECT_EQ(last_sent().method(), Method::kAck);
  EXPECT_TRUE(told.empty());
}

TEST_F(Transactions, TimerCStartsAgainWithEachProvisional) {
  SendOptions options;
  options.timer_c = seconds(180);
  ASSERT_TRUE(layer->send_request(outgoing(), {Transport::kUdp, kPeer, udp}, options));
  const Message invite = last_sent();
  receive(answer_to(invite, 180));
  timers.advance(seconds(179));
  receive(answer_to(invite, 183));
  receive(answer_to(invite, 100));
  timers.advance(seconds(179));
  EXPECT_EQ(told_names(), (Names{"response 180", "response 183", "response 100"}));
  timers.advance(seconds(1));
  EXPECT_EQ(told_names(), Names{"timer C"});
  receive(answer_to(invite, 200));
  timers.advance(seconds(400));
  EXPECT_EQ(told_names(), Names{"response 200"});
}

TEST_F(Transactions, ResponsesThatMatchNothingAreCounted) {
  send();
  Message invite = last_sent();
  const std::string good = answer_to(invite, 200);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::string branch(invite.vias().front().branch());
  receive(changed(branch, "z9hG4bKguess"));
  receive(changed("CSeq: 5 INVITE", "CSeq: 6 INVITE"));
  receive(changed("CSeq: 5 INVITE", "CSeq: 5 BYE"));
  EXPECT_EQ(transport->counters().response_unmatched, 3U);
  receive(changed("\r\nFrom", "\r\nVia: SIP/2.0/UDP other\r\nFrom"));
  EXPECT_EQ(transport->counters().response_via_not_ours, 1U);
  EXPECT_TRUE(told.empty());
  receive(good);
  EXPECT_EQ(told_names(), Names{"response 200"});
}

TEST_F(Transactions, NothingIsLeftBehind) {
  send();
  receive(answer_to(last_sent(), 486));
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 404));
  send(Method::kOptions);
  timers.advance(seconds(100));
  EXPECT_EQ(layer->client_transactions(), 0U);
  EXPECT_EQ(layer->server_transactions(), 0U);
  EXPECT_EQ(timers.pending(), 0U);
}

}  // namespace
}  // namespace isthmus::sip
