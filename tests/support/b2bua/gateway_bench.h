#pragma once

// The whole control path in memory: B2bua over real transactions and transport, a network of datagrams that never
// leaves the process, a data plane that keeps its sessions across "kills" of either side, and time that moves when a
// test says so.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/b2bua/b2bua.h"
#include "controlplane/event_loop/manual_timers.h"
#include "controlplane/sip/parser.h"
#include "controlplane/sip/transactions.h"
#include "dataplane/base/log.h"
#include "tests/support/b2bua/call_bench.h"

namespace isthmus::b2bua {

/// UDP only.
class MemoryNetwork final : public sip::Network {
 public:
  struct Datagram {
    SocketAddress from;
    SocketAddress to;
    std::string text;
  };
  class Socket final : public sip::DatagramSocket {
   public:
    Socket(MemoryNetwork& network, const SocketAddress& local) : network_(network), local_(local) {}
    ~Socket() override { network_.receivers_.erase(local_); }
    Status send(std::string_view bytes, const SocketAddress& to) override {
      if (network_.unreachable == to) return fail(ErrorKind::kUnavailable, "no route to host");
      network_.sent.push_back({local_, to, std::string(bytes)});
      return {};
    }
    SocketAddress local() const override { return local_; }

   private:
    MemoryNetwork& network_;
    SocketAddress local_;
  };

  Result<std::unique_ptr<sip::DatagramSocket>> open_udp(const SocketAddress& local, Receive receive) override {
    receivers_[local] = std::move(receive);
    return std::unique_ptr<sip::DatagramSocket>(new Socket(*this, local));
  }
  Result<std::unique_ptr<sip::StreamListener>> listen_tcp(const SocketAddress&, Accept) override {
    return fail(ErrorKind::kUnavailable, "datagrams only");
  }
  std::unique_ptr<sip::Stream> connect_tcp(const SocketAddress&, const SocketAddress&) override { return nullptr; }

  void deliver(const SocketAddress& from, const SocketAddress& to, const std::string& text) {
    const auto found = receivers_.find(to);
    ASSERT_NE(found, receivers_.end());
    found->second(text, from);
  }

  std::deque<Datagram> sent;
  std::optional<SocketAddress> unreachable;

 private:
  std::map<SocketAddress, Receive> receivers_;
};

/// A data plane: sessions with ports, answers on the next turn of the loop.
class MemoryRelay final : public contract::Relay {
 public:
  explicit MemoryRelay(event_loop::Timers& timers) : timers_(timers) {}

  void open(const contract::SessionSpec& spec, Callback<contract::SessionState> done) override {
    opened.push_back(spec);
    if (!connected) return later(std::move(done), fail(ErrorKind::kUnavailable, "not connected"));
    if (refuse_open) return later(std::move(done), fail(ErrorKind::kExhausted, "no port left", "port"));
    later(std::move(done), program(spec));
  }
  void update(const contract::SessionSpec& spec, Callback<contract::SessionState> done) override {
    updated.push_back(spec);
    if (!connected) return later(std::move(done), fail(ErrorKind::kUnavailable, "not connected"));
    const auto found = sessions.find(spec.id.value);
    if (found == sessions.end()) return later(std::move(done), fail(ErrorKind::kInvalidArgument, "no such session"));
    if (spec.revision < found->second.revision) {
      return later(std::move(done), fail(ErrorKind::kProtocolViolation, "older revision"));
    }
    later(std::move(done), program(spec));
  }
  void close(contract::SessionId id, Callback<contract::SessionStats> done) override {
    if (!connected) return later_stats(std::move(done), fail(ErrorKind::kUnavailable, "not connected"));
    closed += sessions.erase(id.value);
    later_stats(std::move(done), contract::SessionStats{id, 1, {}});
  }
  void stats(contract::SessionId id, Callback<contract::SessionStats> done) override {
    later_stats(std::move(done), contract::SessionStats{id, 1, {}});
  }
  void list(std::optional<contract::SessionId> from, Callback<contract::SessionPage> done) override {
    contract::SessionPage page;
    for (const auto& [id, spec] : sessions) {
      if (from && id < from->value) continue;
      if (page.sessions.size() == page_size) {
        page.next = contract::SessionId{id};
        break;
      }
      page.sessions.push_back({spec.id, spec.revision});
    }
    timers_.start({}, [done = std::move(done), page] { done(page); });
  }
  void status(Callback<contract::DataplaneStatus>) override {}
  void send_packet(contract::SessionId session, std::uint16_t stream, Side side, contract::Component component,
                   const SocketAddress& destination, std::span<const std::uint8_t> packet,
                   Callback<void> done) override {
    packets.push_back({session, stream, side, component, destination, {packet.begin(), packet.end()}});
    timers_.start({}, [done = std::move(done)] { done({}); });
  }
  void request_picture(contract::SessionId, std::uint16_t, Side, Callback<void> done) override {
    ++pictures_requested;
    timers_.start({}, [done = std::move(done)] { done({}); });
  }
  void on_event(std::function<void(const contract::Event&)> handler) override { event = std::move(handler); }
  void on_connection(std::function<void(bool, std::uint64_t)> handler) override {
    connection = std::move(handler);
    if (connected) connection(true, incarnation);
  }

  /// kill -9 and start again: knows nothing any more.
  void restart() {
    sessions.clear();
    ++incarnation;
    connection(false, incarnation);
    connection(true, incarnation);
  }

  std::map<std::uint64_t, contract::SessionSpec> sessions;
  std::vector<contract::SessionSpec> opened;
  std::vector<contract::SessionSpec> updated;
  std::vector<contract::PuntEvent> packets;  ///< sent by the control plane; `source` is where they go
  std::size_t closed = 0;
  std::size_t pictures_requested = 0;
  std::size_t page_size = 2;
  bool refuse_open = false;
  bool connected = true;
  std::uint64_t incarnation = 1;
  std::function<void(const contract::Event&)> event;
  std::function<void(bool, std::uint64_t)> connection;

 private:
  Result<contract::SessionState> program(contract::SessionSpec spec) {
    contract::SessionState state{spec.id, spec.revision, {}};
    const auto present = sessions.find(spec.id.value);
    for (std::size_t s = 0; s < spec.streams.size(); ++s) {
      contract::StreamState& to = state.streams.emplace_back();
      for (std::size_t i = 0; i < 2; ++i) {
        contract::LegSpec& leg = spec.streams[s].leg[i];
        if (present != sessions.end() && s < present->second.streams.size()) {
          const contract::LegTransport before = present->second.streams[s].leg[i].transport;
          if (before != leg.transport && before != contract::LegTransport::kUdpOrTcp) {
            return fail(ErrorKind::kInvalidArgument, "differs from that of the open session", "transport");
          }
        }
        if (leg.rtp_port == 0) leg.rtp_port = next_port_ = static_cast<std::uint16_t>(next_port_ + 2);
        if (leg.ssrc == 0) leg.ssrc = ++next_ssrc_;
        const IpAddress ip = IpAddress::v4(10, 0, 0, static_cast<std::uint8_t>(i + 1));
        const bool tcp = leg.transport == contract::LegTransport::kTcp;
        const auto rtcp_port = static_cast<std::uint16_t>(tcp ? leg.rtp_port : leg.rtp_port + 1);
        to.leg[i] = {{ip, leg.rtp_port}, {ip, rtcp_port}, leg.ssrc, leg.transport == contract::LegTransport::kUdpOrTcp};
      }
    }
    sessions[spec.id.value] = spec;
    return state;
  }
  void later(Callback<contract::SessionState> done, Result<contract::SessionState> answer) {
    timers_.start({}, [done = std::move(done), answer = std::move(answer)] { done(answer); });
  }
  void later_stats(Callback<contract::SessionStats> done, Result<contract::SessionStats> answer) {
    timers_.start({}, [done = std::move(done), answer = std::move(answer)] { done(answer); });
  }

  event_loop::Timers& timers_;
  std::uint16_t next_port_ = 55998;
  std::uint32_t next_ssrc_ = 0;
};

class GatewayBench {
 public:
  static constexpr const char* kUs = "192.0.2.10:5060";
  static constexpr const char* kAnn = "198.51.100.1:5060";  ///< zone a
  static constexpr const char* kBob = "203.0.113.1:5060";   ///< zone b

  explicit GatewayBench(config::ControlPlane wanted = gateway_configuration()) : configuration(std::move(wanted)) {
    log::start("gateway-bench", log::Level::kError);
    start();
  }

  static config::ControlPlane gateway_configuration() {
    config::ControlPlane configuration = bench_configuration();
    configuration.listeners = {{"udp", config::Transport::kUdp, IpAddress::v4(192, 0, 2, 10), 5060, "", ""}};
    configuration.zones[0].peers = {{"198.51.100.1", 5060, config::Transport::kUdp}};
    configuration.zones[1].peers = {{"203.0.113.1", 5060, config::Transport::kUdp}};
    configuration.zones[2].peers = {{"203.0.113.3", 5060, config::Transport::kUdp}};
    config::SearchRule to_b;
    to_b.name = "to b";
    to_b.pattern = "bob@.*";
    to_b.target_zone = "b";
    config::SearchRule to_a = to_b;
    to_a.name = "to a";
    to_a.pattern = "ann@.*";
    to_a.target_zone = "a";
    configuration.search_rules = {to_b, to_a};
    configuration.node.host_name = "gw.example.com";
    return configuration;
  }

  std::map<std::string, std::vector<SocketAddress>> places;  ///< of names; change and call refresh_sources()

  void start() {
    sip::TransportSettings settings;
    settings.source.unknown_messages = {1e6, 1e6};
    settings.source.unknown_new_requests = {1e6, 1e6};
    transport = std::make_unique<sip::TransportLayer>(network, timers, random, settings);
    B2bua::Dependencies dependencies{*transport, relay, *journal, timers, random};
    dependencies.locate = [this](const std::string& host, std::uint16_t port, sip::Transport over) {
      const auto known = places.find(host);
      return known == places.end() ? locate_numeric(host, port, over) : known->second;
    };
    b2bua = B2bua::create(dependencies, configuration, {sip::ListenerId{0}}).value();
    transactions = std::make_unique<sip::TransactionLayer>(*transport, timers, random, *b2bua);
    b2bua->attach(*transactions);
    listener = transport->listen({"udp", sip::Transport::kUdp, SocketAddress::parse(kUs).value(), ""}).value();
    ASSERT_EQ(listener, sip::ListenerId{0});
    b2bua->start();
    settle();
  }
  /// kill -9 and start again: only the journal and the data plane live on.
  void restart() {
    relay.event = nullptr;
    relay.connection = nullptr;
    transactions.reset();
    b2bua.reset();
    transport.reset();
    timers.advance(std::chrono::seconds(40));  // timers of the dead must not matter
    network.sent.clear();
    start();
  }

  void settle() { timers.advance(std::chrono::milliseconds(1)); }
  void advance(event_loop::Duration by) { timers.advance(by); }

  void send(const char* from, const std::string& text) {
    network.deliver(SocketAddress::parse(from).value(), SocketAddress::parse(kUs).value(), text);
    settle();
  }
  /// Oldest message to `to` that was not looked at, 100 Trying left out; empty Message when there is none.
  sip::Message next(const char* to) {
    const SocketAddress address = SocketAddress::parse(to).value();
    for (auto it = network.sent.begin(); it != network.sent.end(); ++it) {
      if (it->to != address) continue;
      sip::Message message = sip::parse_message(it->text).message;
      network.sent.erase(it);
      if (message.status() == 100) return next(to);
      return message;
    }
    return {};
  }
  /// "INVITE" or "200".
  static std::string what(const sip::Message& message) {
    if (message.is_response()) return std::to_string(message.status());
    return std::string(sip::to_string(message.method()));
  }
  std::string next_what(const char* to) { return what(next(to)); }
  std::size_t waiting(const char* to) const {
    const SocketAddress address = SocketAddress::parse(to).value();
    std::size_t count = 0;
    for (const auto& datagram : network.sent) count += datagram.to == address ? 1U : 0U;
    return count;
  }

  /// A request of ann's.
  std::string request(const std::string& method, std::uint32_t cseq, const std::string& body = "",
                      const std::string& extra = "", const std::string& to_tag = "",
                      const std::string& uri = "sip:bob@example.com") {
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK-" + method +
           std::to_string(cseq) + branch_suffix +
           "\r\nMax-Forwards: 70\r\nFrom: \"Ann\" <sip:ann@example.com>;tag=ann-tag\r\nTo: <sip:bob@example.com>" +
           (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: " + call_id + "\r\nCSeq: " + std::to_string(cseq) +
           " " + method + "\r\nContact: <sip:ann@198.51.100.1:5060>\r\n" + extra +
           (body.empty() ? "" : "Content-Type: application/sdp\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static std::string response(const sip::Message& to, std::uint16_t status, const std::string& body = "",
                              const std::string& extra = "", const std::string& tag = "bob-tag",
                              const std::string& contact = "<sip:bob@203.0.113.1:5060>") {
    sip::Message message = sip::Message::response(to, status, {}, status == 100 ? "" : tag);
    message.add(sip::HeaderId::kContact, contact);
    if (!body.empty()) message.set_body("application/sdp", body);
    std::string text = message.text();
    text.insert(text.find("\r\n") + 2, extra);
    return text;
  }

  /// Ann calls bob, bob answers.
  void up(std::string sdp_a = audio_sdp("198.51.100.1", 4000), std::string sdp_b = audio_sdp("203.0.113.1", 5000)) {
    send(kAnn, request("INVITE", 1, sdp_a));
    invite_b = next(kBob);
    ASSERT_EQ(what(invite_b), "INVITE");
    send(kBob, response(invite_b, 180));
    ASSERT_EQ(next_what(kAnn), "180");
    send(kBob, response(invite_b, 200, sdp_b));
    ASSERT_EQ(next_what(kBob), "ACK");
    ok_a = next(kAnn);
    ASSERT_EQ(what(ok_a), "200");
    send(kAnn, request("ACK", 1, "", "", std::string(ok_a.to_tag())));
    ASSERT_EQ(b2bua->views("", 10).at(0).state, "up");
  }
  std::string our_tag() const { return std::string(ok_a.to_tag()); }
  /// A request of bob's in his dialog.
  std::string bobs_request(const std::string& method, std::uint32_t cseq, const std::string& body = "") {
    return method + " " + invite_b.contacts().at(0).uri.text +
           " SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK-bob" + method + std::to_string(cseq) +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bob-tag\r\nTo: <sip:ann@example.com>;tag=" +
           std::string(invite_b.from_tag()) + "\r\nCall-ID: " + invite_b.call_id() +
           "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\nContact: <sip:bob@203.0.113.1:5060>\r\n" +
           (body.empty() ? "" : "Content-Type: application/sdp\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  config::ControlPlane configuration;
  event_loop::ManualTimers timers;
  SeededRandom random{7};
  MemoryNetwork network;
  MemoryRelay relay{timers};
  journal::MappedMedium medium = journal::MappedMedium::in_process(4U * 1024U * 1024U);
  std::unique_ptr<journal::Journal> journal =
      std::make_unique<journal::Journal>(journal::Journal::open(medium).value());
  std::unique_ptr<sip::TransportLayer> transport;
  std::unique_ptr<B2bua> b2bua;
  std::unique_ptr<sip::TransactionLayer> transactions;
  sip::ListenerId listener{};
  std::string call_id = "ann-call";
  std::string branch_suffix;
  sip::Message invite_b;
  sip::Message ok_a;
};

}  // namespace isthmus::b2bua
