#pragma once

// How many media ports a mix of calls takes (R70-R73).

#include <cstdint>

namespace isthmus::media {

inline constexpr std::uint32_t kPortsPerStreamLeg = 2;  ///< RTP and RTCP next to each other, muxed or not (R79)
inline constexpr std::uint32_t kPortsPerStream = 4;     ///< both legs
inline constexpr std::uint32_t kPortsPerAudioVideoCall = 8;
inline constexpr std::uint32_t kPortsPerShare = 10;  ///< on top of the call (R70)
inline constexpr std::uint32_t kPortsPerTurnConnection = 2;

/// What one call, or all calls together, hold.
struct PortUse {
  std::uint32_t streams = 0;  ///< audio and video streams, both legs each
  std::uint32_t shares = 0;
  std::uint32_t turn_connections = 0;
};
std::uint32_t ports_needed(const PortUse& use);

/// R71: `calls` audio and video calls of which `shares` share a screen.
std::uint32_t ports_needed_for_calls(std::uint32_t calls, std::uint32_t shares);

/// R73: do the configured limits fit the pool? `pool_ports` is inclusive (56000-57000 are 1001).
struct PoolCheck {
  std::uint32_t needed = 0;
  std::uint32_t available = 0;  ///< Whole RTP/RTCP pairs only: an odd port left over serves nobody.
  bool fits = false;
};
PoolCheck check_pool(std::uint32_t calls, std::uint32_t shares, std::uint16_t first_port, std::uint16_t last_port);

}  // namespace isthmus::media
