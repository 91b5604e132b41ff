#include "dataplane/agent/route_mirror.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace isthmus::agent {
namespace {

using namespace std::chrono_literals;

const IpAddress kLocal = IpAddress::v4(192, 0, 2, 1);
const IpAddress kNear = IpAddress::v4(192, 0, 2, 9);
const IpAddress kFar = IpAddress::v4(198, 51, 100, 9);
const IpAddress kGateway = IpAddress::v4(192, 0, 2, 254);
const MacAddress kMac{2, 0, 0, 0, 0, 9};
const MacAddress kOtherMac{2, 0, 0, 0, 0, 10};

class FakeKernel : public Kernel {
 public:
  Result<Route> route(const IpAddress&, const IpAddress& destination) override {
    ++routes_asked;
    const auto at = routes.find(destination);
    if (at == routes.end()) return fail(ErrorKind::kUnavailable, "no route");
    return at->second;
  }
  std::optional<Neighbour> neighbour(unsigned index, const IpAddress& address) override {
    const auto at = macs.find(address);
    if (at == macs.end()) return std::nullopt;
    return Neighbour{index, address, at->second, permanent.contains(address)};
  }
  Status keep_fresh(unsigned, const IpAddress& address) override {
    ++asked;
    kept.insert(address);
    return {};
  }
  void let_go(unsigned, const IpAddress& address) override { kept.erase(address); }
  bool keeps_fresh_itself() const override { return itself; }

  std::map<IpAddress, Route> routes;
  std::map<IpAddress, MacAddress> macs;
  std::set<IpAddress> permanent;
  std::multiset<IpAddress> kept;
  int asked = 0;
  int routes_asked = 0;
  bool itself = true;
};

class RouteMirrorTest : public testing::Test {
 protected:
  RouteMirrorTest() {
    kernel.routes[kNear] = {5, std::nullopt, 0};
    kernel.routes[kFar] = {5, kGateway, 0};
  }
  static NeighbourChange change(const IpAddress& address, std::optional<MacAddress> mac) {
    return {{5, address, mac, false}};
  }

  std::vector<io::PortInfo> ports = {{"other", 4, {2, 0, 0, 0, 0, 0}, 1500}, {"gw", 5, {2, 0, 0, 0, 0, 1}, 1500}};
  FakeKernel kernel;
  std::vector<std::optional<NextHop>> told;
  RouteMirror mirror{kernel, ports,
                     [this](const IpAddress&, const IpAddress&, std::optional<NextHop> hop) { told.push_back(hop); }};
  RouteMirror::Clock::time_point now{100s};
};

TEST_F(RouteMirrorTest, KnownNeighbourGivesANextHopAtOnce) {
  kernel.macs[kNear] = kMac;
  mirror.use(kLocal, kNear);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0], (NextHop{1, {2, 0, 0, 0, 0, 1}, kMac, 1500}));
  EXPECT_EQ(kernel.kept.count(kNear), 1U);
}

TEST_F(RouteMirrorTest, UnknownNeighbourIsAskedForAndToldWhenItComes) {
  mirror.use(kLocal, kFar);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(kernel.kept.count(kGateway), 1U);
  mirror.take(change(kGateway, kMac));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]->destination, kMac);
}

TEST_F(RouteMirrorTest, NewMacIsTakenAndALostOneToldOnce) {
  kernel.macs[kNear] = kMac;
  mirror.use(kLocal, kNear);
  mirror.take(change(kNear, kOtherMac));
  mirror.take(change(kNear, kOtherMac));
  mirror.take(change(kNear, std::nullopt));
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[1]->destination, kOtherMac);
  EXPECT_FALSE(told[2]);
}

TEST_F(RouteMirrorTest, NeighboursOfOthersAreIgnored) {
  mirror.use(kLocal, kNear);
  mirror.take(change(IpAddress::v4(192, 0, 2, 77), kMac));
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(mirror.neighbours(), 1U);
}

TEST_F(RouteMirrorTest, LastUserLetsTheNeighbourGo) {
  mirror.use(kLocal, kNear);
  mirror.use(kLocal, kNear);
  mirror.unuse(kLocal, kNear);
  EXPECT_EQ(kernel.kept.size(), 1U);
  mirror.unuse(kLocal, kNear);
  EXPECT_TRUE(kernel.kept.empty());
  EXPECT_EQ(mirror.destinations(), 0U);
  mirror.unuse(kLocal, kNear);  // once too often does nothing
}

TEST_F(RouteMirrorTest, SharedGatewayIsHeldUntilItsLastDestinationGoes) {
  const IpAddress second = IpAddress::v4(198, 51, 100, 10);
  kernel.routes[second] = {5, kGateway, 0};
  mirror.use(kLocal, kFar);
  mirror.use(kLocal, second);
  EXPECT_EQ(kernel.asked, 1);
  mirror.unuse(kLocal, kFar);
  EXPECT_EQ(kernel.kept.count(kGateway), 1U);
  mirror.unuse(kLocal, second);
  EXPECT_TRUE(kernel.kept.empty());
}

TEST_F(RouteMirrorTest, PermanentEntriesAreLeftAlone) {
  kernel.macs[kNear] = kMac;
  kernel.permanent.insert(kNear);
  mirror.use(kLocal, kNear);
  EXPECT_EQ(kernel.asked, 0);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(RouteMirrorTest, RouteOutOfAForeignInterfaceGivesNoNextHop) {
  kernel.routes[kNear] = {77, std::nullopt, 0};
  kernel.macs[kNear] = kMac;
  mirror.use(kLocal, kNear);
  EXPECT_TRUE(told.empty());
}

TEST_F(RouteMirrorTest, NewsOfRoutesAskAgainButNotMoreOftenThanThePause) {
  kernel.macs[kGateway] = kMac;
  kernel.macs[kNear] = kOtherMac;
  mirror.use(kLocal, kFar);
  kernel.routes[kFar] = {5, kNear, 1400};
  mirror.take(TopologyChange{});
  mirror.tick(now);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1]->destination, kOtherMac);
  EXPECT_EQ(told[1]->mtu, 1400);
  EXPECT_EQ(kernel.kept.count(kGateway), 0U);

  const int before = kernel.routes_asked;
  mirror.take(TopologyChange{});
  mirror.tick(now + RouteMirror::kAskAgainPause - 1ms);
  EXPECT_EQ(kernel.routes_asked, before);
  mirror.tick(now + RouteMirror::kAskAgainPause);
  EXPECT_EQ(kernel.routes_asked, before + 1);
}

TEST_F(RouteMirrorTest, LostNewsReadTheNeighboursAgain) {
  mirror.use(kLocal, kNear);
  kernel.macs[kNear] = kMac;
  mirror.distrust();
  mirror.tick(now);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0]->destination, kMac);
}

TEST_F(RouteMirrorTest, OldKernelsAreAskedAgainAfterTheRefreshTime) {
  kernel.itself = false;
  mirror.use(kLocal, kNear);
  mirror.tick(now);
  const int before = kernel.asked;
  mirror.tick(now + RouteMirror::kRefresh - 1ms);
  EXPECT_EQ(kernel.asked, before);
  mirror.tick(now + RouteMirror::kRefresh);
  EXPECT_EQ(kernel.asked, before + 1);
}

}  // namespace
}  // namespace isthmus::agent
