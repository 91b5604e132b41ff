#include "dataplane/worker/worker.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/session/worker_link.h"

namespace isthmus::worker {
namespace {

class NoSrtp : public crypto::SrtpEngine {
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

/// Gives `waiting` frames of nonsense, counts what comes back.
class FakeIo : public io::Io {
 public:
  void receive(io::Burst& burst) override {
    for (; waiting > 0 && !burst.full(); --waiting) {
      io::Frame frame;
      frame.data = memory_.data() + io::kMinHeadroomBytes;
      frame.handle = memory_.data();
      frame.length = 60;
      frame.headroom = io::kMinHeadroomBytes;
      frame.tailroom = io::kMinTailroomBytes;
      burst.add(frame);
    }
  }
  std::size_t send(io::Burst& burst) override {
    sent += burst.count;
    burst.count = 0;
    return 0;
  }
  void release(const io::Frame&) override { ++released; }
  io::Frame allocate() override { return {}; }
  io::IoCounters counters() const override { return {}; }
  void attach_thread() override { ++attached; }

  std::size_t waiting = 0;
  std::size_t sent = 0;
  std::size_t released = 0;
  int attached = 0;

 private:
  std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(256);
};

class WorkerTest : public testing::Test {
 protected:
  std::vector<io::Network> networks = {
      {.name = "a", .interface = "", .device = "", .addresses = {IpAddress::v4(192, 0, 2, 1)}}};
  FakeIo io;
  NoSrtp srtp;
  session::WorkerLink link{networks};
  Worker worker{{0, IdlePolicy::kNap, std::nullopt, {}}, {io, link, srtp}};
};

TEST_F(WorkerTest, EmptyTurnIsCountedAndCostsNoBusyTime) {
  EXPECT_FALSE(worker.turn());
  EXPECT_EQ(worker.figures().turns.get(), 1U);
  EXPECT_EQ(worker.figures().empty_polls.get(), 1U);
  EXPECT_EQ(worker.figures().busy_ns.get(), 0U);
}

TEST_F(WorkerTest, EveryReceivedFrameGoesBackToTheIo) {
  io.waiting = io::kBurstSize + 3;
  EXPECT_TRUE(worker.turn());
  EXPECT_TRUE(worker.turn());
  EXPECT_FALSE(worker.turn());
  EXPECT_EQ(io.released + io.sent, io::kBurstSize + 3);
  EXPECT_EQ(link.counters.received.get(), io::kBurstSize + 3);
  EXPECT_EQ(worker.figures().empty_polls.get(), 1U);
}

TEST_F(WorkerTest, ReceiveAndSendAreMeasuredOnDemand) {
  const auto& receive = link.stages.stage[index(Stage::kReceive)];
  io.waiting = 3;
  EXPECT_TRUE(worker.turn());
  EXPECT_EQ(receive.calls.get(), 0U);
  link.stages.wanted = true;
  io.waiting = 3;
  EXPECT_TRUE(worker.turn());
  EXPECT_FALSE(worker.turn());
  EXPECT_EQ(receive.calls.get(), 1U);  // an empty poll is no packet's
  EXPECT_EQ(receive.packets.get(), 3U);
  EXPECT_GT(receive.cycles.get(), 0U);
  EXPECT_EQ(link.stages.stage[index(Stage::kClassify)].packets.get(), 3U);
  EXPECT_EQ(link.stages.stage[index(Stage::kSend)].calls.get(), 1U);
  EXPECT_EQ(link.stages.stage[index(Stage::kTick)].calls.get(), 2U);
}

TEST_F(WorkerTest, ThreadStartsAttachesAndEnds) {
  ASSERT_TRUE(worker.start());
  while (worker.figures().turns.get() < 2) std::this_thread::yield();
  worker.stop();
  EXPECT_EQ(io.attached, 1);
  const auto turns = worker.figures().turns.get();
  worker.stop();
  EXPECT_EQ(worker.figures().turns.get(), turns);
}

TEST(Clock, MovesOnAndKnowsTheWallClock) {
  Clock clock;
  const session::Time first = clock.now();
  const session::Time second = clock.now();
  EXPECT_GE(second.monotonic_ns, first.monotonic_ns);
  EXPECT_EQ(second.unix_ns - first.unix_ns, second.monotonic_ns - first.monotonic_ns);
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  EXPECT_NEAR(static_cast<double>(second.unix_ns) / 1e9, static_cast<double>(wall.tv_sec), 2.0);
}

}  // namespace
}  // namespace isthmus::worker
