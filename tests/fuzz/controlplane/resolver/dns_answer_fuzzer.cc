// DNS messages of any bytes: a TTL is found or not, within the message and within the bounds.

#include <cstdlib>

#include "controlplane/resolver/answer_ttl.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto ttl = isthmus::resolver::least_ttl({data, size});
  if (ttl && (ttl->count() < 0 || ttl->count() > INT32_MAX)) std::abort();
  return 0;
}
