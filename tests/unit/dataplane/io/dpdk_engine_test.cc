#if ISTHMUS_DPDK

#include "dataplane/io/dpdk/dpdk_engine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace isthmus::io::dpdk {
namespace {

constexpr EalSettings kWithoutPrivileges{96, false, {}};

/// A file of this process's own: tests run side by side.
std::string own_file(std::string_view name) {
  return testing::TempDir() + "isthmus-" + std::to_string(::getpid()) + "-" + std::string(name);
}

constexpr const char* kFiles[] = {"in.pcap", "out.pcap", "replay.pcap", "tagged.pcap", "no_capture"};

class DpdkEngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static const auto started = start_eal(kWithoutPrivileges);
    ASSERT_TRUE(started) << to_string(started.error());
    EXPECT_EQ(*started, "ordinary pages");
  }
  static void TearDownTestSuite() {
    for (const char* name : kFiles) std::filesystem::remove(own_file(name));
  }
  static std::unique_ptr<DpdkEngine> open(std::vector<Device> devices, std::size_t workers = 1) {
    auto engine = DpdkEngine::open_devices(devices, workers);
    EXPECT_TRUE(engine) << to_string(engine.error());
    (*engine)->io(0).attach_thread();
    return std::move(*engine);
  }
  static Frame write(Io& io, std::string_view text, std::uint8_t port) {
    Frame frame = io.allocate();
    EXPECT_NE(frame.handle, nullptr);
    std::memcpy(frame.data, text.data(), text.size());
    frame.length = static_cast<std::uint16_t>(text.size());
    frame.port = port;
    return frame;
  }
  static std::string text_of(const Frame& frame) { return {reinterpret_cast<const char*>(frame.data), frame.length}; }
};

// Each of some 120 libraries in the folder would be loaded while media waits for a restart.
TEST_F(DpdkEngineTest, LoadsTheDriversOfItsModesAlone) {
  std::set<std::string> drivers;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t at = line.find("/librte_");
    if (at != std::string::npos && line.find("/pmds-") != std::string::npos) drivers.insert(line.substr(at + 1));
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(drivers, [&](const std::string& one) { return one.starts_with(name); });
  };
  EXPECT_TRUE(has("librte_net_ring.")) << "the version is not in the folder's name, or a driver is missing";
  EXPECT_TRUE(has("librte_net_af_xdp."));
  EXPECT_LE(drivers.size(), 10U);  // eight, and what they need themselves
}

TEST_F(DpdkEngineTest, StartsOnlyOnce) { EXPECT_EQ(start_eal(kWithoutPrivileges).error().kind, ErrorKind::kExhausted); }

TEST_F(DpdkEngineTest, RingGivesBackWhatIsSent) {
  auto engine = open({{"net_ring0", ""}});
  Io& io = engine->io(0);
  Burst burst;
  burst.add(write(io, "first", 0));
  burst.add(write(io, "second", 0));
  EXPECT_EQ(io.send(burst), 0U);
  EXPECT_EQ(burst.count, 0U);
  io.receive(burst);
  ASSERT_EQ(burst.count, 2U);
  EXPECT_EQ(text_of(burst.frames[0]), "first");
  EXPECT_EQ(text_of(burst.frames[1]), "second");
  for (std::size_t i = 0; i < burst.count; ++i) io.release(burst.frames[i]);
}

TEST_F(DpdkEngineTest, FramesOfThePoolOverlapNowhereAndAllComeBack) {
  auto engine = open({{"net_null0", ""}});
  Io& io = engine->io(0);
  for (int round = 0; round < 2; ++round) {
    std::vector<Frame> frames;
    for (Frame frame = io.allocate(); frame.handle != nullptr; frame = io.allocate()) {
      ASSERT_GE(frame.tailroom, 1500U);
      std::memset(frame.data, static_cast<int>(frames.size() % 251), frame.tailroom);
      frames.push_back(frame);
    }
    EXPECT_GT(frames.size(), 4096U);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto mark = static_cast<std::uint8_t>(i % 251);
      ASSERT_EQ(frames[i].data[0], mark) << "frame " << i;
      ASSERT_EQ(frames[i].data[frames[i].tailroom - 1], mark) << "frame " << i;
      io.release(frames[i]);
    }
  }
}

TEST_F(DpdkEngineTest, FramesLeaveByTheirPort) {
  auto engine = open({{"net_ring1", ""}, {"net_ring2", ""}});
  Io& io = engine->io(0);
  Burst burst;
  burst.add(write(io, "b", 1));
  burst.add(write(io, "a", 0));
  burst.add(write(io, "c", 1));
  EXPECT_EQ(io.send(burst), 0U);
  io.receive(burst);
  ASSERT_EQ(burst.count, 3U);
  for (std::size_t i = 0; i < burst.count; ++i) {
    EXPECT_EQ(burst.frames[i].port, text_of(burst.frames[i]) == "a" ? 0 : 1);
    io.release(burst.frames[i]);
  }
}

TEST_F(DpdkEngineTest, MovedStartAndNewLengthAreSent) {
  auto engine = open({{"net_ring3", ""}});
  Io& io = engine->io(0);
  Burst burst;
  Frame frame = write(io, "payload", 0);
  EXPECT_GE(frame.headroom, kMinHeadroomBytes);
  EXPECT_GE(frame.tailroom, 1600);
  frame.data -= 4;
  std::memcpy(frame.data, "head", 4);
  frame.length = static_cast<std::uint16_t>(frame.length + 4);
  burst.add(frame);
  io.send(burst);
  io.receive(burst);
  ASSERT_EQ(burst.count, 1U);
  EXPECT_EQ(text_of(burst.frames[0]), "headpayload");
  io.release(burst.frames[0]);
}

TEST_F(DpdkEngineTest, UnknownPortIsRefusedCountedAndFreed) {
  auto engine = open({{"net_null0", ""}});
  Io& io = engine->io(0);
  Burst burst;
  burst.add(write(io, "x", 7));
  EXPECT_EQ(io.send(burst), 1U);
  EXPECT_EQ(io.counters().tx_refused, 1U);
}

TEST_F(DpdkEngineTest, BuffersRunOutAndComeBack) {
  auto engine = open({{"net_ring4", ""}});
  Io& io = engine->io(0);
  const auto take_all = [&] {
    std::vector<Frame> taken;
    for (Frame frame = io.allocate(); frame.handle != nullptr; frame = io.allocate()) taken.push_back(frame);
    for (const Frame& frame : taken) io.release(frame);
    return taken.size();
  };
  const std::size_t first = take_all();
  EXPECT_GE(first, 8192U);
  EXPECT_EQ(io.counters().no_buffer, 1U);
  EXPECT_EQ(take_all(), first);
}

TEST_F(DpdkEngineTest, FullBurstIsTakenNoFurther) {
  auto engine = open({{"net_null1", "size=200"}, {"net_null2", "size=200"}});
  Io& io = engine->io(0);
  Burst burst;
  io.receive(burst);
  EXPECT_EQ(burst.count, kBurstSize);
  for (std::size_t i = 0; i < burst.count; ++i) io.release(burst.frames[i]);
}

TEST_F(DpdkEngineTest, WorkersHaveQueuesOfTheirOwn) {
  auto engine = open({{"net_ring5", ""}}, 2);
  EXPECT_EQ(engine->ports().size(), 1U);
  EXPECT_FALSE(engine->kernel_routes());
  EXPECT_TRUE(engine->shares_frames());
  // Queue n of this device gives back what was sent by queue n.
  for (std::size_t worker = 0; worker < 2; ++worker) {
    Burst burst;
    burst.add(write(engine->io(worker), worker == 0 ? "zero" : "one", 0));
    EXPECT_EQ(engine->io(worker).send(burst), 0U);
  }
  Burst burst;
  engine->io(1).receive(burst);
  ASSERT_EQ(burst.count, 1U);
  EXPECT_EQ(text_of(burst.frames[0]), "one");
  EXPECT_EQ(burst.frames[0].queue, 1);
  // Handed over: the other worker may send it.
  EXPECT_EQ(engine->io(0).send(burst), 0U);
  engine->io(1).receive(burst);
  EXPECT_EQ(burst.count, 0U);
  engine->io(0).receive(burst);
  ASSERT_EQ(burst.count, 2U);
  EXPECT_EQ(text_of(burst.frames[0]), "zero");
  EXPECT_EQ(text_of(burst.frames[1]), "one");
  for (std::size_t i = 0; i < burst.count; ++i) engine->io(1).release(burst.frames[i]);
}

// One queue, two workers: the second sends by the first.
TEST_F(DpdkEngineTest, AWorkerWithoutAQueueSendsByAnothersQueue) {
  constexpr std::array<std::uint32_t, 6> kEmptyCapture{0xa1b2c3d4, 0x00040002, 0,
                                                       0,          65535,      1};  // libpcap's file header
  const std::string in = own_file("in.pcap");
  const std::string out = own_file("out.pcap");
  std::ofstream(in, std::ios::binary).write(reinterpret_cast<const char*>(kEmptyCapture.data()), sizeof kEmptyCapture);
  {
    auto engine = open({{"net_pcap0", "rx_pcap=" + in + ",tx_pcap=" + out}}, 2);
    Burst burst;
    burst.add(write(engine->io(1), "by another's queue, long enough for a frame", 0));
    EXPECT_EQ(engine->io(1).send(burst), 0U);
    EXPECT_EQ(engine->io(1).send_for_others().taken, 0U);
    const SentForOthers sent = engine->io(0).send_for_others();
    EXPECT_EQ(sent.taken, 1U);
    EXPECT_EQ(sent.refused, 0U);
    EXPECT_EQ(engine->io(0).send_for_others().taken, 0U);
    // While the first is behind: what the ring does not hold is refused, counted and freed.
    std::size_t refused = 0;
    for (std::size_t i = 0; i <= 2 * DpdkIo::kOutgoingFrames; ++i) {
      burst.add(write(engine->io(1), "x", 0));
      refused += engine->io(1).send(burst);
    }
    EXPECT_GT(refused, 0U);
    EXPECT_EQ(engine->io(1).counters().tx_refused, refused);
    std::size_t taken = 0;
    while (const std::size_t now = engine->io(0).send_for_others().taken) taken += now;
    EXPECT_EQ(taken + refused, 2 * DpdkIo::kOutgoingFrames + 1);
  }
  std::ifstream file(out, std::ios::binary);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(written.find("by another's queue"), std::string::npos);
}

Network off_kernel(std::string name) {
  Network network;
  network.name = std::move(name);
  network.addresses = {IpAddress::v4(192, 0, 2, 1)};
  return network;
}

std::string capture_of(std::initializer_list<std::string_view> frames) {
  const std::string path = own_file("replay.pcap");
  std::ofstream file(path, std::ios::binary);
  const auto words = [&](std::initializer_list<std::uint32_t> values) {
    for (const std::uint32_t value : values) file.write(reinterpret_cast<const char*>(&value), sizeof value);
  };
  words({0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1});
  for (const std::string_view frame : frames) {
    const auto bytes = static_cast<std::uint32_t>(frame.size());
    words({0, 0, bytes, bytes});
    file.write(frame.data(), static_cast<std::streamsize>(frame.size()));
  }
  return path;
}

std::vector<std::string> received(Io& io) {
  std::vector<std::string> texts;
  Burst burst;
  for (int turn = 0; turn < 4; ++turn) {
    io.receive(burst);
    for (std::size_t i = 0; i < burst.count; ++i) {
      texts.emplace_back(reinterpret_cast<const char*>(burst.frames[i].data), burst.frames[i].length);
      io.release(burst.frames[i]);
    }
    burst.count = 0;
  }
  return texts;
}

TEST_F(DpdkEngineTest, CaptureWaitsForItsPortsAndComesAsOftenAsAsked) {
  Network in = off_kernel("in");
  in.capture_in = capture_of({"one", "two", "three"});
  in.mac = MacAddress{2, 0, 0, 0, 0, 7};
  const Network networks[] = {in, off_kernel("out")};
  auto engine = DpdkEngine::open_off_kernel(Mode::kPcap, networks, 1, {2, 2});
  ASSERT_TRUE(engine) << to_string(engine.error());
  EXPECT_EQ((*engine)->ports()[0].mac, *in.mac);
  EXPECT_EQ((*engine)->ports()[0].interface_index, 0U);
  Io& io = (*engine)->io(0);
  io.attach_thread();
  EXPECT_TRUE(received(io).empty());
  ASSERT_TRUE((*engine)->open_port({in.addresses[0], 56000}, 0));
  EXPECT_TRUE(received(io).empty());
  ASSERT_TRUE((*engine)->open_port({in.addresses[0], 56001}, 0));
  EXPECT_EQ(received(io), (std::vector<std::string>{"one", "two", "three", "one", "two", "three"}));
  EXPECT_TRUE(received(io).empty());
  // What is sent to a network without a capture goes nowhere, and is taken.
  Burst burst;
  burst.add(write(io, "away", 1));
  EXPECT_EQ(io.send(burst), 0U);
}

TEST_F(DpdkEngineTest, TheTagOfANetworkComesOffAndGoesOn) {
  using namespace std::string_view_literals;
  Network network = off_kernel("tagged");
  network.vlan = 7;
  network.capture_in = capture_of({"0123456789ab\x81\x00\x00\x07good"sv,
                                   "0123456789ab\x81\x00\x00\x08"
                                   "another"sv,
                                   "0123456789ab no tag"sv, "short"sv, "0123456789ab\x81\x00\xb0\x07good too"sv});
  network.capture_out = own_file("tagged.pcap");
  {
    const Network networks[] = {network};
    auto engine = DpdkEngine::open_off_kernel(Mode::kPcap, networks, 1, {});
    ASSERT_TRUE(engine) << to_string(engine.error());
    Io& io = (*engine)->io(0);
    io.attach_thread();
    EXPECT_EQ(received(io), (std::vector<std::string>{"0123456789abgood", "0123456789abgood too"}));
    EXPECT_EQ(io.counters().wrong_vlan, 3U);
    Burst burst;
    burst.add(write(io, "abcdefghijkl and so on", 0));
    EXPECT_EQ(io.send(burst), 0U);
  }
  std::ifstream file(network.capture_out, std::ios::binary);
  const std::string written{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(written.find("abcdefghijkl\x81\x00\x00\x07 and so on"sv), std::string::npos);
}

TEST_F(DpdkEngineTest, CaptureThatIsNoneIsATypedErrorOfItsKey) {
  Network in = off_kernel("in");
  in.capture_in = own_file("no_capture");
  std::ofstream(in.capture_in) << "no capture";
  const Network networks[] = {in};
  const auto refused = DpdkEngine::open_off_kernel(Mode::kPcap, networks, 1, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kMalformedInput);
  EXPECT_NE(to_string(refused.error()).find("capture_in"), std::string::npos);
}

TEST_F(DpdkEngineTest, RingNetworksGiveBackWhatIsSent) {
  const Network networks[] = {off_kernel("a"), off_kernel("b")};
  auto engine = DpdkEngine::open_off_kernel(Mode::kRing, networks, 1, {});
  ASSERT_TRUE(engine) << to_string(engine.error());
  Io& io = (*engine)->io(0);
  io.attach_thread();
  Burst burst;
  burst.add(write(io, "to b", 1));
  EXPECT_EQ(io.send(burst), 0U);
  EXPECT_EQ(received(io), std::vector<std::string>{"to b"});
}

TEST_F(DpdkEngineTest, MissingInterfaceIsATypedError) {
  Network network;
  network.name = "none";
  network.interface = "isthmus-no-if";
  network.addresses = {IpAddress::v4(192, 0, 2, 1)};
  const Network networks[] = {network};
  EXPECT_EQ(DpdkEngine::open_af_xdp(networks, 1, testing::TempDir()).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(DpdkEngine::open_af_packet(networks, 1).error().kind, ErrorKind::kUnavailable);
}

TEST_F(DpdkEngineTest, SteeringObjectIsAnElfFile) {
  const auto object = steer_object();
  ASSERT_GT(object.size(), 4U);
  EXPECT_EQ(std::string(object.begin(), object.begin() + 4),
            "\x7f"
            "ELF");
}

}  // namespace
}  // namespace isthmus::io::dpdk

#endif  // ISTHMUS_DPDK
