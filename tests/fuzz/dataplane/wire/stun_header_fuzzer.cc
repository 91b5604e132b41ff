// STUN messages as the packet path looks at them.

#include <cstdlib>

#include "dataplane/wire/stun.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto header = isthmus::wire::parse_stun({data, size});
  if (header && header->length + isthmus::wire::kStunHeaderBytes != size) std::abort();
  return 0;
}
