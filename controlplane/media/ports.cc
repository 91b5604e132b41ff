#include "controlplane/media/ports.h"

namespace isthmus::media {

std::uint32_t ports_needed(const PortUse& use) {
  return use.streams * kPortsPerStream + use.shares * kPortsPerShare + use.turn_connections * kPortsPerTurnConnection;
}

std::uint32_t ports_needed_for_calls(std::uint32_t calls, std::uint32_t shares) {
  return calls * kPortsPerAudioVideoCall + shares * kPortsPerShare;
}

PoolCheck check_pool(std::uint32_t calls, std::uint32_t shares, std::uint16_t first_port, std::uint16_t last_port) {
  PoolCheck check;
  check.needed = ports_needed_for_calls(calls, shares);
  // A pair starts on an even port (RFC 3550 11).
  const std::uint32_t first_even = first_port + (first_port & 1U);
  const std::uint32_t end = last_port + 1U;
  check.available = end > first_even ? (end - first_even) / kPortsPerStreamLeg * kPortsPerStreamLeg : 0;
  check.fits = check.needed <= check.available;
  return check;
}

}  // namespace isthmus::media
