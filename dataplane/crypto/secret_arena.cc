#include "dataplane/crypto/secret_arena.h"

#include <sys/mman.h>

#include "dataplane/base/huge_pages.h"
#include "dataplane/base/secret.h"

namespace isthmus::crypto {

SecretArena::~SecretArena() {
  for (const auto& chunk : chunks_) {
    wipe(chunk);
    munmap(chunk.data(), chunk.size());
  }
}

std::span<std::uint8_t> SecretArena::take(std::size_t bytes) {
  bytes = rounded(bytes);
  if (auto& free = free_[bytes]; !free.empty()) {
    const std::span block(free.back(), bytes);
    free.pop_back();
    taken_ += bytes;
    return block;
  }
  if (bytes > kChunkBytes) return {};
  if (rest_.size() < bytes) {
    rest_ = map_huge(kChunkBytes);
    if (rest_.empty()) return {};
    madvise(rest_.data(), rest_.size(), MADV_DONTDUMP);
    chunks_.push_back(rest_);
  }
  const auto block = rest_.first(bytes);
  rest_ = rest_.subspan(bytes);
  taken_ += bytes;
  return block;
}

void SecretArena::give_back(std::span<std::uint8_t> block) {
  wipe(block);
  taken_ -= block.size();
  free_[block.size()].push_back(block.data());
}

}  // namespace isthmus::crypto
