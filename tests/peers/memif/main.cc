// isthmus-memif-peer: the peers of both networks of a data plane in memif mode, as one client process on its two
// sockets. Each session of audio sends packets both ways; what arrives is judged frame by frame (MAC, lengths, UDP
// checksum, payload) and counted. Prints one JSON object.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/io/dpdk/dpdk_engine.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::peer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRtpBytes = 12;
constexpr std::size_t kPayloadBytes = 160;
constexpr std::size_t kBatch = 16;
constexpr std::chrono::seconds kQuiet{1};
constexpr std::chrono::seconds kLinkPatience{5};
constexpr std::uint64_t kMostProbes = 250;
constexpr std::chrono::milliseconds kProbePause{20};

struct Options {
  std::array<std::string, 2> sockets;
  std::array<std::string, 2> peers{"192.0.2.2", "198.51.100.2"};
  std::array<std::string, 2> gateways{"192.0.2.1", "198.51.100.1"};
  unsigned sessions = 8;
  unsigned packets = 1000;
  std::uint16_t first_port = 10'000;
};

struct Side {
  IpAddress peer;
  IpAddress gateway;
  io::MacAddress mac{};          ///< the peers'
  io::MacAddress gateway_mac{};  ///< the data plane's
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t wrong = 0;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "isthmus-memif-peer: %s\n", why.c_str());
  std::exit(1);
}

std::unique_ptr<io::dpdk::DpdkEngine> open_engine(const Options& options) {
  if (const auto started = io::dpdk::start_eal({96, false, {}}); !started) give_up(to_string(started.error()));
  std::vector<io::Network> networks(2);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    networks[i].name = i == 0 ? "left" : "right";
    networks[i].memif = {options.sockets[i], 0, false};
  }
  auto engine = io::dpdk::DpdkEngine::open_off_kernel(io::Mode::kMemif, networks, 1, {});
  if (!engine) give_up(to_string(engine.error()));
  const auto end = Clock::now() + kLinkPatience;
  // The first two devices of this process.
  while (!io::dpdk::Port::has_link(0) || !io::dpdk::Port::has_link(1)) {
    if (Clock::now() > end) give_up("no link: is the data plane there?");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return std::move(*engine);
}

class Peers {
 public:
  Peers(const Options& options, io::Io& io) : options_(options), io_(io) {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      sides_[i].peer = *IpAddress::parse(options.peers[i]);
      sides_[i].gateway = *IpAddress::parse(options.gateways[i]);
      sides_[i].mac = {2, 0, 0, 0, 1, static_cast<std::uint8_t>(i)};
      sides_[i].gateway_mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(i)};
    }
  }

  void run() {
    io_.attach_thread();
    const std::uint64_t begin = wait_for_the_other_side();
    const std::uint64_t all = begin + std::uint64_t{options_.sessions} * options_.packets;
    for (std::uint64_t next = begin; next < all; next += kBatch) {
      for (std::uint8_t side = 0; side < 2; ++side) send(side, next, std::min<std::uint64_t>(kBatch, all - next));
      receive();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    for (auto last = Clock::now(); Clock::now() - last < kQuiet;) {
      if (receive()) last = Clock::now();
    }
  }

  void print() const {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      std::printf("%s\"%s\": {\"sent\": %lu, \"received\": %lu, \"wrong\": %lu}", i == 0 ? "{" : ", ",
                  i == 0 ? "left" : "right", sides_[i].sent, sides_[i].received, sides_[i].wrong);
    }
    std::printf("}\n");
  }

 private:
  /// The server has its links a message later than we have ours, and refuses what it is to send until then: packets of
  /// the first session until one has come through both ways. Which packet the count begins with.
  std::uint64_t wait_for_the_other_side() {
    for (std::uint64_t probe = 0; probe < kMostProbes; ++probe) {
      for (std::uint8_t side = 0; side < 2; ++side) send(side, probe * options_.sessions, 1);
      std::this_thread::sleep_for(kProbePause);
      receive();
      if (sides_[0].received == 0 || sides_[1].received == 0) continue;
      for (Side& side : sides_) side.sent = side.received = 0;
      return (probe + 1) * options_.sessions;
    }
    give_up("nothing comes through the data plane");
  }

  static std::uint8_t octet(std::uint16_t sequence, std::uint16_t port) {
    return static_cast<std::uint8_t>(sequence * 7U + port);
  }

  void send(std::uint8_t index, std::uint64_t first, std::uint64_t count) {
    Side& side = sides_[index];
    io::Burst burst;
    for (std::uint64_t i = first; i < first + count; ++i) {
      io::Frame frame = io_.allocate();
      if (frame.handle == nullptr) break;
      const auto port = static_cast<std::uint16_t>(options_.first_port + 2 * (i % options_.sessions));
      const auto sequence = static_cast<std::uint16_t>(i / options_.sessions);
      auto headers = wire::make_template({side.peer, port}, {side.gateway, port}, 0);
      wire::store_macs(headers.bytes.data(), side.gateway_mac, side.mac);
      std::memcpy(frame.data, headers.bytes.data(), wire::kHeadersV4);
      std::uint8_t* packet = frame.data + wire::kHeadersV4;
      packet[0] = 0x80;  // version 2, PCMU
      packet[1] = 0;
      store_be16(packet + 2, sequence);
      store_be32(packet + 4, sequence * 160U);
      store_be32(packet + 8, 0x10000U + port + index);
      std::memset(packet + kRtpBytes, octet(sequence, port), kPayloadBytes);
      wire::finish_v4(frame.data, kRtpBytes + kPayloadBytes, headers.ip_sum, headers.udp_sum,
                      wire::sum_words_plain(packet, kRtpBytes + kPayloadBytes));
      frame.length = wire::kHeadersV4 + kRtpBytes + kPayloadBytes;
      frame.port = index;
      burst.add(frame);
    }
    const std::size_t offered = burst.count;
    side.sent += offered - io_.send(burst);
  }

  bool receive() {
    io::Burst burst;
    io_.receive(burst);
    for (std::size_t i = 0; i < burst.count; ++i) {
      judge(burst.frames[i]);
      io_.release(burst.frames[i]);
    }
    return burst.count > 0;
  }

  void judge(const io::Frame& frame) {
    Side& side = sides_[frame.port];
    wire::UdpFrame udp;
    if (!wire::parse_udp(frame.data, frame.length, udp)) {
      ++side.wrong;
      return;
    }
    if ((udp.destination_port() & 1U) != 0) return;  // RTCP
    const std::uint8_t* payload = udp.payload();
    const std::uint64_t sum = wire::sum_words_plain(udp.source(), 8) +
                              wire::sum_words_plain(udp.udp, wire::kUdpBytes + udp.payload_bytes) +
                              (std::uint64_t{wire::kProtocolUdp} << 8U) +
                              __builtin_bswap16(static_cast<std::uint16_t>(wire::kUdpBytes + udp.payload_bytes));
    const bool good = std::memcmp(frame.data, side.mac.data(), 6) == 0 &&
                      std::memcmp(frame.data + 6, side.gateway_mac.data(), 6) == 0 &&
                      udp.payload_bytes == kRtpBytes + kPayloadBytes && wire::checksum(sum) == 0 &&
                      payload[kRtpBytes] == payload[kRtpBytes + kPayloadBytes - 1];
    ++(good ? side.received : side.wrong);
  }

  const Options& options_;
  io::Io& io_;
  std::array<Side, 2> sides_;
};

}  // namespace
}  // namespace isthmus::peer

int main(int argc, char** argv) {
  CLI::App app{"Peers of both networks of a data plane in memif mode"};
  isthmus::peer::Options options;
  app.add_option("left", options.sockets[0], "memif socket of the left network")->required();
  app.add_option("right", options.sockets[1], "memif socket of the right network")->required();
  app.add_option("--sessions", options.sessions, "how many, ports from 10000 on")->check(CLI::Range(1U, 100U));
  app.add_option("--packets", options.packets, "of each session and direction")->check(CLI::Range(1U, 30'000U));
  CLI11_PARSE(app, argc, argv);
  {
    const auto engine = isthmus::peer::open_engine(options);
    isthmus::peer::Peers peers(options, engine->io(0));
    peers.run();
    peers.print();
  }
  isthmus::io::dpdk::stop_eal();
  return 0;
}
