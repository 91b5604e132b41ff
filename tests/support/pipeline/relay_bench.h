#pragma once

// One worker's data plane in a test: session table, link and pipeline around memory, time and randomness injected.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/crypto/srtp.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/session/session_table.h"
#include "dataplane/wire/rtp.h"
#include "dataplane/wire/udp_frame.h"
#include "tests/support/pipeline/memory_io.h"

namespace isthmus::test {

using Payload = std::vector<std::uint8_t>;

/// Every next hop is known at once: MAC 02:..:last byte of the remote address.
class InstantNextHops final : public session::NextHopListener {
 public:
  void wanted(const session::NextHopKey& key, session::NextHop& next_hop) override {
    ++count;
    keys[key] = &next_hop;
    if (known) next_hop.set(value_for(key));
  }
  void unwanted(const session::NextHopKey& key, session::NextHop&) override {
    --count;
    keys.erase(key);
  }
  static session::NextHopValue value_for(const session::NextHopKey& key) {
    session::NextHopValue value;
    const std::size_t last = key.remote.is_v4() ? 3 : 15;
    value.destination_mac = {2, 0, 0, 0, 0, key.remote.bytes[last]};
    value.source_mac = {2, 0, 0, 0, 1, 0};
    value.io_port = key.network;
    value.valid = true;
    return value;
  }

  bool known = true;
  int count = 0;
  std::map<session::NextHopKey, session::NextHop*> keys;
};

class FreePorts final : public session::PortListener {
 public:
  Status open_port(const SocketAddress& local, std::size_t) override {
    if (fails_after == 0) return fail(ErrorKind::kUnavailable, "bind");
    if (fails_after > 0) --fails_after;
    open.insert(local);
    return {};
  }
  void close_port(const SocketAddress& local) override { open.erase(local); }
  Status open_tcp_port(const SocketAddress& local, std::size_t) override {
    if (fails_after == 0 || no_tcp) return fail(ErrorKind::kUnavailable, "bind");
    if (fails_after > 0) --fails_after;
    open_tcp.insert(local);
    return {};
  }
  void serve_tcp_port(const SocketAddress& local) override { served_tcp.insert(local); }
  void close_tcp_port(const SocketAddress& local) override {
    open_tcp.erase(local);
    served_tcp.erase(local);
  }

  int fails_after = -1;  // -1: never
  bool no_tcp = false;
  std::set<SocketAddress> open;
  std::set<SocketAddress> open_tcp;
  std::set<SocketAddress> served_tcp;
};

/// What left, parsed; `good_checksums` says that IP and UDP checksums verify.
struct Sent {
  SocketAddress from;
  SocketAddress to;
  Payload payload;
  std::array<std::uint8_t, 6> destination_mac{};
  std::uint16_t port = 0;
  std::uint8_t dscp = 0;
  bool good_checksums = false;

  wire::RtpHeader rtp() const { return wire::RtpHeader::read(payload.data()); }
};

Payload make_frame(const SocketAddress& from, const SocketAddress& to, const Payload& payload, std::uint8_t dscp = 0);
Sent parse_sent(const io::Frame& frame);
Payload make_rtp(std::uint8_t payload_type, std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t ssrc,
                 std::size_t octets = 160, bool marker = false);

class RelayBench {
 public:
  explicit RelayBench(std::vector<io::Network> wanted = default_networks(), pipeline::PipelineConfig config = {},
                      std::uint64_t seed = 1, std::unique_ptr<crypto::SrtpEngine> srtp = crypto::make_ipsec_mb_engine(),
                      std::uint64_t ports_with_sums = 0);

  static std::vector<io::Network> default_networks();

  /// Audio, one stream: A at 192.0.2.10:4000, B at 198.51.100.20:5000, PCMU both ways as 0.
  contract::SessionSpec spec(std::uint64_t id = 1) const;
  /// Opens and applies; the answer must be good.
  contract::SessionState open(const contract::SessionSpec& spec);
  contract::SessionState update(const contract::SessionSpec& spec);

  /// One burst of frames; what leaves. `io_port`: by which they came.
  std::vector<Sent> run(const std::vector<Payload>& frames, std::uint8_t io_port = 0);
  std::vector<Sent> send(const SocketAddress& from, const SocketAddress& to, const Payload& payload) {
    return run({make_frame(from, to, payload)});
  }
  /// Ticks until nothing is waiting; own packets that leave.
  std::vector<Sent> tick();
  /// Moves time on in steps of a millisecond or more with ticks; own packets that leave.
  std::vector<Sent> pass_ms(std::uint64_t ms);
  /// Drains events.
  std::vector<contract::Event> poll();

  std::uint64_t dropped(DropReason reason) const {
    return link.counters.dropped[static_cast<std::size_t>(reason)].get();
  }
  std::uint64_t dropped_in_pipeline() const;
  /// received = forwarded + consumed + dropped + held, sent = forwarded + generated.
  bool balanced() const;

  std::vector<io::Network> networks;
  SeededRandom random;
  std::unique_ptr<crypto::SrtpEngine> engine;
  InstantNextHops next_hops;
  FreePorts ports;
  MemoryIo io;
  session::WorkerLink link;
  session::SessionTable table;
  pipeline::Pipeline pipeline;
  session::Time now{1'000 * session::kNsPerSecond, 1'764'000'000 * session::kNsPerSecond};

 private:
  std::vector<Sent> take(io::Burst& burst);
};

}  // namespace isthmus::test
