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
extern const std::uint8_t isthmus_steer_begin[];
extern const std::uint8_t isthmus_steer_end[];
}

namespace isthmus::io::dpdk {

std::span<const std::uint8_t> steer_object() { return {isthmus_steer_begin, isthmus_steer_end}; }

}  // namespace isthmus::io::dpdk
