#include "dataplane/io/dpdk/frame_pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <sys/mman.h>

#include <cstddef>
#include <fstream>
#include <span>
#include <string>

#include "dataplane/base/huge_pages.h"

namespace isthmus::io::dpdk {
namespace {

constexpr char kName[] = "isthmus-frames";
constexpr unsigned kCachedBuffers = 256;
using Region = std::span<std::uint8_t>;

void unmap_region(rte_mempool_memhdr* /*chunk*/, void* opaque) {
  auto* const region = static_cast<Region*>(opaque);
  munmap(region->data(), region->size());
  delete region;
}

/// Whether the kernel gives huge pages to who asks with madvise().
bool kernel_gives_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string policies;
  std::getline(file, policies);
  return file.good() && policies.find("[never]") == std::string::npos;
}

/// As rte_pktmbuf_pool_create() does it, but for where the memory comes from, and that frames lie one behind the other:
/// on ordinary pages DPDK begins a page with each, which takes half as much memory again, and has all of them compete
/// for the same lines of a cache. No device here addresses memory by itself (those need DPDK's huge pages), so no
/// address for one is kept.
rte_mempool* make_in_own_memory(unsigned frames, std::uint16_t room) {
  rte_mempool* const pool =
      rte_mempool_create_empty(kName, frames, sizeof(rte_mbuf) + room, kCachedBuffers, sizeof(rte_pktmbuf_pool_private),
                               SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
  if (pool == nullptr) return nullptr;
  rte_pktmbuf_pool_private settings{};
  settings.mbuf_data_room_size = room;
  std::size_t chunk = 0;
  std::size_t alignment = 0;
  const ssize_t bytes = rte_mempool_op_calc_mem_size_default(pool, frames, 0, &chunk, &alignment);
  if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr) == 0 && bytes > 0) {
    rte_pktmbuf_pool_init(pool, &settings);
    const std::size_t pages = (static_cast<std::size_t>(bytes) + kHugePageBytes - 1) / kHugePageBytes;
    auto* const region = new Region(map_huge(pages * kHugePageBytes));
    if (region->empty()) {
      rte_errno = ENOMEM;
      delete region;
    } else if (const int added = rte_mempool_populate_iova(pool, reinterpret_cast<char*>(region->data()), RTE_BAD_IOVA,
                                                           region->size(), unmap_region, region);
               added < static_cast<int>(frames)) {
      rte_errno = added < 0 ? -added : ENOMEM;
      if (added <= 0) unmap_region(nullptr, region);  // else the pool has it
    } else {
      rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
      return pool;
    }
  }
  const int cause = rte_errno;
  rte_mempool_free(pool);
  rte_errno = cause;
  return nullptr;
}

}  // namespace

Result<rte_mempool*> make_frame_pool(unsigned frames, std::uint16_t room) {
  const bool own_memory = rte_eal_has_hugepages() == 0 && kernel_gives_huge_pages();
  rte_mempool* const pool = own_memory ? make_in_own_memory(frames, room)
                                       : rte_pktmbuf_pool_create(kName, frames, kCachedBuffers, 0, room, SOCKET_ID_ANY);
  if (pool != nullptr) return pool;
  return fail(ErrorKind::kExhausted,
              "no memory for " + std::to_string(frames) + " frame buffers: " + rte_strerror(rte_errno));
}

}  // namespace isthmus::io::dpdk
