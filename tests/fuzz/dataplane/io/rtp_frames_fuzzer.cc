// RFC 4571 framing: a stream cut in two at any place gives what it gives whole, and no packet has a length that it may
// not have. The first two octets say where the stream is cut.

#include <cstdlib>
#include <vector>

#include "dataplane/io/tcp/frame_cutter.h"

namespace {

using isthmus::Bytes;
using isthmus::io::tcp::FrameCutter;

struct Outcome {
  std::vector<std::vector<std::uint8_t>> packets;
  std::uint64_t empty = 0;
  std::uint64_t oversize = 0;
  bool inside = false;
  bool operator==(const Outcome&) const = default;
};

Outcome cut(Bytes first, Bytes second) {
  FrameCutter cutter;
  Outcome outcome;
  for (const Bytes part : {first, second}) {
    cutter.feed(part, [&](Bytes packet) {
      if (packet.empty() || packet.size() > isthmus::io::tcp::kMaxFrameBytes) std::abort();
      outcome.packets.emplace_back(packet.begin(), packet.end());
      return true;
    });
  }
  outcome.empty = cutter.empty();
  outcome.oversize = cutter.oversize();
  outcome.inside = cutter.is_inside();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::vector<std::uint8_t> stream(data + 2, data + size);  // to its exact size, for the address sanitizer
  const std::size_t at = isthmus::load_be16(data) % (stream.size() + 1);
  const Bytes whole(stream);
  if (!(cut(whole, {}) == cut(whole.first(at), whole.subspan(at)))) std::abort();
  return 0;
}
