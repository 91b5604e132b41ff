// isthmus-bench-sessions: drives the data plane through its contract as any third party can. Opens calls of one audio
// stream from a left to a right peer, prints their flows (flows.h) and "ready"; then each line on standard input
// prints the data plane's counters as one JSON object; the end of input closes the sessions.

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <cstdio>
#include <iostream>

#include "bench/relay/flows.h"
#include "dataplane/base/random.h"
#include "dataplane/contract/client.h"

namespace isthmus::bench {
namespace {

constexpr std::uint16_t kFirstPeerPort = 20000;
constexpr std::uint8_t kPcmu = 0;
constexpr std::uint32_t kPcmuClockHz = 8000;

struct Options {
  std::string socket_path;
  unsigned sessions = 50;
  std::string left_peer;
  std::string right_peer;
  bool recrypt = false;
};

contract::SrtpKey draw_key(contract::SrtpSuite suite, RandomSource& random) {
  contract::SrtpKey key;
  key.suite = suite;
  key.master_key = SecretBytes(contract::master_key_bytes(key.suite));
  key.master_salt = SecretBytes(contract::master_salt_bytes(key.suite));
  random.fill(key.master_key.mutable_view());
  random.fill(key.master_salt.mutable_view());
  return key;
}

class Driver {
 public:
  explicit Driver(const Options& options)
      : options_(options), client_(loop_, {.path = options.socket_path}), input_(loop_, ::dup(STDIN_FILENO)) {}

  int run() {
    client_.on_event([](const contract::Event&) {});
    client_.on_connection([this](bool connected, std::uint64_t) {
      if (connected && states_.empty()) open_next();
    });
    client_.start();
    loop_.run();
    return status_;
  }

 private:
  contract::SessionSpec spec(unsigned number) {
    contract::SessionSpec session;
    session.id = {random_.next_u64()};
    session.media_timeout_ms = 0;
    keys_.clear();
    contract::StreamSpec stream;
    const auto port = static_cast<std::uint16_t>(kFirstPeerPort + 2 * number);
    for (const auto side : {contract::Side::kA, contract::Side::kB}) {
      auto& leg = stream.leg[contract::index(side)];
      const bool left = side == contract::Side::kA;
      const auto peer = *IpAddress::parse(left ? options_.left_peer : options_.right_peer);
      leg.network = left ? "left" : "right";
      leg.family = peer.family;
      leg.remote_rtp = SocketAddress{peer, port};
      leg.remote_rtcp = SocketAddress{peer, static_cast<std::uint16_t>(port + 1)};
      leg.cname = "bench";
      if (options_.recrypt) {
        const auto suite = left ? contract::SrtpSuite::kAesCm128HmacSha1_80 : contract::SrtpSuite::kAesCm128HmacSha1_32;
        leg.receive_key = draw_key(suite, random_);
        leg.send_key = draw_key(suite, random_);
        keys_ += ' ' + to_word(left ? *leg.receive_key : *leg.send_key);
      }
    }
    stream.a_to_b = {{kPcmu, kPcmu, kPcmuClockHz, kPcmuClockHz}};
    stream.b_to_a = stream.a_to_b;
    session.streams.push_back(std::move(stream));
    return session;
  }

  void open_next() {
    if (states_.size() == options_.sessions) return report_flows();
    client_.open(spec(static_cast<unsigned>(states_.size())), [this](Result<contract::SessionState> state) {
      if (!state) return stop("the data plane refused a session: " + to_string(state.error()));
      flow_keys_.push_back(keys_);
      states_.push_back(std::move(*state));
      open_next();
    });
  }

  void report_flows() {
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const auto port = kFirstPeerPort + 2 * i;
      std::printf("%s:%zu %s:%zu %s%s\n", options_.left_peer.c_str(), port, options_.right_peer.c_str(), port,
                  to_string(states_[i].streams[0].leg[0].local_rtp).c_str(), flow_keys_[i].c_str());
    }
    std::printf("ready\n");
    std::fflush(stdout);
    read_line();
  }

  void read_line() {
    boost::asio::async_read_until(input_, boost::asio::dynamic_buffer(line_), '\n',
                                  [this](const boost::system::error_code& error, std::size_t bytes) {
                                    if (error) return close_next();
                                    line_.erase(0, bytes);
                                    print_status();
                                  });
  }

  void print_status() {
    client_.status([this](Result<contract::DataplaneStatus> status) {
      if (!status) return stop("no status: " + to_string(status.error()));
      std::printf("{\"io_mode\": \"%s\", \"srtp_engine\": \"%s\"", status->io_mode.c_str(),
                  status->srtp_engine.c_str());
      for (const auto& counter : status->counters) std::printf(", \"%s\": %lu", counter.name.c_str(), counter.value);
      std::printf("}\n");
      std::fflush(stdout);
      read_line();
    });
  }

  void close_next() {
    if (states_.empty()) return stop("");
    client_.close(states_.back().id, [this](const Result<contract::SessionStats>&) {
      states_.pop_back();
      close_next();
    });
  }

  void stop(const std::string& problem) {
    if (!problem.empty()) {
      std::fprintf(stderr, "isthmus-bench-sessions: %s\n", problem.c_str());
      status_ = 1;
    }
    client_.stop();
    loop_.stop();
  }

  Options options_;
  SystemRandom random_;
  boost::asio::io_context loop_;
  contract::Client client_;
  boost::asio::posix::stream_descriptor input_;
  std::string line_;
  std::vector<contract::SessionState> states_;
  std::vector<std::string> flow_keys_;  // as many; empty words without SRTP
  std::string keys_;                    // of the session that is opened now
  int status_ = 0;
};

}  // namespace
}  // namespace isthmus::bench

int main(int argc, char** argv) {
  CLI::App app{"Opens audio sessions in a running data plane through its contract and prints their flows"};
  isthmus::bench::Options options;
  app.add_option("socket", options.socket_path, "the contract's unix socket")->required();
  app.add_option("sessions", options.sessions, "how many")->required()->check(CLI::Range(1U, 20'000U));
  app.add_option("left_peer", options.left_peer, "IP address of the sending peer")->required();
  app.add_option("right_peer", options.right_peer, "IP address of the receiving peer")->required();
  app.add_flag("--recrypt", options.recrypt, "SRTP on both legs, _80 on the left and _32 on the right");
  CLI11_PARSE(app, argc, argv);
  return isthmus::bench::Driver(options).run();
}
