// c-ares on the event loop against a name server of our own on loopback.

#include "controlplane/resolver/cares_dns.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>
#include <boost/asio/ip/udp.hpp>

namespace isthmus::resolver {
namespace {

using boost::asio::ip::udp;

std::string be16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xFFU)}; }

/// Question in wire form -> records in wire form; what is not listed does not exist, and "silent" is not answered.
class NameServer {
 public:
  explicit NameServer(event_loop::EventLoop& loop)
      : socket_(loop.context(), udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)) {
    receive();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port()); }

  static std::string name(const std::string& text) {
    std::string wire;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('.', at), text.size());
      wire += static_cast<char>(end - at) + text.substr(at, end - at);
      at = end + 1;
    }
    return wire + '\0';
  }
  void add(const std::string& of, unsigned type, unsigned ttl, const std::string& data) {
    records_[name(of) + be16(type) + be16(1)].push_back(std::string("\xC0\x0C") + be16(type) + be16(1) + be16(0) +
                                                        be16(ttl) + be16(static_cast<unsigned>(data.size())) + data);
  }
  bool answers_nonsense = false;

 private:
  void receive() {
    socket_.async_receive_from(boost::asio::buffer(buffer_), from_, [this](const auto& error, std::size_t size) {
      if (error) return;
      answer(std::string(buffer_.data(), size));
      receive();
    });
  }
  void answer(const std::string& query) {
    if (query.find("\6silent") != std::string::npos) return;
    const std::size_t end = query.find('\0', 12) + 5;
    const std::string question = query.substr(12, end - 12);
    const auto& found = records_[question];
    std::string text = query.substr(0, 2) + be16(found.empty() ? 0x8183 : 0x8180) + be16(1) +
                       be16(static_cast<unsigned>(found.size())) + be16(0) + be16(0) + question;
    for (const std::string& record : found) text += record;
    if (answers_nonsense) text = query.substr(0, 2) + be16(0x8180) + be16(1) + be16(9) + be16(0) + be16(0) + question;
    socket_.send_to(boost::asio::buffer(text), from_);
  }

  udp::socket socket_;
  udp::endpoint from_;
  std::array<char, 2048> buffer_{};
  std::map<std::string, std::vector<std::string>> records_;
};

constexpr unsigned kA = 1;
constexpr unsigned kAaaa = 28;
constexpr unsigned kSrv = 33;

struct CaresDnsTest : testing::Test {
  event_loop::EventLoop loop;
  NameServer server{loop};
  std::unique_ptr<CaresDns> dns = CaresDns::open(loop, server.address()).value();

  std::optional<Result<Addresses>> addresses(const std::string& name, int ms = 2'000) {
    std::optional<Result<Addresses>> answer;
    dns->addresses(name, [&](Result<Addresses> found) {
      answer = std::move(found);
      loop.stop();
    });
    loop.run_for(std::chrono::milliseconds(ms));
    return answer;
  }
  std::optional<Result<Services>> services(const std::string& name) {
    std::optional<Result<Services>> answer;
    dns->services(name, [&](Result<Services> found) {
      answer = std::move(found);
      loop.stop();
    });
    loop.run_for(std::chrono::milliseconds(2'000));
    return answer;
  }
};

TEST_F(CaresDnsTest, FindsAddressesOfBothFamiliesWithTheLeastTtl) {
  server.add("fe.example.com", kA, 300, {'\xC0', 0, 2, 7});
  server.add("fe.example.com", kAaaa, 60, std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\1');
  const auto found = addresses("fe.example.com");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->addresses.size(), 2U);
  EXPECT_NE(std::ranges::find((*found)->addresses, IpAddress::v4(192, 0, 2, 7)), (*found)->addresses.end());
  EXPECT_EQ((*found)->ttl, std::chrono::seconds(60));
}

TEST_F(CaresDnsTest, FindsServices) {
  server.add("_sips._tcp.example.com", kSrv, 120,
             be16(10) + be16(20) + be16(5062) + NameServer::name("fe.example.com"));
  server.add("_sips._tcp.example.com", kSrv, 90, be16(20) + be16(0) + be16(5063) + NameServer::name("fe2.example.com"));
  const auto found = services("_sips._tcp.example.com");
  ASSERT_TRUE(found && *found);
  ASSERT_EQ((*found)->records.size(), 2U);
  EXPECT_EQ((*found)->ttl, std::chrono::seconds(90));
  EXPECT_NE(std::ranges::find((*found)->records, "fe.example.com", &ServiceRecord::host), (*found)->records.end());
}

TEST_F(CaresDnsTest, WhatDoesNotExistIsSaid) {
  const auto found = addresses("nobody.example.com");
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
  const auto none = services("_sip._tcp.nobody.example.com");
  ASSERT_TRUE(none && *none);
  EXPECT_TRUE((*none)->records.empty());
}

TEST_F(CaresDnsTest, NonsenseIsAnError) {
  server.answers_nonsense = true;
  const auto found = services("_sip._tcp.example.com");
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(CaresDnsTest, AddressesAreBounded) {
  for (char i = 0; i < 25; ++i) server.add("many.example.com", kA, 60, {10, 0, 0, i});
  const auto found = addresses("many.example.com");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->addresses.size(), kMaxAddressesOfName);
}

TEST_F(CaresDnsTest, TheHostsFileComesFirst) {
  EXPECT_TRUE(dns->is_in_hosts_file("localhost"));
  EXPECT_FALSE(dns->is_in_hosts_file("nobody.example.com"));
  const auto found = addresses("localhost");
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->addresses.front().is_loopback());
}

TEST_F(CaresDnsTest, QuestionsThatAreOutEndWithIt) {
  bool was_called = false;
  dns->addresses("silent.example.com", [&](const auto&) { was_called = true; });
  dns->services("silent.example.com", [&](const auto&) { was_called = true; });
  loop.run_for(std::chrono::milliseconds(20));
  dns.reset();
  loop.run_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(was_called);
}

}  // namespace
}  // namespace isthmus::resolver
