// isthmus-bench-load send|receive: the two ends of a relay bench. The sender paces RTP packets over all flows, closed
// with SRTP where a flow has keys; the receiver counts what arrives until it is quiet, opens one packet in
// kOpenedOneIn, and counts those that are not authentic. Each runs in its own namespace and prints one JSON object.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "bench/relay/flows.h"
#include "dataplane/base/bytes.h"
#include "dataplane/crypto/srtp.h"

namespace isthmus::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRtpHeaderBytes = 12;
constexpr unsigned kBatch = 32;
constexpr int kReceiveBufferBytes = 8 << 20;
constexpr std::size_t kPacketBytes = 1600;
constexpr std::uint64_t kOpenedOneIn = 16;

sockaddr_storage to_sockaddr(const SocketAddress& address, socklen_t& length) {
  sockaddr_storage storage{};
  if (address.ip.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.ip.bytes.data(), 4);
    length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    std::memcpy(&v6->sin6_addr, address.ip.bytes.data(), 16);
    length = sizeof *v6;
  }
  return storage;
}

int bound_socket(const SocketAddress& local) {
  socklen_t length = 0;
  const auto storage = to_sockaddr(local, length);
  const int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    std::perror(("isthmus-bench-load: cannot bind " + to_string(local)).c_str());
    std::exit(1);
  }
  return fd;
}

struct Options {
  std::string flows_file;
  double packets_per_second = 100'000;
  double seconds = 5;
  double quiet_seconds = 1;
  std::size_t payload_bytes = 160;
};

struct Sender {
  int fd = -1;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::unique_ptr<crypto::SrtpContext> closes;  ///< nullptr: clear
};

std::unique_ptr<crypto::SrtpContext> context_of(crypto::SrtpEngine& engine, const std::optional<contract::SrtpKey>& key,
                                                crypto::Direction direction) {
  if (!key) return nullptr;
  auto context = engine.make_context(*key, {direction});
  if (context) return std::move(*context);
  std::fprintf(stderr, "isthmus-bench-load: no SRTP context: %s\n", to_string(context.error()).c_str());
  std::exit(1);
}

std::unique_ptr<crypto::SrtpEngine> make_engine() {
  auto engine = crypto::make_ipsec_mb_engine();
  return engine ? std::move(engine) : crypto::make_libsrtp2_engine();
}

/// The next packet of each of the next kBatch senders, closed in one call.
class Batch {
 public:
  explicit Batch(std::size_t payload_bytes) : bytes_(kRtpHeaderBytes + payload_bytes) {}

  void fill(crypto::SrtpEngine& engine, std::vector<Sender>& senders, std::size_t turn) {
    std::size_t secured = 0;
    for (unsigned i = 0; i < kBatch; ++i) {
      Sender& sender = senders[(turn + i) % senders.size()];
      std::uint8_t* packet = packets_[i].data();
      packet[0] = 0x80;  // version 2, PCMU
      packet[1] = 0;
      store_be16(packet + 2, sender.sequence++);
      store_be32(packet + 4, sender.timestamp += 160);
      store_be32(packet + 8, sender.ssrc);
      lengths_[i] = bytes_;
      if (sender.closes == nullptr) continue;
      std::memset(packet + kRtpHeaderBytes, 0x55, bytes_ - kRtpHeaderBytes);
      jobs_[secured++] = {.context = sender.closes.get(),
                          .packet = packet,
                          .length = static_cast<std::uint16_t>(bytes_),
                          .tailroom = static_cast<std::uint16_t>(kPacketBytes - bytes_),
                          .tag = static_cast<std::uint8_t>(i)};
    }
    engine.protect({jobs_.data(), secured});
    for (std::size_t i = 0; i < secured; ++i) {
      if (jobs_[i].result != crypto::SrtpResult::kOk) std::abort();
      lengths_[jobs_[i].tag] = jobs_[i].length;
    }
  }
  bool send(std::size_t i, int fd) const { return ::send(fd, packets_[i].data(), lengths_[i], 0) > 0; }

 private:
  std::size_t bytes_;
  std::array<std::array<std::uint8_t, kPacketBytes>, kBatch> packets_{};
  std::array<std::size_t, kBatch> lengths_{};
  std::array<crypto::SrtpJob, kBatch> jobs_{};
};

/// Sends in turns of kBatch packets, one a flow in rotation, and sleeps between turns to keep the pace.
int send_all(const Options& options, const std::vector<Flow>& flows) {
  const auto engine = make_engine();
  std::vector<Sender> senders;
  // Of each run its own: a key's indices start anew with an SSRC, else a second load would be a replay of the first.
  const std::uint32_t first_ssrc = static_cast<std::uint32_t>(getpid()) << 12U;
  Batch batch(options.payload_bytes);
  for (const Flow& flow : flows) {
    const int fd = bound_socket(flow.from);
    socklen_t length = 0;
    const auto via = to_sockaddr(flow.via, length);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&via), length) != 0) std::perror("connect");
    senders.push_back({fd, 0, 0, first_ssrc + static_cast<std::uint32_t>(senders.size()),
                       context_of(*engine, flow.closed, crypto::Direction::kSend)});
  }
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  std::size_t turn = 0;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  for (auto now = start; now < end; now = Clock::now()) {
    const double due = std::chrono::duration<double>(now - start).count() * options.packets_per_second;
    if (static_cast<double>(sent + refused) + kBatch > due) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      continue;
    }
    batch.fill(*engine, senders, turn);
    for (unsigned i = 0; i < kBatch; ++i) {
      if (batch.send(i, senders[turn++ % senders.size()].fd)) {
        ++sent;
      } else {
        ++refused;
      }
    }
  }
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"sent\": %lu, \"refused\": %lu, \"seconds\": %.6f, \"packets_per_second\": %.0f}\n", sent, refused,
              took, static_cast<double>(sent) / took);
  return 0;
}

/// Opens some of the packets, to see that what arrives is what the far peer could hear.
class Opener {
 public:
  explicit Opener(const std::vector<Flow>& flows) : engine_(make_engine()) {
    for (const Flow& flow : flows) contexts_.push_back(context_of(*engine_, flow.opened, crypto::Direction::kReceive));
  }
  void take(std::size_t flow, std::uint8_t* packet, std::size_t bytes) {
    if (contexts_[flow] == nullptr || ++seen_ % kOpenedOneIn != 0) return;
    crypto::SrtpJob job{
        .context = contexts_[flow].get(), .packet = packet, .length = static_cast<std::uint16_t>(bytes)};
    engine_->unprotect({&job, 1});
    ++(job.result == crypto::SrtpResult::kOk ? opened : refused);
  }
  std::uint64_t opened = 0;
  std::uint64_t refused = 0;

 private:
  std::unique_ptr<crypto::SrtpEngine> engine_;
  std::vector<std::unique_ptr<crypto::SrtpContext>> contexts_;
  std::uint64_t seen_ = 0;
};

/// Counts until nothing came for quiet_seconds (after the first packet) or `seconds` passed. Prints arrivals per 100 ms
/// too, so that a recovery can be read off.
int receive_all(const Options& options, const std::vector<Flow>& flows) {
  std::vector<pollfd> sockets;
  for (const Flow& flow : flows) sockets.push_back({bound_socket(flow.to), POLLIN, 0});
  Opener opener(flows);
  std::array<std::array<std::uint8_t, kPacketBytes>, kBatch> buffers{};
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> messages{};
  for (unsigned i = 0; i < kBatch; ++i) {
    vectors[i] = {buffers[i].data(), buffers[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  std::printf("ready\n");
  std::fflush(stdout);
  std::uint64_t received = 0;
  std::vector<std::uint64_t> per_slice;
  const auto start = Clock::now();
  auto first = start;
  auto last = start;
  for (auto now = start;; now = Clock::now()) {
    const double since_start = std::chrono::duration<double>(now - start).count();
    const double silence = std::chrono::duration<double>(now - last).count();
    if (since_start > options.seconds || (received > 0 && silence > options.quiet_seconds)) break;
    if (poll(sockets.data(), sockets.size(), 50) <= 0) continue;
    for (std::size_t flow = 0; flow < sockets.size(); ++flow) {
      const pollfd& socket = sockets[flow];
      if ((socket.revents & POLLIN) == 0) continue;
      const int got = recvmmsg(socket.fd, messages.data(), kBatch, MSG_DONTWAIT, nullptr);
      if (got <= 0) continue;
      last = Clock::now();
      if (received == 0) first = last;
      received += static_cast<std::uint64_t>(got);
      for (unsigned i = 0; i < static_cast<unsigned>(got); ++i)
        opener.take(flow, buffers[i].data(), messages[i].msg_len);
      const auto slice = static_cast<std::size_t>(std::chrono::duration<double>(last - first).count() * 10);
      if (slice >= per_slice.size()) per_slice.resize(slice + 1);
      per_slice[slice] += static_cast<std::uint64_t>(got);
    }
  }
  std::printf("{\"received\": %lu, \"opened\": %lu, \"not_authentic\": %lu, \"seconds\": %.6f, \"per_100_ms\": [",
              received, opener.opened, opener.refused, std::chrono::duration<double>(last - first).count());
  for (std::size_t i = 0; i < per_slice.size(); ++i) std::printf("%s%lu", i == 0 ? "" : ", ", per_slice[i]);
  std::printf("]}\n");
  return 0;
}

}  // namespace
}  // namespace isthmus::bench

int main(int argc, char** argv) {
  using namespace isthmus::bench;
  CLI::App app{"Load for the relay bench: paces RTP over many flows, or counts what arrives"};
  app.require_subcommand(1);
  Options options;
  auto* send = app.add_subcommand("send", "send over all flows at a total rate");
  auto* receive = app.add_subcommand("receive", "count arrivals on all flows");
  for (auto* command : {send, receive}) {
    command->add_option("flows", options.flows_file, "file of lines FROM TO VIA")->required();
    command->add_option("--seconds", options.seconds, "how long at most")
        ->check(CLI::Range(0.1, 120.0))
        ->capture_default_str();
  }
  send->add_option("--rate", options.packets_per_second, "packets a second, all flows together")
      ->check(CLI::Range(1.0, 5e6))
      ->capture_default_str();
  send->add_option("--payload", options.payload_bytes, "RTP payload bytes")
      ->check(CLI::Range(1, 1400))
      ->capture_default_str();
  receive->add_option("--quiet", options.quiet_seconds, "stop after this silence")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::ifstream file(options.flows_file);
  const auto flows = read_flows(file);
  if (!flows || flows->empty()) {
    std::fprintf(stderr, "isthmus-bench-load: %s: %s\n", options.flows_file.c_str(),
                 flows ? "no flow in it" : isthmus::to_string(flows.error()).c_str());
    return 2;
  }
  return *send ? send_all(options, *flows) : receive_all(options, *flows);
}
