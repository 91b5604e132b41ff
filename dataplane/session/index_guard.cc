#include "dataplane/session/index_guard.h"

#include <span>

namespace isthmus::session {
namespace {

// FNV-1a with a random start and a strong finish (splitmix64): names, not secrets, are looked up with it.
std::uint64_t mix(std::uint64_t state, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) state = (state ^ byte) * 0x100000001b3U;
  return state;
}

}  // namespace

std::uint64_t IndexGuard::digest(const contract::SrtpKey& key, std::uint32_t ssrc) const {
  std::uint64_t state = mix(mix(seed_, key.master_key.view()), key.master_salt.view()) ^ ssrc;
  state = (state ^ (state >> 30U)) * 0xbf58476d1ce4e5b9U;
  state = (state ^ (state >> 27U)) * 0x94d049bb133111ebU;
  return state ^ (state >> 31U);
}

bool IndexGuard::used(const contract::SrtpKey& key, std::uint32_t ssrc) const {
  return digests_.contains(digest(key, ssrc));
}

void IndexGuard::remember(const contract::SrtpKey& key, std::uint32_t ssrc) {
  const std::uint64_t value = digest(key, ssrc);
  if (!digests_.insert(value).second) return;
  order_.push_back(value);
  if (order_.size() > kMaxRemembered) {
    digests_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace isthmus::session
