#pragma once

// System calls that neither plane ever needs. A list of what is refused, not of what is allowed: DPDK, its drivers and
// libc choose among too many for the latter to survive an update, and the planes parse what strangers send, so that
// what an intruder would reach for is what counts.

namespace isthmus::supervisor {

/// What of the optional calls a plane may use.
struct FilterChoice {
  bool allow_bpf = false;  ///< bpf(2) and perf_event_open(2): XDP programs of the data plane
};

/// In a child before exec; needs no_new_privs or CAP_SYS_ADMIN. Dangerous calls get EPERM; those that replace or extend
/// the kernel end the process. False with errno set when the kernel refuses.
bool load_syscall_filter(const FilterChoice& choice);

}  // namespace isthmus::supervisor
