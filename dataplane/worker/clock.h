#pragma once

// Time for the packet path, read once a turn. One thread.

#include <ctime>

#include "dataplane/session/time.h"

namespace isthmus::worker {

class Clock {
 public:
  /// Both clocks come from the vDSO: no system call. The wall clock is read again only once in a while, and goes on
  /// with the monotonic one between, so that reports of one second do not see a step of it.
  session::Time now() {
    session::Time time;
    time.monotonic_ns = read(CLOCK_MONOTONIC);
    if (time.monotonic_ns >= next_reading_ns_) {
      next_reading_ns_ = time.monotonic_ns + kReadAgainNs;
      unix_minus_monotonic_ns_ = read(CLOCK_REALTIME) - time.monotonic_ns;
    }
    time.unix_ns = time.monotonic_ns + unix_minus_monotonic_ns_;
    return time;
  }

 private:
  static constexpr std::uint64_t kReadAgainNs = session::kNsPerSecond;

  static std::uint64_t read(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * session::kNsPerSecond + static_cast<std::uint64_t>(time.tv_nsec);
  }

  std::uint64_t next_reading_ns_ = 0;
  std::uint64_t unix_minus_monotonic_ns_ = 0;  // modulo 2^64
};

}  // namespace isthmus::worker
