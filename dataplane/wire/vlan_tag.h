#pragma once

// The tag of a VLAN (IEEE 802.1Q 9.6): four bytes between the MAC addresses and the type.
//
//    0                         12       14        16
//   +-------------------------+--------+---------+---------------
//   | MAC addresses           | 0x8100 | PCP VID | type of what follows
//   +-------------------------+--------+---------+---------------

#include <cstdint>
#include <cstring>

#include "dataplane/base/bytes.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::wire {

inline constexpr std::size_t kVlanTagBytes = 4;
inline constexpr std::uint16_t kHighestVlan = 4094;  // 4095 is reserved (9.6)

/// Whether the frame has this VLAN's tag, whatever its priority; a second tag behind it is not looked at.
inline bool has_vlan(const std::uint8_t* frame, std::size_t size, std::uint16_t vlan) {
  return size >= kEthernetBytes + kVlanTagBytes && load_be16(frame + 12) == kEtherTypeVlan &&
         (load_be16(frame + 14) & 0x0fffU) == vlan;
}

/// Takes the tag off: the frame begins kVlanTagBytes later.
inline void take_vlan_off(std::uint8_t* frame) { std::memmove(frame + kVlanTagBytes, frame, 12); }

/// Puts one on: the frame begins kVlanTagBytes earlier, where there must be room. Priority 0 (best effort): it is the
/// DSCP that says more.
inline void put_vlan_on(std::uint8_t* frame, std::uint16_t vlan) {
  std::uint8_t* const start = frame - kVlanTagBytes;
  std::memmove(start, frame, 12);
  store_be16(start + 12, kEtherTypeVlan);
  store_be16(start + 14, vlan);
}

}  // namespace isthmus::wire
