#include "dataplane/base/random_pool.h"

#include <cstring>

#include "dataplane/base/secret.h"

namespace isthmus {

RandomPool::~RandomPool() { wipe(pool_); }

void RandomPool::fill(std::span<std::uint8_t> bytes) {
  if (bytes.size() > pool_.size() / 4) return source_.fill(bytes);
  if (bytes.size() > pool_.size() - used_) {
    source_.fill(pool_);
    used_ = 0;
  }
  const std::span<std::uint8_t> drawn = std::span(pool_).subspan(used_, bytes.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), drawn.data(), bytes.size());
  wipe(drawn);
  used_ += bytes.size();
}

}  // namespace isthmus
