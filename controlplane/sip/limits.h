#pragma once

// Bounds on what a peer may send, checked before anything is parsed or kept (threat model B1).

#include <chrono>
#include <cstddef>

namespace isthmus::sip {

inline constexpr std::size_t kMaxStartLineBytes = 8 * 1024;     ///< without its CRLF
inline constexpr std::size_t kMaxHeaderBytes = 16 * 1024;       ///< one header with its folded lines, without CRLF
inline constexpr std::size_t kMaxHeaderBlockBytes = 32 * 1024;  ///< start line and headers up to the empty line
inline constexpr std::size_t kMaxHeaders = 256;                 ///< after lists of Via, Route and Contact are split
inline constexpr std::size_t kMaxVias = 64;
inline constexpr std::size_t kMaxMessageBytes = 256 * 1024;

/// A longer request goes by TCP where UDP is meant (RFC 3261 18.1.1, for a path whose MTU is not known; within 200
/// bytes of Ethernet's 1,500 comes to the same).
inline constexpr std::size_t kMaxDatagramRequestBytes = 1'300;
/// So long a peer that took no TCP connection is sent everything over UDP, and so many such peers are known.
inline constexpr std::chrono::seconds kNoTcpFor{120};
inline constexpr std::size_t kMaxPeersWithoutTcp = 1'024;

/// A body that is too long for a message is read and thrown away up to this size, so that the connection lives on after
/// the 413; a longer one costs the peer its connection.
inline constexpr std::size_t kMaxSkippedBytes = 4 * 1024 * 1024;

}  // namespace isthmus::sip
