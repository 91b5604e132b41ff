#include "tests/support/pipeline/relay_bench.h"

#include <cstdlib>

namespace isthmus::test {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

bool sums_to_zero(const wire::UdpFrame& udp) {
  const std::size_t udp_bytes = udp.payload_bytes + wire::kUdpBytes;
  std::uint64_t sum = wire::sum_words_plain(udp.udp, udp_bytes);
  const std::size_t addresses = udp.v6 ? 32 : 8;
  sum += wire::sum_words_plain(udp.source(), addresses);
  sum += std::uint64_t{wire::kProtocolUdp} << 8U;
  sum += __builtin_bswap16(static_cast<std::uint16_t>(udp_bytes));
  const bool ip_good = udp.v6 || wire::fold_sum(wire::sum_words_plain(udp.ip, wire::kIpv4Bytes)) == 0xffff;
  std::uint16_t field = 0;
  std::memcpy(&field, udp.udp + 6, sizeof field);
  return ip_good && field != 0 && wire::fold_sum(sum) == 0xffff;
}

}  // namespace

Payload make_frame(const SocketAddress& from, const SocketAddress& to, const Payload& payload, std::uint8_t dscp) {
  const wire::HeaderTemplate made = wire::make_template(from, to, dscp);
  Payload frame(made.bytes.begin(), made.bytes.begin() + made.header_bytes);
  frame.insert(frame.end(), payload.begin(), payload.end());
  wire::store_macs(frame.data(), {2, 0, 0, 0, 1, 0}, {2, 0, 0, 0, 9, 9});
  const auto length = static_cast<std::uint16_t>(payload.size());
  const std::uint64_t sum = wire::sum_words_plain(payload.data(), payload.size());
  if (from.ip.is_v4()) {
    wire::finish_v4(frame.data(), length, made.ip_sum, made.udp_sum, sum);
  } else {
    wire::finish_v6(frame.data(), length, made.udp_sum, sum);
  }
  return frame;
}

Sent parse_sent(const io::Frame& frame) {
  Sent sent;
  wire::UdpFrame udp;
  if (!wire::parse_udp(frame.data, frame.length, udp)) return sent;
  sent.from.ip = udp.v6 ? IpAddress::v6({}) : IpAddress{};
  sent.to.ip = sent.from.ip;
  const std::size_t bytes = udp.v6 ? 16 : 4;
  std::memcpy(sent.from.ip.bytes.data(), udp.source(), bytes);
  std::memcpy(sent.to.ip.bytes.data(), udp.destination(), bytes);
  sent.from.port = udp.source_port();
  sent.to.port = udp.destination_port();
  sent.payload.assign(udp.payload(), udp.payload() + udp.payload_bytes);
  std::memcpy(sent.destination_mac.data(), frame.data, 6);
  sent.port = frame.port;
  sent.dscp = static_cast<std::uint8_t>(udp.v6 ? (load_be16(udp.ip) >> 6U) & 0x3fU : udp.ip[1] >> 2U);
  sent.good_checksums = sums_to_zero(udp);
  return sent;
}

Payload make_rtp(std::uint8_t payload_type, std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t ssrc,
                 std::size_t octets, bool marker) {
  Payload packet(wire::kMinRtpBytes + octets);
  packet[0] = 0x80;
  packet[1] = static_cast<std::uint8_t>(payload_type | (marker ? 0x80U : 0U));
  store_be16(&packet[2], sequence);
  store_be32(&packet[4], timestamp);
  store_be32(&packet[8], ssrc);
  for (std::size_t i = 0; i < octets; ++i) packet[wire::kMinRtpBytes + i] = static_cast<std::uint8_t>(sequence + i);
  return packet;
}

std::vector<io::Network> RelayBench::default_networks() {
  io::Network a;
  a.name = "lan";
  a.interface = "eth0";
  a.addresses = {ip("192.0.2.1"), ip("2001:db8:a::1")};
  io::Network b;
  b.name = "wan";
  b.interface = "eth1";
  b.addresses = {ip("198.51.100.1"), ip("2001:db8:b::1")};
  return {a, b};
}

RelayBench::RelayBench(std::vector<io::Network> wanted, pipeline::PipelineConfig config, std::uint64_t seed,
                       std::unique_ptr<crypto::SrtpEngine> srtp, std::uint64_t ports_with_sums)
    : networks(std::move(wanted)),
      random(seed),
      engine(std::move(srtp)),
      io(4096, ports_with_sums),
      link(networks),
      table(networks, {random, *engine, next_hops, ports, {&link}}),
      pipeline(link, io, *engine, config) {}

contract::SessionSpec RelayBench::spec(std::uint64_t id) const {
  contract::SessionSpec spec;
  spec.id = {id};
  contract::StreamSpec& stream = spec.streams.emplace_back();
  stream.leg[0].network = "lan";
  stream.leg[0].remote_rtp = {ip("192.0.2.10"), 4000};
  stream.leg[0].cname = "a@isthmus";
  stream.leg[1].network = "wan";
  stream.leg[1].remote_rtp = {ip("198.51.100.20"), 5000};
  stream.leg[1].cname = "b@isthmus";
  stream.a_to_b = {{0, 0, 8000, 8000}};
  stream.b_to_a = {{0, 0, 8000, 8000}};
  return spec;
}

contract::SessionState RelayBench::open(const contract::SessionSpec& wanted) {
  auto state = table.open(wanted, now.monotonic_ns);
  if (!state) std::abort();
  tick();
  return *state;
}

contract::SessionState RelayBench::update(const contract::SessionSpec& wanted) {
  auto state = table.update(wanted, now.monotonic_ns);
  if (!state) std::abort();
  tick();
  return *state;
}

std::vector<Sent> RelayBench::take(io::Burst& burst) {
  std::vector<Sent> sent;
  for (std::size_t i = 0; i < burst.count; ++i) sent.push_back(parse_sent(burst.frames[i]));
  io.send(burst);
  return sent;
}

std::vector<Sent> RelayBench::run(const std::vector<Payload>& frames, std::uint8_t io_port) {
  std::vector<Sent> sent;
  for (std::size_t at = 0; at < frames.size();) {
    io::Burst burst;
    for (; at < frames.size() && !burst.full(); ++at) {
      io::Frame frame = io.received(frames[at]);
      frame.port = io_port;
      burst.add(frame);
    }
    pipeline.run(burst, now);
    const auto part = take(burst);
    sent.insert(sent.end(), part.begin(), part.end());
  }
  return sent;
}

std::vector<Sent> RelayBench::tick() {
  std::vector<Sent> sent;
  bool more = true;
  for (int i = 0; more && i < 1000; ++i) {
    io::Burst burst;
    more = pipeline.tick(burst, now);
    const auto part = take(burst);
    sent.insert(sent.end(), part.begin(), part.end());
  }
  return sent;
}

std::vector<Sent> RelayBench::pass_ms(std::uint64_t ms) {
  std::vector<Sent> sent;
  while (ms > 0) {
    const std::uint64_t step = std::min<std::uint64_t>(ms, 5);
    now.monotonic_ns += step * session::kNsPerMs;
    now.unix_ns += step * session::kNsPerMs;
    ms -= step;
    const auto part = tick();
    sent.insert(sent.end(), part.begin(), part.end());
  }
  return sent;
}

std::vector<contract::Event> RelayBench::poll() {
  std::vector<contract::Event> events;
  table.poll(now.monotonic_ns, [&](const contract::Event& event) { events.push_back(event); });
  return events;
}

std::uint64_t RelayBench::dropped_in_pipeline() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    // These happen outside: before the pipeline or behind it.
    if (i >= static_cast<std::size_t>(DropReason::kTxRefused)) continue;
    sum += link.counters.dropped[i].get();
  }
  return sum;
}

bool RelayBench::balanced() const {
  const session::WorkerCounters& c = link.counters;
  return c.received.get() == c.forwarded.get() + c.consumed.get() + dropped_in_pipeline() + c.held.get() &&
         c.sent.get() == c.forwarded.get() + c.generated.get();
}

}  // namespace isthmus::test
