#include "dataplane/session/session_table.h"

#include <gtest/gtest.h>

#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::session {
namespace {

using contract::SessionSpec;
using test::RelayBench;

SocketAddress at(const char* text) { return *SocketAddress::parse(text); }

class SessionTableTest : public testing::Test {
 protected:
  RelayBench bench_;

  Error open_error(const SessionSpec& spec) {
    const auto pools = bench_.table.pools(bench_.now.monotonic_ns);
    const int hops = bench_.next_hops.count;
    const auto result = bench_.table.open(spec, bench_.now.monotonic_ns);
    EXPECT_FALSE(result);
    if (result) return {};
    // Nothing was taken, or it rests again.
    EXPECT_EQ(bench_.table.pools(bench_.now.monotonic_ns)[0].in_use, pools[0].in_use);
    EXPECT_EQ(bench_.next_hops.count, hops);
    return result.error();
  }
  std::uint32_t in_use() { return bench_.table.pools(bench_.now.monotonic_ns)[0].in_use; }
};

TEST_F(SessionTableTest, AnswersTheSameRevisionAlike) {
  const auto spec = bench_.spec();
  const auto first = bench_.open(spec);
  const auto again = bench_.table.open(spec, 0);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->streams[0].leg[0].local_rtp, first.streams[0].leg[0].local_rtp);
  EXPECT_EQ(again->streams[0].leg[0].ssrc, first.streams[0].leg[0].ssrc);
  EXPECT_EQ(bench_.table.sessions(), 1U);
  EXPECT_EQ(in_use(), 2U);
}

TEST_F(SessionTableTest, RefusesALowerRevision) {
  auto spec = bench_.spec();
  spec.revision = 5;
  bench_.open(spec);
  spec.revision = 4;
  EXPECT_EQ(bench_.table.update(spec, 0).error().kind, ErrorKind::kProtocolViolation);
  EXPECT_EQ(bench_.table.open(spec, 0).error().field, "revision");
}

TEST_F(SessionTableTest, UpdateKeepsPortsAndAddsStreams) {
  auto spec = bench_.spec();
  const auto first = bench_.open(spec);
  spec.revision = 2;
  spec.streams.push_back(spec.streams[0]);
  spec.streams[1].leg[0].remote_rtp = at("192.0.2.10:4002");
  spec.streams[1].leg[1].remote_rtp = at("198.51.100.20:5002");
  const auto second = bench_.update(spec);
  EXPECT_EQ(second.streams[0].leg[0].local_rtp, first.streams[0].leg[0].local_rtp);
  EXPECT_EQ(second.streams[0].leg[1].ssrc, first.streams[0].leg[1].ssrc);
  ASSERT_EQ(second.streams.size(), 2U);
  EXPECT_EQ(in_use(), 4U);
  EXPECT_EQ(bench_.send(at("192.0.2.10:4002"), second.streams[1].leg[0].local_rtp, test::make_rtp(0, 1, 2, 3)).at(0).to,
            at("198.51.100.20:5002"));
  spec.revision = 3;
  spec.streams.pop_back();
  EXPECT_EQ(bench_.table.update(spec, 0).error().field, "streams");
}

TEST_F(SessionTableTest, UpdateOfAnUnknownSessionIsRefused) {
  EXPECT_EQ(bench_.table.update(bench_.spec(), 0).error().field, "id");
  EXPECT_EQ(bench_.table.stats({77}).error().field, "id");
  EXPECT_TRUE(bench_.table.close({77}, 0).streams.empty());
}

TEST_F(SessionTableTest, NamesTheFieldItRefuses) {
  const auto with = [&](auto change) {
    auto spec = bench_.spec();
    change(spec.streams[0].leg[1]);
    return open_error(spec).field;
  };
  EXPECT_EQ(with([](auto& leg) { leg.network = "dmz"; }), "streams[0].leg[b].network");
  EXPECT_EQ(with([](auto& leg) { leg.rtp_port = 56'001; }), "streams[0].leg[b].rtp_port");
  EXPECT_EQ(with([](auto& leg) { leg.rtp_port = 1000; }), "streams[0].leg[b].rtp_port");
  EXPECT_EQ(with([](auto& leg) { leg.rtp_port = 56'000, leg.rtcp_port = 56'003; }), "streams[0].leg[b].rtcp_port");
  EXPECT_EQ(with([](auto& leg) { leg.dscp = 64; }), "streams[0].leg[b].dscp");
  for (const char* remote : {"0.0.0.0:5000", "127.0.0.1:5000", "224.0.0.1:5000", "255.255.255.255:5000",
                             "169.254.1.1:5000", "192.0.2.1:56100", "198.51.100.1:56100"}) {
    EXPECT_EQ(with([&](auto& leg) { leg.remote_rtp = at(remote); }), "streams[0].leg[b].remote_rtp") << remote;
  }
  for (const char* remote : {"[::]:5000", "[::1]:5000", "[ff02::1]:5000", "[fe80::1]:5000", "[::ffff:127.0.0.1]:5000",
                             "[64:ff9b::7f00:1]:5000"}) {
    EXPECT_EQ(with([&](auto& leg) {
                leg.family = IpFamily::kV6;
                leg.remote_rtp = at(remote);
              }),
              "streams[0].leg[b].remote_rtp")
        << remote;
  }
}

TEST_F(SessionTableTest, ARefusedUpdateChangesNothing) {
  auto spec = bench_.spec();
  const auto state = bench_.open(spec);
  spec.revision = 2;
  spec.streams.push_back(spec.streams[0]);
  spec.streams[1].leg[1].network = "nowhere";
  EXPECT_FALSE(bench_.table.update(spec, bench_.now.monotonic_ns));
  EXPECT_EQ(in_use(), 2U);
  EXPECT_EQ(bench_.table.list({}).sessions[0].revision, 1U);
  EXPECT_EQ(bench_.send(at("192.0.2.10:4000"), state.streams[0].leg[0].local_rtp, test::make_rtp(0, 1, 2, 3)).size(),
            1U);
  spec.streams[1].leg[1].network = "wan";
  spec.streams[0].leg[0].network = "wan";
  EXPECT_EQ(bench_.table.update(spec, bench_.now.monotonic_ns).error().field, "streams[0].leg[a].network");
}

TEST_F(SessionTableTest, APortThatCannotBeOpenedRollsBack) {
  for (int good = 0; good < 4; ++good) {
    bench_.ports.fails_after = good;
    EXPECT_EQ(open_error(bench_.spec()).kind, ErrorKind::kUnavailable);
    EXPECT_TRUE(bench_.ports.open.empty());
  }
  bench_.ports.fails_after = -1;
  bench_.open(bench_.spec());
  EXPECT_EQ(bench_.ports.open.size(), 4U);
  bench_.table.close({1}, 0);
  EXPECT_TRUE(bench_.ports.open.empty());
}

TEST_F(SessionTableTest, SaysWhenThePoolIsEmpty) {
  auto networks = RelayBench::default_networks();
  networks[0].first_port = 56'000;
  networks[0].last_port = 56'003;
  RelayBench small(networks);
  small.open(small.spec(1));
  small.open(small.spec(2));
  const auto none = small.table.open(small.spec(3), small.now.monotonic_ns);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(none.error().field, "port");
  EXPECT_EQ(small.table.sessions(), 2U);
}

TEST_F(SessionTableTest, TakesGivenPortsForRecovery) {
  auto spec = bench_.spec();
  spec.streams[0].leg[0].rtp_port = 56'100;
  spec.streams[0].leg[1].rtp_port = 56'200;
  const auto state = bench_.open(spec);
  EXPECT_EQ(state.streams[0].leg[0].local_rtp.port, 56'100);
  EXPECT_EQ(state.streams[0].leg[1].local_rtcp.port, 56'201);
  spec.id = {2};
  EXPECT_EQ(open_error(spec).kind, ErrorKind::kExhausted);
}

TEST_F(SessionTableTest, ListsInPages) {
  for (std::uint64_t id = 1; id <= 300; ++id) bench_.open(bench_.spec(1000 - id));
  const auto first = bench_.table.list({});
  ASSERT_EQ(first.sessions.size(), contract::kMaxPageSessions);
  ASSERT_TRUE(first.next);
  const auto second = bench_.table.list(first.next);
  EXPECT_EQ(second.sessions.size(), 300 - contract::kMaxPageSessions);
  EXPECT_FALSE(second.next);
  EXPECT_LT(first.sessions.back().id, second.sessions.front().id);
}

TEST_F(SessionTableTest, FreesOnlyWhatTheWorkerIsPast) {
  auto spec = bench_.spec();
  bench_.open(spec);
  bench_.poll();
  EXPECT_EQ(bench_.table.retired(), 0U);
  ASSERT_TRUE(bench_.table.close({1}, bench_.now.monotonic_ns).streams.size());
  bench_.poll();
  EXPECT_EQ(bench_.table.retired(), 1U);
  EXPECT_EQ(bench_.next_hops.count, 2);
  bench_.tick();
  bench_.poll();
  EXPECT_EQ(bench_.table.retired(), 0U);
  EXPECT_EQ(bench_.next_hops.count, 0);
}

TEST_F(SessionTableTest, AWorkerThatStandsStillLosesNoCommand) {
  for (std::uint64_t turn = 0; turn < WorkerLink::kCommands; ++turn) {
    ASSERT_TRUE(bench_.table.open(bench_.spec(1 + turn), bench_.now.monotonic_ns));
    bench_.table.close({1 + turn}, bench_.now.monotonic_ns);
    bench_.now.monotonic_ns += 10 * kNsPerMs;
  }
  const auto state = bench_.table.open(bench_.spec(1), bench_.now.monotonic_ns);
  for (int i = 0; i < 3; ++i) {
    bench_.tick();
    bench_.poll();
  }
  EXPECT_EQ(bench_.table.retired(), 0U);
  EXPECT_EQ(bench_.send(at("192.0.2.10:4000"), state->streams[0].leg[0].local_rtp, test::make_rtp(0, 1, 2, 3)).size(),
            1U);
}

TEST_F(SessionTableTest, NeverTakesAnSsrcTwiceUnderOneKey) {
  auto spec = bench_.spec();
  auto& leg = spec.streams[0].leg[0];
  leg.send_key = test::make_key(contract::SrtpSuite::kAesCm128HmacSha1_80, 1);
  leg.ssrc = 4711;
  bench_.open(spec);
  spec.revision = 2;
  leg.ssrc = 4712;
  bench_.update(spec);
  spec.revision = 3;
  leg.ssrc = 4711;
  EXPECT_EQ(bench_.table.update(spec, 0).error().field, "streams[0].leg[a].ssrc");
  bench_.table.close({1}, 0);
  EXPECT_EQ(open_error(spec).field, "streams[0].leg[a].ssrc");
  leg.ssrc = 0;
  EXPECT_TRUE(bench_.table.open(spec, 0));
}

TEST_F(SessionTableTest, TheSameKeyUnderAnotherSuiteIsRefused) {
  auto spec = bench_.spec();
  auto& leg = spec.streams[0].leg[0];
  leg.send_key = test::make_key(contract::SrtpSuite::kAesCm128HmacSha1_80, 1);
  bench_.open(spec);
  spec.revision = 2;
  leg.send_key->suite = contract::SrtpSuite::kAesCm128HmacSha1_32;
  EXPECT_EQ(bench_.table.update(spec, 0).error().field, "streams[0].leg[a].send_key");
  leg.send_key = test::make_key(contract::SrtpSuite::kAesCm128HmacSha1_32, 9);
  EXPECT_TRUE(bench_.table.update(spec, 0));
}

TEST_F(SessionTableTest, RefusesPacketsToWhereNothingMayGo) {
  bench_.open(bench_.spec());
  const std::vector<std::uint8_t> packet(20);
  const auto send = [&](const char* to, std::uint16_t stream = 0) {
    return bench_.table.send_packet({1}, stream, contract::Side::kA, contract::Component::kRtp, at(to), packet);
  };
  EXPECT_EQ(send("127.0.0.1:1").error().field, "destination");
  EXPECT_EQ(send("[2001:db8::1]:1").error().field, "destination");
  EXPECT_EQ(send("192.0.2.9:1", 1).error().field, "stream");
  for (std::size_t i = 0; i < kMaxInjectDestinations; ++i) {
    ASSERT_TRUE(bench_.table.send_packet({1}, 0, contract::Side::kA, contract::Component::kRtp,
                                         {IpAddress::v4(203, 0, 113, static_cast<std::uint8_t>(i + 1)), 9}, packet));
    bench_.tick();
  }
  EXPECT_EQ(send("203.0.113.200:9").error().kind, ErrorKind::kExhausted);
}

}  // namespace
}  // namespace isthmus::session
