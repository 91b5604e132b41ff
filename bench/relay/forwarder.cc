// isthmus-bench-forwarder: the floor of the relay bench. Ordinary sockets, one thread, no parsing, no accounting: what
// arrives on a relay port is sent on to that flow's receiver. A relay on kernel sockets can't do less than this.

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

#include "bench/relay/flows.h"

namespace isthmus::bench {
namespace {

constexpr unsigned kBatch = 32;
constexpr int kBufferBytes = 4 << 20;

volatile std::sig_atomic_t stop_requested = 0;

sockaddr_in v4(const SocketAddress& address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(address.port);
  std::memcpy(&out.sin_addr, address.ip.bytes.data(), 4);
  return out;
}

int forward_all(const std::vector<Flow>& flows, int epoll) {
  std::vector<int> in;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes, sizeof kBufferBytes);
    const auto local = v4(flows[i].via);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
      std::perror(("isthmus-bench-forwarder: cannot bind " + to_string(flows[i].via)).c_str());
      return 1;
    }
    epoll_event event{EPOLLIN, {.u64 = i}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    in.push_back(fd);
  }
  const int out = socket(AF_INET, SOCK_DGRAM, 0);
  std::array<std::array<std::uint8_t, 1600>, kBatch> buffers{};
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> messages{};
  std::printf("ready\n");
  std::fflush(stdout);
  std::uint64_t forwarded = 0;
  while (stop_requested == 0) {
    std::array<epoll_event, kBatch> events{};
    const int ready = epoll_wait(epoll, events.data(), kBatch, 100);
    for (int e = 0; e < ready; ++e) {
      const std::size_t flow = events[static_cast<std::size_t>(e)].data.u64;
      auto to = v4(flows[flow].to);
      for (unsigned i = 0; i < kBatch; ++i) {
        vectors[i] = {buffers[i].data(), buffers[i].size()};
        messages[i].msg_hdr = {.msg_name = nullptr,
                               .msg_namelen = 0,
                               .msg_iov = &vectors[i],
                               .msg_iovlen = 1,
                               .msg_control = nullptr,
                               .msg_controllen = 0,
                               .msg_flags = 0};
      }
      const int got = recvmmsg(in[flow], messages.data(), kBatch, MSG_DONTWAIT, nullptr);
      if (got <= 0) continue;
      for (int i = 0; i < got; ++i) {
        vectors[static_cast<std::size_t>(i)].iov_len = messages[static_cast<std::size_t>(i)].msg_len;
        messages[static_cast<std::size_t>(i)].msg_hdr.msg_name = &to;
        messages[static_cast<std::size_t>(i)].msg_hdr.msg_namelen = sizeof to;
      }
      const int sent = sendmmsg(out, messages.data(), static_cast<unsigned>(got), 0);
      if (sent > 0) forwarded += static_cast<std::uint64_t>(sent);
    }
  }
  std::printf("{\"forwarded\": %lu}\n", forwarded);
  return 0;
}

}  // namespace
}  // namespace isthmus::bench

int main(int argc, char** argv) {
  using namespace isthmus::bench;
  CLI::App app{"The floor of the relay bench: forwards each flow with ordinary sockets until SIGTERM"};
  std::string flows_file;
  app.add_option("flows", flows_file, "file of lines FROM TO VIA (IPv4)")->required();
  CLI11_PARSE(app, argc, argv);
  std::ifstream file(flows_file);
  const auto flows = read_flows(file);
  if (!flows || flows->empty()) {
    std::fprintf(stderr, "isthmus-bench-forwarder: %s holds no flows\n", flows_file.c_str());
    return 2;
  }
  std::signal(SIGTERM, [](int) { stop_requested = 1; });
  return forward_all(*flows, epoll_create1(0));
}
