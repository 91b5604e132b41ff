#pragma once

// TSC cycles of many short rounds; the median of them is the figure, so that a round in which the machine did something
// else does not count.

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace isthmus::bench {

inline std::uint64_t tsc() {
  unsigned processor = 0;
  _mm_lfence();
  const std::uint64_t now = __rdtscp(&processor);
  _mm_lfence();
  return now;
}

class Rounds {
 public:
  Rounds() { samples_.reserve(1U << 20U); }
  void add(std::uint64_t cycles, std::size_t items) {
    if (samples_.size() < samples_.capacity())
      samples_.push_back(static_cast<double>(cycles) / static_cast<double>(items));
  }
  double quantile(double part) {
    if (samples_.empty()) return 0;
    const auto place = static_cast<std::ptrdiff_t>(part * static_cast<double>(samples_.size() - 1));
    std::nth_element(samples_.begin(), samples_.begin() + place, samples_.end());
    return samples_[static_cast<std::size_t>(place)];
  }

 private:
  std::vector<double> samples_;
};

}  // namespace isthmus::bench
