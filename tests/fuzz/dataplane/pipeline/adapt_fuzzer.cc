// Packets of video through the adapt stage, both ways, towards both packetization modes: whatever comes, the books
// balance, what waits is bounded, and nothing larger than agreed leaves.
//
//   record: kind (1) | step of the sequence number, signed (1) | length (1) | payload
//   kind: 1 side, 2 marker, 4 next picture, 8 other call, 16 the payload is repeated up to 1,400 bytes, 128 time passes

#include <cstdlib>

#include "tests/support/pipeline/video.h"

namespace {

using namespace isthmus;
using test::Payload;

constexpr std::size_t kLimit = 300;

struct World {
  test::VideoBench single{change<0>};
  test::VideoBench fragments{change<1>};
  std::uint16_t sequence[2][2] = {};
  std::uint32_t timestamp = 0;

  template <std::uint8_t kMode>
  static void change(contract::StreamSpec& stream) {
    for (auto& leg : stream.leg) leg.video.max_payload_bytes = kLimit;
    stream.leg[1].video.packetization_mode = kMode;
    stream.leg[1].video.max_temporal_id = 1;
  }

  void send(std::uint8_t kind, std::int8_t step, Payload octets) {
    if ((kind & 16U) != 0 && !octets.empty()) {
      while (octets.size() + octets.size() <= 1400) octets.insert(octets.end(), octets.begin(), octets.end());
    }
    const std::size_t side = kind & 1U;
    const std::size_t call = (kind & 8U) != 0 ? 1 : 0;
    std::uint16_t& number = sequence[call][side];
    number = static_cast<std::uint16_t>(number + step);
    if ((kind & 4U) != 0) timestamp += 3000;
    test::VideoBench& to = call == 0 ? single : fragments;
    for (const auto& packet : to.send(side, number, timestamp, (kind & 2U) != 0, octets)) {
      if (packet.octets.size() > kLimit) std::abort();
    }
    if ((kind & 128U) != 0) to.relay.pass_ms(150);
    to.others.clear();
    to.relay.poll();
    if (!to.relay.balanced() || to.bad_checksums != 0 || to.relay.io.double_releases != 0 ||
        to.relay.io.outstanding() > 2 * session::kMaxHeldPackets) {
      std::abort();
    }
  }
};

}  // namespace

// The world outlives each input, as in the frame fuzzer; buffers are counted.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  for (std::size_t at = 0; at + 3 <= size;) {
    const std::size_t length = std::min<std::size_t>(data[at + 2], size - at - 3);
    world.send(data[at], static_cast<std::int8_t>(data[at + 1]), Payload(data + at + 3, data + at + 3 + length));
    at += 3 + length;
  }
  return 0;
}
