#pragma once

// Bits of a NAL unit (H.264 7.2, 9.1): emulation prevention bytes are skipped on the way. Past the end everything reads
// as zero and ok() says no, so that a reader checks once.

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace isthmus::payload {

class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  std::uint32_t bit() {
    if (left_ == 0) load();
    if (!ok_) return 0;
    --left_;
    return (current_ >> left_) & 1U;
  }
  /// At most 32.
  std::uint32_t bits(unsigned count) {
    std::uint32_t value = 0;
    for (; count > 0; --count) value = (value << 1U) | bit();
    return value;
  }
  /// ue(v), at most 32 leading zeros.
  std::uint32_t unsigned_golomb() {
    unsigned zeros = 0;
    while (ok_ && bit() == 0) {
      if (++zeros == 32) ok_ = false;
    }
    if (!ok_) return 0;
    return (zeros == 0 ? 0U : (1U << zeros) - 1U) + bits(zeros);
  }
  /// se(v)
  std::int32_t signed_golomb() {
    const std::uint32_t code = unsigned_golomb();
    const auto half = static_cast<std::int32_t>((code >> 1U) + (code & 1U));
    return (code & 1U) != 0 ? half : -half;
  }
  bool ok() const { return ok_; }

 private:
  void load() {
    if (zeros_ >= 2 && at_ < bytes_.size() && bytes_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (at_ >= bytes_.size()) {
      ok_ = false;
      return;
    }
    current_ = bytes_[at_++];
    zeros_ = current_ == 0 ? zeros_ + 1 : 0;
    left_ = 8;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  unsigned zeros_ = 0;
  std::uint32_t current_ = 0;
  unsigned left_ = 0;
  bool ok_ = true;
};

}  // namespace isthmus::payload
