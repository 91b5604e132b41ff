#pragma once

// Which device of DPDK stands behind a network that has no interface of the kernel (io modes pcap, ring, memif).

#include <cstddef>
#include <cstdint>

#include "dataplane/io/dpdk/port.h"
#include "dataplane/io/engine.h"

namespace isthmus::io::dpdk {

/// `captured`: frames of capture_in. Its paths have none of the characters that part DPDK's arguments.
PortSettings off_kernel_port(Mode mode, const Network& network, std::size_t index, std::uint64_t captured);

}  // namespace isthmus::io::dpdk
