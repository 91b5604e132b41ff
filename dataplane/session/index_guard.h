#pragma once

// Remembers which SSRC went out under which key, so that no index is used twice with the same key: a stream whose state
// is gone may not come back under its old name (RFC 3711 9.1, threat model B2).

#include <cstdint>
#include <deque>
#include <unordered_set>

#include "dataplane/contract/messages.h"

namespace isthmus::session {

/// Control thread. Holds keyed digests, no keys.
class IndexGuard {
 public:
  static constexpr std::size_t kMaxRemembered = 262'144;  ///< some minutes at a thousand calls a second

  explicit IndexGuard(std::uint64_t seed) : seed_(seed) {}

  bool used(const contract::SrtpKey& key, std::uint32_t ssrc) const;
  void remember(const contract::SrtpKey& key, std::uint32_t ssrc);

 private:
  std::uint64_t digest(const contract::SrtpKey& key, std::uint32_t ssrc) const;

  std::uint64_t seed_;
  std::unordered_set<std::uint64_t> digests_;
  std::deque<std::uint64_t> order_;
};

}  // namespace isthmus::session
