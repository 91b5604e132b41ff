// A message of the contract from the other plane, taken over by an attacker (threat model B6).
//
// Input: 'r' + a datagram as it is, or 's' + kind (2 octets) + length of the secret part (1 octet) + body and secret
// part, which is given a right envelope, so that the fuzzer does not have to guess check sums.

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dataplane/base/crc32c.h"
#include "dataplane/contract/codec.h"

namespace {

using namespace isthmus;
using namespace isthmus::contract;

std::vector<std::uint8_t> sealed(Bytes input) {
  const Bytes content = input.subspan(3);
  const std::size_t secret = std::min<std::size_t>(input[2], content.size());
  std::vector<std::uint8_t> datagram(kEnvelopeBytes);
  datagram.insert(datagram.end(), content.begin(), content.end());
  std::uint8_t* at = datagram.data();
  at[0] = 'I', at[1] = 'S', at[2] = 'T', at[3] = 'H';
  store_be16(at + 4, kVersion);
  store_be16(at + 6, load_be16(input.data()));
  store_be64(at + 8, 1);
  store_be32(at + 16, static_cast<std::uint32_t>(content.size() - secret));
  store_be32(at + 20, static_cast<std::uint32_t>(secret));
  const Bytes all = datagram;
  store_be32(at + 24, crc32c(all.subspan(kEnvelopeBytes), crc32c(all.first(24))));
  return datagram;
}

void check(Bytes datagram) {
  const Result<Envelope> envelope = decode(datagram);
  if (!envelope) return;
  if (!validate(envelope->message)) std::abort();
  const Result<SecretBytes> once = encode(*envelope);
  if (!once) std::abort();  // what one side takes the other side would have sent
  const Result<Envelope> again = decode(once->view());
  if (!again || !(*encode(*again) == *once)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  if (size < 4) return 0;
  if (input[0] == 'r') check(input.subspan(1));
  if (input[0] == 's') check(sealed(input.subspan(1)));
  return 0;
}
