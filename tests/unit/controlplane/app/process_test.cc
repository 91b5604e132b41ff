// The whole control plane in one process: real sockets on free ports, a data plane that has no packets.

#include "controlplane/app/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "controlplane/app/configuration.h"
#include "tests/unit/controlplane/app/fake_data_plane.h"

namespace isthmus::app {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

/// A phone that a test holds in its hands: one UDP socket on loopback.
class Phone {
 public:
  explicit Phone(asio::io_context& loop) : socket_(loop, {asio::ip::address_v4::loopback(), 0}) {}
  std::uint16_t port() const { return socket_.local_endpoint().port(); }
  void send(const std::string& text, std::uint16_t to) {
    socket_.send_to(asio::buffer(text), {asio::ip::address_v4::loopback(), to});
  }
  /// The next message whose first line begins with `start`; others are skipped. Empty after five seconds.
  std::string await(std::string_view start) {
    for (;;) {
      pollfd descriptor{socket_.native_handle(), POLLIN, 0};
      if (::poll(&descriptor, 1, 5000) <= 0) return "";
      std::array<char, 65536> buffer;
      const std::size_t size = socket_.receive(asio::buffer(buffer));
      const std::string_view text(buffer.data(), size);
      if (text.starts_with(start)) return std::string(text);
    }
  }

 private:
  asio::ip::udp::socket socket_;
};

std::string header(const std::string& message, const std::string& name) {
  const std::size_t at = message.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t from = at + name.size() + 4;
  return message.substr(from, message.find("\r\n", from) - from);
}

std::string headers(const std::string& message, const std::string& name) {
  std::string all;
  for (std::size_t at = message.find("\r\n" + name + ": "); at != std::string::npos;
       at = message.find("\r\n" + name + ": ", at + 2)) {
    all += message.substr(at + 2, message.find("\r\n", at + 2) - at);
  }
  return all;
}

std::string sdp(std::uint16_t port) {
  return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " + std::to_string(port) +
         " RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
}

std::string with_body(const std::string& head, const std::string& body) {
  return head + "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct ProcessTest : testing::Test {
  asio::io_context loop;
  std::string root = [] {
    std::string name = (fs::temp_directory_path() / "isthmus-process-XXXXXX").string();
    return std::string(mkdtemp(name.data()));
  }();
  Options options{.config = "", .contract_socket = root + "/dp.sock", .state_dir = root + "/state"};
  Phone left{loop};
  Phone right{loop};
  int notify = -1;
  std::unique_ptr<FakeDataPlane> data_plane;
  std::unique_ptr<Process> process;
  std::thread runner;
  bool finished = false;

  void SetUp() override {
    notify = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", root.c_str());
    ASSERT_EQ(::bind(notify, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", address.sun_path, 1);
  }
  ~ProcessTest() override {
    if (runner.joinable()) {
      if (!finished) stop();
    }
    process.reset();
    data_plane.reset();
    ::close(notify);
    ::unsetenv("NOTIFY_SOCKET");
    fs::remove_all(root);
  }

  std::string config_text() const {
    const auto zone = [](const char* name, const char* listener, const Phone& phone) {
      return "[[zone]]\nname = \"" + std::string(name) + "\"\nlistener = \"" + listener +
             "\"\nmonitor = false\nallow_loopback_media = true\nmedia_encryption = \"off\"\npeers = [{ host = "
             "\"127.0.0.1\", port = " +
             std::to_string(phone.port()) + " }]\n";
    };
    const auto listener = [](const char* name) {
      return "[[listener]]\nname = \"" + std::string(name) +
             "\"\ntransport = \"udp\"\naddress = \"127.0.0.1\"\nport = 0\n";
    };
    return "log_level = \"error\"\n[node]\nhost_name = \"gw.example.com\"\n" + listener("left") + listener("right") +
           "[[network]]\nname = \"lab\"\n" + zone("left", "left", left) + zone("right", "right", right) +
           "[[search_rule]]\nname = \"r\"\npattern_type = \"prefix\"\npattern = \"right@\"\ntarget_zone = \"right\"\n"
           "[rest]\nport = 0\n";
  }

  void start() {
    const auto configuration = check_configuration(config_text());
    ASSERT_TRUE(configuration) << config::to_text(configuration.error(), "test");
    auto started = Process::start(options, *configuration);
    ASSERT_TRUE(started) << to_string(started.error());
    process = std::move(*started);
    runner = std::thread([this] { process->run(); });
  }
  /// SIGTERM to ourselves: the signal set of the process takes it.
  void stop() {
    ::kill(::getpid(), SIGTERM);
    runner.join();
    finished = true;
  }
  std::string notified() const {
    pollfd descriptor{notify, POLLIN, 0};
    if (::poll(&descriptor, 1, 5000) <= 0) return "";
    std::array<char, 256> text;
    const ssize_t size = ::recv(notify, text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  std::string token() const {
    std::ifstream file(options.state_dir + "/token");
    std::string line;
    std::getline(file, line);
    return line;
  }
  /// Status and body of one request.
  std::pair<int, std::string> ask(const std::string& method, const std::string& target) {
    asio::ip::tcp::socket socket(loop);
    socket.connect({asio::ip::address_v4::loopback(), process->rest_address().port});
    const std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                                "Authorization: Bearer " + token() + "\r\n\r\n";
    asio::write(socket, asio::buffer(request));
    std::string answer;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    const std::size_t body = answer.find("\r\n\r\n");
    return {std::stoi(answer.substr(9, 3)), answer.substr(body + 4)};
  }
  std::uint16_t sip_port(std::size_t listener) {
    const json::value status = json::parse(ask("GET", "/api/v1/status").second);
    const std::string address(status.at("listeners").at(listener).at("address").as_string());
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }

  /// left calls right until both have their 2xx; returns the INVITE that right got and the 200 that left got.
  std::pair<std::string, std::string> call() {
    const std::uint16_t gateway = sip_port(0);
    const std::string own = "127.0.0.1:" + std::to_string(left.port());
    const auto head = [&](const std::string& method, const std::string& to_tag) {
      return method + " sip:right@gw.example.com SIP/2.0\r\nVia: SIP/2.0/UDP " + own + ";branch=z9hG4bK-1" + method +
             "\r\nMax-Forwards: 70\r\nFrom: <sip:left@example.com>;tag=l\r\nTo: <sip:right@gw.example.com>" + to_tag +
             "\r\nCall-ID: c1\r\nCSeq: 1 " + method + "\r\nContact: <sip:left@" + own + ">\r\n";
    };
    left.send(with_body(head("INVITE", ""), sdp(4000)), gateway);
    const std::string invite = right.await("INVITE ");
    const std::string ok = "SIP/2.0 200 OK\r\n" + headers(invite, "Via") + "From: " + header(invite, "From") +
                           "\r\nTo: " + header(invite, "To") + ";tag=r\r\nCall-ID: " + header(invite, "Call-ID") +
                           "\r\nCSeq: " + header(invite, "CSeq") +
                           "\r\nContact: <sip:right@127.0.0.1:" + std::to_string(right.port()) + ">\r\n";
    right.send(with_body(ok, sdp(5000)), sip_port(1));
    const std::string answered = left.await("SIP/2.0 200");
    const std::string tag = header(answered, "To").substr(header(answered, "To").find(";tag="));
    left.send(head("ACK", tag) + "Content-Length: 0\r\n\r\n", gateway);
    EXPECT_THAT(right.await("ACK "), StartsWith("ACK "));
    return {invite, answered};
  }

  /// Both phones get a BYE and answer it.
  void answer_byes() {
    for (Phone* phone : {&left, &right}) {
      const std::string bye = phone->await("BYE ");
      EXPECT_THAT(bye, StartsWith("BYE "));
      const std::string via = header(bye, "Via");
      constexpr std::string_view kHost = "127.0.0.1:";
      const auto port = std::stoi(via.substr(via.find(kHost) + kHost.size()));
      phone->send("SIP/2.0 200 OK\r\n" + headers(bye, "Via") + headers(bye, "From") + headers(bye, "To") +
                      headers(bye, "Call-ID") + headers(bye, "CSeq") + "Content-Length: 0\r\n\r\n",
                  static_cast<std::uint16_t>(port));
    }
  }
};

TEST_F(ProcessTest, TellsReadyOnlyOnceTheDataPlaneIsThere) {
  start();
  EXPECT_EQ(ask("GET", "/readyz").first, 503);
  EXPECT_EQ(ask("GET", "/healthz").first, 200);
  data_plane = std::make_unique<FakeDataPlane>(options.contract_socket);
  EXPECT_EQ(notified(), "READY=1");
  EXPECT_EQ(ask("GET", "/readyz").first, 200);
  stop();
  EXPECT_EQ(notified(), "STOPPING=1");
}

TEST_F(ProcessTest, CarriesACallShowsItAndEndsItForTheOperator) {
  data_plane = std::make_unique<FakeDataPlane>(options.contract_socket);
  start();
  ASSERT_EQ(notified(), "READY=1");
  const auto [invite, answer] = call();
  EXPECT_THAT(invite, HasSubstr("m=audio 56"));  // our port, not the caller's
  EXPECT_THAT(answer, HasSubstr("m=audio 56"));

  const json::value page = json::parse(ask("GET", "/api/v1/calls").second);
  ASSERT_EQ(page.at("items").as_array().size(), 1U);
  const std::string id(page.at("items").at(0).at("id").as_string());
  const json::value shown = json::parse(ask("GET", "/api/v1/calls/" + id).second);
  EXPECT_EQ(shown.at("state").as_string(), "up");
  EXPECT_EQ(shown.at("streams").at(0).at("legs").at(0).at("codec").as_string(), "PCMU/8000");
  EXPECT_EQ(shown.at("streams").at(0).at("legs").at(0).at("figures").at("packets_received").to_number<int>(), 50);
  EXPECT_THAT(ask("GET", "/metrics").second, HasSubstr("\nisthmus_calls 1\n"));

  EXPECT_EQ(ask("DELETE", "/api/v1/calls/" + id).first, 202);
  answer_byes();
}

TEST_F(ProcessTest, TermEndsTheCallsAndClosesTheirMedia) {
  data_plane = std::make_unique<FakeDataPlane>(options.contract_socket);
  start();
  ASSERT_EQ(notified(), "READY=1");
  call();
  EXPECT_EQ(data_plane->sessions(), 1U);
  std::thread phones([this] { answer_byes(); });
  stop();
  phones.join();
  EXPECT_EQ(data_plane->sessions(), 0U);
}

TEST_F(ProcessTest, AddressThatIsTakenIsSaidAndNothingRuns) {
  auto configuration = check_configuration(config_text());
  ASSERT_TRUE(configuration);
  configuration->listeners[1].port = left.port();
  const auto started = Process::start(options, *configuration);
  ASSERT_FALSE(started);
  EXPECT_THAT(to_string(started.error()), HasSubstr("listener \"right\": cannot listen on 127.0.0.1:"));
}

TEST_F(ProcessTest, JournalThatIsNoneIsSaid) {
  auto configuration = check_configuration(config_text());
  ASSERT_TRUE(configuration);
  options.journal_fd = notify;  // a socket
  EXPECT_FALSE(Process::start(options, *configuration));
}

}  // namespace
}  // namespace isthmus::app
