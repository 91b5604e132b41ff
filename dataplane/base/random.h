#pragma once

// Randomness for tags, keys, SSRCs and ports. Tests inject their own source.

#include <cstdint>
#include <span>

namespace isthmus {

/// Where unpredictable bytes come from. An implementation is used from one thread unless it says otherwise.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  /// Uniform in [0, bound); bound > 0.
  std::uint32_t below(std::uint32_t bound);
};

/// getrandom(2); safe from any thread. Ends the process if the kernel has none to give, since no safe answer is left.
class SystemRandom final : public RandomSource {
 public:
  void fill(std::span<std::uint8_t> bytes) override;
};

/// A repeatable sequence for tests and benches (splitmix64). Never used by the product.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace isthmus
