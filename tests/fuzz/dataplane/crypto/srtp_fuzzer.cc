// Both SRTP engines on the packets that the input describes; see tests/support/crypto/twin_engines.h.

#include <cstdio>
#include <cstdlib>

#include "tests/support/crypto/twin_engines.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  isthmus::test::Octets input({data, size});
  isthmus::test::TwinEngines twins(input);
  twins.run();
  if (twins.disagreement) {
    std::fprintf(stderr, "%s\n", twins.disagreement->c_str());
    std::abort();
  }
  return 0;
}
