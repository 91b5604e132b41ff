#include "dataplane/base/huge_pages.h"

#include <sys/mman.h>

#include <cassert>

namespace isthmus {

std::span<std::uint8_t> map_huge(std::size_t bytes) {
  assert(bytes % kHugePageBytes == 0);
  // One page more than wanted, and what sticks out goes back: mmap() aligns to small pages only.
  void* mapped = mmap(nullptr, bytes + kHugePageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return {};
  auto* begin = static_cast<std::uint8_t*>(mapped);
  const std::size_t before =
      (kHugePageBytes - reinterpret_cast<std::uintptr_t>(begin) % kHugePageBytes) % kHugePageBytes;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + bytes, kHugePageBytes - before);
  madvise(begin + before, bytes, MADV_HUGEPAGE);  // a wish: without it the pages are small
  return {begin + before, bytes};
}

}  // namespace isthmus
