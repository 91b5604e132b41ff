#pragma once

// Memory for key schedules: kept out of core dumps (MADV_DONTDUMP), wiped when a block is given back. Control thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/base/huge_pages.h"

namespace isthmus::crypto {

/// Blocks are aligned to cache lines. It outlives its blocks.
class SecretArena {
 public:
  SecretArena() = default;
  ~SecretArena();
  SecretArena(const SecretArena&) = delete;
  SecretArena& operator=(const SecretArena&) = delete;

  /// Zeroed. Empty: the system has no memory left.
  std::span<std::uint8_t> take(std::size_t bytes);
  void give_back(std::span<std::uint8_t> block);
  std::size_t taken() const { return taken_; }  ///< bytes in use

 private:
  static constexpr std::size_t kChunkBytes = kHugePageBytes;
  static std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

  std::size_t taken_ = 0;
  std::vector<std::span<std::uint8_t>> chunks_;
  std::map<std::size_t, std::vector<std::uint8_t*>> free_;  // by size
  std::span<std::uint8_t> rest_;                            // of the newest chunk
};

}  // namespace isthmus::crypto
