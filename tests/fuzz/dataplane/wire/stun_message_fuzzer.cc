// STUN messages as ICE reads them: fields, both forms of integrity, both tables of the fingerprint.

#include <cstdlib>
#include <string_view>

#include "dataplane/wire/stun_integrity.h"

namespace wire = isthmus::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const isthmus::Bytes bytes(data, size);
  const auto message = wire::read_stun(bytes);
  if (!message) return 0;
  if (!wire::parse_stun(bytes) || message->unknown_count > wire::kMaxUnknownStunAttributes) std::abort();
  if (message->username && message->username->size() > wire::kMaxStunUsernameBytes + 3) std::abort();
  constexpr std::string_view kPassword = "Kf3vQm0XbT7yLr2ZpWc9HsDu";
  const isthmus::Bytes key(reinterpret_cast<const std::uint8_t*>(kPassword.data()), kPassword.size());
  volatile bool sink = wire::verify_integrity(bytes, *message, key).has_value();
  sink = wire::verify_fingerprint(bytes, *message);
  (void)sink;
  return 0;
}
