// The first line is the Content-Type, the rest the body. Every part lies within the body, in order, and within the bounds.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/sip/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return 0;
  const std::string_view body = input.substr(end + 1);
  const auto parts = isthmus::sip::split_multipart(input.substr(0, end), body);
  if (!parts) return 0;
  if (parts->size() > isthmus::sip::kMaxParts) std::abort();
  const char* last = body.data();
  for (const isthmus::sip::Part& part : *parts) {
    if (part.content.empty()) continue;
    if (part.content.data() < last || part.content.data() + part.content.size() > body.data() + body.size()) std::abort();
    last = part.content.data() + part.content.size();
  }
  (void)isthmus::sip::find_description(*parts, "application/sdp");
  return 0;
}
