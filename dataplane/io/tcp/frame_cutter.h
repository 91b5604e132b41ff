#pragma once

// RFC 4571: packets in a byte stream, each behind two octets of length. Cuts a stream that arrives in any pieces.
//
//   +----------------+---------------------
//   | LENGTH 16 bit  | RTP, RTCP or STUN packet
//   +----------------+---------------------

#include <algorithm>
#include <array>
#include <cstdint>

#include "dataplane/base/bytes.h"

namespace isthmus::io::tcp {

inline constexpr std::size_t kLengthBytes = 2;
inline constexpr std::size_t kMaxFrameBytes = 1500;  ///< of one packet; contract::kMaxPacketBytes

class FrameCutter {
 public:
  /// Gives each whole packet of 1..kMaxFrameBytes to `take(Bytes)`, in order. False when that returned false: the rest
  /// of `bytes` is not looked at, and nothing more should come.
  template <typename Take>
  bool feed(Bytes bytes, Take&& take) {
    while (!bytes.empty()) {
      if (length_bytes_ < kLengthBytes) {
        length_ = static_cast<std::uint16_t>(length_ << 8U | bytes[0]);
        bytes = bytes.subspan(1);
        if (++length_bytes_ == kLengthBytes) begin();
        continue;
      }
      const std::size_t part = std::min<std::size_t>(bytes.size(), length_ - have_);
      if (length_ <= kMaxFrameBytes) std::copy_n(bytes.data(), part, packet_.data() + have_);
      have_ = static_cast<std::uint16_t>(have_ + part);
      bytes = bytes.subspan(part);
      if (have_ < length_) return true;
      length_bytes_ = 0;
      if (length_ <= kMaxFrameBytes && !take(Bytes(packet_).first(length_))) return false;
    }
    return true;
  }

  /// A packet has begun and its end has not come.
  bool is_inside() const { return length_bytes_ != 0; }
  std::uint64_t empty() const { return empty_; }        ///< of length 0: null packets (RFC 4571 2), passed over
  std::uint64_t oversize() const { return oversize_; }  ///< longer than kMaxFrameBytes, passed over

 private:
  void begin() {
    have_ = 0;
    if (length_ == 0) {
      ++empty_;
      length_bytes_ = 0;
    } else if (length_ > kMaxFrameBytes) {
      ++oversize_;
    }
  }

  std::array<std::uint8_t, kMaxFrameBytes> packet_{};
  std::size_t length_bytes_ = 0;  // of the length field, taken so far
  std::uint16_t length_ = 0;
  std::uint16_t have_ = 0;
  std::uint64_t empty_ = 0;
  std::uint64_t oversize_ = 0;
};

}  // namespace isthmus::io::tcp
