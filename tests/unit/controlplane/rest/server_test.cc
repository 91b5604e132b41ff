#include "controlplane/rest/server.h"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace isthmus::rest {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

/// Sends raw bytes and keeps what comes back until the server closes.
struct Client {
  explicit Client(asio::io_context& loop, const SocketAddress& server) : socket(loop) {
    socket.connect({asio::ip::address_v4(server.ip.v4_host_order()), server.port});
    receive();
  }
  void send(std::string bytes) {
    out.push_back(std::make_unique<std::string>(std::move(bytes)));
    asio::async_write(socket, asio::buffer(*out.back()), [](error_code, std::size_t) {});
  }
  void receive() {
    socket.async_read_some(asio::buffer(chunk), [this](error_code error, std::size_t bytes) {
      if (error == asio::error::operation_aborted) return;  // this client has gone
      received.append(chunk.data(), bytes);
      if (error) {
        closed = true;
        reset = error == asio::error::connection_reset;
      } else {
        receive();
      }
    });
  }
  /// Answers whose heads and bodies are here.
  std::size_t answers() const {
    std::size_t count = 0;
    for (std::size_t at = received.find("HTTP/1.1 "); at != std::string::npos;
         at = received.find("HTTP/1.1 ", at + 1)) {
      if (received.find("|end", at) != std::string::npos || received.find("urn:", at) != std::string::npos) ++count;
    }
    return count;
  }
  std::string status() const { return received.substr(9, 3); }

  asio::ip::tcp::socket socket;
  std::array<char, 65536> chunk;
  std::vector<std::unique_ptr<std::string>> out;
  std::string received;
  bool closed = false;
  bool reset = false;
};

struct HttpServer : testing::Test {
  asio::io_context loop;
  std::vector<Request> requests;
  std::vector<Respond> held;
  bool hold = false;
  std::unique_ptr<Server> server;

  void start(ServerConfig config = {}) {
    config.listen = {IpAddress::v4(127, 0, 0, 1), 0};
    auto started = Server::start(loop, config, [this](Request request, Respond respond) {
      requests.push_back(std::move(request));
      if (hold) {
        held.push_back(std::move(respond));
      } else {
        respond({200, "text/plain", "body|end", {}});
      }
    });
    ASSERT_TRUE(started) << to_string(started.error());
    server = std::move(*started);
  }
  /// Runs the loop until `done` holds; gives up after five seconds.
  template <typename Condition>
  bool until(Condition done) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      loop.restart();
      loop.run_one_for(50ms);
    }
    return done();
  }
  /// The status of the one answer to `bytes`.
  std::string status_of(const std::string& bytes) {
    Client client(loop, server->local_address());
    client.send(bytes);
    EXPECT_TRUE(until([&] { return client.answers() == 1 || client.closed; }));
    return client.received.empty() ? "none" : client.status();
  }
};

const std::string kGet = "GET /x?y=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nOrigin: o\r\n\r\n";

TEST_F(HttpServer, HandsTheRequestOnAndAnswers) {
  start();
  EXPECT_EQ(status_of(kGet), "200");
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].target, "/x?y=1");
  EXPECT_EQ(requests[0].host, "localhost");
  EXPECT_EQ(requests[0].authorization, "Bearer t");
  EXPECT_EQ(requests[0].origin, "o");
}

TEST_F(HttpServer, OneConnectionCarriesManyRequestsAlsoPipelined) {
  start();
  Client client(loop, server->local_address());
  client.send(kGet + kGet + kGet.substr(0, 10));
  ASSERT_TRUE(until([&] { return client.answers() == 2; }));
  client.send(kGet.substr(10));
  ASSERT_TRUE(until([&] { return client.answers() == 3; }));
  EXPECT_FALSE(client.closed);
  EXPECT_NE(client.received.find("Cache-Control: no-store"), std::string::npos);
}

TEST_F(HttpServer, ConnectionCloseIsHonoured) {
  start();
  Client client(loop, server->local_address());
  client.send("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(until([&] { return client.closed; }));
  EXPECT_EQ(client.status(), "200");
}

TEST_F(HttpServer, AnswersThatComeLaterStillGoOut) {
  start();
  hold = true;
  Client client(loop, server->local_address());
  client.send(kGet);
  ASSERT_TRUE(until([&] { return held.size() == 1; }));
  held[0]({200, "text/plain", "late|end", {}});
  EXPECT_TRUE(until([&] { return client.answers() == 1; }));
}

TEST_F(HttpServer, AnswersAfterTheServerHasGoneGoNowhere) {
  start();
  hold = true;
  Client client(loop, server->local_address());
  client.send(kGet);
  ASSERT_TRUE(until([&] { return held.size() == 1; }));
  server.reset();
  held[0]({200, "text/plain", "late|end", {}});
  held.clear();
  EXPECT_TRUE(until([&] { return client.closed; }));
  EXPECT_EQ(client.received, "");
}

TEST_F(HttpServer, HeadAtItsBoundPassesAndOnePastIs431) {
  start();
  const auto head = [](std::size_t bytes) {
    const std::string front = "GET /x HTTP/1.1\r\nHost: h\r\nA: ";
    return front + std::string(bytes - front.size() - 4, 'a') + "\r\n\r\n";
  };
  EXPECT_EQ(status_of(head(kMaxHeadBytes)), "200");
  EXPECT_EQ(status_of(head(kMaxHeadBytes + 1)), "431");
}

TEST_F(HttpServer, BodyAtItsBoundPassesAndOnePastIs413) {
  start();
  const auto post = [](std::size_t bytes) {
    return "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
           std::string(bytes, 'b');
  };
  EXPECT_EQ(status_of(post(kMaxBodyBytes)), "200");
  EXPECT_EQ(requests.at(0).body.size(), kMaxBodyBytes);
  EXPECT_EQ(status_of(post(kMaxBodyBytes + 1)), "413");
}

TEST_F(HttpServer, ChunkedBodyHasTheSameBound) {
  start();
  std::string chunked = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'c') + "\r\n";
  for (int i = 0; i < 16; ++i) chunked += chunk;
  EXPECT_EQ(status_of(chunked + "0\r\n\r\n"), "200");
  EXPECT_EQ(requests.at(0).body.size(), kMaxBodyBytes);
  EXPECT_EQ(status_of(chunked + "1\r\nc\r\n0\r\n\r\n"), "413");
}

TEST_F(HttpServer, TwoFramingsAndFoldedLinesAre400AndEndTheConnection) {
  start();
  for (const char* lines : {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                            "Content-Length: 4\r\nContent-Length: 4\r\n", "A: b\r\n c\r\n", "Content-Length: -1\r\n",
                            "Content-Length: 4x\r\n", "Content-Length: 99999999999999999999999\r\n"}) {
    Client client(loop, server->local_address());
    client.send("POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\nbody");
    EXPECT_TRUE(until([&] { return client.closed; })) << lines;
    EXPECT_FALSE(client.reset) << lines;
    EXPECT_EQ(client.status(), "400") << lines;
  }
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpServer, BinaryRubbishIs400) {
  start();
  EXPECT_EQ(status_of("\x16\x03\x01\x02\r\n\r\n"), "400");  // the begin of a TLS hello
}

TEST_F(HttpServer, SlowHeadIsCutOff) {
  ServerConfig config;
  config.head_deadline = 20ms;
  start(config);
  Client client(loop, server->local_address());
  client.send("GET /x HT");
  EXPECT_TRUE(until([&] { return client.closed; }));
  EXPECT_EQ(server->open_connections(), 0U);
}

TEST_F(HttpServer, SlowBodyIsCutOff) {
  ServerConfig config;
  config.body_deadline = 20ms;
  start(config);
  Client client(loop, server->local_address());
  client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(until([&] { return client.closed; }));
  EXPECT_TRUE(requests.empty());
}

TEST_F(HttpServer, IdleConnectionsAreCutOffBetweenRequests) {
  ServerConfig config;
  config.head_deadline = 20ms;
  start(config);
  Client client(loop, server->local_address());
  client.send(kGet);
  ASSERT_TRUE(until([&] { return client.answers() == 1; }));
  EXPECT_TRUE(until([&] { return client.closed; }));
}

TEST_F(HttpServer, ConnectionsPastTheBoundAreClosedAtOnceAndOthersGoOn) {
  ServerConfig config;
  config.max_connections = 2;
  start(config);
  hold = true;
  Client first(loop, server->local_address());
  Client second(loop, server->local_address());
  ASSERT_TRUE(until([&] { return server->open_connections() == 2; }));
  Client third(loop, server->local_address());
  EXPECT_TRUE(until([&] { return third.closed; }));
  EXPECT_EQ(server->counters().refused_connections, 1U);
  hold = false;
  first.send(kGet);
  EXPECT_TRUE(until([&] { return first.answers() == 1; }));
  second.socket.close();
  ASSERT_TRUE(until([&] { return server->open_connections() == 1; }));
  EXPECT_EQ(status_of(kGet), "200");
}

TEST_F(HttpServer, AddressInUseIsAnError) {
  start();
  ServerConfig config;
  config.listen = server->local_address();
  const auto second = Server::start(loop, config, [](Request, Respond) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kUnavailable);
}

}  // namespace
}  // namespace isthmus::rest
