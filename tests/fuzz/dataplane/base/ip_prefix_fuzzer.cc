// "10.10.0.0/16" of any content; what parses is written as text that parses to the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dataplane/base/ip_prefix.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using isthmus::IpPrefix;
  const auto prefix = IpPrefix::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!prefix) return 0;
  if (!prefix->contains(prefix->address)) std::abort();
  const auto again = IpPrefix::parse(to_string(*prefix));
  if (!again || *again != *prefix) std::abort();
  return 0;
}
