// isthmus-bench-capture: writes what a data plane in pcap mode replays: a capture of one-way audio, closed with
// AES_CM_128_HMAC_SHA1_80 and a key of its own in each session, and the list of its flows (bench/relay/flows.h), by
// which isthmus-bench-sessions opens the same sessions. Packets come in rounds, one of each session in random order, so
// that neither keys nor sessions are met again soon; sequence numbers rise from the first packet to the last.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <vector>

#include "bench/relay/flows.h"
#include "dataplane/base/random.h"
#include "dataplane/crypto/srtp.h"
#include "dataplane/wire/udp_frame.h"

namespace isthmus::bench {
namespace {

constexpr std::size_t kRtpBytes = 12;
constexpr std::size_t kFrameBytes = 2048;
constexpr std::size_t kBatch = 32;
constexpr std::uint32_t kTicksAPacket = 160;
constexpr wire::MacAddress kOurs{2, 0, 0, 0, 0, 1};
constexpr wire::MacAddress kTheirs{2, 0, 0, 0, 0, 2};

struct Options {
  std::string flows;
  std::string capture;
  unsigned sessions = 1024;
  unsigned packets = 256;
  std::size_t payload_bytes = 160;
  std::string left_peer = "192.0.2.2";
  std::string left = "192.0.2.1";
  std::string right_peer = "198.51.100.2";
  std::uint16_t first_port = 10'000;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "isthmus-bench-capture: %s\n", why.c_str());
  std::exit(1);
}

struct Sender {
  wire::HeaderTemplate headers;
  std::unique_ptr<crypto::SrtpContext> closes;
  std::uint32_t ssrc = 0;
  std::uint16_t sequence = 0;
};

class Capture {
 public:
  explicit Capture(const std::string& path) : file_(path, std::ios::binary) {
    words({0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1});  // pcap-savefile(5): version 2.4, Ethernet
  }
  void add(const std::uint8_t* frame, std::size_t bytes) {
    words({0, 0, static_cast<std::uint32_t>(bytes), static_cast<std::uint32_t>(bytes)});
    file_.write(reinterpret_cast<const char*>(frame), static_cast<std::streamsize>(bytes));
  }
  bool good() { return static_cast<bool>(file_.flush()); }

 private:
  void words(std::initializer_list<std::uint32_t> values) {
    for (const std::uint32_t value : values) file_.write(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::ofstream file_;
};

contract::SrtpKey draw_key(RandomSource& random) {
  contract::SrtpKey key;
  key.suite = contract::SrtpSuite::kAesCm128HmacSha1_80;
  key.master_key = SecretBytes(contract::master_key_bytes(key.suite));
  key.master_salt = SecretBytes(contract::master_salt_bytes(key.suite));
  random.fill(key.master_key.mutable_view());
  random.fill(key.master_salt.mutable_view());
  return key;
}

class Maker {
 public:
  explicit Maker(const Options& options)
      : options_(options), engine_(crypto::make_ipsec_mb_engine()), capture_(options.capture) {
    if (engine_ == nullptr) engine_ = crypto::make_libsrtp2_engine();
  }

  void run() {
    make_senders();
    std::vector<std::size_t> order(senders_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937 shuffle;  // the same order each time
    for (unsigned round = 0; round < options_.packets; ++round) {
      std::shuffle(order.begin(), order.end(), shuffle);
      for (std::size_t at = 0; at < order.size(); at += kBatch) {
        write_batch({&order[at], std::min(kBatch, order.size() - at)});
      }
    }
    if (!capture_.good()) give_up("cannot write " + options_.capture);
  }

 private:
  void make_senders() {
    SystemRandom random;
    std::ofstream flows(options_.flows);
    const auto address = [](const std::string& text) {
      const auto parsed = IpAddress::parse(text);
      if (!parsed) give_up(text + " is no address");
      return *parsed;
    };
    for (unsigned i = 0; i < options_.sessions; ++i) {
      const auto port = static_cast<std::uint16_t>(options_.first_port + 2 * i);
      const SocketAddress from{address(options_.left_peer), port};
      const SocketAddress via{address(options_.left), port};
      const contract::SrtpKey closed = draw_key(random);
      flows << to_string(from) << ' ' << to_string({address(options_.right_peer), port}) << ' ' << to_string(via) << ' '
            << to_word(closed) << ' ' << to_word(draw_key(random)) << '\n';
      auto context = engine_->make_context(closed, {crypto::Direction::kSend});
      if (!context) give_up("no SRTP context: " + to_string(context.error()));
      senders_.push_back({wire::make_template(from, via, 0), std::move(*context), 0x10000U + i, 0});
      wire::store_macs(senders_.back().headers.bytes.data(), kOurs, kTheirs);
    }
    if (!flows.flush()) give_up("cannot write " + options_.flows);
  }

  void write_batch(std::span<const std::size_t> which) {
    for (std::size_t i = 0; i < which.size(); ++i) {
      Sender& sender = senders_[which[i]];
      std::uint8_t* packet = frames_[i].data() + wire::kHeadersV4;
      packet[0] = 0x80;  // version 2, PCMU
      packet[1] = 0;
      store_be16(packet + 2, sender.sequence);
      store_be32(packet + 4, kTicksAPacket * sender.sequence++);
      store_be32(packet + 8, sender.ssrc);
      std::memset(packet + kRtpBytes, 0x55, options_.payload_bytes);
      jobs_[i] = {
          .context = sender.closes.get(),
          .packet = packet,
          .length = static_cast<std::uint16_t>(kRtpBytes + options_.payload_bytes),
          .tailroom = static_cast<std::uint16_t>(kFrameBytes - wire::kHeadersV4 - kRtpBytes - options_.payload_bytes),
          .tag = static_cast<std::uint8_t>(i)};
    }
    engine_->protect({jobs_.data(), which.size()});
    std::array<std::uint16_t, kBatch> lengths{};
    for (std::size_t i = 0; i < which.size(); ++i) {
      if (jobs_[i].result != crypto::SrtpResult::kOk) give_up("a packet was not closed");
      lengths[jobs_[i].tag] = jobs_[i].length;
    }
    for (std::size_t i = 0; i < which.size(); ++i) {
      const wire::HeaderTemplate& headers = senders_[which[i]].headers;
      std::uint8_t* frame = frames_[i].data();
      std::memcpy(frame, headers.bytes.data(), wire::kHeadersV4);
      const std::uint64_t sum = wire::sum_words_plain(frame + wire::kHeadersV4, lengths[i]);
      wire::finish_v4(frame, lengths[i], headers.ip_sum, headers.udp_sum, sum);
      capture_.add(frame, wire::kHeadersV4 + lengths[i]);
    }
  }

  Options options_;
  std::unique_ptr<crypto::SrtpEngine> engine_;
  Capture capture_;
  std::vector<Sender> senders_;
  std::array<std::array<std::uint8_t, kFrameBytes>, kBatch> frames_{};
  std::array<crypto::SrtpJob, kBatch> jobs_{};
};

}  // namespace
}  // namespace isthmus::bench

int main(int argc, char** argv) {
  CLI::App app{"Writes a capture of SRTP for a data plane in pcap mode, and the flows in it"};
  isthmus::bench::Options options;
  app.add_option("flows", options.flows, "file of flows to write")->required();
  app.add_option("capture", options.capture, "capture file to write")->required();
  app.add_option("--sessions", options.sessions, "how many")->check(CLI::Range(1U, 20'000U));
  app.add_option("--packets", options.packets, "of each session")->check(CLI::Range(1U, 32'768U));
  app.add_option("--payload", options.payload_bytes, "bytes of RTP payload")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1400}));
  CLI11_PARSE(app, argc, argv);
  isthmus::bench::Maker(options).run();
  return 0;
}
