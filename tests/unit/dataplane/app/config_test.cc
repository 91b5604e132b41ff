#include "dataplane/app/config.h"

#include <gtest/gtest.h>

namespace isthmus::app {
namespace {

constexpr std::string_view kGood = R"([dataplane]
io_mode = "af_xdp"
idle = "poll"
workers = 2
worker_cpus = [1, 3]
huge_pages = false
contract_socket = "/tmp/x.sock"
run_directory = "/tmp/x"
control_plane_absent_minutes = 5
log_level = "debug"

[[network]]
name = "left"
interface = "gw-left"
addresses = ["192.0.2.1", "2001:db8:1::1"]
first_port = 40000
last_port = 40999
mtu = 1400

[[network]]
name = "right"
interface = "gw-right"
addresses = ["198.51.100.1"]
)";

TEST(Config, ReadsEveryKey) {
  const auto config = parse_config(kGood);
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_EQ(config->io_mode, io::Mode::kAfXdp);
  EXPECT_EQ(config->idle, worker::IdlePolicy::kPoll);
  EXPECT_EQ(config->workers, 2U);
  EXPECT_EQ(config->worker_cpus, (std::vector<unsigned>{1, 3}));
  EXPECT_FALSE(config->huge_pages);
  EXPECT_EQ(config->contract_socket, "/tmp/x.sock");
  EXPECT_EQ(config->run_directory, "/tmp/x");
  EXPECT_EQ(config->control_plane_absent_minutes, 5U);
  EXPECT_EQ(config->log_level, log::Level::kDebug);
  ASSERT_EQ(config->networks.size(), 2U);
  EXPECT_EQ(config->networks[0].name, "left");
  EXPECT_EQ(config->networks[0].interface, "gw-left");
  EXPECT_EQ(config->networks[0].addresses.size(), 2U);
  EXPECT_EQ(config->networks[0].first_port, 40000);
  EXPECT_EQ(config->networks[0].last_port, 40999);
  EXPECT_EQ(config->networks[0].mtu, 1400);
}

std::string pci_config(std::string_view first, std::string_view second) {
  return "[dataplane]\nio_mode = \"pci\"\n[[network]]\nname = \"a\"\naddresses = [\"192.0.2.1\"]\n" +
         std::string(first) + "\n[[network]]\nname = \"b\"\naddresses = [\"192.0.2.9\"]\n" + std::string(second) + "\n";
}

TEST(Config, PciNetworksHaveADeviceAndItsTwin) {
  const auto config = parse_config(
      pci_config("interface = \"nic0\"\ndevice = \"0000:03:00.0\"", "interface = \"nic0\"\ndevice = \"0000:03:00.0\""));
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_EQ(config->io_mode, io::Mode::kPci);
  EXPECT_EQ(config->networks[1].device, "0000:03:00.0");
}

TEST(Config, PciDeviceThatCannotBeIsRefusedByKey) {
  const auto refused = [](std::string_view first, std::string_view second) {
    const auto config = parse_config(pci_config(first, second));
    return config ? std::string() : to_text(config.error(), "f");
  };
  const std::string good = "interface = \"nic0\"\ndevice = \"0000:03:00.0\"";
  EXPECT_NE(refused("interface = \"nic0\"", good).find("network[0].device: is missing"), std::string::npos);
  EXPECT_NE(refused("device = \"0000:03:00.0\"", good).find("network[0].interface: is missing"), std::string::npos);
  EXPECT_NE(refused(good, "interface = \"nic1\"\ndevice = \"0000:03:00.0\"").find("this device with another interface"),
            std::string::npos);
  EXPECT_NE(refused(good, "interface = \"nic0\"\ndevice = \"0000:03:00.1\"").find("this interface with another device"),
            std::string::npos);
  EXPECT_NE(refused(good, "interface = \"nic1\"\ndevice = \"a b\"").find("network[1].device: expected"),
            std::string::npos);
  EXPECT_NE(refused(good, "interface = \"nic1\"\ndevice = \"" + std::string(257, 'x') + "\"").find("network[1].device"),
            std::string::npos);
}

TEST(Config, DeviceIsForPciAlone) {
  std::string text(kGood);
  text.replace(text.find("interface = \"gw-right\""), 0, "device = \"0000:03:00.0\"\n");
  const auto config = parse_config(text);
  ASSERT_FALSE(config);
  EXPECT_NE(to_text(config.error(), "f").find("network[1].device: is for io_mode"), std::string::npos);
}

TEST(Config, PoolIsInclusive56000To57000ByDefault) {
  const auto config = parse_config(kGood);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->networks[1].first_port, 56000);
  EXPECT_EQ(config->networks[1].last_port, 57000);
  EXPECT_EQ(config->networks[1].mtu, 1500);
}

struct BadCase {
  const char* name;
  const char* from;  // replaced in kGood
  const char* to;
  std::uint32_t line;
  const char* key;
};

class ConfigErrors : public testing::TestWithParam<BadCase> {};

TEST_P(ConfigErrors, NamesLineAndKey) {
  const BadCase& bad = GetParam();
  std::string text(kGood);
  const auto at = text.find(bad.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view(bad.from).size(), bad.to);
  const auto config = parse_config(text);
  ASSERT_FALSE(config);
  ASSERT_EQ(config.error().size(), 1U) << to_text(config.error(), "f");
  EXPECT_EQ(config.error()[0].line, bad.line) << config.error()[0].message;
  EXPECT_EQ(config.error()[0].key, bad.key) << config.error()[0].message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConfigErrors,
    testing::Values(
        BadCase{"Syntax", "idle = \"poll\"", "idle = ", 3, ""},
        BadCase{"UnknownMode", "\"af_xdp\"", "\"xdp\"", 2, "dataplane.io_mode"},
        BadCase{"ModeOfWrongType", "\"af_xdp\"", "7", 2, "dataplane.io_mode"},
        BadCase{"UnknownIdle", "\"poll\"", "\"sleep\"", 3, "dataplane.idle"},
        BadCase{"NoWorker", "workers = 2\nworker_cpus = [1, 3]", "workers = 0\n", 4, "dataplane.workers"},
        BadCase{"TooManyWorkers", "workers = 2\nworker_cpus = [1, 3]", "workers = 33\n", 4, "dataplane.workers"},
        BadCase{"WorkersOfWrongType", "workers = 2\nworker_cpus = [1, 3]", "workers = \"2\"\n", 4, "dataplane.workers"},
        BadCase{"CpusDoNotMatch", "[1, 3]", "[1]", 5, "dataplane.worker_cpus"},
        BadCase{"CpusOfWrongType", "[1, 3]", "[1, \"3\"]", 5, "dataplane.worker_cpus"},
        BadCase{"FlagOfWrongType", "huge_pages = false", "huge_pages = 0", 6, "dataplane.huge_pages"},
        BadCase{"UnknownKey", "huge_pages = false", "hugepages = false", 6, "dataplane.hugepages"},
        BadCase{"AbsentForNoTime", "minutes = 5", "minutes = 0", 9, "dataplane.control_plane_absent_minutes"},
        BadCase{"UnknownLevel", "\"debug\"", "\"all\"", 10, "dataplane.log_level"},
        BadCase{"NameMissing", "name = \"left\"", "", 12, "network[0].name"},
        BadCase{"NameWithSpace", "\"left\"", "\"le ft\"", 13, "network[0].name"},
        BadCase{"NameTwice", "\"right\"", "\"left\"", 21, "network[1].name"},
        BadCase{"InterfaceMissing", "interface = \"gw-left\"", "", 12, "network[0].interface"},
        BadCase{"InterfaceTooLong", "\"gw-left\"", "\"0123456789abcdef\"", 14, "network[0].interface"},
        BadCase{"InterfaceWithComma", "\"gw-left\"", "\"gw,queue=1\"", 14, "network[0].interface"},
        BadCase{"NoAddress", "[\"198.51.100.1\"]", "[]", 23, "network[1].addresses"},
        BadCase{"AddressesMissing", "addresses = [\"198.51.100.1\"]", "", 20, "network[1].addresses"},
        BadCase{"NotAnAddress", "198.51.100.1", "gateway.example", 23, "network[1].addresses"},
        BadCase{"AddressTwice", "198.51.100.1", "192.0.2.1", 23, "network[1].addresses"},
        BadCase{"AnyAddress", "198.51.100.1", "0.0.0.0", 23, "network[1].addresses"},
        BadCase{"MulticastAddress", "198.51.100.1", "224.0.0.1", 23, "network[1].addresses"},
        BadCase{"LinkLocalAddress", "198.51.100.1", "fe80::1", 23, "network[1].addresses"},
        BadCase{"LoopbackOutsideSocketMode", "198.51.100.1", "127.0.0.1", 23, "network[1].addresses"},
        BadCase{"SystemPort", "first_port = 40000", "first_port = 1023", 16, "network[0].first_port"},
        BadCase{"PortTooHigh", "last_port = 40999", "last_port = 65536", 17, "network[0].last_port"},
        BadCase{"PoolUpsideDown", "last_port = 40999", "last_port = 40000", 17, "network[0].last_port"},
        BadCase{"MtuTooSmall", "mtu = 1400", "mtu = 1279", 18, "network[0].mtu"},
        BadCase{"MtuTooLarge", "mtu = 1400", "mtu = 1501", 18, "network[0].mtu"},
        BadCase{"UnknownNetworkKey", "mtu = 1400", "vlan = 7", 18, "network[0].vlan"},
        BadCase{"UnknownTable", "[[network]]\nname = \"right\"", "[other]\n[[network]]\nname = \"right\"", 20,
                "other"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Config, BoundaryPortsAndMtuAreTaken) {
  std::string text(kGood);
  text.replace(text.find("40000"), 5, "1024");
  text.replace(text.find("40999"), 5, "65535");
  text.replace(text.find("1400"), 4, "1280");
  EXPECT_TRUE(parse_config(text));
}

TEST(Config, ReportsAllProblemsInOrderOfLines) {
  const auto config = parse_config("[dataplane]\nidle = 1\nworkers = 99\n");
  ASSERT_FALSE(config);
  ASSERT_EQ(config.error().size(), 3U);
  EXPECT_EQ(to_text({config.error()[1]}, "d.toml"), "d.toml:2: dataplane.idle: expected one of nap, poll\n");
}

TEST(Config, EmptyFileNamesTheMissingTables) {
  const auto config = parse_config("");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().size(), 2U);
}

TEST(Config, LoopbackIsForSocketMode) {
  EXPECT_TRUE(parse_config("[dataplane]\nio_mode=\"socket\"\n[[network]]\nname=\"a\"\naddresses=[\"127.0.0.1\"]\n"));
}

TEST(Config, MissingFileIsAProblem) {
  const auto config = load_config("/nonexistent/dataplane.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error()[0].message, "the file cannot be read");
}

}  // namespace
}  // namespace isthmus::app
