// isthmus-media-peer FILE: one side of many calls' media. Sends paced SRTP on every stream of the file, opens what
// comes back with libsrtp2 of its own (an index used twice is a replay there), and says on each line of standard input
// what happened since the line before, as one JSON object.
//
// A line of the file: LOCAL REMOTE SEND-KEY RECEIVE-KEY PAYLOAD-TYPE BYTES (addresses with port; keys as in a=crypto,
// base64, AES_CM_128_HMAC_SHA1_80).

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <srtp2/srtp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"

namespace isthmus::media_peer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kCounterAt = kHeaderBytes + 4;  // behind what looks like a slice of H.264
constexpr std::size_t kMaxPacketBytes = 1500;
constexpr std::size_t kKeyBytes = 30;
constexpr auto kPace = std::chrono::milliseconds(20);
constexpr std::uint32_t kTicks = 160;

struct Figures {
  std::uint64_t sent = 0, received = 0, forged = 0, replayed = 0;
  std::int64_t lost = 0;
  double longest_gap_ms = 0;
};

struct Stream {
  int fd = -1;
  srtp_t send = nullptr;
  srtp_t receive = nullptr;
  std::uint8_t payload_type = 0;
  std::size_t bytes = 0;
  std::uint32_t ssrc = 0;
  std::uint64_t count = 0;     ///< packets sent; in each packet
  std::uint64_t expected = 0;  ///< the peer's next count; 0: nothing came yet
  Clock::time_point due;
  Clock::time_point heard;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "isthmus-media-peer: %s\n", why.c_str());
  std::exit(2);
}

sockaddr_in to_sockaddr(const std::string& text) {
  const auto address = SocketAddress::parse(text);
  if (!address || !address->ip.is_v4()) give_up("no IPv4 address with port: " + text);
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(address->port);
  std::memcpy(&result.sin_addr, address->ip.bytes.data(), 4);
  return result;
}

srtp_t session(const std::string& key, srtp_ssrc_type_t direction) {
  std::array<std::uint8_t, kKeyBytes> raw{};
  if (key.size() != 40 || EVP_DecodeBlock(raw.data(), reinterpret_cast<const std::uint8_t*>(key.data()), 40) != 30) {
    give_up("a key is not 30 bytes in base64");
  }
  srtp_policy_t policy{};
  srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
  srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
  policy.ssrc.type = direction;
  policy.key = raw.data();
  policy.window_size = 1024;
  srtp_t made = nullptr;
  if (srtp_create(&made, &policy) != srtp_err_status_ok) give_up("libsrtp2 takes no such policy");
  return made;
}

std::vector<Stream> read_streams(std::istream& in) {
  std::vector<Stream> streams;
  std::string local, remote, send_key, receive_key;
  int payload_type = 0;
  std::size_t bytes = 0;
  while (in >> local >> remote >> send_key >> receive_key >> payload_type >> bytes) {
    if (bytes < 12 || bytes > 1200) give_up("a payload has 12 to 1200 bytes");
    Stream stream;
    const sockaddr_in from = to_sockaddr(local);
    const sockaddr_in to = to_sockaddr(remote);
    stream.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(stream.fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
        connect(stream.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      give_up("cannot bind " + local + ": " + std::strerror(errno));
    }
    stream.send = session(send_key, ssrc_any_outbound);
    stream.receive = session(receive_key, ssrc_any_inbound);
    stream.payload_type = static_cast<std::uint8_t>(payload_type);
    stream.bytes = bytes;
    stream.ssrc = static_cast<std::uint32_t>(0x20000000U + streams.size());
    streams.push_back(stream);
  }
  if (streams.empty()) give_up("no stream in the file");
  return streams;
}

void send_one(Stream& stream, Figures& figures) {
  std::array<std::uint8_t, kMaxPacketBytes> packet{};
  ++stream.count;
  packet[0] = 0x80;
  packet[1] = static_cast<std::uint8_t>(stream.payload_type | 0x80U);
  store_be16(&packet[2], static_cast<std::uint16_t>(stream.count));
  store_be32(&packet[4], static_cast<std::uint32_t>(stream.count * kTicks));
  store_be32(&packet[8], stream.ssrc);
  packet[kHeaderBytes] = 0x41;
  store_be32(&packet[kCounterAt], static_cast<std::uint32_t>(stream.count));
  int length = static_cast<int>(kHeaderBytes + stream.bytes);
  if (srtp_protect(stream.send, packet.data(), &length) != srtp_err_status_ok) give_up("libsrtp2 protects no more");
  // A gateway that is just being started refuses: that packet is lost, as on a real network.
  if (::send(stream.fd, packet.data(), static_cast<std::size_t>(length), 0) > 0) ++figures.sent;
}

void take(Stream& stream, Figures& figures, std::uint8_t* packet, int length, Clock::time_point now) {
  if (length >= 2 && packet[1] >= 200 && packet[1] <= 207) return;  // RTCP on the same port
  switch (srtp_unprotect(stream.receive, packet, &length)) {
    case srtp_err_status_ok: break;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old: ++figures.replayed; return;
    default: ++figures.forged; return;
  }
  if (length < static_cast<int>(kCounterAt + 4)) return;
  const std::uint64_t count = load_be32(packet + kCounterAt);
  ++figures.received;
  if (stream.expected != 0) {
    figures.longest_gap_ms =
        std::max(figures.longest_gap_ms, std::chrono::duration<double, std::milli>(now - stream.heard).count());
    figures.lost += count >= stream.expected ? static_cast<std::int64_t>(count - stream.expected) : -1;
  }
  stream.expected = std::max(stream.expected, count + 1);
  stream.heard = now;
}

void say(const std::vector<Stream>& streams, const Figures& figures, Clock::time_point now) {
  double gap_ms = figures.longest_gap_ms;
  std::size_t silent = 0;
  for (const Stream& stream : streams) {
    const double since_ms = std::chrono::duration<double, std::milli>(now - stream.heard).count();
    if (stream.expected == 0) {
      ++silent;
    } else {
      gap_ms = std::max(gap_ms, since_ms);
    }
  }
  std::printf(
      "{\"sent\": %lu, \"received\": %lu, \"lost\": %ld, \"forged\": %lu, \"replayed\": %lu, \"longest_gap_ms\": %.1f, "
      "\"never_heard\": %zu}\n",
      figures.sent, figures.received, static_cast<long>(figures.lost), figures.forged, figures.replayed, gap_ms,
      silent);
  std::fflush(stdout);
}

void run(std::vector<Stream>& streams) {
  std::vector<pollfd> waiting;
  const auto start = Clock::now();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i].due = start + kPace * i / streams.size();  // spread over the first turn
    waiting.push_back({streams[i].fd, POLLIN, 0});
  }
  waiting.push_back({STDIN_FILENO, POLLIN, 0});
  Figures figures;
  std::array<std::uint8_t, kMaxPacketBytes> packet{};
  for (;;) {
    poll(waiting.data(), waiting.size(), 1);
    const auto now = Clock::now();
    for (std::size_t i = 0; i < streams.size(); ++i) {
      Stream& stream = streams[i];
      if (waiting[i].revents != 0) {
        for (ssize_t got = 0; (got = recv(stream.fd, packet.data(), packet.size(), 0)) > 0;) {
          take(stream, figures, packet.data(), static_cast<int>(got), now);
        }
      }
      for (; stream.due <= now; stream.due += kPace) send_one(stream, figures);
    }
    if (waiting.back().revents == 0) continue;
    std::array<char, 64> line{};
    if (read(STDIN_FILENO, line.data(), line.size()) <= 0) return;
    say(streams, figures, now);
    figures = {};
  }
}

}  // namespace
}  // namespace isthmus::media_peer

int main(int argc, char** argv) {
  CLI::App app{"One side of many calls' media: SRTP out, paced; what comes in opened and counted"};
  std::string file;
  app.add_option("FILE", file, "lines LOCAL REMOTE SEND-KEY RECEIVE-KEY PAYLOAD-TYPE BYTES")->required();
  CLI11_PARSE(app, argc, argv);
  std::ifstream in(file);
  if (!in) isthmus::media_peer::give_up("cannot read " + file);
  if (srtp_init() != srtp_err_status_ok) isthmus::media_peer::give_up("libsrtp2 does not start");
  auto streams = isthmus::media_peer::read_streams(in);
  isthmus::media_peer::run(streams);
}
