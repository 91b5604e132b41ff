#include "controlplane/supervisor/syscall_filter.h"

#include <sched.h>
#include <seccomp.h>

#include <cerrno>
#include <cstdint>

namespace isthmus::supervisor {
namespace {

constexpr int kFatal[] = {
    SCMP_SYS(kexec_load),   SCMP_SYS(kexec_file_load), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(delete_module),   SCMP_SYS(reboot),
    SCMP_SYS(swapon),       SCMP_SYS(swapoff),         SCMP_SYS(pivot_root),
};

constexpr int kDenied[] = {
    // other processes
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    // file systems and name spaces
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(fanotify_init),
    // the machine
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(syslog),
    SCMP_SYS(acct),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(vhangup),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(modify_ldt),
    // kernel interfaces with a long history of holes
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(vmsplice),
};

bool add(scmp_filter_ctx filter, std::uint32_t action, int call) {
  const int result = seccomp_rule_add(filter, action, call, 0);
  if (result == 0 || result == -EDOM) return true;  // EDOM: this architecture has no such call
  errno = -result;
  return false;
}

bool add_all(scmp_filter_ctx filter, const FilterChoice& choice) {
  const std::uint32_t denied = SCMP_ACT_ERRNO(EPERM);
  bool done = true;
  for (const int call : kFatal) done = done && add(filter, SCMP_ACT_KILL_PROCESS, call);
  for (const int call : kDenied) done = done && add(filter, denied, call);
  if (!choice.allow_bpf) {
    done = done && add(filter, denied, SCMP_SYS(bpf)) && add(filter, denied, SCMP_SYS(perf_event_open));
  }
  // A name space of its own would give an intruder capabilities in it. clone3 hides its flags in memory; libc falls
  // back to clone where there is none.
  done = done && add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  const scmp_arg_cmp new_user_space{0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER};
  return done && seccomp_rule_add_array(filter, denied, SCMP_SYS(clone), 1, &new_user_space) == 0;
}

}  // namespace

bool load_syscall_filter(const FilterChoice& choice) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (filter == nullptr) {
    errno = ENOMEM;
    return false;
  }
  bool done = add_all(filter, choice);
  if (done) {
    const int result = seccomp_load(filter);
    done = result == 0;
    if (!done) errno = -result;
  }
  seccomp_release(filter);
  return done;
}

}  // namespace isthmus::supervisor
