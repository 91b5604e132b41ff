// From, PAI and Diversion values of any content.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/b2bua/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isthmus::b2bua;
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  (void)without_parameters(value);
  const std::string repaired = identity_for(value, "video.example.com", "");
  (void)identity_for(value, "", "lync.example.com");
  Headers headers{{"P-Asserted-Identity", std::string(value)}, {"Diversion", std::string(value)}};
  repair_identities(headers, "video.example.com", "");
  if (repaired.size() > size + 64) std::abort();  // grows by a domain and brackets at most
  return 0;
}
