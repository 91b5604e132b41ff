#pragma once

// When KeyLifetimeLowEvent is told: once the key is low; again every kKeyLowRepeatSeconds while that lasts, so that a
// control plane that comes later knows of it; and once more with kKeyLowOver packets left when the key was replaced or
// its direction ended.

#include <cstdint>

namespace isthmus::contract {

inline constexpr std::uint64_t kKeyLowOver = ~std::uint64_t{0};
inline constexpr std::uint32_t kKeyLowRepeatSeconds = 30;

}  // namespace isthmus::contract
