// A stream cut anywhere gives the same messages as the whole of it. The first byte chooses the cuts.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sip/framing.h"

namespace {

using isthmus::sip::Cut;
using isthmus::sip::StreamFramer;

struct Seen {
  Cut::Kind kind;
  std::string bytes;
  bool operator==(const Seen&) const = default;
};

/// False when the framer gave up.
bool drain(StreamFramer& framer, std::vector<Seen>& seen) {
  for (Cut cut = framer.next(); cut.kind != Cut::Kind::kNeedMore; cut = framer.next()) {
    const bool is_broken = cut.kind == Cut::Kind::kBroken;
    // How much of a broken head is there depends on the cuts; that it is broken does not.
    seen.push_back({cut.kind, is_broken ? std::string() : std::string(cut.bytes)});
    if (is_broken) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  StreamFramer whole;
  std::vector<Seen> expected;
  whole.append(stream);
  drain(whole, expected);

  StreamFramer pieces;
  std::vector<Seen> seen;
  std::size_t state = data[0];
  for (std::size_t at = 0; at < stream.size();) {
    state = state * 1'103'515'245 + 12'345;
    const std::size_t step = data[0] == 0 ? 1 : 1 + (state >> 16U) % data[0];
    pieces.append(stream.substr(at, step));
    at += step;
    if (!drain(pieces, seen)) break;
  }
  if (seen != expected) std::abort();
  if (whole.buffered() > isthmus::sip::kMaxMessageBytes + stream.size()) std::abort();
  return 0;
}
