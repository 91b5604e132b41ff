#include "controlplane/supervisor/privileges.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace isthmus::supervisor {
namespace {

TEST(Privileges, AnUnknownUserIsExplained) {
  const Result<User> user = find_user("no-such-user");
  ASSERT_FALSE(user);
  EXPECT_NE(user.error().message.find("useradd"), std::string::npos);
  EXPECT_EQ(find_user("root")->uid, 0U);
}

TEST(Privileges, NamesForTheLog) {
  EXPECT_EQ(capability_names({}), "none");
  EXPECT_EQ(capability_names({CAP_NET_RAW, CAP_BPF}), "cap_net_raw cap_bpf");
}

TEST(Privileges, ThereIsNoWayBack) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has something to give up";
  const pid_t child = ::fork();
  if (child == 0) {
    if (take_on({65534, 65534}, available_capabilities({CAP_NET_RAW})) != nullptr) ::_exit(1);
    if (::getuid() != 65534 || ::getgroups(0, nullptr) != 0) ::_exit(2);
    if (::setuid(0) == 0 || ::setgid(0) == 0) ::_exit(3);
    if (std::ofstream("/etc/hostname", std::ios::app)) ::_exit(4);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace isthmus::supervisor
