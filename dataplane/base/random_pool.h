#pragma once

#include <array>
#include <cstddef>

#include "dataplane/base/random.h"

namespace isthmus {

/// Random bytes drawn from another source many at a time, for the tags, branches and ids of signalling: a call takes
/// some sixteen, and each would be a system call. What was handed out is wiped here. One thread; a process that forks
/// must not go on drawing in both.
class RandomPool final : public RandomSource {
 public:
  explicit RandomPool(RandomSource& source) : source_(source) {}
  ~RandomPool() override;
  RandomPool(const RandomPool&) = delete;
  RandomPool& operator=(const RandomPool&) = delete;

  void fill(std::span<std::uint8_t> bytes) override;

 private:
  RandomSource& source_;
  std::array<std::uint8_t, 1024> pool_{};
  std::size_t used_ = sizeof pool_;  // of pool_
};

}  // namespace isthmus
