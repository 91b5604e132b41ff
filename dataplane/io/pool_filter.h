#pragma once

// Which frames are the pipeline's, where a port hears all of an interface (af_packet, pci).

#include <cstddef>
#include <cstdint>

#include "dataplane/io/engine.h"
#include "dataplane/io/port_slots.h"

namespace isthmus::io {

/// UDP to `mac` and a port of a pool: what the XDP program takes in af_xdp mode. IPv4 without options; of a fragmented
/// packet the first fragment, which has the ports, for the pipeline to drop and to count. The fragments behind it stay
/// the kernel's, which waits for the first in vain.
bool is_pool_packet(const std::uint8_t* frame, std::size_t length, const MacAddress& mac, const PortSlots& pools);

}  // namespace isthmus::io
