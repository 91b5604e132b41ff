#pragma once

// Bounds on a session description from outside (threat model B1, "big-SDP amplification"). Passing one refuses the
// whole description with ErrorKind::kExhausted; nothing is cut off silently.

#include <cstddef>

namespace isthmus::sdp {

inline constexpr std::size_t kMaxSdpBytes = 64 * 1024;  ///< R41 asks for at least 64 KiB.
inline constexpr std::size_t kMaxLineBytes = 4 * 1024;  ///< Without the line end.
inline constexpr std::size_t kMaxMediaSections = 12;
inline constexpr std::size_t kMaxCandidates = 64;        ///< In one media section, all candidate spellings together.
inline constexpr std::size_t kMaxRemoteCandidates = 16;  ///< In one a=remote-candidates; two components need two.
inline constexpr std::size_t kMaxIceTextBytes = 256;     ///< ice-ufrag, ice-pwd (RFC 8839 5.4)
inline constexpr std::size_t kMaxPayloadTypes = 32;      ///< In one m-line.
inline constexpr std::size_t kMaxCryptoLines = 16;       ///< In one media section.
inline constexpr std::size_t kMaxCryptoKeys = 4;         ///< In one a=crypto line; MKI makes several possible.
inline constexpr std::size_t kMaxFeedbackLines = 64;     ///< a=rtcp-fb in one media section.
inline constexpr std::size_t kMaxBandwidthLines = 8;     ///< b= at one level.
inline constexpr std::size_t kMaxOtherAttributes = 128;  ///< Attributes kept raw, at one level.

}  // namespace isthmus::sdp
