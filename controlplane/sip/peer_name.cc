#include "controlplane/sip/peer_name.h"

#include "controlplane/sip/text.h"
#include "dataplane/base/address.h"

namespace isthmus::sip {

std::string normalised_name(std::string_view name) {
  if (const auto address = IpAddress::parse(name)) return isthmus::to_string(*address);
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string lower(name);
  for (char& c : lower) c = text::lower(c);
  return lower;
}

}  // namespace isthmus::sip
