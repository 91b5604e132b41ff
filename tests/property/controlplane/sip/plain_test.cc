// What the plain forms take, Sofia-SIP takes and reads the same way: they only spare the question.
#include "controlplane/sip/plain.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sip/sofia.h"
#include "controlplane/sip/split.h"
#include "dataplane/base/random.h"

namespace isthmus::sip {
namespace {

constexpr int kRounds = 200'000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }
  std::string_view pick(const std::vector<std::string_view>& from) {
    return from[below(static_cast<std::uint32_t>(from.size()))];
  }

 private:
  SeededRandom random_;
};

std::string some_uri(Dice& dice) {
  std::string uri(dice.pick({"sip:", "sips:", "SIP:", "tel:"}));
  uri += dice.pick({"", "alice@", "a.b+c_d-e@", "100@", "a:b@", "-@", ".@"});
  uri += dice.pick(
      {"192.0.2.1", "example.com", "a-b.c", "1.2.3", "300.1.2.3", "x.1", "a..b", "-a.b", "[::1]", "1a.b", "h"});
  uri += dice.pick({"", ":5060", ":0", ":65535", ":65536", ":", ":00080"});
  uri += dice.pick({"", ";lr", ";transport=tcp", ";a=", ";=b", ";x=y;z", ";transport=", ";;", ";method=INVITE",
                    ";ttl=999", ";maddr=1.2.3"});
  return uri;
}

std::string some_address(Dice& dice) {
  std::string address(dice.pick({"", "\"a b\" ", "\"\"", "\"x\"", "word ", "\"open ", "\"q\\\"\" "}));
  address += "<" + some_uri(dice) + ">";
  address += dice.pick(
      {"", ";tag=1", ";q=0.5", ";q=banana", ";expires=x", ";q=7", ";tag", ";tag=", " ;tag=x", ";+sip.instance=1"});
  return address;
}

std::string some_via(Dice& dice) {
  std::string via(
      dice.pick({"SIP/2.0/TCP ", "SIP/2.0/UDP ", "SIP/2.0/TLS ", "SIP/2.0/tcp ", "SIP / 2.0 / TCP ", "SIP/2.0/TCP"}));
  via += dice.pick({"192.0.2.1", "example.com", "1.2.3", "300.1.2.3", "x.1", "a..b", "-a.b", "[::1]", "1a.b", "h", ""});
  via += dice.pick({"", ":5060", ":0", ":65536", ":"});
  via += dice.pick({"", ";branch=z9hG4bK1", ";rport", ";rport=", ";ttl=999", ";received=x", ";maddr=1.2",
                    ";branch=z9hG4bK1;rport=1"});
  return via;
}

/// One character somewhere is another one, in a third of all cases.
void spoil(Dice& dice, std::string& text) {
  if (text.empty() || dice.below(3) != 0) return;
  text[dice.below(static_cast<std::uint32_t>(text.size()))] = static_cast<char>(dice.below(256));
}

TEST(PlainForms, TakeOnlyUrisThatTheJudgeTakes) {
  Dice dice(1);
  int taken = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::string text = some_uri(dice);
    spoil(dice, text);
    if (!plain::is_uri(text)) continue;
    ++taken;
    ASSERT_TRUE(sofia::takes_uri(text)) << text;
  }
  EXPECT_GT(taken, kRounds / 50);
}

TEST(PlainForms, TakeOnlyAddressesThatTheJudgeTakesInEveryHeader) {
  Dice dice(2);
  int taken = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::string text = some_address(dice);
    spoil(dice, text);
    if (!plain::is_address(text)) continue;
    ++taken;
    ASSERT_TRUE(sofia::takes_address(text)) << text;
    ASSERT_TRUE(sofia::takes_contact(text)) << text;
    ASSERT_TRUE(sofia::takes_route(text)) << text;
    // The parser does not look at its parts before somebody asks for them.
    const auto parts = split_address(text);
    ASSERT_TRUE(parts && !parts->is_star) << text;
  }
  EXPECT_GT(taken, kRounds / 100);
}

TEST(TagOf, IsTheTagOfTheWholeReading) {
  Dice dice(4);
  int tagged = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::string text = dice.below(4) == 0 ? some_uri(dice) : some_address(dice);
    text += dice.pick({"", ";tag=2", ";x=\"<;tag=3>\"", ";TAG=4", "; tag = 5", ";epid=6;tag=7"});
    spoil(dice, text);
    const auto whole = split_address(text);
    if (!whole) continue;
    ASSERT_EQ(tag_of(whole->text), whole->tag()) << text;
    if (!whole->tag().empty()) ++tagged;
  }
  EXPECT_GT(tagged, kRounds / 20);
}

TEST(PlainForms, ReadViaAsTheJudgeDoes) {
  Dice dice(3);
  int taken = 0;
  for (int i = 0; i < kRounds; ++i) {
    std::string text = some_via(dice);
    spoil(dice, text);
    sofia::ViaParts ours;
    if (!plain::read_via(text, ours)) continue;
    ++taken;
    sofia::ViaParts theirs;
    ASSERT_TRUE(sofia::read_via(text, theirs)) << text;
    ASSERT_EQ(ours.protocol, theirs.protocol) << text;
    ASSERT_EQ(ours.host, theirs.host) << text;
    ASSERT_EQ(ours.port, theirs.port) << text;
  }
  EXPECT_GT(taken, kRounds / 50);
}

TEST(PlainForms, TakeWhatMessagesUsuallyHave) {
  EXPECT_TRUE(plain::is_uri("sip:3001@192.0.2.1:5060"));
  EXPECT_TRUE(plain::is_uri("sips:gw.example.com;transport=tls"));
  EXPECT_TRUE(plain::is_address("\"Alice B\" <sip:alice@example.com>;tag=1928301774"));
  EXPECT_TRUE(plain::is_address("<sip:10.0.0.1;lr>"));
  sofia::ViaParts parts;
  EXPECT_TRUE(plain::read_via("SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bK-1;rport", parts));
  EXPECT_FALSE(plain::is_uri("sip:" + std::string(300, 'a')));
}

}  // namespace
}  // namespace isthmus::sip
