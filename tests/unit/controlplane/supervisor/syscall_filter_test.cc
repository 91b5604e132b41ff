#include "controlplane/supervisor/syscall_filter.h"

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

namespace isthmus::supervisor {
namespace {

/// Runs `body` behind the filter in a child; its exit status, or minus the signal that ended it.
int behind_filter(const FilterChoice& choice, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !load_syscall_filter(choice)) ::_exit(100);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int error_of(long result) { return result < 0 ? errno : 0; }

TEST(SyscallFilter, WhatAnIntruderWouldReachForIsDenied) {
  EXPECT_EQ(behind_filter({}, [] { return error_of(::mount("none", "/tmp", "tmpfs", 0, nullptr)); }), EPERM);
  EXPECT_EQ(behind_filter({}, [] { return error_of(::unshare(CLONE_NEWUSER)); }), EPERM);
  EXPECT_EQ(behind_filter({}, [] { return error_of(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }),
            EPERM);
  EXPECT_EQ(behind_filter({}, [] { return error_of(::syscall(SYS_io_uring_setup, 1, nullptr)); }), EPERM);
  EXPECT_EQ(behind_filter({}, [] { return error_of(::syscall(SYS_process_vm_readv, 1, 0, 0, 0, 0, 0)); }), EPERM);
}

TEST(SyscallFilter, ReplacingTheKernelEndsTheProcess) {
  EXPECT_EQ(behind_filter({}, [] { return error_of(::syscall(SYS_init_module, nullptr, 0, "")); }), -SIGSYS);
  EXPECT_EQ(behind_filter({}, [] { return error_of(::syscall(SYS_kexec_load, 0, 0, nullptr, 0)); }), -SIGSYS);
}

TEST(SyscallFilter, BpfIsTheDataPlanesAlone) {
  const auto bpf = [] { return error_of(::syscall(SYS_bpf, 999, nullptr, 0)); };
  EXPECT_EQ(behind_filter({}, bpf), EPERM);
  if (::geteuid() != 0) return;  // the kernel itself says EPERM
  EXPECT_NE(behind_filter({.allow_bpf = true}, bpf), EPERM);
}

TEST(SyscallFilter, ThreadsAndProcessesStillWork) {
  EXPECT_EQ(behind_filter({},
                          [] {
                            int made = 0;
                            std::thread([&] { made = 7; }).join();
                            const pid_t child = ::fork();
                            if (child == 0) ::_exit(0);
                            int status = 1;
                            ::waitpid(child, &status, 0);
                            return made + status;
                          }),
            7);
}

}  // namespace
}  // namespace isthmus::supervisor
