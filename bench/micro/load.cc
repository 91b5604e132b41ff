#include "bench/micro/load.h"

#include <algorithm>
#include <cstdlib>

#include "bench/micro/cycles.h"

namespace isthmus::bench {
namespace {

std::vector<io::Network> networks(std::size_t addresses) {
  std::vector<io::Network> result(2);
  for (std::size_t n = 0; n < 2; ++n) {
    result[n].name = n == 0 ? "lan" : "wan";
    for (std::size_t i = 0; i < addresses; ++i) {
      result[n].addresses.push_back(
          IpAddress::v4(10, static_cast<std::uint8_t>(n), 0, static_cast<std::uint8_t>(1 + i)));
    }
  }
  return result;
}

}  // namespace

contract::SrtpKey key_of(contract::SrtpSuite suite, RandomSource& random) {
  contract::SrtpKey key;
  key.suite = suite;
  key.master_key = SecretBytes(contract::master_key_bytes(suite));
  key.master_salt = SecretBytes(contract::master_salt_bytes(suite));
  random.fill(key.master_key.mutable_view());
  random.fill(key.master_salt.mutable_view());
  return key;
}

PoolIo::PoolIo(std::size_t buffers, bool device_sums) : memory_(buffers), device_sums_(device_sums) {
  free_.reserve(buffers);
  for (std::size_t i = 0; i < buffers; ++i) free_.push_back(memory_[i].bytes.data());
}

std::size_t PoolIo::send(io::Burst& burst) {
  for (std::size_t i = 0; i < burst.count; ++i) release(burst.frames[i]);
  burst.count = 0;
  return 0;
}

io::Frame PoolIo::allocate() {
  io::Frame frame;
  // Round and round through all buffers, as a receive ring does.
  if (free_.empty()) return frame;
  next_ = next_ + 1 < free_.size() ? next_ + 1 : 0;
  std::swap(free_[next_], free_.back());
  std::uint8_t* buffer = free_.back();
  free_.pop_back();
  frame.handle = buffer;
  frame.data = buffer + kHeadroom;
  frame.headroom = kHeadroom;
  frame.tailroom = kBufferBytes - kHeadroom;
  return frame;
}

Load::Load(const LoadOptions& options)
    : networks_(networks(options.addresses)),
      engine_(crypto::make_ipsec_mb_engine()),
      peers_(crypto::make_ipsec_mb_engine()),
      link(networks_),
      video_(options.video),
      io_(512, options.device_sums),
      table_(networks_, {random_, *engine_, next_hops_, ports_, {&link}}),
      pipeline_(link, io_, *engine_, {.packets_per_port_per_second = 1'000'000'000}) {
  for (std::uint32_t i = 0; i < options.sessions; ++i) {
    contract::SessionSpec spec;
    spec.id = {i + 1};
    contract::StreamSpec& stream = spec.streams.emplace_back();
    for (std::size_t side = 0; side < 2; ++side) {
      contract::LegSpec& leg = stream.leg[side];
      leg.network = networks_[side].name;
      leg.remote_rtp = {IpAddress::v4(10, static_cast<std::uint8_t>(side), 1, static_cast<std::uint8_t>(1 + i % 50)),
                        static_cast<std::uint16_t>(10'000 + 2 * i)};
      if (options.suite) {
        leg.send_key = key_of(*options.suite, random_);
        leg.receive_key = key_of(*options.suite, random_);
      }
    }
    if (options.video) {
      stream.kind = contract::MediaKind::kVideo;
      stream.leg[0].video.format = contract::VideoFormat::kH264Uc;
      stream.leg[1].video.format = contract::VideoFormat::kH264;
    }
    stream.a_to_b = {{0, 0, 8000, 8000}};
    stream.b_to_a = {{0, 0, 8000, 8000}};
    const auto state = table_.open(spec, now_.monotonic_ns);
    if (!state) std::abort();
    for (std::size_t side = 0; side < 2; ++side) {
      add_flow(*stream.leg[side].remote_rtp, state->streams[0].leg[side].local_rtp, random_.next_u32(),
               options.payload_octets, stream.leg[side].receive_key);
    }
    io::Burst burst;
    while (pipeline_.tick(burst, now_)) burst.count = 0;
    io_.send(burst);
  }
  for (std::size_t i = flows_.size(); i > 1; --i) {
    std::swap(flows_[i - 1], flows_[random_.below(static_cast<std::uint32_t>(i))]);
  }
}

void Load::add_flow(const SocketAddress& from, const SocketAddress& to, std::uint32_t ssrc, std::size_t octets,
                    const std::optional<contract::SrtpKey>& key) {
  Flow flow;
  if (key) flow.peer = std::move(*peers_->make_context(*key, {crypto::Direction::kSend}));
  flow.sequence = static_cast<std::uint16_t>(random_.next_u32());
  flow.timestamp = random_.next_u32();
  flow.frame = test::make_frame(from, to, test::make_rtp(0, flow.sequence, flow.timestamp, ssrc, octets));
  flow.rtp = wire::header_bytes(from.ip.family);
  flows_.push_back(std::move(flow));
}

/// Pictures of eight fragments of one slice.
void Load::make_fragment(Flow& flow) {
  const unsigned part = flow.sequence % 8U;
  std::uint8_t* rtp = flow.frame.data() + flow.rtp;
  if (part == 0) flow.timestamp += 3000;
  store_be32(rtp + 4, flow.timestamp);
  rtp[1] = static_cast<std::uint8_t>(part == 7 ? 0x80 : 0);
  rtp[12] = 0x5c;
  rtp[13] = static_cast<std::uint8_t>(1U | (part == 0 ? 0x80U : 0U) | (part == 7 ? 0x40U : 0U));
}

void Load::fill(io::Burst& burst, std::size_t count) {
  std::array<crypto::SrtpJob, io::kBurstSize> jobs;
  std::size_t secured = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Flow& flow = flows_[next_];
    store_be16(flow.frame.data() + flow.rtp + 2, ++flow.sequence);
    if (video_) {
      make_fragment(flow);
    } else {
      store_be32(flow.frame.data() + flow.rtp + 4, flow.timestamp += 160);
    }
    io::Frame frame = io_.allocate();
    std::copy(flow.frame.begin(), flow.frame.end(), frame.data);
    frame.length = static_cast<std::uint16_t>(flow.frame.size());
    frame.tailroom = static_cast<std::uint16_t>(frame.tailroom - frame.length);
    burst.add(frame);
    if (flow.peer != nullptr) {
      crypto::SrtpJob& job = jobs[secured++];
      job.context = flow.peer.get();
      job.packet = frame.data + flow.rtp;
      job.length = static_cast<std::uint16_t>(frame.length - flow.rtp);
      job.tailroom = frame.tailroom;
      job.tag = static_cast<std::uint8_t>(burst.count - 1);
    }
    if (++next_ == flows_.size()) {
      next_ = 0;
      now_.monotonic_ns += 20 * session::kNsPerMs;
      now_.unix_ns += 20 * session::kNsPerMs;
    }
  }
  peers_->protect({jobs.data(), secured});
  for (std::size_t i = 0; i < secured; ++i) {
    io::Frame& frame = burst.frames[jobs[i].tag];
    if (jobs[i].result != crypto::SrtpResult::kOk) std::abort();
    const auto payload = jobs[i].length;
    frame.tailroom = static_cast<std::uint16_t>(frame.tailroom - (wire::kHeadersV4 + payload - frame.length));
    frame.length = static_cast<std::uint16_t>(wire::kHeadersV4 + payload);
    store_be16(frame.data + wire::kEthernetBytes + 2, static_cast<std::uint16_t>(frame.length - wire::kEthernetBytes));
    store_be16(frame.data + wire::kHeadersV4 - 4, static_cast<std::uint16_t>(payload + wire::kUdpBytes));
  }
}

std::uint64_t Load::run(std::size_t count) {
  io::Burst burst;
  fill(burst, count);
  const std::uint64_t begin = tsc();
  pipeline_.run(burst, now_);
  std::uint64_t cycles = tsc() - begin;
  io_.send(burst);
  // What is adapted leaves with the ticks of the same turn.
  for (bool more = video_; more; io_.send(burst)) {
    const std::uint64_t tick_begin = tsc();
    more = pipeline_.tick(burst, now_);
    cycles += tsc() - tick_begin;
  }
  return cycles;
}

}  // namespace isthmus::bench
