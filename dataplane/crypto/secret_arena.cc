#include "dataplane/crypto/secret_arena.h"

#include <sys/mman.h>

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
    return block;
  }
  if (bytes > kChunkBytes) return {};
  if (rest_.size() < bytes) {
    void* chunk = mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) return {};
    madvise(chunk, kChunkBytes, MADV_DONTDUMP);
    rest_ = {static_cast<std::uint8_t*>(chunk), kChunkBytes};
    chunks_.push_back(rest_);
  }
  const auto block = rest_.first(bytes);
  rest_ = rest_.subspan(bytes);
  return block;
}

void SecretArena::give_back(std::span<std::uint8_t> block) {
  wipe(block);
  free_[block.size()].push_back(block.data());
}

}  // namespace isthmus::crypto
