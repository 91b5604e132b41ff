#include "dataplane/wire/stun.h"

#include <algorithm>

namespace isthmus::wire {

std::optional<StunHeader> parse_stun(Bytes message) {
  if (message.size() < kStunHeaderBytes || (message[0] & 0xc0U) != 0) return std::nullopt;
  StunHeader header;
  header.type = load_be16(message.data());
  header.length = load_be16(message.data() + 2);
  if (header.length % 4 != 0 || header.length + kStunHeaderBytes != message.size()) return std::nullopt;
  if (load_be32(message.data() + 4) != kStunMagicCookie) return std::nullopt;
  std::copy_n(message.begin() + 8, header.transaction.size(), header.transaction.begin());

  Bytes rest = message.subspan(kStunHeaderBytes);
  for (std::size_t i = 0; !rest.empty(); ++i) {
    if (i == kMaxStunAttributes || rest.size() < 4) return std::nullopt;
    // RFC 8489 14: the value is padded to four bytes, its length is not.
    const std::size_t value = (std::size_t{load_be16(rest.data() + 2)} + 3U) & ~std::size_t{3};
    if (value + 4 > rest.size()) return std::nullopt;
    rest = rest.subspan(value + 4);
  }
  return header;
}

}  // namespace isthmus::wire
