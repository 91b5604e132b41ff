// Two to four workers around one session table, in memory: whatever queue a packet comes to, its session's worker
// relays it; nothing is lost but by a named drop, no buffer leaks, and the law holds over all with what waits in rings
// held.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/io/port_class.h"
#include "dataplane/worker/worker.h"
#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace isthmus::test {
namespace {

/// Buffers that any worker may give back, as those of DPDK; each worker has a queue that the test fills.
class SharedFrames {
 public:
  io::Frame make(std::span<const std::uint8_t> bytes) {
    io::Frame frame;
    auto* buffer = new std::uint8_t[MemoryIo::kBuffer]{};
    out_.fetch_add(1, std::memory_order_relaxed);
    frame.handle = buffer;
    frame.data = buffer + MemoryIo::kHeadroom;
    frame.headroom = MemoryIo::kHeadroom;
    frame.length = static_cast<std::uint16_t>(bytes.size());
    frame.tailroom = static_cast<std::uint16_t>(MemoryIo::kBuffer - MemoryIo::kHeadroom - bytes.size());
    std::ranges::copy(bytes, frame.data);
    return frame;
  }
  void release(const io::Frame& frame) {
    delete[] static_cast<std::uint8_t*>(frame.handle);
    out_.fetch_sub(1, std::memory_order_relaxed);
  }
  std::size_t outstanding() const { return out_.load(); }

 private:
  std::atomic<std::size_t> out_{0};
};

class QueueIo final : public io::Io {
 public:
  explicit QueueIo(SharedFrames& frames) : frames_(frames) {}

  void receive(io::Burst& burst) override {
    io::Frame frame;
    while (!burst.full() && arriving.pop(frame)) burst.add(frame);
  }
  std::size_t send(io::Burst& burst) override {
    for (std::size_t i = 0; i < burst.count; ++i) {
      const Sent sent_packet = parse_sent(burst.frames[i]);
      if (sent_packet.payload.size() == kRtpBytes) sequences[sent_packet.to].push_back(sent_packet.rtp().sequence);
      frames_.release(burst.frames[i]);
    }
    sent.fetch_add(burst.count, std::memory_order_relaxed);
    burst.count = 0;
    return 0;
  }
  void release(const io::Frame& frame) override { frames_.release(frame); }
  io::Frame allocate() override {
    io::Frame frame = frames_.make({});
    return frame;
  }
  io::IoCounters counters() const override { return {}; }

  static constexpr std::size_t kRtpBytes = 12 + 160;
  io::SpscRing<io::Frame> arriving{1 << 14};
  std::atomic<std::size_t> sent{0};
  std::map<SocketAddress, std::vector<std::uint16_t>> sequences;  // worker's thread

 private:
  SharedFrames& frames_;
};

struct Flow {
  SocketAddress peer;
  SocketAddress local;
  std::uint16_t next = 0;
  std::uint16_t queue = 0;
};

class SeveralWorkers : public testing::TestWithParam<std::size_t> {
 protected:
  SeveralWorkers() {
    pipeline::PipelineConfig config;
    config.packets_per_port_per_second = 1'000'000;
    std::vector<session::WorkerLink*> to_table;
    for (std::size_t i = 0; i < GetParam(); ++i) {
      links_.push_back(std::make_unique<session::WorkerLink>(networks_));
      to_table.push_back(links_.back().get());
      ios_.push_back(std::make_unique<QueueIo>(frames_));
      engines_.push_back(crypto::make_libsrtp2_engine());
    }
    table_ = std::make_unique<session::SessionTable>(
        networks_, session::SessionTableDependencies{random_, *engine_, hops_, ports_, to_table});
    for (std::size_t i = 0; i < GetParam(); ++i) {
      workers_.push_back(std::make_unique<worker::Worker>(
          worker::WorkerConfig{i, worker::IdlePolicy::kNap, std::nullopt, config},
          worker::WorkerDependencies{*ios_[i], *links_[i], *engines_[i], &hand_over_}));
    }
  }

  contract::SessionSpec spec(std::uint64_t id) {
    contract::SessionSpec spec;
    spec.id = {id};
    contract::StreamSpec& stream = spec.streams.emplace_back();
    stream.leg[0].network = "lan";
    stream.leg[0].remote_rtp = {IpAddress::v4(192, 0, 2, 10), static_cast<std::uint16_t>(4000 + 2 * id)};
    stream.leg[1].network = "wan";
    stream.leg[1].remote_rtp = {IpAddress::v4(198, 51, 100, 20), static_cast<std::uint16_t>(4000 + 2 * id)};
    for (auto& leg : stream.leg) leg.cname = "x@isthmus";
    stream.a_to_b = stream.b_to_a = {{0, 0, 8000, 8000}};
    return spec;
  }
  /// A session lives on one worker, with all its ports.
  void open(std::uint64_t id) {
    const auto wanted = spec(id);
    const auto state = table_->open(wanted, now_ns());
    ASSERT_TRUE(state) << to_string(state.error());
    const std::size_t owner = io::port_class(state->streams[0].leg[0].local_rtp.port, GetParam());
    for (std::size_t side = 0; side < 2; ++side) {
      const auto& leg = state->streams[0].leg[side];
      EXPECT_EQ(io::port_class(leg.local_rtp.port, GetParam()), owner);
      EXPECT_EQ(io::port_class(leg.local_rtcp.port, GetParam()), owner);
      flows_.push_back({*wanted.streams[0].leg[side].remote_rtp, leg.local_rtp, 0,
                        static_cast<std::uint16_t>(random_.below(static_cast<std::uint32_t>(GetParam())))});
    }
  }
  static std::uint64_t now_ns() { return worker::Clock{}.now().monotonic_ns; }

  /// To the queue that the flow was hashed to, whoever owns it.
  bool send(Flow& flow) {
    const auto frame = frames_.make(make_frame(flow.peer, flow.local, make_rtp(0, flow.next, 160U * flow.next, 7)));
    if (!ios_[flow.queue]->arriving.push(frame)) {
      frames_.release(frame);
      return false;
    }
    ++flow.next;
    ++arrived_;
    return true;
  }
  template <typename Read>
  std::uint64_t sum(Read read) const {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < GetParam(); ++i) total += read(i);
    return total;
  }
  std::uint64_t of_all(session::Figure<std::uint64_t> session::WorkerCounters::* figure) const {
    return sum([&](std::size_t i) { return (links_[i]->counters.*figure).get(); });
  }
  std::uint64_t dropped(DropReason reason) const {
    return sum([&](std::size_t i) { return links_[i]->counters.dropped[static_cast<std::size_t>(reason)].get(); });
  }
  std::uint64_t all_dropped() const {
    return sum([&](std::size_t i) {
      std::uint64_t total = 0;
      for (const auto& reason : links_[i]->counters.dropped) total += reason.get();
      return total;
    });
  }
  std::uint64_t in_rings() const {
    return sum([&](std::size_t i) { return workers_[i]->figures().handed_over.get(); }) -
           sum([&](std::size_t i) { return workers_[i]->figures().taken_over.get(); });
  }
  bool balanced() const {
    using session::WorkerCounters;
    return of_all(&WorkerCounters::received) + in_rings() == of_all(&WorkerCounters::forwarded) +
                                                                 of_all(&WorkerCounters::consumed) + all_dropped() +
                                                                 of_all(&WorkerCounters::held) + in_rings() &&
           of_all(&WorkerCounters::sent) == of_all(&WorkerCounters::forwarded) + of_all(&WorkerCounters::generated);
  }
  void turn_all(int times) {
    for (int i = 0; i < times; ++i) {
      for (const auto& worker : workers_) worker->turn();
    }
  }

  SeededRandom random_{GetParam() * 7};
  SharedFrames frames_;
  std::vector<io::Network> networks_ = RelayBench::default_networks();
  std::unique_ptr<crypto::SrtpEngine> engine_ = crypto::make_libsrtp2_engine();
  std::vector<std::unique_ptr<crypto::SrtpEngine>> engines_;
  InstantNextHops hops_;
  FreePorts ports_;
  std::vector<std::unique_ptr<session::WorkerLink>> links_;
  std::vector<std::unique_ptr<QueueIo>> ios_;
  worker::HandOver hand_over_{GetParam()};
  std::unique_ptr<session::SessionTable> table_;
  std::vector<std::unique_ptr<worker::Worker>> workers_;
  std::vector<Flow> flows_;
  std::uint64_t arrived_ = 0;
};

TEST_P(SeveralWorkers, RelayWhateverQueueAPacketComesTo) {
  for (std::uint64_t id = 1; id <= 40; ++id) open(id);
  turn_all(20);
  for (int step = 0; step < 3000; ++step) {
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(flows_[random_.below(static_cast<std::uint32_t>(flows_.size()))]));
    if (random_.below(4) != 0) workers_[random_.below(static_cast<std::uint32_t>(GetParam()))]->turn();
    ASSERT_TRUE(balanced()) << step;
    if (step % 100 == 0) turn_all(20);
  }
  turn_all(200);
  ASSERT_TRUE(balanced());
  EXPECT_EQ(in_rings(), 0U);
  EXPECT_EQ(frames_.outstanding(), 0U);
  EXPECT_EQ(of_all(&session::WorkerCounters::received), arrived_);
  EXPECT_EQ(of_all(&session::WorkerCounters::forwarded), arrived_);
  // Of the flows about one in N happens to come to its own worker's queue.
  const std::uint64_t handed = sum([&](std::size_t i) { return workers_[i]->figures().handed_over.get(); });
  const double expected = 1.0 - 1.0 / static_cast<double>(GetParam());
  EXPECT_NEAR(static_cast<double>(handed) / static_cast<double>(arrived_), expected, 0.25);
  // Each flow left by one worker alone, in the order in which it came.
  std::size_t seen = 0;
  for (const auto& io : ios_) {
    for (const auto& [to, numbers] : io->sequences) {
      ++seen;
      for (std::size_t i = 1; i < numbers.size(); ++i) {
        ASSERT_EQ(numbers[i], static_cast<std::uint16_t>(numbers[i - 1] + 1));
      }
    }
  }
  EXPECT_EQ(seen, flows_.size());
}

TEST_P(SeveralWorkers, ARingThatIsFullIsANamedDrop) {
  open(1);
  turn_all(20);
  Flow& flow = flows_[0];
  const std::size_t owner = io::port_class(flow.local.port, GetParam());
  const std::size_t other = (owner + 1) % GetParam();
  flow.queue = static_cast<std::uint16_t>(other);
  constexpr std::size_t kPackets = 3 * worker::HandOver::kRingFrames;
  for (std::size_t i = 0; i < kPackets; ++i) ASSERT_TRUE(send(flow));
  for (std::size_t i = 0; i < kPackets / io::kBurstSize; ++i) workers_[other]->turn();  // the owner is behind
  EXPECT_GE(in_rings(), worker::HandOver::kRingFrames);
  EXPECT_EQ(dropped(DropReason::kHandOverFull), kPackets - in_rings());
  EXPECT_GT(dropped(DropReason::kHandOverFull), 0U);
  EXPECT_TRUE(balanced());
  EXPECT_EQ(frames_.outstanding(), in_rings());
  turn_all(200);
  EXPECT_EQ(of_all(&session::WorkerCounters::received), arrived_);
  EXPECT_EQ(of_all(&session::WorkerCounters::forwarded) + all_dropped(), arrived_);
  EXPECT_EQ(frames_.outstanding(), 0U);
}

TEST_P(SeveralWorkers, SessionsAndPortsSpreadAndNothingLeaks) {
  // A network of 200 pairs: until not one session more fits, three times, and each time as many.
  std::size_t first_time = 0;
  for (int round = 0; round < 3; ++round) {
    std::uint64_t id = 1;
    const std::uint64_t now = 1 + static_cast<std::uint64_t>(round) * 3 * session::kPortRestNs;
    while (table_->open(spec(id), now)) ++id;
    turn_all(40);
    if (round == 0) first_time = id;
    EXPECT_EQ(id, first_time);
    EXPECT_EQ(id - 1, 500U);  // pairs of an address of each network: every class was used to its end
    std::vector<std::size_t> sessions;
    for (const contract::Counter& counter : table_->counters()) {
      if (counter.name.ends_with(".sessions")) sessions.push_back(counter.value);
    }
    ASSERT_EQ(sessions.size(), GetParam());
    for (const std::size_t on_worker : sessions) EXPECT_NEAR(double(on_worker), 500.0 / double(GetParam()), 8.0);
    while (--id > 0) table_->close({id}, now);
    turn_all(40);
    table_->poll(now, [](const contract::Event&) {});
    EXPECT_EQ(table_->retired(), 0U);
    for (const auto& pool : table_->pools(now)) EXPECT_EQ(pool.in_use, 0U);
  }
}

TEST_P(SeveralWorkers, ThreadsShareNothingButRings) {
  for (std::uint64_t id = 1; id <= 12; ++id) open(id);
  for (const auto& worker : workers_) ASSERT_TRUE(worker->start());
  for (std::uint64_t id = 1; id <= 12; ++id) {
    while (!table_->in_force({id})) std::this_thread::yield();
  }
  const auto quiet = [&] {
    while (of_all(&session::WorkerCounters::forwarded) + all_dropped() < arrived_) std::this_thread::yield();
  };
  for (int step = 0; step < 2000; ++step) {
    Flow& flow = flows_[random_.below(static_cast<std::uint32_t>(flows_.size()))];
    if (!send(flow)) std::this_thread::yield();
    if (step % 100 == 0) quiet();
    // Sessions come and go beside them, figures are read.
    const std::uint64_t id = 100 + static_cast<std::uint64_t>(step) % 7;
    if (step % 5 == 0) {
      std::ignore = table_->open(spec(id), now_ns());
    } else if (step % 5 == 3) {
      table_->close({id}, now_ns());
    }
    table_->poll(now_ns(), [](const contract::Event&) {});
    if (step % 50 == 0) std::ignore = table_->counters();
  }
  quiet();
  for (const auto& worker : workers_) worker->stop();
  EXPECT_EQ(of_all(&session::WorkerCounters::forwarded), arrived_);
  EXPECT_EQ(in_rings(), 0U);
  EXPECT_TRUE(balanced());
  EXPECT_EQ(frames_.outstanding(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Workers, SeveralWorkers, testing::Values(2, 3, 4));

}  // namespace
}  // namespace isthmus::test
