#pragma once

// Where things are in an SRTP or SRTCP packet; private to this folder.
//
//   SRTP, counter mode (RFC 3711 3.1)       header | payload* | MKI | tag
//   SRTP, GCM (RFC 7714 8)                  header | payload* | tag | MKI
//   SRTCP, counter mode (RFC 3711 3.4)      8 bytes | rest* | E, index | MKI | tag
//   SRTCP, GCM (RFC 7714 9)                 8 bytes | rest* | tag | E, index | MKI          * encrypted

#include <cstdint>
#include <cstring>

#include "dataplane/base/bytes.h"

namespace isthmus::crypto {

inline constexpr std::size_t kRtpHeaderBytes = 12;
inline constexpr std::size_t kRtcpHeaderBytes = 8;
inline constexpr std::size_t kIndexWordBytes = 4;
inline constexpr std::size_t kGcmTagBytes = 16;
inline constexpr std::size_t kRtcpTagBytes = 10;  ///< counter mode, with the 32-bit suite as well (RFC 4568 6.2.2)
inline constexpr std::uint32_t kEncryptedFlag = 0x8000'0000;

/// RTP header with CSRCs and extension; 0: they pass the end.
inline std::size_t rtp_header_bytes(const std::uint8_t* packet, std::size_t length) {
  if (length < kRtpHeaderBytes) return 0;
  std::size_t bytes = kRtpHeaderBytes + 4U * (packet[0] & 0x0fU);
  if ((packet[0] & 0x10U) != 0) {
    if (bytes + 4 > length) return 0;
    bytes += 4 + 4U * load_be16(packet + bytes + 2);
  }
  return bytes <= length ? bytes : 0;
}

/// Copies a tag (4, 10 or 16 bytes) without a call: most have ten.
inline void copy_tag(std::uint8_t* to, const std::uint8_t* from, std::size_t bytes) {
  if (bytes == 10) {
    std::memcpy(to, from, 8);
    std::memcpy(to + 8, from + 8, 2);
  } else if (bytes == 16) {
    std::memcpy(to, from, 16);
  } else {
    std::memcpy(to, from, 4);
  }
}

/// RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
inline void counter_iv(const std::uint8_t* salt, std::uint32_t ssrc, std::uint64_t index, std::uint8_t* iv) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, salt, 8);
  std::memcpy(&low, salt + 8, 8);
  high ^= __builtin_bswap64(ssrc);
  low ^= __builtin_bswap64(index << 16U);
  std::memcpy(iv, &high, 8);
  std::memcpy(iv + 8, &low, 8);
}

/// RFC 7714 8.1 and 9.1: zeros, SSRC, and the index in six bytes, XOR the salt.
inline void gcm_iv(const std::uint8_t* salt, std::uint32_t ssrc, std::uint64_t index, std::uint8_t* iv) {
  std::uint64_t first = 0;
  std::uint32_t last = 0;
  std::memcpy(&first, salt, 8);
  std::memcpy(&last, salt + 8, 4);
  first ^= __builtin_bswap64((std::uint64_t{ssrc} << 16U) | (index >> 32U));
  last ^= __builtin_bswap32(static_cast<std::uint32_t>(index));
  std::memcpy(iv, &first, 8);
  std::memcpy(iv + 8, &last, 4);
}

}  // namespace isthmus::crypto
