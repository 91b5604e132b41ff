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
  EXPECT_TRUE(config->media_over_tcp);
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

TEST(Config, MediaOverTcpCanBeSwitchedOff) {
  const auto config =
      parse_config("[dataplane]\nmedia_over_tcp = false\n[[network]]\nname = \"a\"\naddresses = [\"192.0.2.1\"]\n");
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_FALSE(config->media_over_tcp);
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

std::string off_kernel_config(std::string_view mode, std::string_view keys, std::string_view hops) {
  return "[dataplane]\nio_mode = \"" + std::string(mode) +
         "\"\n[[network]]\nname = \"a\"\naddresses = [\"192.0.2.1\"]\n" + std::string(keys) + "\n" + std::string(hops) +
         "\n";
}

constexpr std::string_view kHop = "[[network.next_hop]]\nto = \"198.51.100.0/24\"\nmac = \"02:00:00:00:0a:FF\"";

TEST(Config, ReadsNetworksWithoutAKernelInterface) {
  const auto memif = parse_config(off_kernel_config(
      "memif", "mac = \"02:00:00:00:00:01\"\nmemif_socket = \"/run/x.sock\"\nmemif_id = 3\nmemif_role = \"client\"",
      std::string(kHop) + "\n[[network.next_hop]]\nto = \"2001:db8::7\"\nmac = \"02:00:00:00:00:03\""));
  ASSERT_TRUE(memif) << to_text(memif.error(), "f");
  const io::Network& network = memif->networks[0];
  EXPECT_EQ(network.mac, (io::MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(network.memif.socket, "/run/x.sock");
  EXPECT_EQ(network.memif.id, 3U);
  EXPECT_FALSE(network.memif.server);
  ASSERT_EQ(network.next_hops.size(), 2U);
  EXPECT_EQ(network.next_hops[0], (io::StaticNextHop{*IpPrefix::parse("198.51.100.0/24"), {2, 0, 0, 0, 10, 255}}));
  EXPECT_EQ(network.next_hops[1].prefix, *IpPrefix::parse("2001:db8::7"));

  std::string text = off_kernel_config("pcap", "capture_in = \"in.pcap\"\ncapture_out = \"out.pcap\"", kHop);
  text.insert(text.find("[[network]]"), "replay_after_ports = 4\nreplay_passes = 0\n");
  const auto pcap = parse_config(text);
  ASSERT_TRUE(pcap) << to_text(pcap.error(), "f");
  EXPECT_EQ(pcap->networks[0].capture_in, "in.pcap");
  EXPECT_EQ(pcap->networks[0].capture_out, "out.pcap");
  EXPECT_EQ(pcap->replay.after_ports, 4U);
  EXPECT_EQ(pcap->replay.passes, 0U);

  const auto ring = parse_config(off_kernel_config("ring", "", kHop));
  EXPECT_TRUE(ring) << to_text(ring.error(), "f");
}

struct OffKernelCase {
  const char* name;
  const char* mode;
  const char* keys;
  const char* hops;
  const char* said;  // "file:line: key: ..."
};

class OffKernelErrors : public testing::TestWithParam<OffKernelCase> {};

TEST_P(OffKernelErrors, NamesLineKeyAndWhatToDo) {
  const OffKernelCase& bad = GetParam();
  const auto config = parse_config(off_kernel_config(bad.mode, bad.keys, bad.hops));
  ASSERT_FALSE(config);
  const std::string text = to_text(config.error(), "f");
  EXPECT_NE(text.find(bad.said), std::string::npos) << text;
  EXPECT_EQ(config.error().size(), 1U) << text;
}

constexpr const char* kMemif = "memif_socket = \"/run/x\"\nmemif_role = \"server\"";

INSTANTIATE_TEST_SUITE_P(
    Table, OffKernelErrors,
    testing::Values(
        OffKernelCase{"NoNextHop", "ring", "", "", "f:3: network[0].next_hop: is missing: in io_mode = \"ring\""},
        OffKernelCase{"NextHopIsNoTable", "ring", "next_hop = 3", "", "f:6: network[0].next_hop: expected 1 to 256"},
        OffKernelCase{"NextHopBesideTheKernel", "socket", "", kHop.data(), "f:7: network[0].next_hop: the kernel's"},
        OffKernelCase{"BadPrefix", "ring", "",
                      "[[network.next_hop]]\nto = \"192.0.2.0/33\"\nmac = \"02:00:00:00:00:02\"",
                      "f:8: network[0].next_hop[0].to: expected addresses"},
        OffKernelCase{"EmptyPrefix", "ring", "",
                      "[[network.next_hop]]\nto = \"192.0.2.0/\"\nmac = \"02:00:00:00:00:02\"",
                      "f:8: network[0].next_hop[0].to: expected addresses"},
        OffKernelCase{"NoVlan", "ring", "vlan = 0", kHop.data(),
                      "f:6: network[0].vlan: expected a whole number from 1"},
        OffKernelCase{"ReservedVlan", "ring", "vlan = 4095", kHop.data(), "f:6: network[0].vlan: expected"},
        OffKernelCase{"NoMac", "ring", "", "[[network.next_hop]]\nto = \"::/0\"",
                      "f:7: network[0].next_hop[0].mac: expected"},
        OffKernelCase{"GroupMac", "ring", "", "[[network.next_hop]]\nto = \"::/0\"\nmac = \"01:00:00:00:00:02\"",
                      "f:9: network[0].next_hop[0].mac: expected"},
        OffKernelCase{"CutMac", "ring", "", "[[network.next_hop]]\nto = \"::/0\"\nmac = \"02:00:00:00:00:2\"",
                      "f:9: network[0].next_hop[0].mac: expected"},
        OffKernelCase{"UnknownHopKey", "ring", "",
                      "[[network.next_hop]]\nto = \"::/0\"\nmac = \"02:00:00:00:00:02\"\nvia = 1",
                      "f:10: network[0].next_hop[0].via: is no known key"},
        OffKernelCase{"HopTwice", "ring", "",
                      "[[network.next_hop]]\nto = \"::/0\"\nmac = \"02:00:00:00:00:02\"\n"
                      "[[network.next_hop]]\nto = \"::/0\"\nmac = \"02:00:00:00:00:03\"",
                      "f:11: network[0].next_hop[1].to: is there twice"},
        OffKernelCase{"OwnMacOfAGroup", "ring", "mac = \"ff:ff:ff:ff:ff:ff\"", kHop.data(),
                      "f:6: network[0].mac: expected"},
        OffKernelCase{"OwnMacBesideTheKernel", "socket", "mac = \"02:00:00:00:00:01\"", "",
                      "f:6: network[0].mac: is the interface's"},
        OffKernelCase{"Interface", "ring", "interface = \"eth0\"", kHop.data(), "f:6: network[0].interface: io_mode"},
        OffKernelCase{"Device", "ring", "device = \"0000:03:00.0\"", kHop.data(), "f:6: network[0].device: is for"},
        OffKernelCase{"NothingComesIn", "pcap", "capture_out = \"o\"", kHop.data(), "network: none has a capture_in"},
        OffKernelCase{"OneFileBothWays", "pcap", "capture_in = \"o\"\ncapture_out = \"o\"", kHop.data(),
                      "f:7: network[0].capture_out: is capture_in too"},
        OffKernelCase{"PathWithComma", "pcap", "capture_in = \"a,b\"", kHop.data(),
                      "f:6: network[0].capture_in: expected a path"},
        OffKernelCase{"CaptureInRing", "ring", "capture_in = \"a\"", kHop.data(),
                      "f:6: network[0].capture_in: is for io_mode = \"pcap\""},
        OffKernelCase{"MemifKeysInRing", "ring", "memif_id = 0", kHop.data(),
                      "f:6: network[0].memif_id: is for io_mode = \"memif\""},
        OffKernelCase{"NoSocket", "memif", "memif_role = \"server\"", kHop.data(),
                      "f:3: network[0].memif_socket: is missing"},
        OffKernelCase{"NoRole", "memif", "memif_socket = \"/run/x\"", kHop.data(),
                      "f:3: network[0].memif_role: is missing"},
        OffKernelCase{"UnknownRole", "memif", "memif_socket = \"/run/x\"\nmemif_role = \"master\"", kHop.data(),
                      "f:7: network[0].memif_role: expected one of server, client"},
        OffKernelCase{"NegativeId", "memif", "memif_socket = \"/run/x\"\nmemif_role = \"server\"\nmemif_id = -1",
                      kHop.data(), "f:8: network[0].memif_id: expected a whole number"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Config, MemifNetworksOnOneSocketDifferInIdAndAgreeInRole) {
  const auto two = [](std::string_view second) {
    return parse_config(off_kernel_config("memif", kMemif, kHop) +
                        "[[network]]\nname = \"b\"\naddresses = [\"192.0.2.9\"]\nmemif_socket = \"/run/x\"\n" +
                        std::string(second) + "\n" + std::string(kHop) + "\n");
  };
  EXPECT_TRUE(two("memif_id = 1\nmemif_role = \"server\""));
  EXPECT_NE(to_text(two("memif_role = \"server\"").error(), "f").find("network[1].memif_id: network 'a' has it"),
            std::string::npos);
  EXPECT_NE(
      to_text(two("memif_id = 1\nmemif_role = \"client\"").error(), "f").find("network[1].memif_role: network 'a'"),
      std::string::npos);
}

TEST(Config, NetworksOfOneDeviceHaveOneVlan) {
  const std::string first = "interface = \"nic0\"\ndevice = \"0000:03:00.0\"\nvlan = 4094";
  const auto good = parse_config(pci_config(first, first));
  ASSERT_TRUE(good) << to_text(good.error(), "f");
  EXPECT_EQ(good->networks[1].vlan, 4094);
  const auto bad = parse_config(pci_config(first, "interface = \"nic0\"\ndevice = \"0000:03:00.0\""));
  ASSERT_FALSE(bad);
  EXPECT_NE(to_text(bad.error(), "f").find("network[1].vlan: network 'a' is on this device"), std::string::npos);
}

TEST(Config, ANicMayMakeTheChecksums) {
  const std::string device = "interface = \"nic0\"\ndevice = \"0000:03:00.0\"";
  std::string text = pci_config(device, device);
  EXPECT_FALSE(parse_config(text)->tx_checksum_offload);
  text.insert(text.find("io_mode"), "tx_checksum_offload = true\n");
  const auto config = parse_config(text);
  ASSERT_TRUE(config) << to_text(config.error(), "f");
  EXPECT_TRUE(config->tx_checksum_offload);
}

TEST(Config, ReplayIsForPcapAlone) {
  std::string text = off_kernel_config("ring", "", kHop);
  text.insert(text.find("[[network]]"), "replay_passes = 2\n");
  const auto config = parse_config(text);
  ASSERT_FALSE(config);
  EXPECT_EQ(to_text(config.error(), "f"), "f:3: dataplane.replay_passes: is for io_mode = \"pcap\"\n");
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
        BadCase{"OffloadWithoutANic", "huge_pages = false", "tx_checksum_offload = true", 6,
                "dataplane.tx_checksum_offload"},
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
        BadCase{"UnknownNetworkKey", "mtu = 1400", "vxlan = 7", 18, "network[0].vxlan"},
        BadCase{"VlanOfTheKernel", "mtu = 1400", "vlan = 7", 18, "network[0].vlan"},
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
