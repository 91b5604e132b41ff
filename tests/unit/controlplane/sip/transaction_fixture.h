#pragma once

// Transactions over the network in memory, with a user that records what it is told.

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/event_loop/manual_timers.h"
#include "controlplane/sip/parser.h"
#include "controlplane/sip/transactions.h"
#include "tests/unit/controlplane/sip/memory_network.h"
#include "tests/unit/controlplane/sip/samples.h"

namespace isthmus::sip {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline const SocketAddress kGateway{IpAddress::v4(192, 0, 2, 1), 5060};
inline const SocketAddress kPeer{IpAddress::v4(192, 0, 2, 10), 5060};

class TransactionTest : public testing::Test, protected TransactionUser {
 protected:
  void SetUp() override { make({}); }

  void make(TransactionSettings settings, TransportSettings limits = {}) {
    layer.reset();
    transport.emplace(network, timers, random, limits);
    udp = transport->listen({"udp", Transport::kUdp, kGateway, {}}).value();
    tcp = transport->listen({"tcp", Transport::kTcp, kGateway, {}}).value();
    transport->set_known_sources({kPeer.ip});
    layer.emplace(*transport, timers, random, static_cast<TransactionUser&>(*this), settings);
  }

  void receive(const std::string& bytes) {
    network.send_datagram(kPeer, kGateway, bytes);
    timers.advance({});
  }
  void receive(const std::shared_ptr<MemoryLink>& link, const std::string& bytes) {
    network.send(link, bytes);
    timers.advance({});
  }
  std::shared_ptr<MemoryLink> connect() {
    auto link = network.connect({kPeer.ip, 33'333}, kGateway);
    timers.advance({});
    return link;
  }
  /// Start lines of the datagrams since the last call, and when each was sent, in ms since `since`.
  std::vector<std::string> sent() {
    std::vector<std::string> lines;
    for (const auto& datagram : network.datagrams)
      lines.push_back(datagram.bytes.substr(0, datagram.bytes.find("\r\n")));
    network.datagrams.clear();
    return lines;
  }
  Message last_sent() { return parse_message(network.datagrams.back().bytes).message; }
  /// When something was sent while the clock moves by `span`, in ms from now.
  std::vector<long> send_times(milliseconds span) {
    std::vector<long> times;
    const auto start = timers.now();
    network.datagrams.clear();
    for (milliseconds step{0}; step < span; step += milliseconds(1)) {
      timers.advance(milliseconds(1));
      for (; !network.datagrams.empty(); network.datagrams.erase(network.datagrams.begin())) {
        times.push_back((timers.now() - start) / milliseconds(1));
      }
    }
    return times;
  }

  static Message outgoing(Method method = Method::kInvite) {
    Message message = Message::request(method, "sip:bob@192.0.2.10");
    message.add(HeaderId::kMaxForwards, "70");
    message.add(HeaderId::kRoute, "<sip:192.0.2.10;lr>");
    message.add(HeaderId::kFrom, "<sip:alice@192.0.2.1>;tag=ours");
    message.add(HeaderId::kTo, "<sip:bob@192.0.2.10>");
    message.add(HeaderId::kCallId, "our-call");
    message.add(HeaderId::kCSeq, "5 " + std::string(to_string(method)));
    return message;
  }
  ClientId send(Method method = Method::kInvite) {
    const auto id = layer->send_request(outgoing(method), {Transport::kUdp, kPeer, udp});
    EXPECT_TRUE(id);
    return id.value_or(ClientId{});
  }
  /// The peer's answer to what was sent last.
  static std::string answer_to(const Message& request, std::uint16_t status, std::string_view tag = "theirs") {
    return Message::response(request, status, {}, tag).text();
  }

  struct Told {
    std::string what;
    std::uint64_t id;
    std::uint16_t status;
  };
  std::vector<std::string> told_names() {
    std::vector<std::string> names;
    for (const Told& entry : told) {
      names.push_back(entry.what + (entry.status != 0 ? " " + std::to_string(entry.status) : ""));
    }
    told.clear();
    return names;
  }
  ServerId last_server{};

  event_loop::ManualTimers timers;
  SeededRandom random{1};
  MemoryNetwork network{timers};
  std::optional<TransportLayer> transport;
  std::optional<TransactionLayer> layer;
  ListenerId udp{};
  ListenerId tcp{};
  std::vector<Told> told;
  std::vector<Message> messages;

 private:
  void on_request(ServerId id, Message&& request, const Flow&) override {
    told.push_back({request.method_name(), static_cast<std::uint64_t>(id), 0});
    last_server = id;
    messages.push_back(std::move(request));
  }
  void on_cancel(ServerId id, Message&& cancel) override {
    told.push_back({"cancel", static_cast<std::uint64_t>(id), 0});
    messages.push_back(std::move(cancel));
  }
  void on_ack_2xx(Message&& ack, const Flow&) override {
    told.push_back({"ack", 0, 0});
    messages.push_back(std::move(ack));
  }
  void on_response(ClientId id, Message&& response, const Flow&) override {
    told.push_back({"response", static_cast<std::uint64_t>(id), response.status()});
    messages.push_back(std::move(response));
  }
  void on_timeout(ClientId id) override { told.push_back({"timeout", static_cast<std::uint64_t>(id), 0}); }
  void on_transport_error(ClientId id, const Error&) override {
    told.push_back({"transport error", static_cast<std::uint64_t>(id), 0});
  }
  void on_timer_c(ClientId id) override { told.push_back({"timer C", static_cast<std::uint64_t>(id), 0}); }
  void on_ack_timeout(ServerId id) override { told.push_back({"no ack", static_cast<std::uint64_t>(id), 0}); }
  void on_transport_error(ServerId id, const Error&) override {
    told.push_back({"server transport error", static_cast<std::uint64_t>(id), 0});
  }
};

}  // namespace isthmus::sip
