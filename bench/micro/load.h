#pragma once

// Sessions and frames for the rows of the packet path.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tests/support/pipeline/relay_bench.h"

namespace isthmus::bench {

/// Buffers that are used again and again, as a driver's pool would; nothing is allocated while measuring.
class PoolIo final : public io::Io {
 public:
  static constexpr std::size_t kBufferBytes = 2176;
  static constexpr std::uint16_t kHeadroom = 128;

  PoolIo(std::size_t buffers, bool device_sums);
  void receive(io::Burst& burst) override { burst.count = 0; }
  std::size_t send(io::Burst& burst) override;
  void release(const io::Frame& frame) override { free_.push_back(static_cast<std::uint8_t*>(frame.handle)); }
  io::Frame allocate() override;
  io::IoCounters counters() const override { return {}; }
  std::uint64_t ports_with_sums() const override { return device_sums_ ? ~std::uint64_t{0} : 0; }

 private:
  struct alignas(64) Buffer {  // as a driver's buffers are
    std::array<std::uint8_t, kBufferBytes> bytes;
  };
  std::vector<Buffer> memory_;
  std::vector<std::uint8_t*> free_;
  std::size_t next_ = 0;
  const bool device_sums_;
};

struct LoadOptions {
  std::size_t sessions = 1024;
  std::size_t payload_octets = 160;
  std::size_t addresses = 3;                   ///< local ones on each side, 500 ports for RTP each
  bool video = false;                          ///< A sends X-H264UC, B H.264: both ways through the adapt stage
  bool device_sums = false;                    ///< UDP checksums are left to the device
  bool measured = false;                       ///< the cycles of each stage are counted meanwhile
  std::optional<contract::SrtpSuite> suite{};  ///< of both legs, both ways: each packet is opened and closed
};

contract::SrtpKey key_of(contract::SrtpSuite suite, RandomSource& random);

/// Audio both ways in `sessions` sessions, their packets in random order.
class Load {
 public:
  explicit Load(const LoadOptions& options);
  /// Fills the burst with the next `count` packets of the cycle.
  void fill(io::Burst& burst, std::size_t count);
  /// One burst through the pipeline; cycles of run() alone.
  std::uint64_t run(std::size_t count);
  std::size_t local_addresses() const { return networks_[0].addresses.size() + networks_[1].addresses.size(); }
  std::uint64_t forwarded() const { return link.counters.forwarded.get(); }
  std::uint64_t received() const { return link.counters.received.get(); }

 private:
  struct Flow {
    std::vector<std::uint8_t> frame;  // headers and payload
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    std::size_t rtp = 0;                        // offset of the RTP header
    std::unique_ptr<crypto::SrtpContext> peer;  // closes what comes
  };
  void add_flow(const SocketAddress& from, const SocketAddress& to, std::uint32_t ssrc, std::size_t octets,
                const std::optional<contract::SrtpKey>& key);
  static void make_fragment(Flow& flow);

  std::vector<io::Network> networks_;
  SeededRandom random_{7};
  std::unique_ptr<crypto::SrtpEngine> engine_;
  std::unique_ptr<crypto::SrtpEngine> peers_;
  test::InstantNextHops next_hops_;
  test::FreePorts ports_;

 public:
  session::WorkerLink link;

 private:
  const bool video_;
  PoolIo io_;
  session::SessionTable table_;
  pipeline::Pipeline pipeline_;
  session::Time now_{session::kNsPerSecond, 1'764'000'000 * session::kNsPerSecond};
  std::vector<Flow> flows_;
  std::size_t next_ = 0;
};

}  // namespace isthmus::bench
