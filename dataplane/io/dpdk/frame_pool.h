#pragma once

// The memory of all frames: one pool for all ports and workers, so that a frame received on one leaves by another.

#include <cstdint>

#include "dataplane/base/result.h"

struct rte_mempool;

namespace isthmus::io::dpdk {

/// `frames` buffers with `room` bytes each, in DPDK's huge pages or, where the EAL has none, in memory of our own that
/// the kernel may back with transparent ones. rte_mempool_free() gives all of it back. Main thread.
Result<rte_mempool*> make_frame_pool(unsigned frames, std::uint16_t room);

}  // namespace isthmus::io::dpdk
