#include "controlplane/resolver/directory.h"

#include <deque>
#include <set>

#include <gtest/gtest.h>

#include "controlplane/event_loop/manual_timers.h"

namespace isthmus::resolver {
namespace {

using std::chrono::seconds;

/// Answers when the test says so.
class FakeDns final : public Dns {
 public:
  void addresses(const std::string& name, std::function<void(Result<Addresses>)> done) override {
    asked.push_back(name);
    address_questions.push_back(std::move(done));
  }
  void services(const std::string& name, std::function<void(Result<Services>)> done) override {
    asked.push_back(name);
    service_questions.push_back(std::move(done));
  }
  bool is_in_hosts_file(const std::string& name) override { return hosts_file.contains(name); }

  void answer(Result<Addresses> with) {
    auto done = std::move(address_questions.front());
    address_questions.pop_front();
    done(std::move(with));
  }
  void answer(Result<Services> with) {
    auto done = std::move(service_questions.front());
    service_questions.pop_front();
    done(std::move(with));
  }

  std::vector<std::string> asked;
  std::set<std::string> hosts_file;
  std::deque<std::function<void(Result<Addresses>)>> address_questions;
  std::deque<std::function<void(Result<Services>)>> service_questions;
};

IpAddress ip(std::uint8_t last) { return IpAddress::v4(192, 0, 2, last); }
Result<Addresses> at(std::vector<IpAddress> addresses, int ttl = 60) {
  return Addresses{std::move(addresses), seconds(ttl)};
}
Result<Addresses> nowhere() { return fail(ErrorKind::kUnavailable, "Domain name not found"); }

struct DirectoryTest : testing::Test {
  event_loop::ManualTimers timers;
  SeededRandom random{1};
  FakeDns dns;
  Directory directory{dns, timers, random};
  const Service named{"fe.example.com", 5061, sip::Transport::kTls};
  const Service by_service{"example.com", 0, sip::Transport::kTls};
};

TEST_F(DirectoryTest, NumericHostsAreThemselves) {
  EXPECT_EQ(directory.locate({"192.0.2.7", 0, sip::Transport::kUdp}), (std::vector<SocketAddress>{{ip(7), 5060}}));
  EXPECT_EQ(directory.locate({"192.0.2.7", 0, sip::Transport::kTls}), (std::vector<SocketAddress>{{ip(7), 5061}}));
  EXPECT_EQ(directory.locate({"192.0.2.7", 5070, sip::Transport::kTcp}), (std::vector<SocketAddress>{{ip(7), 5070}}));
  EXPECT_TRUE(dns.asked.empty());
}

TEST_F(DirectoryTest, ANameWithAPortIsAskedForItsAddresses) {
  EXPECT_TRUE(directory.locate(named).empty());
  EXPECT_TRUE(directory.locate({"FE.example.com.", 5061, sip::Transport::kTls}).empty());  // one question
  ASSERT_EQ(dns.asked, std::vector<std::string>{"fe.example.com"});
  dns.answer(at({ip(1), ip(2), ip(1)}));
  EXPECT_EQ(directory.locate(named), (std::vector<SocketAddress>{{ip(1), 5061}, {ip(2), 5061}}));
}

TEST_F(DirectoryTest, ANameWithoutPortIsAskedForItsServiceFirst) {  // RFC 3263 4.2
  for (const auto& [transport, question] : {std::pair{sip::Transport::kUdp, "_sip._udp.example.com"},
                                            std::pair{sip::Transport::kTcp, "_sip._tcp.example.com"},
                                            std::pair{sip::Transport::kTls, "_sips._tcp.example.com"}}) {
    directory.locate({"example.com", 0, transport});
    EXPECT_EQ(dns.asked.back(), question);
  }
}

TEST_F(DirectoryTest, ServicesAreTakenByPriorityWithTheirPorts) {
  directory.locate(by_service);
  dns.answer(Services{{{20, 0, 5063, "c.example.com"}, {10, 0, 5062, "b.example.com"}}, seconds(60)});
  ASSERT_EQ(dns.asked, (std::vector<std::string>{"_sips._tcp.example.com", "b.example.com", "c.example.com"}));
  dns.answer(at({ip(2)}));
  EXPECT_TRUE(directory.locate(by_service).empty());  // the other one is still out
  dns.answer(at({ip(3)}));
  EXPECT_EQ(directory.locate(by_service), (std::vector<SocketAddress>{{ip(2), 5062}, {ip(3), 5063}}));
}

TEST_F(DirectoryTest, WeightsDecideWhoIsFirst) {  // RFC 2782
  std::map<std::uint16_t, int> first;
  for (int i = 0; i < 400; ++i) {
    Directory other(dns, timers, random);
    other.locate(by_service);
    dns.answer(Services{{{1, 30, 1, "a"}, {1, 10, 2, "b"}, {1, 0, 3, "c"}}, seconds(60)});
    for (int j = 0; j < 3; ++j) dns.answer(at({ip(1)}));
    const auto places = other.locate(by_service);
    ASSERT_EQ(places.size(), 3U);
    ++first[places.front().port];
  }
  EXPECT_NEAR(first[1], 300, 40);
  EXPECT_NEAR(first[2], 100, 40);
  EXPECT_EQ(first[3], 0);
}

TEST_F(DirectoryTest, WithoutServiceTheNameItselfIsAsked) {
  directory.locate(by_service);
  dns.answer(Result<Services>(Services{}));
  dns.answer(at({ip(4)}));
  EXPECT_EQ(directory.locate(by_service), (std::vector<SocketAddress>{{ip(4), 5061}}));
  const Service other{"example.net", 0, sip::Transport::kTcp};
  directory.locate(other);
  dns.answer(Result<Services>(fail(ErrorKind::kUnavailable, "server failure")));
  EXPECT_EQ(dns.asked.back(), "example.net");
}

TEST_F(DirectoryTest, AServiceThatIsDeniedIsNotSoughtElsewhere) {  // RFC 2782
  directory.locate(by_service);
  dns.answer(Services{{{0, 0, 0, "."}}, seconds(60)});
  EXPECT_EQ(dns.asked.size(), 1U);
  EXPECT_NE(directory.trouble(by_service).find("no such service"), std::string::npos);
}

TEST_F(DirectoryTest, TheHostsFileIsEnough) {
  dns.hosts_file = {"example.com"};
  directory.locate(by_service);
  EXPECT_EQ(dns.asked, std::vector<std::string>{"example.com"});
  dns.answer(at({ip(4)}, 0));
  EXPECT_EQ(directory.locate(by_service), (std::vector<SocketAddress>{{ip(4), 5061}}));
}

TEST_F(DirectoryTest, AnAnswerIsKeptForItsTtlAndServesWhileTheNextIsOut) {
  directory.locate(named);
  dns.answer(at({ip(1)}, 60));
  timers.advance(seconds(59));
  directory.locate(named);
  EXPECT_EQ(dns.asked.size(), 1U);
  timers.advance(seconds(1));
  EXPECT_EQ(directory.locate(named).size(), 1U);
  EXPECT_EQ(dns.asked.size(), 2U);
  dns.answer(at({ip(2)}, 60));
  EXPECT_EQ(directory.locate(named), (std::vector<SocketAddress>{{ip(2), 5061}}));
}

TEST_F(DirectoryTest, TtlsAreHeldWithinBounds) {
  directory.locate(named);
  dns.answer(at({ip(1)}, 0));
  timers.advance(kLeastTtl - seconds(1));
  directory.locate(named);
  EXPECT_EQ(dns.asked.size(), 1U);
  timers.advance(seconds(1));
  directory.locate(named);
  EXPECT_EQ(dns.asked.size(), 2U);
  dns.answer(at({ip(1)}, 1'000'000));
  timers.advance(kMostTtl);
  directory.locate(named);
  EXPECT_EQ(dns.asked.size(), 3U);
}

TEST_F(DirectoryTest, AnOldAnswerServesForAWhileWhenNobodyAnswers) {
  directory.watch(named);
  dns.answer(at({ip(1)}, 60));
  for (int second = 0; second < 60 + 3600 - 1; ++second) {
    timers.advance(seconds(1));
    while (!dns.address_questions.empty()) dns.answer(nowhere());
  }
  EXPECT_EQ(directory.locate(named).size(), 1U);
  timers.advance(seconds(1));
  EXPECT_TRUE(directory.locate(named).empty());
  EXPECT_EQ(directory.trouble(named), "Domain name not found");
}

TEST_F(DirectoryTest, AFailureIsNotAskedAboutAtOnce) {
  directory.locate(named);
  dns.answer(nowhere());
  directory.locate(named);
  EXPECT_EQ(dns.asked.size(), 1U);
  timers.advance(kRetry);
  directory.locate(named);
  EXPECT_EQ(dns.asked.size(), 2U);
}

TEST_F(DirectoryTest, SilenceEndsAndALateAnswerIsNotTaken) {
  directory.locate(named);
  timers.advance(kGiveUp);
  EXPECT_EQ(directory.trouble(named), "no answer in time");
  dns.answer(at({ip(1)}));
  EXPECT_TRUE(directory.locate(named).empty());
}

TEST_F(DirectoryTest, WatchedServicesAreKeptFreshAndTellOfChanges) {
  int changes = 0;
  directory.on_change([&changes] { ++changes; });
  directory.watch(named);
  directory.watch({"192.0.2.1", 5060, sip::Transport::kUdp});  // nothing to watch
  dns.answer(at({ip(1)}, 60));
  EXPECT_EQ(changes, 1);
  timers.advance(seconds(60));
  ASSERT_EQ(dns.asked.size(), 2U);
  dns.answer(at({ip(1)}, 60));
  EXPECT_EQ(changes, 1);
  timers.advance(seconds(60));
  dns.answer(at({ip(2)}, 60));
  EXPECT_EQ(changes, 2);
}

TEST_F(DirectoryTest, SomeTargetsOfAServiceAreEnough) {
  directory.locate(by_service);
  dns.answer(Services{{{1, 0, 5062, "a"}, {2, 0, 5063, "b"}}, seconds(60)});
  dns.answer(nowhere());
  dns.answer(at({ip(2)}));
  EXPECT_EQ(directory.locate(by_service), (std::vector<SocketAddress>{{ip(2), 5063}}));
}

TEST_F(DirectoryTest, PlacesAndServicesAreBounded) {
  directory.locate(by_service);
  Services many{{}, seconds(60)};
  for (std::uint16_t i = 0; i < kMaxServicesOfName; ++i)
    many.records.push_back({i, 0, static_cast<std::uint16_t>(1 + i), "x"});
  dns.answer(many);
  for (std::size_t i = 0; i < kMaxServicesOfName; ++i) dns.answer(at({ip(1), ip(2)}));
  EXPECT_EQ(directory.locate(by_service).size(), kMaxPlaces);

  for (std::size_t i = 0; i + 1 < kMaxServices; ++i) {
    directory.locate({"n" + std::to_string(i), 1, sip::Transport::kTcp});
    dns.answer(at({ip(1)}, 60));
  }
  const std::size_t asked = dns.asked.size();
  EXPECT_TRUE(directory.locate({"one.more", 1, sip::Transport::kTcp}).empty());
  EXPECT_EQ(dns.asked.size(), asked);  // no room
  directory.watch({"peer", 1, sip::Transport::kTcp});
  EXPECT_EQ(dns.asked.size(), asked + 1);  // there always is for peers
  timers.advance(seconds(61));
  directory.locate({"one.more", 1, sip::Transport::kTcp});
  EXPECT_EQ(dns.asked.back(), "one.more");
}

TEST_F(DirectoryTest, AnswersAfterItsEndGoNowhere) {
  {
    Directory gone(dns, timers, random);
    gone.locate(named);
  }
  dns.answer(at({ip(1)}));
  timers.advance(kGiveUp);
}

}  // namespace
}  // namespace isthmus::resolver
