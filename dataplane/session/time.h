#pragma once

// Time as the packet path gets it: read once a burst by the worker, injected everywhere.

#include <cstdint>

namespace isthmus::session {

inline constexpr std::uint64_t kNsPerMs = 1'000'000;
inline constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

struct Time {
  std::uint64_t monotonic_ns = 0;  ///< CLOCK_MONOTONIC; orders events, measures intervals
  std::uint64_t unix_ns = 0;       ///< CLOCK_REALTIME; only for the NTP timestamps of sender reports
};

}  // namespace isthmus::session
