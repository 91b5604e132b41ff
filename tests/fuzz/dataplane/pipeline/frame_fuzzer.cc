// Frames through the whole pipeline: a clear call, a secured one with ICE, one that latches. The first byte of each
// record picks what becomes of it; whatever comes, the books balance and no buffer is lost.
//
//   record: kind (1) | length (1) | bytes

#include <cstdlib>

#include "tests/support/pipeline/relay_bench.h"
#include "tests/support/pipeline/srtp_peer.h"

namespace {

using namespace isthmus;
using test::Payload;

struct World {
  test::RelayBench bench;
  test::SrtpPeer peer;
  std::vector<contract::SessionState> states;

  std::uint64_t next_id = 1;

  /// Fresh sessions for each input; the worker itself lives on, since making it takes longer than an input.
  void open() {
    states.clear();
    auto clear = bench.spec(next_id++);
    clear.streams[0].leg[1].rtcp_mux = true;
    states.push_back(bench.open(clear));
    auto secured = bench.spec(next_id++);
    peer.set_keys(contract::SrtpSuite::kAesCm128HmacSha1_80, 1, {7});
    secured.streams[0].leg[0].receive_key = peer.send_key();
    secured.streams[0].leg[0].send_key = peer.receive_key();
    secured.streams[0].leg[0].source_rule = contract::SourceRule::kLatchAuthenticated;
    auto& ice = secured.streams[0].leg[0].ice.emplace();
    ice.local_ufrag = ice.remote_ufrag = "abcd";
    ice.local_password = ice.remote_password = SecretBytes(Payload(22, 'p'));
    states.push_back(bench.open(secured));
    auto latching = bench.spec(next_id++);
    latching.streams[0].leg[0].source_rule = contract::SourceRule::kLatchPlain;
    latching.streams[0].a_to_b.push_back({96, 97, 90'000, 8000});
    states.push_back(bench.open(latching));
  }

  void close() {
    for (const auto& state : states) bench.table.close(state.id, bench.now.monotonic_ns);
    bench.tick();
    bench.poll();
    bench.now.monotonic_ns += 2100 * session::kNsPerMs;  // the ports rest
    if (bench.table.retired() != 0 || bench.next_hops.count != 0) std::abort();
  }

  Payload frame(std::uint8_t kind, const Payload& bytes) {
    if (kind >= 0xf0) return bytes;  // a raw frame
    const auto& legs = states[kind % 3].streams[0].leg;
    const std::size_t side = (kind >> 2U) & 1U;
    SocketAddress from = side == 0 ? SocketAddress{IpAddress::v4(192, 0, 2, 10), 4000}
                                   : SocketAddress{IpAddress::v4(198, 51, 100, 20), 5000};
    const bool rtcp = (kind & 8U) != 0;
    if (rtcp) ++from.port;
    if ((kind & 0x10U) != 0) from.ip.bytes[3] = 77;
    Payload payload = bytes;
    if ((kind & 0x20U) != 0 && payload.size() >= 12) payload = peer.protect(payload, rtcp);
    return test::make_frame(from, rtcp ? legs[side].local_rtcp : legs[side].local_rtp, payload);
  }
};

}  // namespace

// The world outlives each input and its vectors grow, which a search for leaks after each input would look at (most of
// the time). What an input may leak is counted: buffers, next hops, retired objects.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  world.open();
  std::vector<Payload> frames;
  for (std::size_t at = 0; at + 2 <= size && frames.size() < 64;) {
    const std::uint8_t kind = data[at];
    const std::size_t length = std::min<std::size_t>(data[at + 1], size - at - 2);
    frames.push_back(world.frame(kind, Payload(data + at + 2, data + at + 2 + length)));
    at += 2 + length;
    if ((kind & 0x40U) == 0) continue;
    world.bench.run(frames);
    frames.clear();
    world.bench.pass_ms(kind & 0x1fU);
    world.bench.poll();
  }
  for (const test::Sent& sent : world.bench.run(frames)) {
    if (!sent.good_checksums) std::abort();
  }
  world.bench.pass_ms(50);
  world.bench.poll();
  world.close();
  if (!world.bench.balanced() || world.bench.io.outstanding() != 0 || world.bench.io.double_releases != 0) std::abort();
  return 0;
}
