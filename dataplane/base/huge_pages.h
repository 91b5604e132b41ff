#pragma once

// Memory for tables that are touched at random with each packet: on large pages where the system gives them, since
// otherwise finding the page costs as much as the line.

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

/// Zeroed, private, aligned to kHugePageBytes; `bytes` is a multiple of it. Empty: the system has no memory left. The
/// caller's to munmap().
std::span<std::uint8_t> map_huge(std::size_t bytes);

}  // namespace isthmus
