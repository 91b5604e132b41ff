// "10.10.0.0/16" of any content; what parses is written as text that parses to the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/trust/trust_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::trust;
  const auto network = Network::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!network) return 0;
  if (!network->contains(network->address)) std::abort();
  const auto again = Network::parse(to_string(*network));
  if (!again || *again != *network) std::abort();
  return 0;
}
