// RFC 3261 clause 17 with RFC 6026, clause 9 (CANCEL) and 8.2.2.2 (merged requests), on a clock that tests turn.

#include "tests/unit/controlplane/sip/transaction_fixture.h"

namespace isthmus::sip {
namespace {

using Names = std::vector<std::string>;
using Rfc3261 = TransactionTest;

TEST_F(Rfc3261, S17_1_1_2_InviteIsRepeatedAfterT1DoublingUntilTimerB) {
  send();
  EXPECT_EQ(send_times(seconds(33)), (std::vector<long>{500, 1'500, 3'500, 7'500, 15'500, 31'500}));
  EXPECT_EQ(told_names(), Names{"timeout"});
}

TEST_F(Rfc3261, S17_1_1_2_AProvisionalResponseEndsRetransmissionAndTimerB) {
  send();
  receive(answer_to(last_sent(), 100));
  EXPECT_TRUE(send_times(seconds(60)).empty());
  EXPECT_EQ(told_names(), Names{"response 100"});
}

TEST_F(Rfc3261, S17_1_1_2_NothingIsRepeatedOverTcpButTimerBRuns) {
  ASSERT_TRUE(layer->send_request(outgoing(), {Transport::kTcp, kPeer, tcp}));
  timers.advance(milliseconds(31'999));
  const std::string bytes = network.opened.front()->received;
  EXPECT_EQ(bytes.find("INVITE sip:"), bytes.rfind("INVITE sip:"));
  EXPECT_TRUE(told.empty());
  timers.advance(milliseconds(1));
  EXPECT_EQ(told_names(), Names{"timeout"});
}

TEST_F(Rfc3261, S17_1_1_3_AckOfAFailure) {
  send();
  const Message invite = last_sent();
  receive(answer_to(invite, 486));
  const Message ack = last_sent();
  EXPECT_EQ(ack.method(), Method::kAck);
  EXPECT_EQ(ack.request_uri().text, invite.request_uri().text);
  EXPECT_EQ(ack.vias(), invite.vias());
  EXPECT_EQ(ack.from().text, invite.from().text);
  EXPECT_EQ(ack.call_id(), invite.call_id());
  EXPECT_EQ(ack.to_tag(), "theirs");
  EXPECT_EQ(ack.cseq().number, 5U);
  EXPECT_EQ(ack.cseq().method, Method::kAck);
  EXPECT_EQ(ack.routes(), invite.routes());
  EXPECT_TRUE(ack.body().empty());
}

TEST_F(Rfc3261, S17_1_1_2_CopiesOfAFailureAreAcknowledgedUntilTimerD) {
  send();
  const std::string busy = answer_to(last_sent(), 486);
  receive(busy);
  sent();
  receive(busy);
  EXPECT_EQ(sent(), Names{"ACK sip:bob@192.0.2.10 SIP/2.0"});
  EXPECT_EQ(told_names(), Names{"response 486"});
  timers.advance(seconds(32));
  receive(busy);
  EXPECT_TRUE(sent().empty());
}

TEST_F(Rfc3261, S17_1_2_2_OthersAreRepeatedUpToT2UntilTimerF) {
  send(Method::kOptions);
  EXPECT_EQ(send_times(seconds(33)),
            (std::vector<long>{500, 1'500, 3'500, 7'500, 11'500, 15'500, 19'500, 23'500, 27'500, 31'500}));
  EXPECT_EQ(told_names(), Names{"timeout"});
}

TEST_F(Rfc3261, S17_1_2_2_EveryT2WhenProceedingAndTimerFStillRuns) {
  send(Method::kOptions);
  receive(answer_to(last_sent(), 100));
  EXPECT_EQ(send_times(seconds(10)), (std::vector<long>{500, 4'500, 8'500}));
  timers.advance(seconds(22));
  EXPECT_EQ(told_names(), (Names{"response 100", "timeout"}));
}

TEST_F(Rfc3261, S17_1_2_2_CopiesOfTheAnswerAreAbsorbedUntilTimerK) {
  send(Method::kBye);
  const std::string ok = answer_to(last_sent(), 200);
  receive(ok);
  receive(ok);
  EXPECT_EQ(told_names(), Names{"response 200"});
  timers.advance(milliseconds(4'999));
  EXPECT_EQ(layer->client_transactions(), 1U);
  timers.advance(milliseconds(1));
  EXPECT_EQ(layer->client_transactions(), 0U);
}

TEST_F(Rfc3261, S17_2_1_TryingAfter200MsIfTheUserIsSlow) {
  receive(samples::invite());
  EXPECT_EQ(send_times(milliseconds(300)), std::vector<long>{200});
  receive(samples::invite());
  EXPECT_EQ(sent(), Names{"SIP/2.0 100 Trying"});
  EXPECT_EQ(told_names(), Names{"INVITE"});
}

TEST_F(Rfc3261, S17_2_1_NoTryingIfTheUserWasQuick) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 180));
  EXPECT_TRUE(send_times(seconds(1)).empty());
}

TEST_F(Rfc3261, S17_2_1_AFailureIsRepeatedUntilItsAck) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 486));
  EXPECT_EQ(send_times(seconds(8)), (std::vector<long>{500, 1'500, 3'500, 7'500}));
  receive(samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc", "1 ACK"));
  EXPECT_TRUE(send_times(milliseconds(4'999)).empty());
  EXPECT_EQ(layer->server_transactions(), 1U);  // timer I absorbs more ACKs
  timers.advance(milliseconds(1));
  EXPECT_EQ(layer->server_transactions(), 0U);
  EXPECT_EQ(told_names(), Names{"INVITE"});
}

TEST_F(Rfc3261, S17_2_1_TimerHGivesUp) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 486));
  timers.advance(milliseconds(31'999));
  EXPECT_EQ(told_names(), Names{"INVITE"});
  timers.advance(milliseconds(1));
  EXPECT_EQ(told_names(), Names{"no ack"});
  EXPECT_EQ(layer->server_transactions(), 0U);
}

TEST_F(Rfc3261, S17_2_1_OverTcpAFailureIsSentOnceAndTimerHStillRuns) {
  const auto link = connect();
  receive(link, samples::invite("SIP/2.0/TCP 192.0.2.10;branch=z9hG4bKt"));
  EXPECT_TRUE(layer->respond(last_server, 486));
  timers.advance(seconds(20));
  const std::string bytes = link->take();
  EXPECT_EQ(bytes.find("486"), bytes.rfind("486"));
  EXPECT_EQ(layer->server_transactions(), 1U);
  receive(link, samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/TCP 192.0.2.10;branch=z9hG4bKt", "1 ACK"));
  EXPECT_EQ(layer->server_transactions(), 0U);  // timer I is zero
}

TEST_F(Rfc3261, S17_2_2_TheAnswerIsRepeatedForCopiesUntilTimerJ) {
  const std::string bye =
      samples::request("BYE sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKb", "2 BYE");
  receive(bye);
  receive(bye);
  EXPECT_TRUE(sent().empty());
  EXPECT_TRUE(layer->respond(last_server, 200));
  receive(bye);
  EXPECT_EQ(sent(), (Names{"SIP/2.0 200 OK", "SIP/2.0 200 OK"}));
  timers.advance(seconds(32));
  receive(bye);
  EXPECT_EQ(told_names(), (Names{"BYE", "BYE"}));
}

TEST_F(Rfc3261, S17_2_3_SentByAndMethodArePartOfTheMatch) {
  receive(samples::invite("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKsame"));
  receive(samples::request("OPTIONS sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKsame",
                           "9 OPTIONS"));
  receive(samples::request("OPTIONS sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKsame",
                           "10 OPTIONS"));
  EXPECT_EQ(told_names(), (Names{"INVITE", "OPTIONS", "OPTIONS"}));
}

TEST_F(Rfc3261, S17_2_3_PeersWithoutBranchMatchTheOldWay) {
  const auto invite = [](const char* cseq) {
    return samples::request("INVITE sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/udp 192.0.2.10:5060", cseq);
  };
  receive(invite("1 INVITE"));
  receive(invite("1 INVITE"));
  EXPECT_EQ(told_names(), Names{"INVITE"});
  EXPECT_TRUE(layer->respond(last_server, 486));
  std::string ack = samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/udp 192.0.2.10:5060", "1 ACK");
  ack.insert(ack.find("To: <sip:bob@192.0.2.1>") + 23, ";tag=" + layer->to_tag(last_server));
  receive(ack);
  EXPECT_TRUE(send_times(seconds(4)).empty());
  receive(invite("2 INVITE"));
  EXPECT_EQ(told_names(), Names{"INVITE"});
}

TEST_F(Rfc3261, S8_2_2_2_MergedRequestsAreRefused) {
  receive(samples::invite("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKfirst"));
  receive(samples::invite("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKsecond"));
  EXPECT_EQ(sent(), Names{"SIP/2.0 482 Loop Detected"});
  EXPECT_EQ(told_names(), Names{"INVITE"});
  receive(samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKsecond", "1 ACK"));
  EXPECT_TRUE(told.empty());
}

TEST_F(Rfc3261, S9_2_CancelIsAnsweredAndTold) {
  receive(samples::invite());
  const std::string cancel =
      samples::request("CANCEL sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc", "1 CANCEL");
  receive(cancel);
  EXPECT_EQ(told_names(), (Names{"INVITE", "cancel"}));
  const Message ok = last_sent();
  EXPECT_EQ(ok.status(), 200);
  EXPECT_EQ(ok.method(), Method::kCancel);
  EXPECT_EQ(ok.to_tag(), layer->to_tag(last_server));
  receive(cancel);
  EXPECT_TRUE(told.empty());
  EXPECT_TRUE(layer->respond(last_server, 487));
}

TEST_F(Rfc3261, S9_2_CancelOfNothingIs481) {
  receive(samples::request("CANCEL sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKno", "1 CANCEL"));
  EXPECT_EQ(sent(), Names{"SIP/2.0 481 Call/Transaction Does Not Exist"});
  EXPECT_TRUE(told.empty());
}

TEST_F(Rfc3261, S9_2_CancelAfterTheAnswerChangesNothing) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 200));
  receive(samples::request("CANCEL sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc",
                           "1 CANCEL"));
  EXPECT_EQ(told_names(), Names{"INVITE"});
  EXPECT_EQ(last_sent().status(), 200);
}

TEST_F(Rfc3261, S9_1_CancelWaitsForAProvisionalResponse) {
  const ClientId id = send();
  const Message invite = last_sent();
  EXPECT_TRUE(layer->cancel(id, {{HeaderId::kReason, "Reason", "SIP;cause=200"}}));
  EXPECT_EQ(sent().size(), 1U);
  receive(answer_to(invite, 100));
  const Message cancel = last_sent();
  EXPECT_EQ(cancel.method(), Method::kCancel);
  EXPECT_EQ(cancel.vias(), invite.vias());
  EXPECT_EQ(cancel.request_uri().text, invite.request_uri().text);
  EXPECT_EQ(cancel.routes(), invite.routes());
  EXPECT_EQ(cancel.to().text, invite.to().text);
  EXPECT_EQ(cancel.cseq().number, 5U);
  EXPECT_EQ(cancel.header(HeaderId::kReason), "SIP;cause=200");
  EXPECT_TRUE(layer->cancel(id));  // once is enough
  receive(answer_to(cancel, 200));
  receive(answer_to(invite, 487));
  EXPECT_EQ(told_names(), (Names{"response 100", "response 487"}));
  EXPECT_FALSE(layer->cancel(id));
}

TEST_F(Rfc3261, S9_1_WithoutAnAnswerTheInviteEnds64T1AfterCancel) {
  const ClientId id = send();
  receive(answer_to(last_sent(), 180));
  EXPECT_TRUE(layer->cancel(id));
  timers.advance(milliseconds(31'999));
  EXPECT_EQ(told_names(), Names{"response 180"});
  timers.advance(milliseconds(1));
  EXPECT_EQ(told_names(), Names{"timeout"});
  EXPECT_EQ(layer->client_transactions(), 0U);
}

TEST_F(Rfc3261, S8_1_3_3_AResponseWithTwoViasIsDropped) {
  send();
  std::string text = answer_to(last_sent(), 200);
  text.insert(text.find("From:"), "Via: SIP/2.0/UDP 192.0.2.99\r\n");
  receive(text);
  EXPECT_TRUE(told.empty());
}

using Rfc6026 = TransactionTest;

TEST_F(Rfc6026, S8_4_Every2xxReachesTheUserUntilTimerM) {
  send();
  const Message invite = last_sent();
  receive(answer_to(invite, 200, "fork1"));
  receive(answer_to(invite, 200, "fork2"));
  receive(answer_to(invite, 200, "fork1"));
  EXPECT_EQ(told_names(), (Names{"response 200", "response 200", "response 200"}));
  receive(answer_to(invite, 486));
  receive(answer_to(invite, 180));
  EXPECT_TRUE(told.empty());
  timers.advance(seconds(32));
  receive(answer_to(invite, 200, "late"));
  EXPECT_TRUE(told.empty());
}

TEST_F(Rfc6026, S8_7_CopiesOfTheInviteAreAbsorbedAnd2xxMayFollow) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 200));
  sent();
  receive(samples::invite());
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(told_names(), Names{"INVITE"});
  EXPECT_FALSE(layer->respond(last_server, 486));
  EXPECT_TRUE(layer->resend_2xx(last_server));
  timers.advance(seconds(32));
  EXPECT_FALSE(layer->resend_2xx(last_server));
}

TEST_F(Rfc6026, S7_1_AckOfA2xxGoesToTheUserWithItsOwnBranchOrTheInvites) {
  receive(samples::invite());
  EXPECT_TRUE(layer->respond(last_server, 200));
  receive(samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKown", "1 ACK"));
  receive(samples::request("ACK sip:bob@192.0.2.1 SIP/2.0", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKabc", "1 ACK"));
  EXPECT_EQ(told_names(), (Names{"INVITE", "ack", "ack"}));
}

}  // namespace
}  // namespace isthmus::sip
