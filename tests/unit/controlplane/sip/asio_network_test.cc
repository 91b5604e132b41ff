// The stack on real sockets of the loopback interface, port 0: a caller and an answerer in one loop.

#include "controlplane/sip/asio_network.h"

#include <string>

#include <gtest/gtest.h>

#include "controlplane/event_loop/event_loop.h"
#include "controlplane/sip/transactions.h"

namespace isthmus::sip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Answers everything 200; asks for INVITE, ACK and BYE one after the other.
class Endpoint final : public TransactionUser {
 public:
  Endpoint(event_loop::EventLoop& loop, Network& network)
      : loop_(loop),
        transport_(network, loop.timers(), random_, {}),
        layer_(transport_, loop.timers(), random_, *this) {
    transport_.set_known_sources({IpAddress::v4(127, 0, 0, 1)});
  }

  ListenerId listen(Transport transport) {
    return transport_.listen({"test", transport, {IpAddress::v4(127, 0, 0, 1), 0}, {}}).value();
  }
  SocketAddress address(ListenerId listener) const { return transport_.local_address(listener); }

  void call(const Target& target, std::size_t body_bytes) {
    target_ = target;
    Message invite = message(Method::kInvite, 1);
    invite.set_body("application/sdp", std::string(body_bytes, 'x'));
    ASSERT_TRUE(layer_.send_request(std::move(invite), target));
  }

  int answered = 0;
  int calls_done = 0;
  int acks = 0;
  std::size_t largest_body = 0;
  std::string trouble;

 private:
  Message message(Method method, int cseq) const {
    Message request = Message::request(method, "sip:b@127.0.0.1");
    request.add(HeaderId::kMaxForwards, "70");
    request.add(HeaderId::kFrom, "<sip:a@127.0.0.1>;tag=1");
    request.add(HeaderId::kTo, "<sip:b@127.0.0.1>" + (to_tag_.empty() ? "" : ";tag=" + to_tag_));
    request.add(HeaderId::kCallId, "loopback");
    request.add(HeaderId::kCSeq, std::to_string(cseq) + " " + std::string(to_string(method)));
    return request;
  }

  void on_request(ServerId id, Message&& request, const Flow&) override {
    ++answered;
    largest_body = std::max(largest_body, request.body().size());
    if (!layer_.respond(id, 200)) trouble = "respond";
  }
  void on_cancel(ServerId, Message&&) override {}
  void on_ack_2xx(Message&&, const Flow&) override { ++acks; }
  void on_response(ClientId, Message&& response, const Flow&) override {
    if (response.status() != 200) return;
    to_tag_ = response.to_tag();
    if (response.method() == Method::kInvite) {
      if (!layer_.send_ack(message(Method::kAck, 1), target_)) trouble = "ack";
      if (!layer_.send_request(message(Method::kBye, 2), target_)) trouble = "bye";
    } else {
      ++calls_done;
      loop_.stop();
    }
  }
  void on_timeout(ClientId) override { stop("timeout"); }
  void on_transport_error(ClientId, const Error& why) override { stop(why.message); }
  void stop(const std::string& what) {
    trouble = what;
    loop_.stop();
  }

  event_loop::EventLoop& loop_;
  SystemRandom random_;
  TransportLayer transport_;
  TransactionLayer layer_;
  Target target_;
  std::string to_tag_;
};

void place_call(Transport transport, std::size_t body_bytes) {
  event_loop::EventLoop loop;
  AsioNetwork network(loop);
  Endpoint caller(loop, network);
  Endpoint answerer(loop, network);
  const ListenerId from = caller.listen(transport);
  const ListenerId to = answerer.listen(transport);
  caller.call({transport, answerer.address(to), from}, body_bytes);
  loop.run_for(seconds(5));  // stops as soon as the call is over
  EXPECT_EQ(caller.trouble + answerer.trouble, "");
  EXPECT_EQ(caller.calls_done, 1);
  EXPECT_EQ(answerer.answered, 2);
  EXPECT_EQ(answerer.acks, 1);
  EXPECT_EQ(answerer.largest_body, body_bytes);
}

TEST(AsioNetwork, ACallOverUdp) { place_call(Transport::kUdp, 100); }
TEST(AsioNetwork, ACallOverTcp) { place_call(Transport::kTcp, 100); }
TEST(AsioNetwork, ALargeMessageOverTcp) { place_call(Transport::kTcp, 250'000); }

TEST(AsioNetwork, ARefusedConnectionIsToldSoon) {
  event_loop::EventLoop loop;
  AsioNetwork network(loop);
  Endpoint caller(loop, network);
  const ListenerId from = caller.listen(Transport::kTcp);
  SocketAddress nobody;
  {
    Endpoint gone(loop, network);
    nobody = gone.address(gone.listen(Transport::kTcp));
  }
  caller.call({Transport::kTcp, nobody, from}, 10);
  loop.run_for(seconds(5));
  EXPECT_NE(caller.trouble, "");
  EXPECT_NE(caller.trouble, "timeout");
}

TEST(AsioNetwork, AnAddressInUseIsAnError) {
  event_loop::EventLoop loop;
  AsioNetwork network(loop);
  const auto first = network.open_udp({IpAddress::v4(127, 0, 0, 1), 0}, [](std::string_view, const SocketAddress&) {});
  ASSERT_TRUE(first);
  const auto second = network.open_udp((*first)->local(), [](std::string_view, const SocketAddress&) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace isthmus::sip
