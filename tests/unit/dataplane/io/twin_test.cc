// The kernel's end of a port. A pair of datagram sockets stands in for the TAP descriptor: it keeps frames apart as
// that does.

#if ISTHMUS_DPDK

#include "dataplane/io/dpdk/twin.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <rte_mbuf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/io/dpdk/eal.h"
#include "dataplane/io/dpdk/port.h"

namespace isthmus::io::dpdk {
namespace {

constexpr int kPatienceMs = 5000;

class TwinTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // The other suite of this program may have started it.
    static_cast<void>(start_eal({96, false, {}}));
    buffers_ = rte_pktmbuf_pool_create("twin-test", 4095, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
    ASSERT_NE(buffers_, nullptr);
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(rte_mempool_avail_count(buffers_), 4095U) << "buffers were lost";
    rte_mempool_free(buffers_);
  }
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    tap_ = ends[0];
    kernel_ = ends[1];
  }
  void TearDown() override { ::close(kernel_); }

  static rte_mbuf* frame(std::string_view text) {
    rte_mbuf* made = rte_pktmbuf_alloc(buffers_);
    std::memcpy(rte_pktmbuf_append(made, static_cast<std::uint16_t>(text.size())), text.data(), text.size());
    return made;
  }
  /// What the kernel's end gets next; empty when nothing came.
  std::string heard() const {
    pollfd waiting{kernel_, POLLIN, 0};
    std::array<char, 2048> text{};
    if (::poll(&waiting, 1, kPatienceMs) != 1) return {};
    const ssize_t length = ::read(kernel_, text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  }
  void say(std::string_view text) const {
    ASSERT_EQ(::write(kernel_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// Polls as a worker does until so many frames came.
  static std::vector<std::string> taken(Twin& twin, std::size_t wanted) {
    std::vector<std::string> texts;
    for (int turn = 0; turn < kPatienceMs && texts.size() < wanted; ++turn) {
      std::array<rte_mbuf*, 8> frames{};
      const std::size_t count = twin.take(frames);
      for (std::size_t i = 0; i < count; ++i) {
        texts.emplace_back(rte_pktmbuf_mtod(frames[i], const char*), frames[i]->data_len);
        rte_pktmbuf_free(frames[i]);
      }
      if (count == 0) ::poll(nullptr, 0, 1);
    }
    return texts;
  }

  static inline rte_mempool* buffers_ = nullptr;
  int tap_ = -1;     // the twin's
  int kernel_ = -1;  // ours
};

TEST_F(TwinTest, FramesReachTheKernelInOrder) {
  Twin twin(tap_, 1, buffers_, {});
  twin.give(0, frame("arp"));
  twin.give(0, frame("sip"));
  twin.wake();
  EXPECT_EQ(heard(), "arp");
  EXPECT_EQ(heard(), "sip");
}

TEST_F(TwinTest, EachWorkerHasItsRing) {
  Twin twin(tap_, 2, buffers_, {});
  twin.give(1, frame("of the second"));
  twin.wake();
  EXPECT_EQ(heard(), "of the second");
}

TEST_F(TwinTest, TheKernelsFramesAreTakenByTheWorker) {
  Twin twin(tap_, 1, buffers_, {});
  say("echo reply");
  say("syn ack");
  EXPECT_EQ(taken(twin, 2), (std::vector<std::string>{"echo reply", "syn ack"}));
  EXPECT_EQ(twin.counters().from_kernel, 2U);
}

TEST_F(TwinTest, SegmentsAreOneFrame) {
  Twin twin(tap_, 1, buffers_, {});
  rte_mbuf* head = frame("first half, ");
  ASSERT_EQ(rte_pktmbuf_chain(head, frame("second half")), 0);
  twin.give(0, head);
  twin.wake();
  EXPECT_EQ(heard(), "first half, second half");
}

TEST_F(TwinTest, FullRingDropsAndCounts) {
  // Nobody reads at the kernel's end, so frames pile up there first: what does not fit is refused, never waited for.
  Twin twin(tap_, 1, buffers_, {});
  constexpr std::size_t kGiven = 3 * Twin::kRingFrames;
  for (std::size_t i = 0; i < kGiven; ++i) twin.give(0, frame("flood"));
  twin.wake();
  ExceptionCounters counters;
  for (int turn = 0; turn < kPatienceMs; ++turn) {
    counters = twin.counters();
    if (counters.to_kernel + counters.full + counters.refused == kGiven) break;
    twin.wake();
    ::poll(nullptr, 0, 1);
  }
  EXPECT_EQ(counters.to_kernel + counters.full + counters.refused, kGiven);
  EXPECT_GT(counters.full + counters.refused, 0U);
}

TEST_F(TwinTest, FullRingFromTheKernelPushesBack) {
  Twin twin(tap_, 1, buffers_, {});
  // A worker that does not come: the ring fills, then the descriptor's own queue, then the kernel has to wait.
  std::size_t written = 0;
  for (int refused = 0; refused < 200 && written < 4 * Twin::kRingFrames;) {
    if (::write(kernel_, "x", 1) == 1) {
      ++written;
      refused = 0;
    } else {
      ::poll(nullptr, 0, 1);
      ++refused;
    }
  }
  ASSERT_GE(written, Twin::kRingFrames);
  ASSERT_LT(written, 4 * Twin::kRingFrames) << "nothing pushed back";
  EXPECT_EQ(taken(twin, written).size(), written) << "frames of the kernel were lost";
}

TEST_F(TwinTest, EndsWithFramesInBothRings) {
  Twin twin(tap_, 1, buffers_, {});
  say("never taken");
  for (int i = 0; i < 100; ++i) twin.give(0, frame("never written"));
}

TEST(OpenTap, AnInterfaceThatIsNotThereIsATypedErrorThatSaysHowToMakeIt) {
  const auto fd = open_tap({"isthmus-no-if", 0, {}, 1500});
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().kind, ErrorKind::kUnavailable);
  EXPECT_NE(fd.error().message.find("ip tuntap add dev isthmus-no-if mode tap"), std::string::npos);
}

TEST(PciAddress, IsToldFromOtherDevices) {
  EXPECT_TRUE(is_pci_address("0000:03:00.0"));
  EXPECT_TRUE(is_pci_address("03:00.1"));
  EXPECT_FALSE(is_pci_address("net_af_packet0"));
  EXPECT_FALSE(is_pci_address("eth0"));
  EXPECT_FALSE(is_pci_address(""));
}

}  // namespace
}  // namespace isthmus::io::dpdk

#endif  // ISTHMUS_DPDK
