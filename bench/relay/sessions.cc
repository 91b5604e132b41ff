// isthmus-bench-sessions: drives the data plane through its contract as any third party can. Opens calls of one audio
// stream from a left to a right peer, prints their flows (flows.h) and "ready"; then each line on standard input
// prints the data plane's counters and the clock of the time-stamp counter as one JSON object (with --stages those of
// each stage of its packet path too, which are switched on before the first session is opened); the end of input closes
// the sessions. With --flows it opens those of a list (isthmus-bench-capture) instead: their ports, _80 both ways on
// both legs with their keys.

#include <x86intrin.h>
#include <CLI/CLI.hpp>

#include <boost/asio.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>

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
  bool stages = false;
  std::string flows;  ///< file; empty: flows of our own, with ports that the data plane draws
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
    if (!options_.flows.empty()) {
      std::ifstream file(options_.flows);
      auto flows = read_flows(file);
      if (!flows) {
        std::fprintf(stderr, "isthmus-bench-sessions: %s\n", to_string(flows.error()).c_str());
        return 1;
      }
      given_ = std::move(*flows);
      options_.sessions = static_cast<unsigned>(given_.size());
    }
    client_.on_event([](const contract::Event&) {});
    client_.on_connection([this](bool connected, std::uint64_t) {
      if (!connected || !states_.empty()) return;
      options_.stages ? measure_stages() : open_next();
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

  /// A session of the list: what the peers' addresses and the keys in it say, and ports of the same number on both
  /// sides.
  contract::SessionSpec given_spec(const Flow& flow) {
    contract::SessionSpec session;
    session.id = {random_.next_u64()};
    session.media_timeout_ms = 0;
    contract::StreamSpec stream;
    for (const auto side : {contract::Side::kA, contract::Side::kB}) {
      auto& leg = stream.leg[contract::index(side)];
      const bool left = side == contract::Side::kA;
      const SocketAddress& peer = left ? flow.from : flow.to;
      leg.network = left ? "left" : "right";
      leg.family = peer.ip.family;
      leg.rtp_port = flow.via.port;
      leg.remote_rtp = peer;
      leg.remote_rtcp = SocketAddress{peer.ip, static_cast<std::uint16_t>(peer.port + 1)};
      leg.cname = "bench";
      if (!flow.closed) continue;
      leg.receive_key = left ? *flow.closed : draw_key(contract::SrtpSuite::kAesCm128HmacSha1_80, random_);
      leg.send_key = left ? draw_key(contract::SrtpSuite::kAesCm128HmacSha1_80, random_) : *flow.opened;
    }
    stream.a_to_b = {{kPcmu, kPcmu, kPcmuClockHz, kPcmuClockHz}};
    stream.b_to_a = stream.a_to_b;
    session.streams.push_back(std::move(stream));
    return session;
  }

  void measure_stages() {
    client_.stages(true, [this](const Result<contract::StageFigures>& figures) {
      if (!figures) return stop("stages are not measured: " + to_string(figures.error()));
      open_next();
    });
  }

  void open_next() {
    if (states_.size() == options_.sessions) return report_flows();
    const auto number = static_cast<unsigned>(states_.size());
    client_.open(given_.empty() ? spec(number) : given_spec(given_[number]),
                 [this](Result<contract::SessionState> state) {
                   if (!state) return stop("the data plane refused a session: " + to_string(state.error()));
                   flow_keys_.push_back(keys_);
                   states_.push_back(std::move(*state));
                   open_next();
                 });
  }

  void report_flows() {
    for (std::size_t i = 0; given_.empty() && i < states_.size(); ++i) {
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
      std::printf("{\"io_mode\": \"%s\", \"srtp_engine\": \"%s\", \"tsc_hz\": %.0f", status->io_mode.c_str(),
                  status->srtp_engine.c_str(), tsc_hz());
      for (const auto& counter : status->counters) std::printf(", \"%s\": %lu", counter.name.c_str(), counter.value);
      options_.stages ? print_stages() : end_status();
    });
  }

  void print_stages() {
    client_.stages({}, [this](const Result<contract::StageFigures>& figures) {
      if (!figures) return stop("no stages: " + to_string(figures.error()));
      std::map<std::string, std::uint64_t> cycles;  // of all workers
      for (const auto& worker : figures->workers) {
        for (const auto& stage : worker.stages) cycles[stage.name] += stage.cycles;
      }
      for (const auto& [stage, sum] : cycles) std::printf(", \"stage.%s\": %lu", stage.c_str(), sum);
      end_status();
    });
  }

  void end_status() {
    std::printf("}\n");
    std::fflush(stdout);
    read_line();
  }

  double tsc_hz() const {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started_;
    return static_cast<double>(__rdtsc() - started_tsc_) / seconds.count();
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
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  const std::uint64_t started_tsc_ = __rdtsc();
  std::vector<Flow> given_;
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
  app.add_option("sessions", options.sessions, "how many")->check(CLI::Range(1U, 20'000U));
  app.add_option("left_peer", options.left_peer, "IP address of the sending peer");
  auto* right_peer = app.add_option("right_peer", options.right_peer, "IP address of the receiving peer");
  app.add_flag("--recrypt", options.recrypt, "SRTP on both legs, _80 on the left and _32 on the right");
  app.add_flag("--stages", options.stages, "measure the stages of the packet path");
  app.add_option("--flows", options.flows, "open the sessions of this list instead")->excludes(right_peer);
  CLI11_PARSE(app, argc, argv);
  if (options.flows.empty() && options.right_peer.empty()) {
    std::fputs("isthmus-bench-sessions: give sessions and both peers, or --flows\n", stderr);
    return 2;
  }
  return isthmus::bench::Driver(options).run();
}
