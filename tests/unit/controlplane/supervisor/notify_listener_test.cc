#include "controlplane/supervisor/notify_listener.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "controlplane/supervisor/run_folder.h"
#include "dataplane/base/service_notify.h"
#include "scratch_folder.h"

namespace isthmus::supervisor {
namespace {

TEST(Notices, LinesThatAreKnownCount) {
  EXPECT_TRUE(parse_notice("READY=1").ready);
  const Notice both = parse_notice("STATUS=READY=1 soon\nWATCHDOG=1\nSTOPPING=1\n");
  EXPECT_FALSE(both.ready);
  EXPECT_TRUE(both.watchdog && both.stopping);
  EXPECT_FALSE(parse_notice("READY=10").ready);
  EXPECT_FALSE(parse_notice("").ready);
  EXPECT_FALSE(parse_notice("\n\n\n").ready);
}

TEST(Notices, OnlyThePlaneItselfIsBelievedAndLongOnesArePassedOver) {
  const ScratchFolder folder;
  const Result<RunFolder> taken = RunFolder::take(folder / "run");
  ASSERT_TRUE(taken);
  const Result<Descriptor> listening = taken->make_notify_socket("dataplane", current_user());
  ASSERT_TRUE(listening);
  ::setenv("NOTIFY_SOCKET", taken->notify_socket("dataplane").c_str(), 1);
  ASSERT_TRUE(notify_service("READY=1"));
  EXPECT_FALSE(receive_notices(listening->get(), ::getpid() + 1).ready);
  ASSERT_TRUE(notify_service("READY=1\n" + std::string(kMaxNoticeBytes, 'x')));
  EXPECT_FALSE(receive_notices(listening->get(), ::getpid()).ready);
  ASSERT_TRUE(notify_service("READY=1"));
  ASSERT_TRUE(notify_service("WATCHDOG=1"));
  const Notice notice = receive_notices(listening->get(), ::getpid());
  EXPECT_TRUE(notice.ready && notice.watchdog);
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_EQ(notify_service("READY=1").error().kind, ErrorKind::kInvalidArgument);
  ::setenv("NOTIFY_SOCKET", (folder / "nobody-here").c_str(), 1);
  EXPECT_EQ(notify_service("READY=1").error().kind, ErrorKind::kUnavailable);
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(notify_service("READY=1")) << "nobody asked";
}

}  // namespace
}  // namespace isthmus::supervisor
