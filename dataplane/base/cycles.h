#pragma once

// The processor's time stamp counter: a time that costs some twenty cycles to read, in a unit of its own.

#include <x86intrin.h>

#include <cstdint>
#include <ctime>

namespace isthmus {

/// Any thread. Counters of the cores of one machine are in step (constant_tsc, nonstop_tsc).
inline std::uint64_t cycles_now() { return __rdtsc(); }

/// The same moment in both units.
struct CycleReading {
  std::uint64_t cycles = 0;
  std::uint64_t monotonic_ns = 0;
};

inline CycleReading read_cycles() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return {cycles_now(),
          static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec)};
}

/// 0 where no time has passed between the two.
constexpr double cycles_per_ns(const CycleReading& from, const CycleReading& to) {
  const std::uint64_t ns = to.monotonic_ns - from.monotonic_ns;
  return ns == 0 ? 0.0 : static_cast<double>(to.cycles - from.cycles) / static_cast<double>(ns);
}

}  // namespace isthmus
