// Peers that are known by name: where calls go, and who is trusted.

#include "tests/support/b2bua/gateway_bench.h"

namespace isthmus::b2bua {
namespace {

constexpr const char* kAnn = GatewayBench::kAnn;
constexpr const char* kBob = GatewayBench::kBob;
constexpr const char* kOther = "203.0.113.9:5080";
const std::string kOfferA = audio_sdp("198.51.100.1", 4000);

SocketAddress at(const char* text) { return SocketAddress::parse(text).value(); }

struct NamedPeers : testing::Test {
  static config::ControlPlane configuration() {
    config::ControlPlane named = GatewayBench::gateway_configuration();
    named.zones[1].peers = {{"ucm.example.com", 0, config::Transport::kUdp}};
    return named;
  }
  void invite() { bench.send(kAnn, bench.request("INVITE", 1, kOfferA)); }

  GatewayBench bench{configuration()};
};

TEST_F(NamedPeers, CallsGoWhereTheNameIsAtTheMoment) {
  bench.places["ucm.example.com"] = {at(kBob)};
  invite();
  EXPECT_EQ(bench.next_what(kBob), "INVITE");
}

TEST_F(NamedPeers, ANameThatIsNowhereIs502) {
  invite();
  EXPECT_EQ(bench.next_what(kAnn), "502");
  EXPECT_EQ(bench.b2bua->calls(), 0U);
}

TEST_F(NamedPeers, ASecondAddressIsTriedWhenTheFirstIsNotThere) {
  bench.places["ucm.example.com"] = {at(kBob), at(kOther)};
  invite();
  const sip::Message first = bench.next(kBob);
  ASSERT_EQ(GatewayBench::what(first), "INVITE");
  bench.send(kBob, GatewayBench::response(first, 503));
  EXPECT_EQ(bench.next_what(kBob), "ACK");
  EXPECT_EQ(bench.next_what(kOther), "INVITE");
}

TEST_F(NamedPeers, AddressesOfAPeerAreBounded) {
  auto& places = bench.places["ucm.example.com"];
  for (std::uint8_t i = 0; i < kMaxAddressesOfPeer + 3; ++i) places.push_back({IpAddress::v4(203, 0, 113, i), 5060});
  invite();
  std::size_t tried = 0;
  for (const SocketAddress& place : std::vector<SocketAddress>(places)) {
    const std::string to = to_string(place);
    const sip::Message request = bench.next(to.c_str());
    if (GatewayBench::what(request) != "INVITE") continue;
    ++tried;
    bench.send(to.c_str(), GatewayBench::response(request, 503));
  }
  EXPECT_EQ(tried, kMaxAddressesOfPeer);
}

TEST_F(NamedPeers, AreTrustedWhereTheyAreAndNoLongerWhereTheyWere) {
  const auto answer = [this](const char* from, const std::string& branch) {
    bench.call_id = "options-" + branch;  // the same again by another branch would be a merged request (482)
    std::string options = bench.request("OPTIONS", 7, "");
    for (std::size_t hit = options.find("198.51.100.1:5060"); hit != std::string::npos;
         hit = options.find("198.51.100.1:5060")) {
      options.replace(hit, 17, from);
    }
    options.insert(options.find("branch=z9hG4bK") + 14, branch);
    bench.send(from, options);
    return bench.next_what(from);
  };
  EXPECT_EQ(answer(kBob, "a"), "403");
  bench.places["ucm.example.com"] = {at(kBob)};
  bench.b2bua->refresh_sources();
  EXPECT_EQ(answer(kBob, "b"), "200");
  bench.places["ucm.example.com"] = {at(kOther)};
  bench.b2bua->refresh_sources();
  EXPECT_EQ(answer(kBob, "c"), "403");
  EXPECT_EQ(answer(kOther, "d"), "200");
}

}  // namespace
}  // namespace isthmus::b2bua
