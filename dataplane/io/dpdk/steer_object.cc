#include "dataplane/io/dpdk/steering.h"

// The compiled steering program as bytes of this library.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "isthmus_steer_begin: .incbin \"" STEER_OBJECT
    "\"\n"
    "isthmus_steer_end:\n"
    ".popsection\n");

extern "C" {
extern const std::uint8_t kSteerBegin[] asm("isthmus_steer_begin");
extern const std::uint8_t kSteerEnd[] asm("isthmus_steer_end");
}

namespace isthmus::io::dpdk {

std::span<const std::uint8_t> steer_object() { return {kSteerBegin, kSteerEnd}; }

}  // namespace isthmus::io::dpdk
