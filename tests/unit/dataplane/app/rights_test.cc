#include "dataplane/app/rights.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

namespace isthmus::app {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << static_cast<unsigned>(capability); }

TEST(MissingRights, SocketsNeedNone) { EXPECT_EQ(missing_rights(io::Mode::kSocket, {}), ""); }

TEST(MissingRights, ModesWithoutAKernelInterfaceNeedNone) {
  for (const io::Mode mode : {io::Mode::kPcap, io::Mode::kRing, io::Mode::kMemif})
    EXPECT_EQ(missing_rights(mode, {}), "");
}

TEST(MissingRights, NamesAllThatAreMissing) {
  EXPECT_EQ(missing_rights(io::Mode::kAfPacket, {}), "CAP_NET_ADMIN, CAP_NET_RAW");
  EXPECT_EQ(missing_rights(io::Mode::kAfXdp, {}), "CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_IPC_LOCK");
}

TEST(MissingRights, ANicOfOurOwnNeedsNoPacketSockets) {
  EXPECT_EQ(missing_rights(io::Mode::kPci, {}), "CAP_NET_ADMIN, CAP_IPC_LOCK");
  EXPECT_EQ(missing_rights(io::Mode::kPci, {bit(CAP_NET_ADMIN), true}), "");
}

TEST(MissingRights, TheDataPlanesOwnSetIsEnough) {
  const Rights rights{bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW) | bit(CAP_BPF) | bit(CAP_IPC_LOCK), false};
  EXPECT_EQ(missing_rights(io::Mode::kAfXdp, rights), "");
  EXPECT_EQ(missing_rights(io::Mode::kAfPacket, rights), "");
}

TEST(MissingRights, AlternativesCount) {
  const Rights rights{bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW) | bit(CAP_SYS_ADMIN), true};
  EXPECT_EQ(missing_rights(io::Mode::kAfXdp, rights), "");
}

}  // namespace
}  // namespace isthmus::app
