#include "dataplane/app/io_choice.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "dataplane/io/socket_io.h"

namespace isthmus::app {
namespace {

class FakeOpener : public IoOpener {
 public:
  Result<std::unique_ptr<io::Engine>> open(io::Mode mode, const Config& config) override {
    tried.push_back(mode);
    if (const auto at = refusals.find(mode); at != refusals.end()) return fail(ErrorKind::kDenied, at->second);
    return std::unique_ptr<io::Engine>(std::move(*io::SocketEngine::make(config.networks, 1)));
  }
  std::map<io::Mode, std::string> refusals;
  std::vector<io::Mode> tried;
};

Config config_with(io::Mode mode) {
  Config config;
  config.io_mode = mode;
  io::Network network;
  network.name = "a";
  network.addresses = {IpAddress::v4(127, 0, 0, 1)};
  config.networks = {network};
  return config;
}

TEST(IoChoice, NamedModeIsUsedOrFails) {
  FakeOpener opener;
  const auto chosen = choose_io(config_with(io::Mode::kAfPacket), opener);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->reason, "configured");
  EXPECT_EQ(opener.tried, std::vector{io::Mode::kAfPacket});

  FakeOpener refusing;
  refusing.refusals[io::Mode::kAfXdp] = "no right";
  EXPECT_FALSE(choose_io(config_with(io::Mode::kAfXdp), refusing));
  EXPECT_EQ(refusing.tried, std::vector{io::Mode::kAfXdp});
}

TEST(IoChoice, AutoTakesTheBest) {
  FakeOpener opener;
  const auto chosen = choose_io(config_with(io::Mode::kAuto), opener);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(opener.tried, std::vector{io::Mode::kAfXdp});
  EXPECT_EQ(chosen->reason, "the best mode of this host");
}

TEST(IoChoice, AutoGoesDownAndSaysWhy) {
  FakeOpener opener;
  opener.refusals[io::Mode::kAfXdp] = "a foreign program";
  opener.refusals[io::Mode::kAfPacket] = "no right";
  const auto chosen = choose_io(config_with(io::Mode::kAuto), opener);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(opener.tried, (std::vector{io::Mode::kAfXdp, io::Mode::kAfPacket, io::Mode::kSocket}));
  EXPECT_EQ(chosen->reason, "no af_xdp: a foreign program; no af_packet: no right");
}

TEST(IoChoice, AutoTakesADeviceThatIsNamed) {
  FakeOpener opener;
  Config config = config_with(io::Mode::kAuto);
  config.networks[0].device = "0000:03:00.0";
  ASSERT_TRUE(choose_io(config, opener));
  EXPECT_EQ(opener.tried, std::vector{io::Mode::kPci});

  FakeOpener refusing;
  refusing.refusals[io::Mode::kPci] = "not bound";
  EXPECT_FALSE(choose_io(config, refusing)) << "its twin alone would carry no packet";
  EXPECT_EQ(refusing.tried, std::vector{io::Mode::kPci});
}

TEST(IoChoice, NothingLeftIsAnErrorWithAllReasons) {
  FakeOpener opener;
  for (io::Mode mode : {io::Mode::kAfXdp, io::Mode::kAfPacket, io::Mode::kSocket}) opener.refusals[mode] = "no";
  const auto chosen = choose_io(config_with(io::Mode::kAuto), opener);
  ASSERT_FALSE(chosen);
  EXPECT_NE(chosen.error().message.find("no socket: no"), std::string::npos);
}

TEST(CheckAddresses, LoopbackIsThereAndATestAddressIsNot) {
  Config config = config_with(io::Mode::kSocket);
  EXPECT_TRUE(check_addresses(config));
  config.networks[0].interface = "lo";
  EXPECT_TRUE(check_addresses(config));
  config.networks[0].interface = "isthmus-no-if";
  EXPECT_FALSE(check_addresses(config));
  config.networks[0].interface.clear();
  config.networks[0].addresses = {IpAddress::v4(203, 0, 113, 77)};
  const auto missing = check_addresses(config);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "network 'a': this host does not have the address 203.0.113.77");
}

}  // namespace
}  // namespace isthmus::app
