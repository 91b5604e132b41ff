// The packets of one stream are followed: where each of them went, and why it did not.

#include <gtest/gtest.h>

#include "dataplane/base/stage.h"
#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"
#include "tests/support/pipeline/video.h"

namespace isthmus::test {
namespace {

using contract::CryptoOutcome;
using contract::Side;
using contract::TracedKind;
using contract::TraceEnd;
using contract::TraceFate;
using contract::TraceRecord;
using contract::TraceRule;

const SocketAddress kPeerA = *SocketAddress::parse("192.0.2.10:4000");
const SocketAddress kPeerB = *SocketAddress::parse("198.51.100.20:5000");
const SocketAddress kStranger = *SocketAddress::parse("203.0.113.9:9");

class TraceTest : public testing::Test {
 protected:
  RelayBench bench;
  SrtpPeer peer;  // on leg A
  contract::SessionState state;

  void open(contract::SessionSpec spec) { state = bench.open(spec); }
  void open_secured() {
    auto spec = bench.spec();
    peer.set_keys(contract::SrtpSuite::kAesCm128HmacSha1_80, 1, {});
    spec.streams[0].leg[0].receive_key = peer.send_key();
    spec.streams[0].leg[0].send_key = peer.receive_key();
    open(spec);
  }
  static contract::TraceSpec packets(std::uint32_t most) {
    contract::TraceSpec spec;
    spec.max_packets = most;
    return spec;
  }
  static contract::TraceSpec milliseconds(std::uint32_t most) {
    contract::TraceSpec spec;
    spec.max_ms = most;
    return spec;
  }
  SocketAddress local(Side side) { return state.streams[0].leg[index(side)].local_rtp; }
  Result<void> start(contract::TraceSpec spec) {
    spec.session = {1};
    const auto started = bench.table.start_trace(spec, bench.now.monotonic_ns);
    bench.tick();
    return started;
  }
  Result<contract::TracePage> read(std::uint64_t from = 0) {
    bench.poll();
    return bench.table.read_trace({1}, from, 2.0);
  }
  std::vector<TraceRecord> records() { return read()->records; }
  Payload rtp(std::uint16_t sequence, std::uint8_t payload_type = 0) {
    return make_rtp(payload_type, sequence, 160U * sequence, 7);
  }

  void TearDown() override { EXPECT_TRUE(bench.balanced()); }
};

TEST_F(TraceTest, AForwardedPacketIsShownFromEndToEnd) {
  open_secured();
  ASSERT_TRUE(start({}));
  const auto sent = bench.send(kPeerA, local(Side::kA), peer.protect(rtp(4711)));
  ASSERT_EQ(sent.size(), 1U);
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  const TraceRecord& record = all[0];
  EXPECT_EQ(record.fate, TraceFate::kForwarded);
  EXPECT_EQ(record.kind, TracedKind::kRtp);
  EXPECT_EQ(record.side, Side::kA);
  EXPECT_EQ(record.rule, TraceRule::kExpectedSource);
  EXPECT_EQ(record.opened, CryptoOutcome::kOk);
  EXPECT_EQ(record.closed, CryptoOutcome::kClear);
  EXPECT_EQ(record.source, kPeerA);
  EXPECT_EQ(record.drop_reason, "");
  EXPECT_EQ(record.unix_ns, bench.now.unix_ns);
  EXPECT_EQ(record.burst, 1);
  EXPECT_EQ(record.bytes_in, 12 + 160 + 10);
  EXPECT_EQ(record.bytes_out, 12 + 160);
  EXPECT_EQ(record.sequence_in, 4711);
  EXPECT_EQ(record.ssrc_in, 7U);
  EXPECT_EQ(record.timestamp_in, 160U * 4711);
  EXPECT_EQ(record.sequence_out, sent[0].rtp().sequence);
  EXPECT_EQ(record.ssrc_out, sent[0].rtp().ssrc);
  EXPECT_EQ(record.timestamp_out, sent[0].rtp().timestamp);
  EXPECT_EQ(read()->stages.at(record.stage), "write_headers");
  EXPECT_GT(record.stage_ns.at(index(Stage::kUnprotect)), 0U);
  EXPECT_EQ(record.stage_ns.at(index(Stage::kPunt)), 0U);
  const contract::StageFigures figures = bench.table.stages({});
  for (const contract::StageUse& stage : figures.workers.at(0).stages) {
    EXPECT_EQ(stage.calls, 0U) << stage.name << ": tracing is not measuring";
  }
}

TEST_F(TraceTest, EachDropHasItsStageAndReason) {
  open_secured();
  ASSERT_TRUE(start({}));
  Payload forged = peer.protect(rtp(2));
  forged.back() ^= 1U;
  const Payload good = peer.protect(rtp(1));
  bench.run({make_frame(kPeerA, local(Side::kA), good), make_frame(kPeerA, local(Side::kA), good),
             make_frame(kStranger, local(Side::kA), peer.protect(rtp(3))), make_frame(kPeerA, local(Side::kA), forged),
             make_frame(kPeerA, local(Side::kA), peer.protect(rtp(4, 99))),
             make_frame(kPeerA, local(Side::kA), {0x80, 201, 0, 1, 0, 0, 0, 7})});
  const auto page = read();
  const auto& all = page->records;
  ASSERT_EQ(all.size(), 6U);
  const auto expect = [&](std::size_t i, const char* stage, const char* reason) {
    EXPECT_EQ(page->stages.at(all[i].stage), stage) << i;
    EXPECT_EQ(all[i].drop_reason, reason) << i;
    EXPECT_EQ(all[i].fate, *reason == 0 ? TraceFate::kForwarded : TraceFate::kDropped) << i;
  };
  expect(0, "write_headers", "");
  expect(1, "unprotect", "srtp_replayed");
  EXPECT_EQ(all[1].opened, CryptoOutcome::kFailed);
  expect(2, "admit", "wrong_source");
  EXPECT_EQ(all[2].rule, TraceRule::kNotAsked);
  EXPECT_EQ(all[2].source, kStranger);
  EXPECT_EQ(all[2].opened, CryptoOutcome::kNotReached);
  EXPECT_EQ(all[2].stage_ns.at(index(Stage::kUnprotect)), 0U) << "it had gone by then";
  expect(3, "unprotect", "srtp_auth_failed");
  expect(4, "map", "payload_type_unknown");
  EXPECT_EQ(all[4].opened, CryptoOutcome::kOk);
  EXPECT_EQ(all[4].payload_type_in, 99);
  EXPECT_EQ(all[4].ssrc_out, 0U);
  expect(5, "classify", "rtcp_on_rtp_port");
  for (const TraceRecord& record : all) EXPECT_EQ(record.burst, 6);
}

TEST_F(TraceTest, OneSideAloneAndNoOtherStream) {
  open(bench.spec());
  auto other = bench.spec(2);
  other.streams[0].leg[0].remote_rtp = kStranger;
  const auto second = bench.open(other);
  contract::TraceSpec from_b;
  from_b.side = Side::kB;
  ASSERT_TRUE(start(from_b));
  bench.send(kPeerA, local(Side::kA), rtp(1));
  bench.send(kStranger, second.streams[0].leg[0].local_rtp, rtp(1));
  bench.send(kPeerB, local(Side::kB), rtp(9));
  const auto all = records();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].side, Side::kB);
  EXPECT_EQ(all[0].sequence_in, 9);
}

TEST_F(TraceTest, RtcpIsConsumed) {
  open(bench.spec());
  ASSERT_TRUE(start({}));
  const Payload report = {0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, 'a', 0};
  bench.send({kPeerA.ip, 4001}, state.streams[0].leg[0].local_rtcp, report);
  const auto page = read();
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].kind, TracedKind::kRtcp);
  EXPECT_EQ(page->records[0].fate, TraceFate::kConsumed);
  EXPECT_EQ(page->stages.at(page->records[0].stage), "take_reports");
  EXPECT_EQ(page->records[0].opened, CryptoOutcome::kClear);
}

TEST_F(TraceTest, EndsAfterItsPacketsAndIsReadInPages) {
  open(bench.spec());
  ASSERT_TRUE(start(packets(300)));
  for (std::uint16_t i = 1; i <= 400; ++i) bench.send(kPeerA, local(Side::kA), rtp(i));
  const auto first = read();
  EXPECT_EQ(first->records.size(), contract::kMaxPageTraceRecords);
  EXPECT_EQ(first->next, contract::kMaxPageTraceRecords);
  EXPECT_EQ(first->ended, TraceEnd::kRuns) << "there is more to read";
  const auto last = read(first->next);
  EXPECT_EQ(last->first, first->next);
  EXPECT_EQ(last->records.size(), 300 - contract::kMaxPageTraceRecords);
  EXPECT_EQ(last->records.back().sequence_in, 300);
  EXPECT_EQ(last->ended, TraceEnd::kPackets);
  EXPECT_TRUE(read(last->next)->records.empty());
  EXPECT_TRUE(read(~0ULL)->records.empty());
}

TEST_F(TraceTest, EndsWhenItsTimeIsOverAndIsForgottenAMinuteLater) {
  open(bench.spec());
  ASSERT_TRUE(start(milliseconds(100)));
  bench.send(kPeerA, local(Side::kA), rtp(1));
  bench.pass_ms(99);
  EXPECT_EQ(read()->ended, TraceEnd::kRuns);
  bench.pass_ms(5);
  bench.send(kPeerA, local(Side::kA), rtp(2));
  EXPECT_EQ(read()->ended, TraceEnd::kTime);
  EXPECT_EQ(read()->records.size(), 1U);
  bench.pass_ms(59'000);
  EXPECT_TRUE(read());
  bench.pass_ms(2'000);
  EXPECT_EQ(read().error().field, "trace");
}

TEST_F(TraceTest, ASecondOneOnTheWorkerIsRefusedUntilTheFirstHasEnded) {
  open(bench.spec());
  ASSERT_TRUE(start(packets(1)));
  const auto second = start({});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kExhausted);
  EXPECT_EQ(second.error().field, "worker");
  bench.send(kPeerA, local(Side::kA), rtp(1));
  bench.poll();
  EXPECT_TRUE(start({}));
  EXPECT_TRUE(read()->records.empty()) << "the records of the first went with it";
}

TEST_F(TraceTest, StopForgetsAndTheWorkerGoesOnUnwatched) {
  open(bench.spec());
  ASSERT_TRUE(start({}));
  bench.send(kPeerA, local(Side::kA), rtp(1));
  bench.table.stop_trace({1});
  bench.table.stop_trace({1});
  bench.tick();
  bench.send(kPeerA, local(Side::kA), rtp(2));
  EXPECT_EQ(read().error().field, "trace");
  ASSERT_TRUE(start({}));
  EXPECT_TRUE(read()->records.empty());
}

TEST_F(TraceTest, ClosingTheSessionEndsItAndItsRecordsStay) {
  open(bench.spec());
  ASSERT_TRUE(start({}));
  bench.send(kPeerA, local(Side::kA), rtp(1));
  bench.table.close({1}, bench.now.monotonic_ns);
  bench.tick();
  EXPECT_EQ(read()->ended, TraceEnd::kClosed);
  EXPECT_EQ(read()->records.size(), 1U);
}

TEST_F(TraceTest, MistakesAreRefused) {
  open(bench.spec());
  contract::TraceSpec wrong;
  wrong.stream = 1;
  EXPECT_EQ(start(wrong).error().field, "stream");
  wrong.session = {9};
  EXPECT_EQ(bench.table.start_trace(wrong, 0).error().field, "session");
  EXPECT_EQ(read().error().field, "trace");
}

TEST_F(TraceTest, AFullRingIsCounted) {
  open(bench.spec());
  ASSERT_TRUE(start(packets(10'000)));
  constexpr std::size_t kPast = 7;
  for (std::size_t i = 1; i <= session::TraceLink::kRecords + kPast; ++i) {
    bench.send(kPeerA, local(Side::kA), rtp(static_cast<std::uint16_t>(i)));
  }
  EXPECT_EQ(read()->lost, kPast);
}

/// Video towards X-H264UC waits for its picture: what came, what was made beside it, and how long it took.
TEST(TraceAdapted, ShowsWhatWasHeldAndWhatWasMade) {
  VideoBench video;
  RelayBench& relay = video.relay;
  contract::TraceSpec spec;
  spec.session = {1};
  spec.side = Side::kB;
  ASSERT_TRUE(relay.table.start_trace(spec, relay.now.monotonic_ns));
  relay.tick();
  const Payload first(40, 0x41);
  EXPECT_TRUE(video.send(1, 100, 0, false, first).empty()) << "held: the picture has not ended";
  relay.pass_ms(5);
  EXPECT_EQ(video.send(1, 101, 0, true, first).size(), 3U);  // a PACSI before the two
  relay.poll();
  const auto page = relay.table.read_trace({1}, 0, 1.0);
  ASSERT_TRUE(page);
  std::vector<TraceFate> fates;
  for (const TraceRecord& record : page->records) fates.push_back(record.fate);
  EXPECT_EQ(fates, (std::vector{TraceFate::kAdapted, TraceFate::kAdapted, TraceFate::kGenerated, TraceFate::kForwarded,
                                TraceFate::kForwarded}));
  EXPECT_EQ(page->records[3].sequence_in, 100);
  EXPECT_EQ(page->records[3].held_ns, 5 * session::kNsPerMs);
  EXPECT_EQ(page->records[3].unix_ns, page->records[0].unix_ns);
  EXPECT_EQ(page->records[4].sequence_in, 101);
  EXPECT_EQ(page->records[4].held_ns, 0U);
  EXPECT_FALSE(page->records[4].source);
  EXPECT_TRUE(video.clean());
}

/// A picture whose end never came: its stream is closed while it waits.
TEST(TraceAdapted, ShowsWhatWasHeldAndDropped) {
  VideoBench video;
  RelayBench& relay = video.relay;
  contract::TraceSpec spec;
  spec.session = {1};
  spec.side = Side::kB;
  ASSERT_TRUE(relay.table.start_trace(spec, relay.now.monotonic_ns));
  relay.tick();
  const Payload slice(40, 0x41);
  EXPECT_TRUE(video.send(1, 100, 0, false, slice).empty());
  EXPECT_TRUE(video.send(1, 101, 0, false, slice).empty());
  relay.now.monotonic_ns += 5 * session::kNsPerMs;
  relay.now.unix_ns += 5 * session::kNsPerMs;
  relay.table.close({1}, relay.now.monotonic_ns);
  relay.tick();
  relay.poll();
  const auto page = relay.table.read_trace({1}, 0, 1.0);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->ended, TraceEnd::kClosed);
  ASSERT_EQ(page->records.size(), 4U);  // two that were taken, and what became of them
  for (std::uint16_t i = 0; i < 2; ++i) {
    EXPECT_EQ(page->records[i].fate, TraceFate::kAdapted);
    const TraceRecord& dropped = page->records[i + 2U];
    EXPECT_EQ(dropped.fate, TraceFate::kDropped);
    EXPECT_EQ(dropped.drop_reason, "port_closed");
    EXPECT_EQ(page->stages.at(dropped.stage), "adapt");
    EXPECT_EQ(dropped.sequence_in, 100 + i);
    EXPECT_EQ(dropped.held_ns, 5 * session::kNsPerMs);
    EXPECT_EQ(dropped.unix_ns, page->records[i].unix_ns);
    EXPECT_EQ(dropped.stage_ns.at(index(Stage::kAdapt)), 0U);
  }
  EXPECT_TRUE(video.clean());
}

/// The same by a trace that has room for three: it ends with them.
TEST(TraceAdapted, WhatIsDroppedBetweenBurstsCountsAgainstItsPackets) {
  VideoBench video;
  RelayBench& relay = video.relay;
  contract::TraceSpec spec;
  spec.session = {1};
  spec.max_packets = 3;
  ASSERT_TRUE(relay.table.start_trace(spec, relay.now.monotonic_ns));
  relay.tick();
  const Payload slice(40, 0x41);
  video.send(1, 100, 0, false, slice);
  video.send(1, 101, 0, false, slice);
  auto spec_now = video.spec;
  spec_now.streams[0].leg[0].video = spec_now.streams[0].leg[1].video;  // from now on nothing is to be adapted
  ++spec_now.revision;
  relay.update(spec_now);
  relay.tick();
  relay.poll();
  const auto page = relay.table.read_trace({1}, 0, 1.0);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->records.size(), 3U);
  EXPECT_EQ(page->ended, TraceEnd::kPackets);
  EXPECT_TRUE(video.clean());
}

}  // namespace
}  // namespace isthmus::test
