#include "dataplane/agent/agent.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/agent/next_hops.h"

namespace isthmus::agent {
namespace {

constexpr std::uint64_t kSecond = session::kNsPerSecond;
constexpr std::uint64_t kAbsentNs = 600 * kSecond;

class FakeIo : public io::Io {
 public:
  void receive(io::Burst&) override {}
  std::size_t send(io::Burst&) override { return 0; }
  void release(const io::Frame&) override {}
  io::Frame allocate() override { return {}; }
  io::IoCounters counters() const override {
    io::IoCounters counters;
    counters.left_to_kernel = 7;
    counters.wrong_vlan = 2;
    counters.bad_checksum = 5;
    return counters;
  }
};

class FakeEngine : public io::Engine {
 public:
  io::Mode mode() const override { return io::Mode::kAfXdp; }
  std::span<const io::PortInfo> ports() const override { return ports_; }
  io::Io& io(std::size_t) override { return io_; }
  Status open_port(const SocketAddress&, std::size_t) override { return {}; }
  void close_port(const SocketAddress&) override {}
  bool shares_frames() const override { return false; }
  bool kernel_routes() const override { return true; }
  io::DriverLosses driver_losses() override { return losses; }
  io::DriverLosses losses{3, 0, 0, 0};

 private:
  std::vector<io::PortInfo> ports_ = {{"left", 0, {}, 1500}};
  FakeIo io_;
};

class FakePorts : public session::PortListener {
 public:
  Status open_port(const SocketAddress&, std::size_t) override { return {}; }
  void close_port(const SocketAddress&) override {}
};

class ClearOnly : public crypto::SrtpEngine {
 public:
  std::string_view name() const override { return "none"; }
  bool supports(contract::SrtpSuite) const override { return false; }
  Result<std::unique_ptr<crypto::SrtpContext>> make_context(const contract::SrtpKey&,
                                                            const crypto::SrtpContextOptions&) override {
    return fail(ErrorKind::kInvalidArgument, "no SRTP here");
  }
  void protect(std::span<crypto::SrtpJob>) override {}
  void unprotect(std::span<crypto::SrtpJob>) override {}
  void carry_over(crypto::SrtpContext&, const crypto::SrtpContext&) override {}
};

std::vector<io::Network> one_network() {
  io::Network network;
  network.name = "left";
  network.addresses = {IpAddress::v4(192, 0, 2, 1)};
  return {network};
}

class AgentTest : public testing::Test {
 protected:
  static contract::SessionSpec spec(std::uint64_t id, std::uint32_t media_timeout_ms = 30'000) {
    contract::SessionSpec spec;
    spec.id = {id};
    spec.media_timeout_ms = media_timeout_ms;
    contract::StreamSpec stream;
    for (contract::LegSpec& leg : stream.leg) {
      leg.network = "left";
      leg.remote_rtp = SocketAddress{IpAddress::v4(192, 0, 2, 9), 4000};
    }
    stream.a_to_b = {{0, 0, 8000, 8000}};
    stream.b_to_a = {{0, 0, 8000, 8000}};
    spec.streams = {stream};
    return spec;
  }
  std::uint64_t counter(std::string_view name) {
    const auto status = agent.status();
    const auto at = std::find_if(status->counters.begin(), status->counters.end(),
                                 [&](const contract::Counter& entry) { return entry.name == name; });
    return at == status->counters.end() ? ~std::uint64_t{0} : at->value;
  }

  /// What the counters say became of all packets received.
  std::uint64_t accounted() {
    std::uint64_t sum = 0;
    const auto status = agent.status();
    for (const contract::Counter& entry : status->counters) {
      if (entry.name == "packets_forwarded" || entry.name == "packets_consumed" || entry.name == "packets_held" ||
          entry.name.starts_with("drop_"))
        sum += entry.value;
    }
    return sum;
  }

  std::vector<io::Network> networks = one_network();
  FakeEngine engine;
  FakePorts ports;
  ClearOnly srtp;
  SeededRandom random{1};
  KernelRoutedNextHops hops{engine.ports()};
  session::WorkerLink link{networks};
  session::SessionTable table{networks, {random, srtp, hops, ports, {&link}}};
  worker::WorkerFigures figures;
  std::uint64_t now = 1000 * kSecond;
  /// 2.5 cycles a nanosecond; each reading is a second later.
  static CycleReading read_cycles() {
    static std::uint64_t readings = 0;
    ++readings;
    return {readings * 2'500'000'000, readings * kSecond};
  }
  Agent agent{{77, 5, "because", "none", "nap", kAbsentNs}, {engine, table, random, {&figures}, nullptr, read_cycles}, now};
};

TEST_F(AgentTest, WhatDriversLoseIsInTheBalance) {
  engine.losses = {3, 4, 5, 2};
  link.counters.received.add(100);
  link.counters.forwarded.add(90);
  link.counters.sent.add(90);
  link.counters.consumed.add(10);
  link.counters.dropped[static_cast<std::size_t>(DropReason::kTxRefused)].add(6);
  // 2 without the network's tag, 5 whose checksum the device calls bad.
  EXPECT_EQ(counter("packets_received"), 100U + 3 + 4 + 5 + 2 + 5);
  EXPECT_EQ(counter("packets_forwarded"), 90U - 6 - 2);
  EXPECT_EQ(counter("packets_sent"), 90U - 6 - 2);
  EXPECT_EQ(counter("drop_driver_missed"), 3U);
  EXPECT_EQ(counter("drop_driver_bad_frame"), 4U + 5);
  EXPECT_EQ(counter("drop_driver_no_buffer"), 5U);
  EXPECT_EQ(counter("drop_tx_refused"), 6U);
  EXPECT_EQ(counter("drop_tx_lost"), 2U);
  EXPECT_EQ(counter("drop_wrong_vlan"), 2U);
  EXPECT_EQ(accounted(), counter("packets_received"));
}

// Reports of ours that a driver refused before anything was forwarded.
TEST_F(AgentTest, WhatIsLostOfOursIsNoDropOfAPacketReceived) {
  engine.losses = {};
  link.counters.generated.add(5);
  link.counters.sent.add(5);
  link.counters.dropped[static_cast<std::size_t>(DropReason::kTxRefused)].add(5);
  EXPECT_EQ(counter("packets_forwarded"), 0U);
  EXPECT_EQ(counter("generated_lost"), 5U);
  EXPECT_EQ(counter("drop_tx_refused"), 0U);
  EXPECT_EQ(accounted(), counter("packets_received"));
}

TEST_F(AgentTest, StatusTellsTheWholePlane) {
  figures.naps.add(9);
  const auto status = agent.status();
  ASSERT_TRUE(status);
  EXPECT_EQ(status->io_mode, "af_xdp");
  EXPECT_EQ(status->io_reason, "because");
  EXPECT_EQ(status->srtp_engine, "none");
  EXPECT_EQ(status->idle_policy, "nap");
  EXPECT_EQ(status->incarnation, 77U);
  EXPECT_EQ(status->workers, 1U);
  EXPECT_EQ(counter("drop_driver_missed"), 3U);
  EXPECT_EQ(counter("io_left_to_kernel"), 7U);
  EXPECT_EQ(counter("worker_naps"), 9U);
}

TEST_F(AgentTest, StagesAreSwitchedAndTold) {
  link.stages.stage[index(Stage::kMap)].cycles.add(40);
  EXPECT_FALSE(agent.stages({})->measuring);
  const auto stages = agent.stages(true);
  ASSERT_TRUE(stages);
  EXPECT_TRUE(stages->measuring);
  EXPECT_TRUE(link.stages.measuring());
  EXPECT_EQ(stages->cycles_per_second, 2'500'000'000U);
  EXPECT_EQ(stages->workers.at(0).stages.at(index(Stage::kMap)).name, "map");
  EXPECT_EQ(stages->workers.at(0).stages.at(index(Stage::kMap)).cycles, 40U);
  EXPECT_TRUE(agent.stages({})->measuring);
  EXPECT_FALSE(agent.stages(false)->measuring);
  EXPECT_FALSE(link.stages.measuring());
}

TEST_F(AgentTest, CounterNamesAreUnique) {
  auto counters = agent.status()->counters;
  std::sort(counters.begin(), counters.end(),
            [](const contract::Counter& a, const contract::Counter& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(counters.begin(), counters.end(),
                                        [](const auto& a, const auto& b) { return a.name == b.name; });
  EXPECT_EQ(twice, counters.end()) << twice->name;
}

TEST_F(AgentTest, OpensListsAndClosesSessions) {
  EXPECT_TRUE(agent.quiet());
  ASSERT_TRUE(agent.open(spec(1)));
  EXPECT_FALSE(agent.quiet());
  EXPECT_EQ(agent.list(std::nullopt)->sessions.size(), 1U);
  EXPECT_TRUE(agent.stats({1}));
  EXPECT_FALSE(agent.stats({2}));
  EXPECT_TRUE(agent.close({1}));
  EXPECT_TRUE(agent.close({1}));
  EXPECT_EQ(agent.list(std::nullopt)->sessions.size(), 0U);
}

TEST_F(AgentTest, AChangeIsInForceOnceTheWorkerIsPastIt) {
  ASSERT_TRUE(agent.open(spec(1)));
  EXPECT_FALSE(agent.in_force({1}, 1));
  link.commands_done.store(1);
  EXPECT_TRUE(agent.in_force({1}, 1));
  auto next = spec(1);
  next.revision = 2;
  ASSERT_TRUE(agent.update(next));
  EXPECT_FALSE(agent.in_force({1}, 2));
  ASSERT_TRUE(agent.update(next));  // asked again: nothing new to wait for
  link.commands_done.store(2);
  EXPECT_TRUE(agent.in_force({1}, 2));
  EXPECT_TRUE(agent.in_force({2}, 1));
}

/// A STUN message as a worker hands it over.
session::PuntPacket stun_punt(std::uint64_t id) {
  session::PuntPacket punt;
  punt.session = {id};
  punt.source = {IpAddress::v4(192, 0, 2, 9), 4000};
  const std::array<std::uint8_t, 20> request = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
  punt.length = request.size();
  std::ranges::copy(request, punt.packet.begin());
  return punt;
}

TEST_F(AgentTest, WhatIceRefusesIsADropNotConsumed) {
  auto with_ice = spec(1);
  with_ice.streams[0].leg[0].ice.emplace().local_ufrag = "abcd";
  with_ice.streams[0].leg[0].ice->local_password = SecretBytes(std::vector<std::uint8_t>(22, 'p'));
  ASSERT_TRUE(agent.open(with_ice));
  for (const std::uint64_t id : {1U, 1U, 7U}) {
    ASSERT_TRUE(link.punts.push(stun_punt(id)));
    link.counters.consumed.add(1);
  }
  agent.poll(now);
  EXPECT_EQ(counter("drop_stun_username"), 2U);
  EXPECT_EQ(counter("drop_stun_not_expected"), 1U);
  EXPECT_EQ(counter("packets_consumed"), 0U);
  EXPECT_EQ(counter("ice_punted"), 0U);
  ASSERT_TRUE(agent.close({1}));
  ASSERT_TRUE(link.punts.push(stun_punt(1)));
  link.counters.consumed.add(1);
  agent.poll(now);
  EXPECT_EQ(counter("drop_stun_not_expected"), 2U);
}

TEST_F(AgentTest, RefusedOpenChangesNothing) {
  auto bad = spec(1);
  bad.streams[0].leg[0].network = "nowhere";
  EXPECT_FALSE(agent.open(bad));
  EXPECT_EQ(agent.status()->sessions, 0U);
}

TEST_F(AgentTest, SilentSessionEndsAloneOnlyAfterTheAbsence) {
  ASSERT_TRUE(agent.open(spec(1)));
  agent.poll(now + kAbsentNs - 1);
  EXPECT_EQ(agent.status()->sessions, 1U);
  agent.poll(now + kAbsentNs);
  EXPECT_EQ(agent.status()->sessions, 0U);
  EXPECT_EQ(counter("sessions_ended_alone"), 1U);
}

TEST_F(AgentTest, PresentControlPlaneKeepsSilentSessions) {
  agent.control_plane_changed(true);
  ASSERT_TRUE(agent.open(spec(1)));
  agent.poll(now + 10 * kAbsentNs);
  EXPECT_EQ(agent.status()->sessions, 1U);
  agent.control_plane_changed(false);
  agent.poll(now + 11 * kAbsentNs - 1);
  EXPECT_EQ(agent.status()->sessions, 1U);
  agent.poll(now + 11 * kAbsentNs);
  EXPECT_EQ(agent.status()->sessions, 0U);
}

TEST_F(AgentTest, SessionWithoutMediaTimeoutIsNeverEndedAlone) {
  ASSERT_TRUE(agent.open(spec(1, 0)));
  agent.poll(now + 10 * kAbsentNs);
  EXPECT_EQ(agent.status()->sessions, 1U);
}

TEST_F(AgentTest, SilenceIsCountedFromTheLastOpening) {
  agent.poll(now + kAbsentNs);
  ASSERT_TRUE(agent.open(spec(1)));
  agent.poll(now + kAbsentNs + 29 * kSecond);
  EXPECT_EQ(agent.status()->sessions, 1U);
  agent.poll(now + kAbsentNs + 31 * kSecond);
  EXPECT_EQ(agent.status()->sessions, 0U);
}

TEST(KernelRouted, EveryDestinationIsValidOnItsNetworksPort) {
  const std::vector<io::PortInfo> ports = {{"a", 0, {2, 0, 0, 0, 0, 1}, 1500}, {"b", 0, {2, 0, 0, 0, 0, 2}, 1400}};
  KernelRoutedNextHops hops(ports);
  session::NextHop hop;
  hops.wanted({1, IpAddress::v4(192, 0, 2, 1), IpAddress::v4(192, 0, 2, 9)}, hop);
  EXPECT_TRUE(hop.value().valid);
  EXPECT_EQ(hop.value().io_port, 1);
  EXPECT_EQ(hop.value().mtu, 1400);
}

}  // namespace
}  // namespace isthmus::agent
