// SIP over TLS as the transport does it, against a peer that is OpenSSL alone.

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/event_loop/manual_timers.h"
#include "controlplane/sip/transport.h"
#include "tests/unit/controlplane/sip/memory_network.h"
#include "tests/unit/controlplane/sip/samples.h"
#include "tests/unit/controlplane/sip/tls_laboratory.h"

namespace isthmus::sip {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kGateway{IpAddress::v4(192, 0, 2, 1), 5061};
const SocketAddress kPeer{IpAddress::v4(192, 0, 2, 10), 5061};
const SocketAddress kCaller{IpAddress::v4(192, 0, 2, 10), 40'000};

TlsLaboratory& laboratory() {
  static TlsLaboratory one;
  return one;
}

class TlsTransport : public testing::Test, private TransportUser {
 protected:
  void make(ClientCertificate wanted = ClientCertificate::kOptional) {
    auto tls = TlsContext::load(laboratory().make("gateway", {"DNS:gateway.example.com"}), wanted);
    ASSERT_TRUE(tls) << to_string(tls.error());
    transport.emplace(network, timers, random, TransportSettings{});
    transport->set_user(*this);
    listener = transport->listen({"tls", Transport::kTls, kGateway, {}, *tls}).value();
  }
  void run() { timers.advance({}); }
  /// Somebody connects; nothing of TLS has happened yet.
  std::unique_ptr<TlsFarEnd> caller(const TlsFiles* own = nullptr, const SocketAddress& from = kCaller) {
    link = network.connect(from, kGateway);
    run();
    return far_end(TlsFarEnd::Role::kClient, own);
  }
  /// The gateway connects to a peer with this certificate.
  std::unique_ptr<TlsFarEnd> callee(const CertificateSpec& spec, const std::string& peer_name) {
    const TlsFiles own = laboratory().make("peer", spec);
    sent = transport->send_request("hello", {Transport::kTls, kPeer, listener, peer_name});
    EXPECT_TRUE(sent);
    run();
    link = network.opened.back();
    auto peer = far_end(TlsFarEnd::Role::kServer, &own);
    return peer;
  }
  std::unique_ptr<TlsFarEnd> far_end(TlsFarEnd::Role role, const TlsFiles* own) {
    auto end = std::make_unique<TlsFarEnd>(network, timers, link, role, own);
    end->on_round([this] { run(); });
    return end;
  }
  const Counters& counters() const { return transport->counters(); }

  event_loop::ManualTimers timers;
  SeededRandom random{1};
  MemoryNetwork network{timers};
  std::optional<TransportLayer> transport;
  ListenerId listener{};
  std::shared_ptr<MemoryLink> link;
  Result<ConnectionId> sent = kNoConnection;
  std::vector<std::pair<Message, Flow>> got;
  std::vector<Error> closed;

 private:
  void on_message(Message&& message, const Flow& flow) override { got.emplace_back(std::move(message), flow); }
  void on_connection_closed(ConnectionId, const Error& why) override { closed.push_back(why); }
};

const std::string kVia = "SIP/2.0/TLS 192.0.2.10;branch=z9hG4bK1";

TEST_F(TlsTransport, ACallerIsHeardAndAnswered) {
  make();
  const auto peer = caller();
  peer->pump();
  ASSERT_TRUE(peer->is_open) << peer->alert;
  EXPECT_STREQ(SSL_get_version(peer->ssl()), "TLSv1.3");
  peer->say(samples::invite(kVia));
  ASSERT_EQ(got.size(), 1U);
  const auto& [message, flow] = got.front();
  EXPECT_EQ(flow.transport, Transport::kTls);
  EXPECT_EQ(flow.peer, nullptr);
  ASSERT_TRUE(transport->send_response("answer", message.vias().front(), flow));
  peer->pump();
  EXPECT_EQ(peer->heard, "answer");
  EXPECT_EQ(counters().tls_handshakes, 1U);
}

TEST_F(TlsTransport, TheWholeChainIsSentAndNoTicket) {
  make();
  const auto peer = caller();
  int tickets = 0;
  SSL_CTX_set_ex_data(peer->context(), 0, &tickets);
  SSL_CTX_sess_set_new_cb(peer->context(), [](SSL* ssl, SSL_SESSION*) {
    ++*static_cast<int*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0));
    return 0;
  });
  SSL_CTX_set_session_cache_mode(peer->context(), SSL_SESS_CACHE_CLIENT);
  peer->pump();
  ASSERT_TRUE(peer->is_open);
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(peer->ssl())), 2);
  EXPECT_EQ(tickets, 0);
}

TEST_F(TlsTransport, ACallersNamesTravelWithItsMessages) {
  make(ClientCertificate::kRequired);
  const TlsFiles own = laboratory().make(
      "peer", {"DNS:FE1.Example.com, DNS:pool.example.com, IP:192.0.2.10, URI:sip:example.com, URI:sip:user@other.com, "
               "DNS:192.0.2.99, URI:https://web.example.com"});
  const auto peer = caller(&own);
  peer->pump();
  peer->say(samples::invite(kVia));
  ASSERT_EQ(got.size(), 1U);
  const Flow& flow = got.front().second;
  ASSERT_NE(flow.peer, nullptr);
  EXPECT_EQ(flow.peer->names,
            (std::vector<std::string>{"fe1.example.com", "pool.example.com", "192.0.2.10", "example.com"}));
  EXPECT_EQ(flow.peer->name, "fe1.example.com");
  ASSERT_TRUE(transport->is_connected_to(target_back(flow)));
  ASSERT_TRUE(transport->send_request("back", target_back(flow)));
  peer->pump();
  EXPECT_EQ(peer->heard, "back");
}

TEST_F(TlsTransport, ClientCertificatesAreDemandedWhereTheListenerSaysSo) {
  const TlsFiles good = laboratory().make("peer");
  const TlsFiles expired = laboratory().make("expired", {"DNS:peer.example.com", -10, -1});
  const TlsFiles future = laboratory().make("future", {"DNS:peer.example.com", 1, 10});
  const TlsFiles server_only = laboratory().make("server_only", {"DNS:peer.example.com", -1, 10, "serverAuth"});
  const TlsFiles for_code = laboratory().make("for_code", {"DNS:peer.example.com", -1, 10, "codeSigning"});
  TlsLaboratory elsewhere;
  const TlsFiles stranger = elsewhere.make("stranger");
  struct Case {
    const char* what;
    const TlsFiles* own;
    bool is_open;
    std::uint64_t Counters::* counter;
  };
  for (const Case& test : {Case{"good", &good, true, &Counters::tls_handshakes},
                           Case{"none", nullptr, false, &Counters::tls_no_certificate},
                           Case{"expired", &expired, false, &Counters::tls_not_valid_now},
                           Case{"future", &future, false, &Counters::tls_not_valid_now},
                           Case{"unknown CA", &stranger, false, &Counters::tls_unknown_ca},
                           Case{"code signing", &for_code, false, &Counters::tls_bad_certificate},
                           // Windows servers have no other ones
                           Case{"server usage alone", &server_only, true, &Counters::tls_handshakes}}) {
    make(ClientCertificate::kRequired);
    const auto peer = caller(test.own);
    peer->pump();
    EXPECT_EQ(link->is_open, test.is_open) << test.what;
    EXPECT_EQ(counters().*test.counter, 1U) << test.what;
    EXPECT_EQ(counters().tls_handshakes, test.is_open ? 1U : 0U) << test.what;
    EXPECT_EQ(peer->alert.empty(), test.is_open) << test.what << peer->alert;  // the peer is told why
  }
}

TEST_F(TlsTransport, AnOptionalCertificateMustStillVerify) {
  TlsLaboratory elsewhere;
  const TlsFiles stranger = elsewhere.make("stranger");
  make(ClientCertificate::kOptional);
  const auto peer = caller(&stranger);
  peer->pump();
  EXPECT_FALSE(link->is_open);
  make(ClientCertificate::kNone);
  const auto other = caller(&stranger);
  other->pump();
  EXPECT_TRUE(link->is_open);  // not asked, not sent
  other->say(samples::invite(kVia));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got.front().second.peer, nullptr);
}

TEST_F(TlsTransport, OutgoingConnectionsAreVerifiedByTheConfiguredName) {
  struct Case {
    const char* what;
    CertificateSpec spec;
    const char* wanted;
    std::uint64_t Counters::* counter;
  };
  const CertificateSpec no_san{"", -1, 10, "serverAuth", "peer.example.com"};
  for (const Case& test :
       {Case{"DNS", {"DNS:other.example.com, DNS:peer.example.com"}, "peer.example.com", &Counters::tls_handshakes},
        Case{"case", {"DNS:PEER.example.COM"}, "Peer.Example.com.", &Counters::tls_handshakes},
        Case{"URI", {"URI:sip:example.com"}, "example.com", &Counters::tls_handshakes},
        Case{"IP", {"IP:192.0.2.10"}, "", &Counters::tls_handshakes},
        Case{"IP of the name", {"IP:2001:db8::1"}, "2001:DB8:0::1", &Counters::tls_handshakes},
        Case{"the address is no name", {"IP:192.0.2.10"}, "peer.example.com", &Counters::tls_wrong_name},
        Case{"a name is no address", {"DNS:192.0.2.10"}, "", &Counters::tls_wrong_name},
        Case{"other name", {"DNS:other.example.com"}, "peer.example.com", &Counters::tls_wrong_name},
        Case{"wildcard", {"DNS:*.example.com"}, "peer.example.com", &Counters::tls_wrong_name},
        Case{"user of the domain", {"URI:sip:bob@example.com"}, "example.com", &Counters::tls_wrong_name},
        Case{"suffix", {"DNS:peer.example.com.evil.org"}, "peer.example.com", &Counters::tls_wrong_name},
        Case{"common name alone", no_san, "peer.example.com", &Counters::tls_wrong_name},
        Case{"client usage alone",
             {"DNS:peer.example.com", -1, 10, "clientAuth"},
             "peer.example.com",
             &Counters::tls_bad_certificate},
        Case{"expired", {"DNS:peer.example.com", -10, -1}, "peer.example.com", &Counters::tls_not_valid_now}}) {
    make();
    closed.clear();
    const auto peer = callee(test.spec, test.wanted);
    peer->pump();
    run();
    const bool good = test.counter == &Counters::tls_handshakes;
    EXPECT_EQ(counters().*test.counter, 1U) << test.what;
    EXPECT_EQ(peer->heard, good ? "hello" : "") << test.what;
    EXPECT_EQ(closed.size(), good ? 0U : 1U) << test.what;
    EXPECT_EQ(counters().connect_failed, 0U) << test.what;
  }
}

TEST_F(TlsTransport, TheNameIsSentAsSniAndAnAddressIsNot) {
  for (const auto& [name, sni] : {std::pair<std::string, std::string>{"peer.example.com", "peer.example.com"},
                                  std::pair<std::string, std::string>{"192.0.2.10", ""}}) {
    make();
    const auto peer = callee({"DNS:peer.example.com, IP:192.0.2.10"}, name);
    peer->pump();
    ASSERT_TRUE(peer->is_open) << peer->alert;
    const char* seen = SSL_get_servername(peer->ssl(), TLSEXT_NAMETYPE_host_name);
    EXPECT_EQ(seen == nullptr ? "" : std::string(seen), sni);
  }
}

TEST_F(TlsTransport, OurCertificateIsShownToWhomWeCall) {
  make();
  const TlsFiles own = laboratory().make("peer");
  sent = transport->send_request("hello", {Transport::kTls, kPeer, listener, "peer.example.com"});
  run();
  link = network.opened.back();
  const auto peer = far_end(TlsFarEnd::Role::kServer, &own);
  SSL_CTX_set_verify(peer->context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  peer->pump();
  EXPECT_EQ(peer->heard, "hello") << peer->alert;
  EXPECT_EQ(SSL_get_verify_result(peer->ssl()), X509_V_OK);
}

TEST_F(TlsTransport, ARefusalByThePeerIsNamed) {
  make();
  TlsLaboratory elsewhere;
  TlsFiles own = laboratory().make("peer");
  own.trusted_ca = elsewhere.path("ca.pem");
  sent = transport->send_request("hello", {Transport::kTls, kPeer, listener, "peer.example.com"});
  run();
  link = network.opened.back();
  const auto peer = far_end(TlsFarEnd::Role::kServer, &own);
  SSL_CTX_set_verify(peer->context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  peer->pump();
  run();
  EXPECT_EQ(counters().tls_peer_refused, 1U);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_NE(closed.front().message.find("unknown ca"), std::string::npos) << closed.front().message;
}

TEST_F(TlsTransport, ConnectionsAreReusedForTheVerifiedNameAlone) {
  make();
  const auto peer = callee({"DNS:a.example.com, DNS:b.example.com"}, "a.example.com");
  peer->pump();
  ASSERT_TRUE(transport->send_request("again", {Transport::kTls, kPeer, listener, "a.example.com"}));
  EXPECT_EQ(network.opened.size(), 1U);
  ASSERT_TRUE(transport->send_request("other", {Transport::kTls, kPeer, listener, "b.example.com"}));
  EXPECT_EQ(network.opened.size(), 2U);
  peer->pump();
  EXPECT_EQ(peer->heard, "helloagain");
}

TEST_F(TlsTransport, RequestsAreTakenOnConnectionsThatWeOpened) {
  make();
  const auto peer = callee({"DNS:peer.example.com, DNS:alias.example.com"}, "peer.example.com");
  peer->pump();
  peer->say(samples::invite(kVia));
  ASSERT_EQ(got.size(), 1U);
  const Flow& flow = got.front().second;
  ASSERT_NE(flow.peer, nullptr);
  EXPECT_EQ(flow.peer->name, "peer.example.com");
  EXPECT_EQ(flow.peer->names.size(), 2U);
  EXPECT_EQ(target_back(flow), (Target{Transport::kTls, kPeer, listener, "peer.example.com"}));
}

TEST_F(TlsTransport, OldVersionsAndWeakCiphersAreRefused) {
  make();
  const auto old = caller();
  SSL_CTX_set_max_proto_version(old->context(), TLS1_1_VERSION);
  old->pump();
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().tls_version, 1U);
  EXPECT_NE(old->alert.find("protocol version"), std::string::npos) << old->alert;
  for (const char* weak : {"ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA", "NULL"}) {
    make();
    const auto peer = caller();
    SSL_CTX_set_max_proto_version(peer->context(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(peer->context(), weak);
    peer->pump();
    EXPECT_FALSE(link->is_open) << weak;
    EXPECT_EQ(counters().tls_cipher, 1U) << weak;
  }
  for (const char* good :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    make();
    const auto peer = caller();
    SSL_CTX_set_max_proto_version(peer->context(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(peer->context(), good);
    peer->pump();
    EXPECT_TRUE(peer->is_open) << good << peer->alert;
  }
}

TEST_F(TlsTransport, PlainTextOnTheTlsPortIsNamed) {
  for (const std::string& text : {samples::invite(kVia), std::string("GET / HTTP/1.1\r\n\r\n"), std::string(64, 'x')}) {
    make();
    link = network.connect(kCaller, kGateway);
    run();
    network.send(link, text);
    run();
    run();
    EXPECT_FALSE(link->is_open);
    EXPECT_EQ(counters().tls_not_tls, 1U) << text.substr(0, 10);
    EXPECT_EQ(closed.size(), 1U);
    closed.clear();
    EXPECT_TRUE(got.empty());
  }
}

TEST_F(TlsTransport, ASilentClientHasFiveSecondsThenTenForItsFirstMessage) {
  make();
  const auto silent = caller();
  timers.advance(milliseconds(4'999));
  EXPECT_TRUE(link->is_open);
  timers.advance(milliseconds(1));
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().tls_timed_out, 1U);
  const auto peer = caller();
  timers.advance(seconds(4));
  peer->pump();
  ASSERT_TRUE(peer->is_open);
  timers.advance(milliseconds(9'999));
  EXPECT_TRUE(link->is_open);
  timers.advance(milliseconds(1));
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().first_request_timed_out, 1U);
  EXPECT_EQ(counters().tls_timed_out, 1U);
}

TEST_F(TlsTransport, AServerThatNeverSpeaksTlsEndsTheRequest) {
  make();
  sent = transport->send_request("hello", {Transport::kTls, kPeer, listener, "peer.example.com"});
  timers.advance(milliseconds(4'999));
  EXPECT_TRUE(closed.empty());
  timers.advance(milliseconds(1));
  run();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(counters().tls_timed_out, 1U);
  EXPECT_EQ(counters().connect_timed_out, 0U);
  network.outcome = MemoryNetwork::Outcome::kSilence;
  sent = transport->send_request("hello", {Transport::kTls, kPeer, listener, "peer.example.com"});
  timers.advance(seconds(5));
  EXPECT_EQ(counters().connect_timed_out, 1U);
}

TEST_F(TlsTransport, ThirtyTwoHandshakesOfASourceAtOnce) {
  make();
  std::vector<std::shared_ptr<MemoryLink>> links;
  for (std::uint16_t i = 0; i < 32; ++i) {
    (void)caller(nullptr, {kCaller.ip, static_cast<std::uint16_t>(40'000 + i)});
    links.push_back(link);
  }
  EXPECT_EQ(counters().tls_handshakes_refused, 0U);
  (void)caller(nullptr, {kCaller.ip, 41'000});
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().tls_handshakes_refused, 1U);
  (void)caller(nullptr, {IpAddress::v4(192, 0, 2, 11), 41'000});
  EXPECT_TRUE(link->is_open);  // somebody else
  // One that is done makes room, and so does one that gives up.
  link = links.front();
  far_end(TlsFarEnd::Role::kClient, nullptr)->pump();
  (void)caller(nullptr, {kCaller.ip, 41'001});
  EXPECT_TRUE(link->is_open);
  (void)caller(nullptr, {kCaller.ip, 41'002});
  EXPECT_FALSE(link->is_open);
  network.hang_up(links[1]);
  run();
  (void)caller(nullptr, {kCaller.ip, 41'003});
  EXPECT_TRUE(link->is_open);
  EXPECT_EQ(counters().tls_handshakes_refused, 2U);
  EXPECT_EQ(counters().tls_peer_left, 1U);
}

TEST_F(TlsTransport, ABigMessageInRecordsOfSevenOctets) {
  make();
  const auto peer = caller();
  peer->pump();
  const std::string body(100'000, 'b');
  const std::string text = samples::invite(kVia, "Content-Type: text/plain", body);
  for (std::size_t at = 0; at < text.size(); at += 7) {
    const std::string part = text.substr(at, 7);
    SSL_write(peer->ssl(), part.data(), static_cast<int>(part.size()));
  }
  peer->piece = 1'001;  // and records come in pieces
  peer->pump();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got.front().first.body(), body);
}

TEST_F(TlsTransport, ALongAnswerIsCutIntoRecords) {
  make();
  const auto peer = caller();
  peer->pump();
  peer->say(samples::invite(kVia));
  const std::string answer(300'000, 'a');
  ASSERT_TRUE(transport->send_response(answer, got.front().first.vias().front(), got.front().second));
  peer->pump();
  EXPECT_EQ(peer->heard, answer);
}

TEST_F(TlsTransport, APeerThatDoesNotReadCostsItsConnectionAndNotTheMemory) {
  make();
  const auto peer = caller();
  peer->pump();
  peer->say(samples::invite(kVia));
  const auto& [message, flow] = got.front();
  link->reads = false;
  const std::string part(100'000, 'a');
  int taken = 0;
  while (taken < 20 && transport->send_response(part, message.vias().front(), flow)) ++taken;
  EXPECT_EQ(taken, 10);  // max_unsent_bytes is 1 MiB
  EXPECT_EQ(counters().write_queue_full, 1U);
  EXPECT_FALSE(link->is_open);
}

TEST_F(TlsTransport, WhatIsWrittenBeforeTheHandshakeIsBoundedToo) {
  make();
  network.outcome = MemoryNetwork::Outcome::kSilence;
  const Target target{Transport::kTls, kPeer, listener, "peer.example.com"};
  const std::string part(100'000, 'a');
  int taken = 0;
  while (taken < 20 && transport->send_request(part, target)) ++taken;
  EXPECT_EQ(taken, 10);
}

TEST_F(TlsTransport, AnEndInTheMiddleOfARecordIsAnEnd) {
  make();
  const auto peer = caller();
  peer->pump();
  const std::string text = samples::invite(kVia);
  SSL_write(peer->ssl(), text.data(), static_cast<int>(text.size()));
  std::string wire(BIO_ctrl_pending(SSL_get_wbio(peer->ssl())), '\0');
  BIO_read(SSL_get_wbio(peer->ssl()), wire.data(), static_cast<int>(wire.size()));
  network.send(link, wire.substr(0, wire.size() / 2));
  network.hang_up(link);
  run();
  run();
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_EQ(transport->connections(), 0U);
}

TEST_F(TlsTransport, ARecordThatWasTouchedEndsTheConnection) {
  make();
  const auto peer = caller();
  peer->pump();
  const std::string text = samples::invite(kVia);
  SSL_write(peer->ssl(), text.data(), static_cast<int>(text.size()));
  std::string wire(BIO_ctrl_pending(SSL_get_wbio(peer->ssl())), '\0');
  BIO_read(SSL_get_wbio(peer->ssl()), wire.data(), static_cast<int>(wire.size()));
  wire.back() = static_cast<char>(wire.back() ^ 1);
  network.send(link, wire);
  peer->pump();
  EXPECT_TRUE(got.empty());
  EXPECT_FALSE(link->is_open);
  EXPECT_EQ(counters().tls_broken, 1U);
  EXPECT_NE(peer->alert.find("bad record mac"), std::string::npos) << peer->alert;
}

TEST_F(TlsTransport, CloseNotifyIsAnswered) {
  make();
  const auto peer = caller();
  peer->pump();
  peer->say(samples::invite(kVia));
  peer->end();
  EXPECT_TRUE(peer->was_ended);
  EXPECT_FALSE(link->is_open);
  run();
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_EQ(counters().tls_broken, 0U);
}

TEST_F(TlsTransport, OurEndIsSaid) {
  make();
  const auto peer = caller();
  peer->pump();
  timers.advance(seconds(10));  // no first message
  peer->pump();
  EXPECT_TRUE(peer->was_ended);
}

TEST_F(TlsTransport, RenegotiationIsRefused) {
  make();
  const auto peer = caller();
  SSL_CTX_set_max_proto_version(peer->context(), TLS1_2_VERSION);
  peer->pump();
  ASSERT_TRUE(peer->is_open);
  SSL_renegotiate(peer->ssl());
  SSL_do_handshake(peer->ssl());
  peer->pump();
  EXPECT_NE(peer->alert.find("no renegotiation"), std::string::npos) << peer->alert;
  EXPECT_EQ(counters().tls_handshakes, 1U);
}

TEST_F(TlsTransport, ANewCertificateServesNewConnections) {
  make();
  const auto before = caller();
  before->pump();
  const TlsFiles fresh = laboratory().make("fresh", {"DNS:fresh.example.com", -1, 5, "serverAuth", "fresh"});
  auto tls = TlsContext::load(fresh, ClientCertificate::kNone);
  ASSERT_TRUE(tls);
  ASSERT_TRUE(transport->set_tls(listener, *tls));
  EXPECT_FALSE(transport->set_tls(ListenerId{7}, *tls));
  EXPECT_FALSE(transport->set_tls(listener, nullptr));
  const auto old_link = link;
  const auto after = caller();
  after->pump();
  X509* const certificate = SSL_get0_peer_certificate(after->ssl());
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "fresh.example.com", 0, 0, nullptr), 1);
  link = old_link;
  before->say(samples::invite(kVia));
  EXPECT_EQ(got.size(), 1U);  // the old one lives on
}

TEST_F(TlsTransport, AListenerWithoutCertificateIsRefused) {
  make();
  EXPECT_FALSE(transport->listen({"tls", Transport::kTls, kGateway, {}}));
}

}  // namespace
}  // namespace isthmus::sip
