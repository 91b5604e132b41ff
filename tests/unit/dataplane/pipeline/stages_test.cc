// Where the cycles go: figures of the stages, on and off.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "dataplane/base/stage.h"
#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::test {
namespace {

const SocketAddress kPeerA = *SocketAddress::parse("192.0.2.10:4000");
const SocketAddress kPeerB = *SocketAddress::parse("198.51.100.20:5000");

class Stages : public testing::Test {
 protected:
  RelayBench bench;
  contract::SessionState state = bench.open(bench.spec());
  SocketAddress local = state.streams[0].leg[0].local_rtp;

  std::vector<Sent> send(std::size_t packets) {
    std::vector<Payload> frames;
    for (std::size_t i = 0; i < packets; ++i) {
      frames.push_back(make_frame(kPeerA, local, make_rtp(0, next_, 160U * next_, 7)));
      ++next_;
    }
    return bench.run(frames);
  }
  contract::StageUse use(Stage stage) {
    const contract::StageFigures figures = bench.table.stages({});
    EXPECT_EQ(figures.workers.at(0).stages.at(index(stage)).name, to_string(stage));
    return figures.workers.at(0).stages.at(index(stage));
  }

 private:
  std::uint16_t next_ = 1;
};

TEST_F(Stages, CountNothingUntilSwitchedOn) {
  EXPECT_EQ(send(5).size(), 5U);
  bench.tick();
  const contract::StageFigures figures = bench.table.stages({});
  EXPECT_FALSE(figures.measuring);
  ASSERT_EQ(figures.workers.at(0).stages.size(), kStageCount);
  for (const contract::StageUse& stage : figures.workers[0].stages) {
    EXPECT_EQ(stage.calls, 0U) << stage.name;
    EXPECT_EQ(stage.cycles, 0U) << stage.name;
  }
}

TEST_F(Stages, CountPacketsThatEnterEach) {
  EXPECT_TRUE(bench.table.stages(true).measuring);
  std::vector<Payload> frames;
  for (std::uint16_t i = 1; i <= 3; ++i) frames.push_back(make_frame(kPeerA, local, make_rtp(0, i, 160U * i, 7)));
  frames.push_back(make_frame(kPeerB, local, make_rtp(0, 4, 640, 7)));   // wrong source
  frames.push_back(make_frame(kPeerA, local, make_rtp(99, 5, 800, 7)));  // a payload type that is in no answer
  EXPECT_EQ(bench.run(frames).size(), 3U);
  EXPECT_EQ(use(Stage::kClassify).packets, 5U);
  EXPECT_EQ(use(Stage::kAdmit).packets, 5U);
  EXPECT_EQ(use(Stage::kUnprotect).packets, 4U);
  EXPECT_EQ(use(Stage::kMap).packets, 4U);
  EXPECT_EQ(use(Stage::kProtect).packets, 3U);
  EXPECT_EQ(use(Stage::kWriteHeaders).packets, 3U);
  for (const Stage stage : {Stage::kClassify, Stage::kAdmit, Stage::kMap, Stage::kWriteHeaders}) {
    EXPECT_EQ(use(stage).calls, 1U) << to_string(stage);
    EXPECT_GT(use(stage).cycles, 0U) << to_string(stage);
  }
  EXPECT_EQ(use(Stage::kAdapt).calls, 0U);
  EXPECT_EQ(use(Stage::kPunt).calls, 0U);
  EXPECT_TRUE(bench.balanced());
}

TEST_F(Stages, RtcpGoesThroughItsOwn) {
  bench.table.stages(true);
  // An empty receiver report with a CNAME (RFC 3550 6.1).
  const Payload report = {0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 202, 0, 2, 0, 0, 0, 7, 1, 1, 'a', 0};
  bench.send({kPeerA.ip, 4001}, state.streams[0].leg[0].local_rtcp, report);
  EXPECT_EQ(use(Stage::kTakeReports).packets, 1U);
  EXPECT_EQ(use(Stage::kAdmit).packets, 1U);
  EXPECT_EQ(use(Stage::kMap).packets, 0U);
}

TEST_F(Stages, StayWhereTheyAreWhenSwitchedOff) {
  bench.table.stages(true);
  send(2);
  EXPECT_FALSE(bench.table.stages(false).measuring);
  const std::uint64_t cycles = use(Stage::kClassify).cycles;
  send(2);
  bench.tick();
  EXPECT_EQ(use(Stage::kClassify).packets, 2U);
  EXPECT_EQ(use(Stage::kClassify).cycles, cycles);
  EXPECT_EQ(use(Stage::kTick).calls, 0U);
}

TEST_F(Stages, TickCountsWhatWeSendOurselves) {
  bench.table.stages(true);
  send(1);
  const std::vector<Sent> reports = bench.pass_ms(2000);
  EXPECT_FALSE(reports.empty());
  EXPECT_EQ(use(Stage::kTick).packets, reports.size());
  EXPECT_GE(use(Stage::kTick).calls, 400U);
}

}  // namespace
}  // namespace isthmus::test
